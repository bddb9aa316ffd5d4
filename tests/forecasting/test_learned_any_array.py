"""Whatever a Prometheus could deliver, the learning forecaster has a defined answer and raises nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from forecasting.api import Floats, ForecastTable
from forecasting.learned import LearnedForecaster
from tests.builders.forecasting import END, GRID_SECONDS, LIMIT, ar1, events, history, learned, lived, past

NAN, INF = float("nan"), float("inf")
QUICK = learned(horizon_steps=(1, 3, 6))
ODD = st.one_of(st.floats(0.0, 1.0), st.floats(), st.sampled_from([0.0, 0.5, 1.0, NAN, INF, -INF, 1e308, -1e308, 1e6, -1e6, 5e-324]))
LOADS = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=16), elements=ODD)
ANY_LIMITS = st.lists(ODD, min_size=1, max_size=6)


def sound(table: ForecastTable, limits: Floats) -> None:
    """Nothing in it is infinite, out of order or out of range."""
    for name in ("p50", "p90", "spread", "margin_p90", "skill", "usual_overload_seconds"):
        assert not np.isinf(getattr(table, name)).any(), name
    assert np.isfinite(table.p50).all(axis=1).tolist() == np.isfinite(table.p90).any(axis=1).tolist()
    assert not (table.p50 > table.p90).any()
    assert (table.spread[np.isfinite(table.spread)] > 0.0).all()
    assert not (np.abs(table.skill) > 1.0).any()
    over = table.p_over(limits)
    assert over.shape == (*limits.shape, table.p50.shape[1])
    assert not ((over < 0.0) | (over > 1.0)).any()
    assert not (np.diff(over, axis=2) < 0.0).any()
    for row, asked in zip(over, limits, strict=True):
        ordered = row[np.argsort(asked)][: np.isfinite(asked).sum() + np.isinf(asked).sum()]
        assert not (np.diff(ordered, axis=0) > 0.0).any(), "a higher limit is not reached more easily"
    known = ~np.isnan(table.p50[:, :1]) & ~np.isnan(limits)
    assert np.isfinite(over).all(axis=2).tolist() == known.tolist()


@settings(max_examples=40, deadline=None)
@given(values=LOADS, limit=ODD, asked=ANY_LIMITS)
@pytest.mark.filterwarnings("error")
def test_any_array_has_a_defined_answer(values: Floats, limit: float, asked: list[float]) -> None:
    limits = np.tile(asked, (values.shape[0], 1))
    table, state = QUICK.forecast(history(values, limit), None, END)
    assert table.p50.shape == (values.shape[0], 3)
    sound(table, limits)
    later, _ = QUICK.forecast(history(values[:, :1], limit), state, END + 2.0 * GRID_SECONDS)
    sound(later, limits)


@settings(max_examples=12, deadline=None)
@given(shock=arrays(np.float64, (6, 5), elements=ODD), asked=ANY_LIMITS)
@pytest.mark.filterwarnings("error")
def test_a_fleet_that_has_learnt_survives_any_shock(shock: Floats, asked: list[float]) -> None:
    values = events(6, 48, seed=1)
    values[:, 30:35] = shock
    tables, _ = lived(QUICK, values, range(29, 48, 3))
    limits = np.tile(asked, (6, 1))
    for table in tables:
        sound(table, limits)


@pytest.mark.parametrize("points", [0, 1, 2, 3, 4])
def test_a_new_fleet_says_the_last_value_as_soon_as_there_is_one(points: int) -> None:
    values = np.full((2, points), 0.4)
    table, _ = LearnedForecaster().forecast(history(values), None, END)
    np.testing.assert_array_equal(table.p50, np.full((2, 4), 0.4 if points else NAN).astype(np.float32))
    assert table.history_points.tolist() == [points, points]
    assert not table.gate_open.any()
    sound(table, np.full((2, 1), LIMIT))


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0], ids=["idle", "steady", "saturated"])
def test_a_constant_series_stays(level: float) -> None:
    table, _ = LearnedForecaster().forecast(history(np.full((3, 150), level)), None, END)
    np.testing.assert_allclose(table.p50, level, atol=1e-6)
    assert (table.p90 - table.p50 < 0.02).all()
    over = table.p_over(np.full(3, LIMIT))
    assert (over == 1.0).all() if level >= LIMIT else (over < 0.3).all()


@pytest.mark.parametrize("limits", [[-INF, -1.0, 0.0, 0.3], [0.5, 0.5]], ids=["below", "at"])
def test_a_limit_that_is_reached_is_certain(limits: list[float]) -> None:
    values = events(5, 120, seed=2)
    values[:, -1] = 0.5
    table, _ = LearnedForecaster().forecast(history(values), None, END)
    assert (table.p_over(np.tile(limits, (5, 1))) == 1.0).all()


def test_a_question_about_many_limits_answers_each_as_if_asked_alone() -> None:
    table, _ = LearnedForecaster().forecast(history(events(8, 200, seed=3)), None, END)
    asked = np.array([2.0, 0.7, NAN, 0.95, -0.2, INF, 0.8])
    together = table.p_over(np.tile(asked, (8, 1)))
    alone = np.stack([table.p_over(np.full(8, limit)) for limit in asked], axis=1)
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert np.ptp(together[:, [1, 3, 6]], axis=1).max() > 0.05, "and the limit matters"


@pytest.mark.parametrize("offset", [-0.7, 0.8], ids=["partly negative", "partly above one"])
def test_a_background_outside_its_support_is_forecast_where_it_is(offset: float) -> None:
    values = events(10, 200, seed=4) + offset
    table, _ = LearnedForecaster().forecast(history(values, LIMIT + offset), None, END)
    sound(table, np.tile([LIMIT + offset, 0.5, 1.5], (10, 1)))
    np.testing.assert_allclose(table.p50[:, 0], values[:, -1], atol=0.35)
    assert (table.p50 < 0.0).any() if offset < 0.0 else (table.p90 > 1.0).any()


def test_a_silent_device_is_unknown_and_the_others_go_on() -> None:
    values = events(6, 120, seed=5)
    values[2, -4:], values[3, :] = NAN, NAN
    table, _ = LearnedForecaster().forecast(history(values), None, END)
    assert np.isnan(table.p50).all(axis=1).tolist() == [False, False, True, True, False, False]
    assert np.isnan(table.skill[[2, 3]]).all()
    sound(table, np.full((6, 2), LIMIT))
    gone, _ = LearnedForecaster().forecast(history(values), None, END + 4 * GRID_SECONDS)
    assert np.isnan(gone.p50).all() and np.isnan(gone.p_over(np.full(6, LIMIT))).all()


def test_infinite_and_huge_readings_are_unknown_and_change_nothing_else() -> None:
    values = events(6, 120, seed=6)
    holes, broken = values.copy(), values.copy()
    holes[:, 60], broken[:, 60] = NAN, INF
    holes[0, 61], broken[0, 61] = NAN, -1e300
    one, _ = LearnedForecaster().forecast(history(holes), None, END)
    other, _ = LearnedForecaster().forecast(history(broken), None, END)
    np.testing.assert_array_equal(one.p90, other.p90)


def test_nine_in_ten_outcomes_stay_under_p90() -> None:
    values = np.clip(0.5 + ar1(60, 380, 0.04, 0.7, seed=7), 0.0, 1.0)
    tables, _ = lived(LearnedForecaster(), values, range(200, 360))
    for horizon, steps in enumerate((1, 3, 6, 12)):
        under = [values[:, 200 + place + steps] <= table.p90[:, horizon] for place, table in enumerate(tables)]
        assert 0.87 <= np.mean(under) <= 0.93


def test_history_in_single_precision_and_of_any_width_is_read_alike() -> None:
    values = events(5, 300, seed=8).astype(np.float32).astype(np.float64)
    _, state = LearnedForecaster().forecast(past(values, 280), None, END)
    wide, _ = LearnedForecaster().forecast(past(values, 281, width=282), state, END)
    narrow, _ = LearnedForecaster().forecast(past(values.astype(np.float32).astype(np.float64), 281, width=100), state, END)
    np.testing.assert_array_equal(wide.p90, narrow.p90)
