"""A robust linear regression per series, drawn to one of the whole fleet, learnt one matured outcome at a time.

For one horizon, with features f and target y = (x(t+h) − x(t)) / scale(t), both free of the series' own size:
    w   = 1 / √((y − f·β)² + c²)                     weights of a smoothed least absolute deviation (IRLS; Schlossmacher 1973)
    G  ← γ·G + w·f fᵀ,   m ← γ·m + w·y·f             exponentially forgotten sums, for the fleet and for each series
    β_fleet  = (G_fleet + κ·I)⁻¹ m_fleet
    β_series = (G_series + λ·I)⁻¹ (m_series + λ·β_fleet)     ridge drawn to the fleet instead of to zero
A mean forecast of skewed loads lies where few samples are; the median, which this aims at, is what a person would call usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecasting.api import Floats, Singles
from forecasting.present import AVERAGE_WEIGHTS, Present
from forecasting.rolling import blocks
from forecasting.solving import solved

LARGEST_FEATURE: Final = 15.0
"""Features are in units of the usual one-step change; beyond fifteen of them one sample would own the fit."""
SHARED_FEATURES: Final = len(AVERAGE_WEIGHTS) + 8
"""Averages, two steps, short and long mean, high, low, the value a day ago, and one."""
SIZE: Final = SHARED_FEATURES + 1
"""F: the shared features and the horizon's own."""
_ROWS, _COLUMNS = np.triu_indices(SIZE)
_PLACES: Final = np.zeros((SIZE, SIZE), np.int64)
"""Where in a packed triangle each of F × F stands."""
_PLACES[_ROWS, _COLUMNS] = _PLACES[_COLUMNS, _ROWS] = np.arange(len(_ROWS))


@dataclass(frozen=True, slots=True)
class HierarchySettings:
    """How quickly and how far it learns.

    ``smoothing`` 0.3 scale units round off the absolute value's corner. ``series_forgetting`` 0.995: a series' own past
    counts for some 200 matured steps, so it follows a device that was given other work. ``fleet_forgetting`` 0.9995: what
    the fleet has in common changes more slowly. ``series_ridge`` 30 and ``fleet_ridge`` 5: pseudo-observations.
    """

    smoothing: float = 0.3
    series_forgetting: float = 0.995
    fleet_forgetting: float = 0.9995
    series_ridge: float = 30.0
    fleet_ridge: float = 5.0


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of one horizon: the fleet's (F × F and F) and each series' (P × S, the upper triangle of its F × F, and F × S).

    Series stand last, so that one number of all series lies together and is worked on at once.
    """

    fleet_gram: Floats
    fleet_moment: Floats
    gram: Singles
    moment: Singles


@dataclass(frozen=True, slots=True)
class Coefficients:
    """β of one horizon: the fleet's (F) and each series' (F × S)."""

    fleet: Floats
    series: Singles


def features(now: Present) -> Singles:
    """The shared features, then for each horizon what followed within it a day ago: (SHARED_FEATURES + H) × S. 0 where unknown."""
    rows = [*now.averages.T - now.last, now.step, now.steps_3, now.mean_short - now.last, now.mean_long - now.last,
            now.highest - now.last, now.lowest - now.last, now.yesterday - now.last, now.scale,
            *now.yesterday_ahead.T - now.yesterday]  # fmt: skip
    scaled = np.stack(rows) / now.scale
    return np.clip(np.where(np.isfinite(scaled), scaled, 0.0), -LARGEST_FEATURE, LARGEST_FEATURE).astype(np.float32)


def of_horizon(all_features: Singles, horizon: int) -> Singles:
    """The features of one horizon, F × S with F = SHARED_FEATURES + 1."""
    return np.concatenate([all_features[:SHARED_FEATURES], all_features[SHARED_FEATURES + horizon, None]])


def nothing_learnt(series: int) -> Sums:
    """The sums of one horizon before anything has matured."""
    gram, moment = np.zeros((len(_ROWS), series), np.float32), np.zeros((SIZE, series), np.float32)
    return Sums(np.zeros((SIZE, SIZE)), np.zeros(SIZE), gram, moment)


def learn(sums: Sums, betas: Coefficients, seen: Singles, target: Floats, settings: HierarchySettings) -> Sums:
    """Take in the outcomes that matured now: features ``seen`` F × S at their origin, ``target`` S (NaN: did not mature)."""
    usable = np.isfinite(target)
    y = np.where(usable, target, 0.0).astype(np.float32)
    # A series that is silent does not forget: nothing has contradicted what it taught.
    forgetting = np.where(usable, settings.series_forgetting, 1.0).astype(np.float32)
    fleet_gram, fleet_moment = sums.fleet_gram * settings.fleet_forgetting, sums.fleet_moment * settings.fleet_forgetting
    gram, moment = np.empty(sums.gram.shape, np.float32), np.empty(sums.moment.shape, np.float32)
    for rows in blocks(len(target)):
        row, goal = seen[:, rows], y[rows]
        weighted = row * _weights(goal - betas.fleet.astype(np.float32) @ row, usable[rows], settings)
        fleet_gram += weighted @ row.T
        fleet_moment += weighted @ goal
        own = row * _weights(goal - (betas.series[:, rows] * row).sum(axis=0), usable[rows], settings)
        np.multiply(sums.gram[:, rows], forgetting[rows], out=gram[:, rows])
        _add_products(gram[:, rows], own, row)
        moment[:, rows] = sums.moment[:, rows] * forgetting[rows] + own * goal
    return Sums(fleet_gram, fleet_moment, gram, moment)


def solve_fleet(sums: Sums, settings: HierarchySettings) -> Floats:
    """The fleet's coefficients (F)."""
    return solved(sums.fleet_gram + settings.fleet_ridge * np.eye(SIZE), sums.fleet_moment)


def solve_series(sums: Sums, betas: Coefficients, turn: int, turns: int, settings: HierarchySettings) -> Coefficients:
    """Every ``turns``-th series' coefficients anew, beginning with the ``turn``-th, so that each step does its share of the work."""
    gram = np.moveaxis(sums.gram[:, turn::turns][_PLACES], -1, 0)
    drawn = sums.moment[:, turn::turns].T + np.float32(settings.series_ridge) * betas.fleet.astype(np.float32)
    series = betas.series.copy()
    series[:, turn::turns] = solved(gram + np.float32(settings.series_ridge) * np.eye(SIZE, dtype=np.float32), drawn[..., None])[..., 0].T
    return Coefficients(betas.fleet, series)


def _weights(off: Singles, usable: NDArray[np.bool_], settings: HierarchySettings) -> Singles:
    """1 / √(off² + c²), 0 where nothing matured."""
    return np.asarray(usable / np.sqrt(np.square(off) + np.float32(settings.smoothing**2)), dtype=np.float32)


def _add_products(gram: Singles, own: Singles, row: Singles) -> None:
    """Add own·rowᵀ, upper triangle, to sums that nobody else holds yet."""
    first = 0
    for place in range(SIZE):
        last = first + SIZE - place
        gram[first:last] += own[place] * row[place:]
        first = last
