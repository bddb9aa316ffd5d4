"""The last value, the margin rule, the simple rules beside them, and the length of past overloads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forecasting.api import Floats
from forecasting.baselines import (
    MarginSettings,
    last_values,
    predict_linear,
    rolling_mean,
    rolling_volatility,
)
from forecasting.episodes import usual_overload_seconds
from forecasting.forecasters import LastValueForecaster
from forecasting.rolling import carried_forward, highest_ahead, matured_sum, newest_columns, trailing_sum
from tests.builders.forecasting import END, ar1, history

NAN = float("nan")
STEPS = (1, 3, 6, 12)


def test_margin_rule_is_last_plus_k_deviations_of_the_newest_differences() -> None:
    loads = np.random.default_rng(1).uniform(0.2, 0.8, (3, 60))
    for deviations in (1.28, 2.0):
        found = last_values(loads, (1, 3), MarginSettings(margin_deviations=deviations)).margin_p90
        for index, steps in enumerate((1, 3)):
            differences = (loads[:, steps:] - loads[:, :-steps])[:, -24:]
            np.testing.assert_allclose(found[:, index], loads[:, -1] + deviations * differences.std(axis=1, ddof=1))


def test_last_value_answers_the_last_value_and_a_margin() -> None:
    values = 0.5 + ar1(20, 100, 0.03, 0.5, seed=2)
    table, state = LastValueForecaster().forecast(history(values), None, END)
    np.testing.assert_array_equal(table.p50, np.repeat(values[:, -1:], 4, axis=1))
    assert (table.p90 > table.p50).all()
    assert state.method == table.method == "last-value-1"


def test_steady_climb_has_no_scatter_about_its_drift_but_a_distance() -> None:
    scatter = rolling_volatility(0.01 * np.arange(40.0)[None, :], 3, MarginSettings())
    assert scatter.deviation[0, -1] == pytest.approx(0.0, abs=1e-6)
    assert scatter.distance[0, -1] == pytest.approx(0.03)


def test_horizon_with_too_few_differences_scales_a_shorter_one_by_the_square_root_of_time() -> None:
    loads = np.random.default_rng(3).uniform(0.2, 0.8, (1, 7))
    found = last_values(loads, (1, 4, 9), MarginSettings())
    one, four = found.spread[0, 0], found.spread[0, 1]
    assert found.spread[0, 2] == pytest.approx(four * 1.5)
    assert four == pytest.approx(np.sqrt(np.mean((loads[0, 4:] - loads[0, :-4]) ** 2)))
    assert one > 0.0


def test_two_values_have_a_last_one_but_no_spread() -> None:
    found = last_values(np.array([[0.2, 0.4]]), (1, 3), MarginSettings())
    assert found.last[0] == 0.4
    assert np.isnan(found.spread).all() and np.isnan(found.margin_p90).all()


@pytest.mark.parametrize(
    ("row", "seconds"),
    [
        pytest.param("..##..", 10.0, id="one run of two"),
        pytest.param(".#..###..#####.", 15.0, id="the middle one of three"),
        pytest.param(".#.###.", 10.0, id="half-way between two"),
        pytest.param("......", NAN, id="never"),
        pytest.param("######", NAN, id="always: neither end seen"),
        pytest.param("..####", NAN, id="still going on"),
        pytest.param("####..", NAN, id="began before the history"),
        pytest.param("####.#..", 5.0, id="only the run seen whole counts"),
        pytest.param(".##?##.", 25.0, id="a short gap does not cut a run"),
        pytest.param(".##?????##.", NAN, id="a long gap hides both ends"),
        pytest.param("", NAN, id="no history"),
    ],
)
def test_usual_overload_is_the_median_of_runs_seen_whole(row: str, seconds: float) -> None:
    values = np.array([[{".": 0.2, "#": 0.85, "?": NAN}[cell] for cell in row]], dtype=np.float64).reshape(1, len(row))
    found = usual_overload_seconds(np.repeat(values, 2, axis=0), np.array([0.85, 0.99]), 5.0)
    np.testing.assert_equal(found, [seconds, NAN])


def test_usual_overload_agrees_with_a_loop() -> None:
    values = np.random.default_rng(4).uniform(0.0, 1.0, (30, 80))
    found = usual_overload_seconds(values, np.full(30, 0.6), 1.0)
    for row in range(30):
        line = "".join("#" if value >= 0.6 else "." for value in values[row]).strip("#")
        runs = [len(run) for run in line.split(".") if run]
        assert found[row] == np.median(runs)


def test_windows_see_exactly_their_columns() -> None:
    row = np.array([[1.0, 2.0, 3.0, 4.0]])
    assert trailing_sum(row, 2).tolist() == [[1.0, 3.0, 5.0, 7.0]]
    assert matured_sum(row, 2).tolist() == [[0.0, 0.0, 1.0, 3.0]]
    assert matured_sum(row, 9).tolist() == [[0.0, 0.0, 0.0, 0.0]]
    np.testing.assert_equal(highest_ahead(np.array([[5.0, 1.0, 2.0, 0.0]]), 2), [[2.0, 2.0, NAN, NAN]])
    np.testing.assert_equal(carried_forward(np.array([[NAN, 1.0, NAN, NAN]]), 1), [[NAN, 1.0, 1.0, NAN]])
    np.testing.assert_equal(newest_columns(row, 6), [[NAN, NAN, 1.0, 2.0, 3.0, 4.0]])
    assert newest_columns(row, 2).tolist() == [[3.0, 4.0]]


def test_predict_linear_is_the_line_of_polyfit_with_and_without_gaps() -> None:
    loads = np.random.default_rng(5).uniform(0.0, 1.0, (6, 30))
    loads[3, 25] = loads[4, -1] = loads[5, -12] = loads[5, 20] = NAN
    found = predict_linear(loads, STEPS)
    for row in range(6):
        at = np.arange(-11.0, 1.0)[np.isfinite(loads[row, -12:])]
        line = np.polyfit(at, loads[row, -12:][np.isfinite(loads[row, -12:])], 1)
        np.testing.assert_allclose(found[row], np.polyval(line, STEPS))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param([NAN] * 12, NAN, id="nothing"),
        pytest.param([NAN] * 11 + [0.4], NAN, id="one point makes no line"),
        pytest.param([NAN] * 10 + [0.4, 0.5], 1.1, id="two points make one"),
        pytest.param([0.3] * 20, 0.3, id="constant"),
        pytest.param([0.9] * 8 + [0.3] * 12, 0.3, id="only the last twelve count"),
    ],
)
def test_predict_linear_six_steps_ahead(row: list[float], expected: float) -> None:
    np.testing.assert_allclose(predict_linear(np.array([row]), (6,)), [[expected]])


def test_rolling_mean_is_the_mean_of_the_known_loads_in_the_window() -> None:
    loads = np.random.default_rng(6).uniform(0.0, 1.0, (3, 40))
    loads[1, -5], loads[2] = NAN, NAN
    found = rolling_mean(loads, STEPS)
    np.testing.assert_allclose(found[:2], np.repeat(np.nanmean(loads[:2, -12:], axis=1)[:, None], 4, axis=1))
    assert np.isnan(found[2]).all()


@pytest.mark.parametrize("rule", [predict_linear, rolling_mean])
def test_simple_rules_have_an_answer_for_nothing(rule: Callable[[Floats, tuple[int, ...]], Floats]) -> None:
    assert rule(np.empty((0, 5)), STEPS).shape == (0, 4)
    assert np.isnan(rule(np.empty((2, 0)), STEPS)).all()
