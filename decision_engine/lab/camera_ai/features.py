"""Turns a picture into numbers: outlines and light of each cell for finding objects, global ones for telling the weather."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

BLOCK = 8
"""Pixels of one block's side. A cell is two by two blocks, and cells overlap by one block."""

ORIENTATIONS = 8
"""Directions of outlines that are told apart, over half a turn."""

SKY_BLOCKS = 1
"""Rows of blocks at the top that show sky and roofs: no cell there matters."""

OBJECT_SHARE = 0.25
"""A cell holds an object when at least this share of its pixels belongs to one."""

WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Brightness of red, green and blue as people see it (ITU-R BT.601)."""

SMALLEST = 1e-6
"""Keeps divisions by the norm of an empty cell possible."""


def cell_features(pixels: Picture) -> Floats:
    """One row per cell: gradient orientation histograms of its four blocks, their strength, and its light.

    ``pixels`` is H × W × 3 in [0, 1]; the answer is cells × features, cells from left to right, then from top to bottom.
    """
    gray = pixels @ WEIGHTS
    histogram = _four(_orientation_histogram(gray))
    norm = np.sqrt((histogram**2).sum(axis=1, keepdims=True)) + SMALLEST
    mean = _four(_blocks(gray)[..., None]) / BLOCK**2
    square = _four(_blocks(gray**2)[..., None]) / BLOCK**2
    spread = np.sqrt(np.maximum(square - mean**2, 0.0))
    colour = _four(np.stack([_blocks(pixels[..., 0] - pixels[..., 2]), _blocks(pixels[..., 1] - gray)], axis=-1)) / BLOCK**2
    return np.asarray(np.hstack([histogram / norm, np.log(norm), mean, spread, colour]), dtype=np.float64)


def cell_truth(objects: Mask) -> Mask:
    """Which cells hold an object, in the order of ``cell_features``."""
    share = _four(_blocks(objects.astype(np.float32))[..., None]).sum(axis=1) / (4 * BLOCK**2)
    return np.asarray(share >= OBJECT_SHARE)


def weather_features(pixels: Picture) -> Floats:
    """A few numbers of the whole picture: brightness by height, spread, colour, and outlines by direction."""
    gray = pixels @ WEIGHTS
    height = len(gray)
    light = [gray[: height // 4].mean(), gray[height // 4 : height // 2].mean(), gray[height // 2 :].mean()]
    spread = [gray.std(), gray[height // 2 :].std(), *np.quantile(gray, (0.05, 0.5, 0.95))]
    colour = [(pixels[..., 0] - pixels[..., 2]).mean(), (pixels.max(axis=2) - pixels.min(axis=2)).mean()]
    outlines = _orientation_histogram(gray).sum(axis=(0, 1)) / gray.size
    return np.array([*light, *spread, *colour, *np.log(outlines + SMALLEST)], dtype=np.float64)


def _orientation_histogram(gray: Picture) -> Picture:
    """Strength of outlines per block and direction: block rows × block columns × ORIENTATIONS."""
    down = np.zeros_like(gray)
    across = np.zeros_like(gray)
    down[1:-1] = gray[2:] - gray[:-2]
    across[:, 1:-1] = gray[:, 2:] - gray[:, :-2]
    strength = np.hypot(down, across)
    direction = (np.arctan2(down, across) * (ORIENTATIONS / np.pi)).astype(np.int64) % ORIENTATIONS
    spread = np.zeros((*gray.shape, ORIENTATIONS), dtype=np.float32)
    np.put_along_axis(spread, direction[..., None], strength[..., None], axis=2)
    return np.stack([_blocks(spread[..., index]) for index in range(ORIENTATIONS)], axis=-1)


def _blocks(values: Picture) -> Picture:
    """Sum over each block: H × W becomes H/BLOCK × W/BLOCK."""
    height, width = values.shape
    return np.asarray(values.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).sum(axis=(1, 3)), dtype=np.float32)


def _four(blocks: Picture) -> Picture:
    """Put the four blocks of each cell side by side: R × C × F becomes cells × 4F, without the sky."""
    seen = blocks[SKY_BLOCKS:]
    four = np.concatenate([seen[:-1, :-1], seen[:-1, 1:], seen[1:, :-1], seen[1:, 1:]], axis=-1)
    return np.asarray(four.reshape(-1, four.shape[-1]))
