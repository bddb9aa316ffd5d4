"""Which weather a made camera sees at which time: a cycle of weathers, the same for every program that watches it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from decision_engine.lab.camera_ai.weather import WEATHERS

CAMERA_SEEDS = 1_000_000
"""Seeds of cameras are below this, those of training pictures above."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Weather classes in turn, each for so many seconds; the cycle is laid on Unix time, so that all see it alike."""

    parts: tuple[tuple[str, float], ...]

    def weather_at(self, at: float) -> str:
        """The weather class at Unix time ``at``."""
        left = at % sum(seconds for _, seconds in self.parts)
        for name, seconds in self.parts:
            if left < seconds:
                return name
            left -= seconds
        return self.parts[-1][0]


def steady(weather: str) -> Schedule:
    """One weather for ever."""
    return Schedule(((weather, 1.0),))


def parse_schedule(text: str) -> Schedule:
    """Read ``01:60,02:60``: class and seconds, in turn.

    Raises:
        ValueError: the text is no such schedule; the message is a sentence.
    """
    parts = tuple(_part(piece) for piece in text.split(","))
    return Schedule(parts)


def camera_seed(camera: str) -> int:
    """The seed of a camera's street, from its id alone: every program that watches it sees the same street."""
    return zlib.crc32(camera.encode()) % CAMERA_SEEDS


def _part(piece: str) -> tuple[str, float]:
    name, _, seconds = piece.strip().partition(":")
    if name not in WEATHERS:
        raise ValueError(f"The scene {name!r} in the schedule is none of {', '.join(WEATHERS)}.")
    try:
        length = float(seconds)
    except ValueError:
        length = 0.0
    if not 0.0 < length < float("inf"):
        raise ValueError(f"The scene {name} in the schedule needs a length in seconds above 0, as in {name}:60.")
    return name, length
