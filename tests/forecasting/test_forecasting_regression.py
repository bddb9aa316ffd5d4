"""The regression: causal, defined for every input, honest in its bounds, and early on ramps."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from forecasting.api import Floats, Forecaster, ForecastTable
from forecasting.forecasters import LastValueForecaster, RegressionForecaster
from forecasting.regression import RegressionSettings, fit_lines, look_back, origin_path
from tests.builders.forecasting import END, GRID_SECONDS, LIMIT, ar1, history, ramps

FORECASTERS: list[Forecaster] = [RegressionForecaster(), LastValueForecaster()]
BOTH = pytest.mark.parametrize("forecaster", FORECASTERS, ids=lambda forecaster: forecaster.name)


def forecast(values: Floats, forecaster: Forecaster | None = None, limit: float = LIMIT, now: float = END) -> ForecastTable:
    return (forecaster or RegressionForecaster()).forecast(history(values, limit), None, now)[0]


def test_line_is_the_weighted_least_squares_line_with_and_without_gaps() -> None:
    generator = np.random.default_rng(1)
    loads = generator.uniform(0.2, 0.9, (5, 7))
    loads[3, 2] = loads[4, 0] = loads[4, 6] = np.nan
    plain = RegressionSettings(origins=1, slope_evidence=0.0)
    lines = fit_lines(loads, plain)
    for row in range(5):
        at = np.flatnonzero(np.isfinite(loads[row]))
        weight = plain.weight_decay ** (6.0 - at)
        slope, level = np.polyfit(at - 6.0, loads[row, at], 1, w=np.sqrt(weight))
        assert lines.slope[row, 0] == pytest.approx(slope)
        assert lines.level[row, 0] == pytest.approx(level)


def test_slope_within_its_uncertainty_is_not_extrapolated() -> None:
    noise = 0.5 + ar1(200, 200, 0.02, 0.0, seed=2)
    lines = fit_lines(noise, RegressionSettings())
    assert (lines.slope == 0.0).mean() > 0.8
    steep = fit_lines(0.2 + 0.03 * np.arange(7.0)[None, :], RegressionSettings())
    assert steep.slope[0, 0] == pytest.approx(0.03)


@pytest.mark.parametrize("steps", RegressionSettings().horizon_steps)
def test_nothing_before_an_origin_changes_when_everything_after_it_does(steps: int) -> None:
    loads = ramps(6, 160, (40, 110), seed=3)
    loads[2, 50:53] = np.nan
    changed = loads.copy()
    changed[:, 120:] = np.random.default_rng(4).uniform(0.0, 1.0, (6, 40))
    rules = RegressionSettings()
    before = origin_path(look_back(loads, rules), steps, rules).p50
    after = origin_path(look_back(changed, rules), steps, rules).p50
    last = 119 - (rules.window_points - 1)
    np.testing.assert_allclose(after[:, : last + 1], before[:, : last + 1], rtol=0.0, atol=1e-9)
    assert not np.allclose(after[:, last + 1 :], before[:, last + 1 :])


def test_origin_in_the_past_says_what_a_forecast_made_then_would_have_said() -> None:
    loads = ramps(4, 150, (60,), seed=5)
    rules = RegressionSettings(origins=193)
    padded = np.concatenate([np.full((4, 50), np.nan), loads], axis=1)
    path = origin_path(look_back(padded, rules), 6, rules)
    then = RegressionForecaster(rules).forecast(history(loads[:, :100]), None, END)[0]
    np.testing.assert_allclose(path.p50[:, 50 + 99 - (rules.window_points - 1)], then.p50[:, 2], atol=1e-9)


LOADS = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=40),
    elements=st.one_of(st.floats(0.0, 1.0), st.floats(), st.sampled_from([0.0, 1.0, np.nan, np.inf, -np.inf, 1e308, -1e308])),
)


@BOTH
@settings(max_examples=60, deadline=None)
@given(values=LOADS, limit=st.floats())
@pytest.mark.filterwarnings("error")
def test_any_array_has_a_defined_answer(forecaster: Forecaster, values: Floats, limit: float) -> None:
    table = forecast(values, forecaster, limit)
    series = values.shape[0]
    for column in (table.p50, table.p90, table.spread, table.margin_p90):
        assert column.shape == (series, 4)
        assert not np.isinf(column).any()
    assert (table.p50 <= table.p90)[np.isfinite(table.p50) & np.isfinite(table.p90)].all()
    assert (table.spread[np.isfinite(table.spread)] >= 0.0).all()
    assert table.usual_overload_seconds.shape == table.history_points.shape == (series,)
    assert table.skill.shape == table.gate_open.shape == (series, 4)
    assert not (np.abs(table.skill) > 1.0).any()
    over = table.p_over(np.full((series, 2), limit))
    assert over.shape == (series, 2, 4)
    assert not ((over < 0.0) | (over > 1.0)).any()
    assert not (np.diff(over, axis=2) < 0.0).any()


@pytest.mark.parametrize("points", [0, 1, 2, 3])
def test_too_short_a_history_says_nothing(points: int) -> None:
    table = forecast(np.full((2, points), 0.9))
    assert np.isnan(table.p50).all() and np.isnan(table.p90).all() and np.isnan(table.skill).all()
    assert np.isnan(table.p_over(table.skill * 0.0 + LIMIT)).all()
    assert table.history_points.tolist() == [points, points]


@BOTH
@pytest.mark.parametrize("level", [0.0, 0.4, 1.0], ids=["idle", "steady", "saturated"])
def test_constant_series_stays_with_a_bound_no_finer_than_a_sensor(forecaster: Forecaster, level: float) -> None:
    table = forecast(np.full((1, 200), level), forecaster)
    np.testing.assert_allclose(table.p50, level, atol=1e-12)
    assert (table.spread >= 0.003).all() and (table.spread < 0.006).all()
    expected = 1.0 if level > LIMIT else 0.0
    np.testing.assert_allclose(table.p_over(np.array([LIMIT])), expected, atol=1e-6)


@BOTH
def test_silence_longer_than_three_steps_is_not_forecast_over(forecaster: Forecaster) -> None:
    values = 0.5 + ar1(2, 100, 0.02, 0.5, seed=6)
    values[1, -4:] = np.nan
    table = forecast(values, forecaster)
    assert np.isfinite(table.p50[0]).all() and np.isnan(table.p50[1]).all()
    assert np.isnan(forecast(values, forecaster, now=END + 4 * GRID_SECONDS).p50).all()
    assert np.isfinite(forecast(values, forecaster, now=END + 0.9 * GRID_SECONDS).p50[0]).all()


def test_infinite_and_huge_readings_are_unknown_and_change_nothing_else() -> None:
    values = 0.5 + ar1(3, 100, 0.02, 0.5, seed=7)
    holes = values.copy()
    broken = values.copy()
    holes[:, 60], broken[:, 60] = np.nan, np.inf
    holes[0, 61], broken[0, 61] = np.nan, -1e300
    np.testing.assert_array_equal(forecast(broken).p90, forecast(holes).p90)


def test_bounds_are_wider_for_a_shorter_history_of_the_same_noise() -> None:
    values = 0.5 + ar1(400, 160, 0.03, 0.5, seed=8)
    widths = [np.median(forecast(values[:, -points:]).spread, axis=0) for points in (8, 20, 160)]
    assert (widths[0] > widths[1]).all() and (widths[1] > widths[2]).all()


def test_newcomer_in_a_fleet_is_bounded_like_its_restless_members() -> None:
    values = 0.5 + ar1(40, 160, 0.05, 0.5, seed=9)
    values[0] = np.nan
    values[0, -5:] = 0.5
    table = forecast(values)
    assert (table.spread[0] > np.median(table.spread[1:], axis=0)).all()


def test_quiet_series_is_not_drowned_by_a_restless_fleet() -> None:
    values = 0.5 + ar1(40, 160, 0.08, 0.5, seed=10)
    values[0] = 0.5 + ar1(1, 160, 0.004, 0.5, seed=11)[0]
    assert (forecast(values).spread[0] < 0.02).all()


@pytest.mark.parametrize(
    ("values", "lowest", "highest"),
    [
        pytest.param(0.6 + ar1(1500, 252, 0.02, 0.7, seed=12), 0.87, 0.95, id="ar1"),
        pytest.param(0.6 + ar1(1500, 252, 0.02, 0.0, seed=13), 0.87, 0.95, id="white"),
        pytest.param(np.concatenate([ramps(30, 252, (k, k + 100, k + 200), seed=k) for k in range(0, 100, 2)]), 0.86, 0.95, id="ramps"),
    ],
)
def test_nine_in_ten_outcomes_stay_under_p90(values: Floats, lowest: float, highest: float) -> None:
    table = forecast(values[:, :240])
    outcome = values[:, 239 + np.array(RegressionSettings().horizon_steps)]
    covered = (outcome <= table.p90).mean(axis=0)
    assert (covered >= lowest).all() and (covered <= highest).all(), covered


def alarms(values: Floats) -> Floats:
    """Share of series with P(over within each horizon) ≥ 0.5."""
    return np.asarray((forecast(values).p_over(np.full(values.shape[0], LIMIT)) >= 0.5).mean(axis=0))


@pytest.mark.parametrize("begins", [(228,), (60, 228), (40, 120, 228)], ids=["first", "second", "third"])
def test_ramp_is_foreseen_before_it_crosses(begins: tuple[int, ...]) -> None:
    # The ramp of 0.0333 a point reaches 0.85 at its 9th point.
    five = alarms(ramps(200, 228 + 5, begins, seed=14))
    six = alarms(ramps(200, 228 + 6, begins, seed=14))
    assert five[3] >= 0.9 and five[2] >= 0.5, "4 steps ahead"
    assert six[2] >= 0.9, "3 steps ahead"


@pytest.mark.parametrize(("level", "most"), [(0.55, 0.0), (0.70, 0.001), (0.78, 0.06)])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_noise_alone_seldom_alarms(level: float, most: float, correlation: float) -> None:
    values = level + ar1(3000, 240, 0.02, correlation, seed=15)
    assert (alarms(values) <= most).all(), alarms(values)


def test_series_that_never_left_its_support_is_not_forecast_outside_it() -> None:
    falling = np.maximum(0.5 - 0.04 * np.arange(13.0), 0.0)[None, :].repeat(2, axis=0)
    table = forecast(np.concatenate([np.full((2, 60), 0.5), falling[:, :-2]], axis=1))
    assert (table.p50 >= 0.0).all()
    rising = np.minimum(0.5 + 0.04 * np.arange(12.0), 1.0)[None, :]
    table = forecast(np.concatenate([np.full((1, 60), 0.5), rising], axis=1))
    assert (table.p90 <= 1.0).all() and table.p50[0, 3] > 0.95


def test_chunks_change_nothing() -> None:
    values = ramps(50, 200, (60, 150), seed=16)
    whole = forecast(values)
    pieces = forecast(values, RegressionForecaster(replace(RegressionSettings(), chunk_series=7)))
    for name in ("p50", "p90", "spread", "skill", "margin_p90"):
        np.testing.assert_allclose(getattr(pieces, name), getattr(whole, name), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "change",
    [{"horizon_steps": (3, 1)}, {"horizon_steps": (0, 3)}, {"horizon_steps": ()}, {"skill_step": 2}, {"least_points": 2}, {"origins": 0}],
    ids=str,
)
def test_settings_that_cannot_be_computed_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        RegressionSettings(**change)  # type: ignore[arg-type]


def test_a_small_fleet_is_quick() -> None:
    values = ramps(30, 240, (60, 150), seed=17)
    forecast(values)
    started = time.process_time()
    for _ in range(10):
        forecast(values)
    assert (time.process_time() - started) / 10 < 0.05, "ten times the 5 ms aimed at, so that a busy machine does not fail it"
