"""The table of methods that a backtest lives through, each behind one small interface: a fleet's past in, its word on the future out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from forecasting.api import Floats, Forecaster, ForecastState, Series
from forecasting.baselines import LastValues, MarginSettings, last_values, predict_linear, rolling_mean
from forecasting.forecasters import RegressionForecaster
from forecasting.learned import LearnedForecaster, LearnedSettings
from forecasting.learner import LearnerSettings
from forecasting.persistence import PersistenceForecaster, PersistenceSettings
from forecasting.regression import RegressionSettings
from forecasting.rolling import known_loads

LAST_VALUE: Final = "last-value"
MARGIN: Final = "margin"
LEARNED: Final = "learned"
PERSISTENCE: Final = "persistence"
SKILL_STEP: Final = 3
"""The step that the regression's gate is judged at on the house's grid; the shortest horizon stands in for it where it is not asked for."""
SMOOTHING_WEIGHTS: Final = (1.0, 0.8, 0.6, 0.45, 0.3, 0.2, 0.12, 0.07, 0.03)
"""From the last value to an average over some 33 points, in steps of about a third: errors between neighbours hardly differ.
The last value is first, so that it speaks where all are equal."""
LEAST_LIMIT: Final = 0.05
"""A score counts in limits, and in five per cent of a capacity where the limit is lower: nothing is divided by zero."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a method says of S series at H horizons, S × H each; NaN where it says nothing.

    ``score`` is how near it sees the event «reaches its limit within the horizon»: a probability, or a load in units of the limit.
    ``gate_open`` S × H is where the engine would act on that probability (None: it is none); elsewhere the margin rule decides.
    """

    p50: Floats
    p90: Floats
    score: Floats
    gate_open: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Scoring:
    """How a score becomes an alarm: ``acts_at`` is the fixed threshold, ``tuned`` whether one is learnt from matured outcomes as well."""

    acts_at: float
    tuned: bool
    probability: bool


POINT: Final = Scoring(acts_at=1.0, tuned=True, probability=False)
OWN_BOUND: Final = Scoring(acts_at=1.0, tuned=False, probability=False)


class Method(Protocol):
    """Lives through one fleet's history, one column after the other; it is handed nothing later than the newest column of ``past``."""

    @property
    def scoring(self) -> Scoring:
        """How its score becomes an alarm."""
        ...

    def say(self, past: Series) -> Word:
        """Its word at the newest column."""
        ...


@dataclass(frozen=True, slots=True)
class MethodSettings:
    """``horizon_steps`` H rising; the engine would act from ``probability`` on; ``day_points`` columns make a day (0: no day is kept)."""

    horizon_steps: tuple[int, ...]
    probability: float
    day_points: int = 0

    @property
    def skill_step(self) -> int:
        """The horizon that forecasters judge themselves at."""
        return SKILL_STEP if SKILL_STEP in self.horizon_steps else self.horizon_steps[0]


class Point:
    """A rule that names one future value and no bounds; it alarms when that value comes near enough to the limit."""

    scoring = POINT

    def __init__(self, rule: Callable[[Floats], Floats]) -> None:
        """``rule`` makes S × H of S × C known loads."""
        self._rule = rule

    def say(self, past: Series) -> Word:
        """The rule's value, without bounds."""
        p50 = self._rule(known_loads(past.values))
        return Word(p50, np.full_like(p50, np.nan), in_limits(p50, past.limits))


class Margin:
    """Last value + volatility margin: the rule to beat. It alarms when its own p90 reaches the limit."""

    scoring = OWN_BOUND

    def __init__(self, settings: MethodSettings) -> None:
        """Horizons are all it needs."""
        self._steps = settings.horizon_steps

    def say(self, past: Series) -> Word:
        """The last value with the margin as p90."""
        naive = last_values(known_loads(past.values), self._steps, MarginSettings())
        return Word(_repeated(naive, self._steps), naive.margin_p90, in_limits(naive.margin_p90, past.limits))


