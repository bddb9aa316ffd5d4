"""The level that a maximum will hardly reach is P(event) the other way round, for every method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting.api import Forecaster, ForecastTable
from forecasting.events import level_not_reached
from forecasting.forecasters import LastValueForecaster, RegressionForecaster
from forecasting.learned import LEARNED, LearnedForecaster
from tests.builders.forecasting import END, ar1, events, history

SERIES = 40
FORECASTERS: list[Forecaster] = [LastValueForecaster(), RegressionForecaster(), LearnedForecaster()]


def told(forecaster: Forecaster) -> ForecastTable:
    values = np.concatenate([events(SERIES - 2, 160, seed=2), np.full((1, 160), 0.4), np.full((1, 160), np.nan)])
    values[: SERIES // 2] = np.clip(0.5 + ar1(SERIES // 2, 160, 0.05, 0.8, seed=1), 0.0, 1.0)
    return forecaster.forecast(history(values), None, END)[0]


@pytest.mark.parametrize("forecaster", FORECASTERS, ids=[one.name for one in FORECASTERS])
@pytest.mark.parametrize("probability", [0.05, 0.3, 0.7])
@pytest.mark.parametrize("horizon", [0, 3])
def test_the_level_is_where_the_probability_begins(forecaster: Forecaster, probability: float, horizon: int) -> None:
    table = told(forecaster)
    level = level_not_reached(table, probability, horizon)
    known = np.isfinite(table.p50[:, 0])
    assert np.isnan(level[-1]) and np.isfinite(level[known]).all()
    safe, near = table.p_over(level)[:, horizon], table.p_over(level - 0.02)[:, horizon]
    assert (level[known] <= 1.0 + 0.01).all() or forecaster.name != LEARNED, "no load in the window was above the whole"
    assert (safe[known] < probability).all() and (near[known] >= probability).all()


def test_it_rises_with_the_horizon_and_falls_with_the_probability() -> None:
    table = told(LearnedForecaster())
    near, far, bold = (level_not_reached(table, *asked)[:-1] for asked in ((0.3, 0), (0.3, 3), (0.6, 3)))
    assert (far >= near - 0.01).all() and (bold <= far + 0.01).all()


def test_where_no_level_is_safe_none_is_named() -> None:
    class Certain:
        def probability(self, limits: np.ndarray) -> np.ndarray:
            return np.ones((*limits.shape, 4))

    assert np.isposinf(level_not_reached(replace(told(LearnedForecaster()), chances=Certain()), 0.3, 2)).all()
