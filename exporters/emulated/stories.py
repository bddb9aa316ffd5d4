"""What an emulated board lives through: tables of load over time, when cores rest and when sensors die; pure."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

Curve = tuple[tuple[float, float], ...]
"""Corners (seconds, ratio), the first at second 0; between two of them the load changes evenly."""

Part = Literal["temperature", "power", "gpu_load"]
Ending = Literal["sentinel", "vanished"]


@dataclass(frozen=True, slots=True)
class Death:
    """A sensor that ends for good at a second of the story: its file says -256 °C from then on, or is gone."""

    at_seconds: float
    part: Part
    how: Ending


@dataclass(frozen=True, slots=True)
class Story:
    """One story; its curves begin again after ``period_seconds``, its deaths are for ever.

    ``full_load_kelvin`` says how far above (negative: below) its throttle point the silicon would settle if everything were
    busy and nothing throttled. ``offline_seconds`` are stretches of the period in which the last core is switched off.
    """

    meaning: str
    period_seconds: float
    cpu: Curve
    gpu: Curve
    memory: Curve
    full_load_kelvin: float
    offline_seconds: tuple[tuple[float, float], ...] = ()
    deaths: tuple[Death, ...] = ()


_HOT_SECONDS: Final = 300.0
_RISE: Final[Curve] = ((0.0, 0.2), (20.0, 0.95), (250.0, 0.95), (260.0, 0.25), (_HOT_SECONDS, 0.2))
_GPU_RISE: Final[Curve] = ((0.0, 0.15), (20.0, 0.9), (250.0, 0.9), (260.0, 0.1), (_HOT_SECONDS, 0.15))
_MEMORY_RISE: Final[Curve] = ((0.0, 0.4), (40.0, 0.75), (250.0, 0.75), (_HOT_SECONDS, 0.4))
_DEATHS: Final = (Death(35.0, "temperature", "sentinel"), Death(45.0, "gpu_load", "vanished"), Death(50.0, "power", "vanished"))

STORIES: Final[dict[str, Story]] = {
    "calm": Story(
        "light load, cool", 120.0, ((0.0, 0.14), (60.0, 0.24), (120.0, 0.14)), ((0.0, 0.1), (60.0, 0.22), (120.0, 0.1)),
        ((0.0, 0.35), (60.0, 0.4), (120.0, 0.35)), -30.0,
    ),
    "busy": Story(
        "loaded most of the time, warm", 180.0, ((0.0, 0.4), (30.0, 0.7), (120.0, 0.62), (180.0, 0.4)),
        ((0.0, 0.5), (30.0, 0.8), (120.0, 0.7), (180.0, 0.5)), ((0.0, 0.5), (60.0, 0.65), (180.0, 0.5)), -15.0,
    ),
    "hot": Story("nearly full most of the time, throttled by heat, a core switched off for a while", _HOT_SECONDS,
                 _RISE, _GPU_RISE, _MEMORY_RISE, 20.0, offline_seconds=((55.0, 75.0),)),
    "failing": Story("as hot, and three sensors die one after the other", _HOT_SECONDS, _RISE, _GPU_RISE, _MEMORY_RISE, 20.0,
                     offline_seconds=((55.0, 75.0),), deaths=_DEATHS),
}  # fmt: skip

_WAVE_SECONDS: Final = (7.0, 17.0, 41.0)
"""Periods that have no common one within any story: the load never repeats itself exactly."""


def ratio_at(curve: Curve, seconds: float, period_seconds: float) -> float:
    """The height of a curve at a second of the story; before the first and after the last corner it stays level."""
    at = seconds % period_seconds
    for (begin, low), (end, high) in pairwise(curve):
        if begin <= at < end:
            return low + (high - low) * (at - begin) / (end - begin)
    return curve[-1][1]


def wave(seed: int, name: str, seconds: float) -> float:
    """A restless number between -1 and 1, smooth in time, the same for the same seed and name."""
    phases = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=len(_WAVE_SECONDS)).digest()
    turns = (seconds / period + phase / 256.0 for period, phase in zip(_WAVE_SECONDS, phases, strict=True))
    return sum(math.sin(2.0 * math.pi * turn) for turn in turns) / len(_WAVE_SECONDS)


def core_rests(story: Story, seconds: float) -> bool:
    """Whether the last core is switched off at a second of the story."""
    at = seconds % story.period_seconds
    return any(begin <= at < end for begin, end in story.offline_seconds)
