"""How each series has lived with respect to every load level: how often above, how often it came up to it, how long since.

Kept for a fixed grid of levels and read off between them, so that a question about any limit has an answer, also one that
nobody has asked before (what if that workload came here?).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from forecasting.api import Floats, Singles
from forecasting.rolling import blocks

LEVELS: Final = np.linspace(0.0, 1.0, 41)
"""Every 2.5 %: finer than any decision distinguishes limits. Limits outside are read at the ends."""
SHARE_WEIGHT: Final = 0.02
"""Share of time above, over some 50 steps."""
ONSET_WEIGHT: Final = 0.01
"""Onsets are rare: over some 100 steps."""
LONGEST_SINCE: Final = 500.0
"""Steps since a level was last reached; longer ago than this is long ago."""
RARE_SHARE: Final = 0.05
"""The level that a series lies above 5 % of its time: its own rare event, where its limit is never met."""


@dataclass(frozen=True, slots=True)
class LevelMemory:
    """S × L each: share of time at or above, onsets per step, steps since last at or above.

    ``points`` S counts samples, ``previous`` S is the last of them.
    """

    share: Singles
    onsets: Singles
    since: Singles
    points: Floats
    previous: Floats


def nothing_seen(series: int) -> LevelMemory:
    """Before the first sample."""
    shape = (series, len(LEVELS))
    zero = np.zeros(shape, np.float32)
    return LevelMemory(zero, zero, np.full(shape, LONGEST_SINCE, np.float32), np.zeros(series), np.full(series, np.nan))


def remember(memory: LevelMemory, values: Floats) -> LevelMemory:
    """Take in one column of S values; NaN is no sample and changes nothing but the time since."""
    known = np.isfinite(values)
    above = values[:, None] >= LEVELS
    came_up = above & (memory.previous[:, None] < LEVELS)
    first = 1.0 / (memory.points + 1.0)
    share_weight = np.where(known, np.maximum(SHARE_WEIGHT, first), 0.0).astype(np.float32)[:, None]
    onset_weight = np.where(known, np.maximum(ONSET_WEIGHT, first), 0.0).astype(np.float32)[:, None]
    share, onsets, since = np.empty_like(memory.share), np.empty_like(memory.onsets), np.empty_like(memory.since)
    for rows in blocks(len(values)):
        share[rows] = memory.share[rows] + share_weight[rows] * (above[rows] - memory.share[rows])
        onsets[rows] = memory.onsets[rows] + onset_weight[rows] * (came_up[rows] - memory.onsets[rows])
        since[rows] = np.minimum(memory.since[rows] + np.float32(1.0), np.float32(LONGEST_SINCE)) * ~above[rows]
    return LevelMemory(share, onsets, since, memory.points + known, np.where(known, values, memory.previous))


def at(table: Singles, limits: Floats) -> Floats:
    """Read S × L at limits S × K, linearly between levels: S × K."""
    place = np.clip(np.where(np.isfinite(limits), limits, 0.0), LEVELS[0], LEVELS[-1]) * (len(LEVELS) - 1)
    low = np.minimum(place.astype(np.int64), len(LEVELS) - 2)
    part = place - low
    lower, upper = np.take_along_axis(table, low, axis=1), np.take_along_axis(table, low + 1, axis=1)
    return np.asarray(lower * (1.0 - part) + upper * part)


def rare_level(memory: LevelMemory) -> Floats:
    """The lowest level that each series lies above at most RARE_SHARE of its time (S); NaN before there are samples."""
    rare = memory.share <= RARE_SHARE
    level = LEVELS[np.where(rare.any(axis=1), rare.argmax(axis=1), len(LEVELS) - 1)]
    return np.where(memory.points > 0, level, np.nan)
