"""A number and when it was true; absent, stale and NaN are three named things and never 0."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Quality(IntEnum):
    """What a reading is worth. Only FRESH may justify an action."""

    FRESH = 0
    STALE = 1
    ABSENT = 2
    NOT_A_NUMBER = 3
    NOT_APPLICABLE = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """One value; ``at`` is the Unix time of the sample (NaN when there is none)."""

    value: float
    at: float
    quality: Quality
