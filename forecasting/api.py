"""The interface of every forecaster: the history of many series in, one table of forecasts out.

Pure numbers: no clock, no network, no disk, no logging. ``S`` is the number of series (a device's resource each),
``T`` the number of grid steps of history, ``H`` the number of horizons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """The past of S series on one regular grid.

    ``values`` is S × T (newest last; NaN where nothing is known), ``end`` the Unix time of the last column,
    ``grid_seconds`` the distance of two columns, ``limits`` S (the value from which a series counts as overloaded;
    skill is judged at it).
    """

    values: Floats
    end: float
    grid_seconds: float
    limits: Floats


@dataclass(frozen=True, slots=True)
class ForecastTable:
    """What S series will do at H horizons, with bounds that know how little they know.

    ``horizon_seconds`` H, rising; ``p50``, ``p90`` and ``spread`` S × H (NaN where nothing can be said; p50 ≤ p90;
    ``spread`` is the standard deviation of the error at that horizon); ``skill`` S (trailing Brier skill of the event
    over last value + volatility margin, shrunk to the fleet's; NaN without any evidence); ``margin_p90`` S × H is
    what the last value + volatility margin rule says; ``history_points`` S counts the known grid steps used;
    ``usual_overload_seconds`` S is the median length of past overloads (NaN when there were none); ``at`` is the time
    the forecast was made for and ``method`` its name.
    """

    at: float
    method: str
    horizon_seconds: Floats
    p50: Floats
    p90: Floats
    spread: Floats
    skill: Floats
    margin_p90: Floats
    history_points: NDArray[np.int64]
    usual_overload_seconds: Floats

    def p_over(self, limits: Floats) -> Floats:
        """Probability that each series reaches its limit within each horizon.

        ``limits`` is S or S × K; the answer S × H or S × K × H in [0, 1], not falling with the horizon nor rising with
        the limit; NaN where nothing can be said. Ask with ``capacity − hypothetical load`` to judge a placement.
        """
        from forecasting.events import probability_over  # the table is a value; the arithmetic lives with the events

        return probability_over(self, limits)


@dataclass(frozen=True, slots=True)
class ForecastState:
    """What a forecaster carries from one refresh to the next; ``arrays`` and ``numbers`` go to disk as they are."""

    method: str
    arrays: dict[str, Floats]
    numbers: dict[str, float]


class Forecaster(Protocol):
    """A method. Causal: nothing after ``history.end`` may change what is answered."""

    name: str

    def forecast(self, history: Series, state: ForecastState | None, now: float) -> tuple[ForecastTable, ForecastState]:
        """Forecast all series at the configured horizons; never raises for odd numbers, answers NaN instead."""
        ...
