"""The simple rules that every better forecast has to beat: last value, last value + volatility margin, means, and a line."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from forecasting.api import Floats
from forecasting.rolling import CARRY_POINTS, blocks, carried_forward, newest_columns, steps_before, trailing_sum

TRAILING_POINTS: Final = 12
"""The longest default horizon: what is asked ahead is looked at behind; and ``predict_linear`` over 12 points is what the field uses."""


@dataclass(frozen=True, slots=True)
class MarginSettings:
    """How the last value + volatility margin rule looks at the past; all lengths in grid steps.

    ``margin_deviations`` 1.28: the 90 % quantile of a normal distribution, so the rule is a p90. ``volatility_points``
    24: twice the longest default horizon, so that a 12-step difference is seen twice without overlap, and still local.
    ``least_differences`` 3: a standard deviation of two numbers is hardly one. ``carry_points``: as everywhere in this room.
    """

    margin_deviations: float = 1.28
    volatility_points: int = 24
    least_differences: int = 3
    carry_points: int = CARRY_POINTS


@dataclass(frozen=True, slots=True)
class Volatility:
    """How much h-step differences scatter: ``deviation`` about their mean, ``distance`` about zero; NaN where unknown."""

    deviation: Floats
    distance: Floats


@dataclass(frozen=True, slots=True)
class LastValues:
    """The last value now (S), and per horizon (S × H) its error's spread and what the margin rule says."""

    last: Floats
    spread: Floats
    margin_p90: Floats


def rolling_volatility(loads: Floats, steps: int, settings: MarginSettings) -> Volatility:
    """Scatter of ``x[t] − x[t − steps]`` over the trailing window of each column, S × C each.

    deviation² = Σ(d − d̄)² / (n − 1), distance² = Σd² / n over the n known differences among the newest
    ``volatility_points``; NaN where n < ``least_differences``.
    """
    difference = loads - steps_before(loads, steps)
    usable = np.isfinite(difference)
    filled = np.where(usable, difference, 0.0)
    count = trailing_sum(usable.astype(np.float64), settings.volatility_points)
    total = trailing_sum(filled, settings.volatility_points)
    squares = trailing_sum(np.square(filled), settings.volatility_points)
    enough = count >= settings.least_differences
    n = np.where(enough, count, np.nan)
    variance = np.maximum(squares - np.square(total) / n, 0.0) / np.maximum(n - 1.0, 1.0)
    return Volatility(np.sqrt(variance), np.sqrt(np.maximum(squares, 0.0) / n))


def last_values(loads: Floats, horizon_steps: tuple[int, ...], settings: MarginSettings) -> LastValues:
    """Apply both rules at the newest column of S × C (C ≥ 1).

    Margin rule: p90(h) = last + k · std(h-step differences). Where a horizon has too few differences its scatter is
    that of the next shorter horizon times √(h/h'), which is exact for a random walk, the widest common case.
    """
    parts = [_last_values(loads[rows], horizon_steps, settings) for rows in blocks(loads.shape[0])]
    if len(parts) == 1:
        return parts[0]
    return LastValues(**{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(LastValues)})


def _last_values(loads: Floats, horizon_steps: tuple[int, ...], settings: MarginSettings) -> LastValues:
    """The same for one block of series."""
    recent = newest_columns(loads, settings.volatility_points + horizon_steps[-1])
    last = carried_forward(recent[:, -1 - settings.carry_points :], settings.carry_points)[:, -1]
    deviation, distance = np.empty((2, recent.shape[0], len(horizon_steps)))
    for index, steps in enumerate(horizon_steps):
        deviation[:, index], distance[:, index] = newest_volatility(recent, steps, settings)
        if index:
            growth = np.sqrt(steps / horizon_steps[index - 1])
            for scatter in (deviation, distance):
                scatter[:, index] = np.where(np.isnan(scatter[:, index]), scatter[:, index - 1] * growth, scatter[:, index])
    spread = np.where(np.isnan(last)[:, None], np.nan, distance)
    return LastValues(last, spread, last[:, None] + settings.margin_deviations * deviation)


def newest_volatility(loads: Floats, steps: int, settings: MarginSettings) -> tuple[Floats, Floats]:
    """Deviation and distance of ``rolling_volatility`` at the newest column alone, S each: a fleet asks for nothing else."""
    first = loads.shape[1] - settings.volatility_points
    difference = loads[:, first:] - loads[:, first - steps : -steps]
    usable = np.isfinite(difference)
    filled = np.where(usable, difference, 0.0)
    count = usable.sum(axis=1)
    n = np.where(count >= settings.least_differences, count, np.nan)
    squares, total = np.einsum("sc,sc->s", filled, filled), filled.sum(axis=1)
    variance = np.maximum(squares - np.square(total) / n, 0.0) / np.maximum(n - 1.0, 1.0)
    return np.sqrt(variance), np.sqrt(squares / n)


def rolling_mean(loads: Floats, horizon_steps: tuple[int, ...], points: int = TRAILING_POINTS) -> Floats:
    """Mean of the known loads among the newest ``points`` columns of S × C, the same at every horizon: S × H; NaN where none is known."""
    window = newest_columns(loads, points)
    known = np.isfinite(window)
    count = known.sum(axis=1)
    mean = np.where(known, window, 0.0).sum(axis=1) / np.where(count > 0, count, np.nan)
    return np.repeat(mean[:, None], len(horizon_steps), axis=1)


def predict_linear(loads: Floats, horizon_steps: tuple[int, ...], points: int = TRAILING_POINTS) -> Floats:
    """What Prometheus' ``predict_linear`` says from the newest ``points`` columns of S × C: S × H; NaN with fewer than two known loads.

    A least squares line through the known points, without weights, read h steps after the newest column
    (https://prometheus.io/docs/prometheus/latest/querying/functions/#predict_linear).
    """
    window = newest_columns(loads, points)
    known = np.isfinite(window)
    count = np.where(known.sum(axis=1) >= 2, known.sum(axis=1), np.nan)
    at = np.where(known, np.arange(1.0 - points, 1.0), 0.0)
    first = np.where(known, window, 0.0)
    at_mean, mean = at.sum(axis=1) / count, first.sum(axis=1) / count
    apart = np.where(known, at - at_mean[:, None], 0.0)
    squares = np.square(apart).sum(axis=1)
    slope = (apart * np.where(known, window - mean[:, None], 0.0)).sum(axis=1) / np.where(squares > 0.0, squares, np.nan)
    ahead = np.asarray(horizon_steps, dtype=np.float64) - at_mean[:, None]
    return np.asarray(mean[:, None] + slope[:, None] * ahead)
