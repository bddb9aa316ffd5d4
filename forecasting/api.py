"""The interface of every forecaster: the history of many series in, one table of forecasts out.

Pure numbers: no clock, no network, no disk, no logging. ``S`` is the number of series (a device's resource each),
``T`` the number of grid steps of history, ``H`` the number of horizons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
"""Single precision, where there is much of it and seven digits are more than a sensor has."""


@dataclass(frozen=True, slots=True)
class Series:
    """The past of S series on one regular grid.

    ``values`` is S × T (newest last; NaN where nothing is known), ``end`` the Unix time of the last column,
    ``grid_seconds`` the distance of two columns, ``limits`` S (the value from which a series counts as overloaded;
    skill is judged at it). ``keys`` S name the series, so that what was learnt of one is found again when the fleet has
    changed; without them rows are believed to be the same as long as there are as many.
    """

    values: Floats
    end: float
    grid_seconds: float
    limits: Floats
    keys: tuple[str, ...] = ()


class Chances(Protocol):
    """A model of the event itself."""

    def probability(self, limits: Floats) -> Floats:
        """P(reaches each limit within each horizon): limits S × K, answer S × K × H; NaN where nothing is known."""
        ...


@dataclass(frozen=True, slots=True)
class Quality:
    """How a fleet's forecasts have done lately at H horizons; NaN where there were no outcomes yet.

    ``coverage`` H is the share of outcomes at or below p90, ``pinball`` H their mean pinball loss at 0.9, ``skill`` H the
    Brier skill of the event over the margin rule, of all series together. ``foreseen`` H is the share of overloads before which an
    alarm stood, and ``lead_seconds`` H how long before them on average. ``said`` and ``came`` H × 10 are, by tenths of
    the probability that was said, its mean and the share of events that came: equal where P is calibrated.
    """

    coverage: Floats
    pinball: Floats
    skill: Floats
    foreseen: Floats
    lead_seconds: Floats
    said: Floats
    came: Floats


@dataclass(frozen=True, slots=True)
class ForecastTable:
    """What S series will do at H horizons, with bounds that know how little they know.

    ``horizon_seconds`` H, rising; ``p50``, ``p90`` and ``spread`` S × H (NaN where nothing can be said; p50 ≤ p90;
    ``spread`` is the standard deviation of the error at that horizon); ``skill`` S × H (trailing Brier skill of the event
    over last value + volatility margin, shrunk to the fleet's; NaN without any evidence) and ``gate_open`` S × H says where the
    forecast may act; a method that is judged at one horizon says the same for all. ``margin_p90`` S × H is
    what the last value + volatility margin rule says; ``history_points`` S counts the known grid steps used;
    ``usual_overload_seconds`` S is the median length of past overloads (NaN when there were none); ``at`` is the time
    the forecast was made for and ``method`` its name. ``chances`` is the method's model of the event (None: the table was
    recorded without it), and ``quality`` how the fleet's forecasts have done, where the method keeps count. ``began_anew`` is ""
    or the sentence that says why the state that was handed in was not believed.
    """

    at: float
    method: str
    horizon_seconds: Floats
    p50: Floats
    p90: Floats
    spread: Floats
    skill: Floats
    gate_open: NDArray[np.bool_]
    margin_p90: Floats
    history_points: NDArray[np.int64]
    usual_overload_seconds: Floats
    chances: Chances | None = None
    quality: Quality | None = None
    began_anew: str = ""

    def p_over(self, limits: Floats) -> Floats:
        """Probability that each series reaches its limit within each horizon.

        ``limits`` is S or S × K; the answer S × H or S × K × H in [0, 1], not falling with the horizon nor rising with
        the limit; NaN where nothing can be said. Ask with ``capacity − hypothetical load`` to judge a placement.

        Raises:
            ValueError: ``limits`` has not one row per series, or the table was recorded without its model of the event.
        """
        asked = np.asarray(limits, dtype=np.float64)
        if asked.ndim not in (1, 2) or asked.shape[0] != self.p50.shape[0]:
            raise ValueError(f"limits of shape {asked.shape} do not fit {self.p50.shape[0]} series; give one row per series")
        if self.chances is None:
            raise ValueError(f"this table of {self.method} was recorded without its model of the event; ask when it is made")
        return self.chances.probability(asked) if asked.ndim == 2 else self.chances.probability(asked[:, None])[:, 0]


@dataclass(frozen=True, slots=True)
class ForecastState:
    """What a forecaster carries from one refresh to the next; ``arrays``, ``numbers`` and ``keys`` (the series) go to disk as they are."""

    method: str
    arrays: Mapping[str, NDArray[np.floating]]
    numbers: dict[str, float]
    keys: tuple[str, ...] = ()


class Forecaster(Protocol):
    """A method. Causal: nothing after ``history.end`` may change what is answered."""

    name: str

    def forecast(self, history: Series, state: ForecastState | None, now: float) -> tuple[ForecastTable, ForecastState]:
        """Forecast all series at the configured horizons; never raises for odd numbers, answers NaN instead."""
        ...
