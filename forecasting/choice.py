"""Which point forecast is believed, series by series and horizon by horizon: the one that was closest lately.

    e_m ← e_m + η·(|x − p_m| − e_m)                        trailing mean absolute error of each method m
    r_m = (n·e_m/e_last + k·R_m) / (n + k)                 ratio to the last value's error, drawn to the fleet's R_m
The method with the smallest r_m speaks; the usual one has a small advantage, so that equals do not take turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecasting.api import Floats, Singles

METHODS: Final = ("last value", "slow average", "average", "quick average", "line in time", "fleet regression", "series regression")
LAST_VALUE, SERIES_REGRESSION = 0, 6
TRAILING: Final = 1.0 / 300.0
"""Errors count over some 300 outcomes; the first ones as a plain mean."""
FLEET_POINTS: Final = 50.0
"""A series' own record weighs as much as the fleet's after 50 outcomes."""
MOST_OUTCOMES: Final = 1e6
"""A year of 30-s steps; counting on would change nothing."""
ADVANTAGE: Final = 0.97
"""The usual method speaks unless another was 3 % closer."""


@dataclass(frozen=True, slots=True)
class Record:
    """Trailing mean absolute errors, S × H × M, and how many outcomes they rest on, S × H."""

    error: Singles
    outcomes: Singles


def nothing_tried(series: int, horizons: int) -> Record:
    """Before the first outcome."""
    return Record(np.zeros((series, horizons, len(METHODS)), np.float32), np.zeros((series, horizons), np.float32))


def learn(record: Record, said: Singles, came: Floats) -> Record:
    """Take in the outcomes of all horizons: what each method ``said`` (S × H × M) and what ``came`` (S × H); NaN: no outcome."""
    off = np.abs(said - came.astype(np.float32)[..., None])
    usable = np.isfinite(off).all(axis=2)
    weight = np.where(usable, np.maximum(TRAILING, 1.0 / (record.outcomes + 1.0)), 0.0).astype(np.float32)[..., None]
    error = record.error + weight * (np.where(usable[..., None], off, np.float32(0.0)) - record.error)
    return Record(error.astype(np.float32, copy=False), np.minimum(record.outcomes + usable, MOST_OUTCOMES).astype(np.float32))


def best(record: Record) -> NDArray[np.int64]:
    """The method that speaks for each series and horizon (S × H, places in METHODS)."""
    last = record.error[:, :, LAST_VALUE, None]
    still = last <= 0.0
    ratio = np.where(still, np.float32(1.0), record.error / np.where(still, np.float32(1.0), last))
    fleet = fleet_ratio(record).astype(np.float32)
    n = record.outcomes[..., None]
    drawn = (n * ratio + FLEET_POINTS * fleet) / (n + FLEET_POINTS)
    drawn[:, :, SERIES_REGRESSION] *= ADVANTAGE
    choice = drawn.argmin(axis=2)
    return np.where(record.outcomes.any(), choice, LAST_VALUE)


def fleet_ratio(record: Record) -> Floats:
    """Every method's error over the last value's, of the fleet as one (H × M); 1 where the last value has made none."""
    total = np.einsum("shm,sh->hm", record.error, record.outcomes, dtype=np.float64)
    last = total[:, LAST_VALUE, None]
    return np.asarray(np.where(last > 0.0, total / np.where(last > 0.0, last, 1.0), 1.0))
