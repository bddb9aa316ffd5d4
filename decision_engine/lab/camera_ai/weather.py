"""What sun, rain and snow do to a picture: light, haze, wet mirrors, streaks and flakes, each a number in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Look:
    """One weather. All are ratios in [0, 1] but ``streaks`` and ``flakes``, which count what falls in one picture.

    ``light`` scales brightness, ``contrast`` the distance from the haze's ``tint``, ``shadow`` how dark shadows are,
    ``mirror`` how wet the road is, ``ground_white`` and ``cap_white`` how much snow lies on the ground and on objects.
    """

    light: float
    contrast: float
    tint: tuple[float, float, float]
    shadow: float
    mirror: float
    ground_white: float
    cap_white: float
    streaks: int
    flakes: int
    grain: float


WEATHERS: Final[dict[str, Look]] = {
    "01": Look(1.10, 1.00, (0.50, 0.50, 0.48), 0.60, 0.00, 0.00, 0.00, 0, 0, 0.010),
    "02": Look(0.62, 0.70, (0.38, 0.41, 0.46), 0.00, 0.45, 0.00, 0.00, 90, 0, 0.025),
    "04": Look(0.95, 0.65, (0.80, 0.81, 0.84), 0.08, 0.00, 0.80, 0.70, 0, 110, 0.018),
}
"""By environment class: sunny, rain, snow. The lab's cameras see no others."""


def fall(pixels: Picture, look: Look, chance: np.random.Generator) -> Picture:
    """Light, haze, what falls from the sky, and the sensor's grain."""
    tint = np.array(look.tint, dtype=np.float32)
    seen = tint + np.float32(look.contrast) * (pixels * np.float32(look.light) - tint)
    if look.streaks:
        _streaks(seen, look.streaks, chance)
    if look.flakes:
        _flakes(seen, look.flakes, chance)
    grain = chance.standard_normal(size=(*seen.shape[:2], 1), dtype=np.float32) * np.float32(look.grain)
    return np.asarray(seen + grain, dtype=np.float32)


def _streaks(pixels: Picture, count: int, chance: np.random.Generator) -> None:
    """Bright slanted lines of rain, blended in."""
    height, width = pixels.shape[:2]
    length = 9
    rows = chance.integers(0, height, size=count)[:, None] + np.arange(length)
    columns = chance.integers(0, width, size=count)[:, None] + np.arange(length) // 3
    inside = (rows < height) & (columns < width)
    rows, columns = rows[inside], columns[inside]
    pixels[rows, columns] += np.float32(0.35) * (np.float32(0.85) - pixels[rows, columns])


def _flakes(pixels: Picture, count: int, chance: np.random.Generator) -> None:
    """White flakes of two by two pixels, blended in."""
    height, width = pixels.shape[:2]
    rows = chance.integers(0, height - 1, size=count)[:, None] + np.array([0, 0, 1, 1])
    columns = chance.integers(0, width - 1, size=count)[:, None] + np.array([0, 1, 0, 1])
    pixels[rows, columns] += np.float32(0.75) * (np.float32(0.98) - pixels[rows, columns])
