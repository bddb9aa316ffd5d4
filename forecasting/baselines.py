"""The two rules that every better forecast has to beat: the last value, and the last value + volatility margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.api import Floats
from forecasting.rolling import carried_forward, newest_columns, steps_before, trailing_sum


@dataclass(frozen=True, slots=True)
class MarginSettings:
    """How the last value + volatility margin rule looks at the past; all lengths in grid steps.

    ``margin_deviations`` 1.28: the 90 % quantile of a normal distribution, so the rule is a p90. ``volatility_points``
    24: twice the longest default horizon, so that a 12-step difference is seen twice without overlap, and still local.
    ``least_differences`` 3: a standard deviation of two numbers is hardly one. ``carry_points`` 3: a sample is fresh for
    three scrapes, so the last value is believed for three grid steps and then unknown.
    """

    margin_deviations: float = 1.28
    volatility_points: int = 24
    least_differences: int = 3
    carry_points: int = 3


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
    recent = newest_columns(loads, settings.volatility_points + horizon_steps[-1])
    last = carried_forward(recent, settings.carry_points)[:, -1]
    deviations: list[Floats] = []
    distances: list[Floats] = []
    for index, steps in enumerate(horizon_steps):
        scatter = rolling_volatility(recent, steps, settings)
        deviation, distance = scatter.deviation[:, -1], scatter.distance[:, -1]
        if index:
            growth = np.sqrt(steps / horizon_steps[index - 1])
            deviation = np.where(np.isnan(deviation), deviations[-1] * growth, deviation)
            distance = np.where(np.isnan(distance), distances[-1] * growth, distance)
        deviations.append(deviation)
        distances.append(distance)
    spread = np.where(np.isnan(last)[:, None], np.nan, np.stack(distances, axis=1))
    margin = last[:, None] + settings.margin_deviations * np.stack(deviations, axis=1)
    return LastValues(last, spread, margin)
