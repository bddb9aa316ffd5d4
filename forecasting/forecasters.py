"""Forecasters that start from nothing at each refresh: the last value, and the regression with bounds learnt from its own errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from forecasting.api import Floats, ForecastState, ForecastTable, Series
from forecasting.calibration import LEAST_SPREAD, NORMAL_P90, Errors, Pool, better_pool, bounds, pool_errors
from forecasting.episodes import usual_overload_seconds
from forecasting.events import NormalChances
from forecasting.gate import Words, opened, shrunk_skill, weigh
from forecasting.regression import RegressionSettings
from forecasting.rolling import newest_columns
from forecasting.trials import Trial, chunks, lead_columns, loads_until, naive_words, regression_trial

REGRESSION: Final = "regression-1"
"""Methods are named with their version: a state is used by the method that wrote it and by no other."""
LAST_VALUE: Final = "last-value-1"
IGNORED: Final = "the error scale that was learned before is ignored, as it is another method's or other horizons': it is learned anew"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a method has to say, before it is made a table: S × H each, but ``skill`` S, judged at one horizon for all."""

    method: str
    p50: Floats
    p90: Floats
    spread: Floats
    margin_p90: Floats
    skill: Floats


class RegressionForecaster:
    """Regression in time over a trailing window; see ``forecasting.regression`` and ``forecasting.calibration``."""

    name = REGRESSION

    def __init__(self, settings: RegressionSettings | None = None) -> None:
        """Take the settings; the defaults are explained where they stand."""
        self.settings = settings or RegressionSettings()

    def forecast(self, history: Series, state: ForecastState | None, now: float) -> tuple[ForecastTable, ForecastState]:
        """Forecast S series at H horizons counted from ``now``; NaN where too little is known.

        Time since ``history.end`` counts as unknown grid steps. ``state`` of another method or other horizons is ignored.
        """
        settings = self.settings
        with np.errstate(all="ignore"):
            loads = loads_until(history, now, settings)
            margins, trials = [], []
            for chunk in chunks(loads, history.limits, settings):
                margins.append(chunk.naive.margin_p90)
                trials.append(regression_trial(chunk, settings))
            errors = _joined_errors(trials)
            remembered = remembered_pool(state, settings)
            pool = better_pool(pool_errors(errors), remembered)
            p50 = np.concatenate([trial.p50 for trial in trials])
            fitted = np.concatenate([trial.log_square for trial in trials])
            bound = bounds(p50, errors, pool, fitted, np.asarray(settings.horizon_steps, dtype=np.float64))
            p90 = np.maximum(np.minimum(bound.p90, _ceiling(loads, settings)[:, None]), p50)
            skill = _skill([trial.words for trial in trials], history, settings)
            estimate = Estimate(self.name, p50, p90, bound.spread, np.concatenate(margins), skill)
            table = _table(estimate, loads, history, now, settings)
            return replace(table, began_anew=IGNORED if state is not None and remembered is None else ""), pool_state(pool, settings)


class LastValueForecaster:
    """The last value with the scatter of past h-step differences: the baseline, and the fallback where nothing has skill."""

    name = LAST_VALUE

    def __init__(self, settings: RegressionSettings | None = None) -> None:
        """Take the settings; only horizons, origins, margin, skill and chunk size are used."""
        self.settings = settings or RegressionSettings()

    def forecast(self, history: Series, state: ForecastState | None, now: float) -> tuple[ForecastTable, ForecastState]:
        """Forecast S series at H horizons counted from ``now``; carries nothing from one refresh to the next."""
        settings = self.settings
        with np.errstate(all="ignore"):
            loads = loads_until(history, now, settings)
            parts = list(chunks(loads, history.limits, settings))
            last = np.concatenate([part.naive.last for part in parts])
            p50 = np.repeat(last[:, None], len(settings.horizon_steps), axis=1)
            spread = np.maximum(np.concatenate([part.naive.spread for part in parts]), LEAST_SPREAD)
            skill = _skill([naive_words(part, settings) for part in parts], history, settings)
            margin = np.concatenate([part.naive.margin_p90 for part in parts])
            estimate = Estimate(self.name, p50, p50 + NORMAL_P90 * spread, spread, margin, skill)
            return _table(estimate, loads, history, now, settings), ForecastState(self.name, {}, {})


def remembered_pool(state: ForecastState | None, settings: RegressionSettings) -> Pool | None:
    """The fleet's error scale that an earlier refresh wrote down; None where it was another method's or other horizons'."""
    if state is None or state.method != REGRESSION:
        return None
    steps, square, ratio = (state.arrays.get(name) for name in ("horizon_steps", "log_square", "quantile_ratio"))
    series = state.numbers.get("series", float("nan"))
    if steps is None or square is None or ratio is None or not np.isfinite(series):
        return None
    wanted = np.asarray(settings.horizon_steps, dtype=np.float64)
    if not np.array_equal(steps, wanted) or square.shape != wanted.shape or ratio.shape != wanted.shape:
        return None
    return Pool(square.astype(np.float64), ratio.astype(np.float64), int(series))


def pool_state(pool: Pool, settings: RegressionSettings) -> ForecastState:
    """The fleet's error scale as a state: a restarted engine or a shrunken fleet still knows how wrong forecasts usually are."""
    steps = np.asarray(settings.horizon_steps, dtype=np.float64)
    arrays = {"horizon_steps": steps, "log_square": pool.log_square, "quantile_ratio": pool.quantile_ratio}
    return ForecastState(REGRESSION, arrays, {"series": float(pool.series)})


def _skill(words: list[Words], history: Series, settings: RegressionSettings) -> Floats:
    """The trailing skill of each series (S) at the settings' step."""
    limits = np.asarray(history.limits, dtype=np.float64)
    return shrunk_skill(weigh(Words.joined(words), limits, settings.skill_step), settings.skill_pseudo_points)


def _joined_errors(trials: list[Trial]) -> Errors:
    """The errors of all chunks, one after the other."""
    return Errors(
        count=np.concatenate([trial.errors.count for trial in trials]),
        log_square=np.concatenate([trial.errors.log_square for trial in trials]),
        quantile_ratio=np.concatenate([trial.errors.quantile_ratio for trial in trials]),
    )


def _ceiling(loads: Floats, settings: RegressionSettings) -> Floats:
    """The support's upper end for series that never left it in the columns looked at; +Inf for the others."""
    low, high = settings.support
    recent = newest_columns(loads, settings.columns)
    left = ((recent < low) | (recent > high)).any(axis=1)
    return np.where(left, np.inf, high)


def _table(estimate: Estimate, loads: Floats, history: Series, now: float, settings: RegressionSettings) -> ForecastTable:
    """The answer of a method with what every method says alike."""
    skill = np.where(np.isnan(estimate.p50).all(axis=1), np.nan, estimate.skill)[:, None].repeat(len(settings.horizon_steps), axis=1)
    used = newest_columns(loads, lead_columns(settings) + settings.columns)
    return ForecastTable(
        at=now,
        method=estimate.method,
        horizon_seconds=np.asarray(settings.horizon_steps, dtype=np.float64) * history.grid_seconds,
        p50=estimate.p50,
        p90=estimate.p90,
        spread=estimate.spread,
        skill=skill,
        gate_open=opened(skill, np.zeros(skill.shape, dtype=np.bool_)),
        margin_p90=estimate.margin_p90,
        history_points=np.isfinite(used).sum(axis=1).astype(np.int64),
        usual_overload_seconds=usual_overload_seconds(loads, history.limits, history.grid_seconds),
        chances=NormalChances(estimate.p50, estimate.spread),
    )