class Smoothing:
    """Exponential smoothing whose α was the best so far, per series and horizon, one column at a time.

    l(t) = l(t−1) + α·(x(t) − l(t−1)) from the first known load on; an unknown one leaves the level as it is (Brown 1959).
    α is the one of ``SMOOTHING_WEIGHTS`` with the least Σ|x(t) − l(t − h)| over the outcomes that have come; without an
    outcome α = 1, the last known load. NaN where nothing was ever known.
    """

    scoring = POINT

    def __init__(self, settings: MethodSettings) -> None:
        """Nothing is known yet."""
        self._steps = settings.horizon_steps
        self._past: list[Floats] = []
        self._off = np.empty(0)

    def say(self, past: Series) -> Word:
        """The level whose α was closest so far, at each horizon."""
        newest = known_loads(past.values[:, -1])[:, None]
        weights = np.asarray(SMOOTHING_WEIGHTS)
        if not self._past:
            self._past = [np.full((len(newest), len(weights)), np.nan)]
            self._off = np.zeros((len(newest), len(self._steps), len(weights)))
        for horizon, steps in enumerate(self._steps):
            if steps < len(self._past):
                error = np.abs(newest - self._past[steps - 1])
                self._off[:, horizon] += np.where(np.isfinite(error), error, 0.0)
        level = self._past[0]
        begun = np.where(np.isnan(level), newest, level)
        level = np.where(np.isfinite(newest), begun + weights * (newest - begun), level)
        self._past = [level, *self._past[: self._steps[-1]]]
        p50 = np.take_along_axis(level, self._off.argmin(axis=2), axis=1)
        return Word(p50, np.full_like(p50, np.nan), in_limits(p50, past.limits))


class Kept:
    """A forecaster of the engine as the engine uses it: refreshed at every column, its state handed from one refresh to the next."""

    def __init__(self, forecaster: Forecaster, probability: float) -> None:
        """Nothing is known yet; the engine would act from ``probability`` on."""
        self.scoring = Scoring(acts_at=probability, tuned=True, probability=True)
        self._forecaster = forecaster
        self._state: ForecastState | None = None

    def say(self, past: Series) -> Word:
        """Its table at the newest column."""
        table, self._state = self._forecaster.forecast(past, self._state, past.end)
        return Word(table.p50, table.p90, table.p_over(past.limits), table.gate_open)


def in_limits(loads: Floats, limits: Floats) -> Floats:
    """Loads S × H in units of their limit, not falling with the horizon: what reaches it within three steps reaches it within six."""
    limit = limits[:, None]
    return np.fmax.accumulate(1.0 + (loads - limit) / np.maximum(limit, LEAST_LIMIT), axis=1)


def _repeated(naive: LastValues, steps: tuple[int, ...]) -> Floats:
    return np.repeat(naive.last[:, None], len(steps), axis=1)


def _last_value(settings: MethodSettings) -> Method:
    steps = settings.horizon_steps
    return Point(lambda loads: _repeated(last_values(loads, steps, MarginSettings()), steps))


def _rolling_mean(settings: MethodSettings) -> Method:
    return Point(lambda loads: rolling_mean(loads, settings.horizon_steps))


def _predict_linear(settings: MethodSettings) -> Method:
    return Point(lambda loads: predict_linear(loads, settings.horizon_steps))


def _line(settings: MethodSettings) -> Method:
    line = RegressionSettings(horizon_steps=settings.horizon_steps, skill_step=settings.skill_step)
    return Kept(RegressionForecaster(line), settings.probability)


def _learned(settings: MethodSettings) -> Method:
    defaults = LearnerSettings()
    learner = replace(
        defaults,
        horizon_steps=settings.horizon_steps,
        day_points=settings.day_points,
    )
    return Kept(LearnedForecaster(LearnedSettings(learner=learner)), settings.probability)


def _persistence(settings: MethodSettings) -> Method:
    return Kept(PersistenceForecaster(PersistenceSettings(settings.horizon_steps)), settings.probability)


METHODS: Final[Mapping[str, Callable[[MethodSettings], Method]]] = {
    LAST_VALUE: _last_value,
    MARGIN: Margin,
    "rolling-mean": _rolling_mean,
    "smoothing": Smoothing,
    "predict-linear": _predict_linear,
    "line": _line,
    LEARNED: _learned,
    PERSISTENCE: _persistence,
}
"""In the order in which they are shown: the two rules to beat first."""
FOR_LOADS: Final = tuple(name for name in METHODS if name != PERSISTENCE)
"""What a backtest runs unless it is told: a chain of two states is for classes that are seen or not."""


def says_probability(name: str) -> bool:
    """Whether a method's score is a probability.

    Raises:
        KeyError: it is not in the table.
    """
    return METHODS[name](MethodSettings((1,), 1.0)).scoring.probability
