"""Probabilities of events, and the trailing skill that opens or closes the gate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from forecasting.api import Floats, ForecastTable
from forecasting.events import NormalChances
from forecasting.forecasters import LastValueForecaster, RegressionForecaster
from forecasting.gate import Evidence, Words, pooled_skill, shrunk_skill, weigh
from forecasting.regression import RegressionSettings, fitted_log_square, look_back, origin_path
from forecasting.trials import spread_at_origins
from tests.builders.forecasting import END, LIMIT, ar1, history, ramps

NAN = float("nan")


def table_of(p50: Floats, spread: Floats) -> ForecastTable:
    nothing, shape = np.full(p50.shape[0], NAN), p50.shape
    steps = np.arange(1.0, p50.shape[1] + 1.0)
    closed, counts = np.zeros(shape, dtype=np.bool_), np.zeros(p50.shape[0], dtype=np.int64)
    chances = NormalChances(p50, spread)
    return ForecastTable(END, "test", steps, p50, p50, spread, np.full(shape, NAN), closed, p50, counts, nothing, chances)


@given(
    p50=st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=3),
    spread=st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3),
    limits=st.lists(st.floats(-5.0, 5.0), min_size=4, max_size=4),
)
def test_probability_never_falls_with_the_horizon_nor_rises_with_the_limit(
    p50: list[float], spread: list[float], limits: list[float]
) -> None:
    over = table_of(np.array([p50]), np.array([spread])).p_over(np.sort(np.array([limits]), axis=1))
    assert over.shape == (1, 4, 3)
    assert ((over >= 0.0) & (over <= 1.0)).all()
    assert (np.diff(over, axis=2) >= 0.0).all() and (np.diff(over, axis=1) <= 0.0).all()


def test_probability_is_the_normal_tail_joined_over_the_horizons() -> None:
    table = table_of(np.array([[0.8, 0.7]]), np.array([[0.1, 0.05]]))
    near, far = norm.sf(0.9, 0.8, 0.1), norm.sf(0.9, 0.7, 0.05)
    np.testing.assert_allclose(table.p_over(np.array([0.9])), [[near, near + far - near * far]])


def test_no_spread_means_a_plain_comparison() -> None:
    table = table_of(np.array([[0.8, 0.9]]), np.zeros((1, 2)))
    np.testing.assert_array_equal(table.p_over(np.array([[0.8, 0.85, 0.95]])), [[[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]])


def test_probability_is_unknown_where_forecast_or_limit_is() -> None:
    table = table_of(np.array([[0.5, NAN], [0.5, 0.5]]), np.array([[0.1, 0.1], [0.1, NAN]]))
    found = table.p_over(np.array([[0.5, NAN], [np.inf, -np.inf]]))
    np.testing.assert_equal(found, [[[0.5, NAN], [NAN, NAN]], [[0.0, NAN], [1.0, NAN]]])
    with pytest.raises(ValueError, match="one row per series"):
        table.p_over(np.array([0.5]))


def evidence(model: float, rule: float, matured: float, informative: float, events: float) -> Evidence:
    return Evidence(*(np.array([value]) for value in (model, rule, matured, informative, events)))


@pytest.mark.parametrize(
    ("case", "skill"),
    [
        pytest.param(evidence(0.0, 0.0, 0.0, 0.0, 0.0), NAN, id="no origin matured"),
        pytest.param(evidence(0.0, 5.0, 90.0, 5.0, 0.0), 0.0, id="no event ever: silence is no skill"),
        pytest.param(evidence(10.0, 5.0, 90.0, 5.0, 0.0), -1.0, id="no event ever and needless alarms: less than none"),
        pytest.param(evidence(0.0, 0.0, 90.0, 9.0, 9.0), 0.0, id="a perfect rule leaves nothing to beat"),
        pytest.param(evidence(2.0, 4.0, 90.0, 9.0, 9.0), 0.5, id="half the rule's error"),
        pytest.param(evidence(90.0, 1.0, 90.0, 9.0, 9.0), -1.0, id="far worse is held at -1"),
    ],
)
def test_skill_at_its_edges(case: Evidence, skill: float) -> None:
    np.testing.assert_allclose(shrunk_skill(case, 200.0), [skill])
    np.testing.assert_allclose(pooled_skill(case), skill)


def test_skill_is_drawn_to_the_fleets_by_its_informative_origins() -> None:
    two = Evidence(*(np.array(pair) for pair in ([2.0, 6.0], [10.0, 10.0], [90.0, 90.0], [50.0, 0.0], [5.0, 5.0])))
    fleet = 1.0 - 8.0 / 20.0
    np.testing.assert_allclose(shrunk_skill(two, 200.0), [(50.0 * 0.8 + 200.0 * fleet) / 250.0, fleet])


def weighed(probability: Floats, margin: Floats, highest: Floats, limits: Floats, last: float = 0.1) -> Evidence:
    """Origins from which one step is looked ahead."""
    return weigh(Words(probability, margin, np.full(highest.shape, last), highest), limits, 1)


def test_origins_count_only_where_everything_is_known_and_below_the_limit() -> None:
    highest = np.array([[0.9, 0.1, NAN, 0.9, 0.9, 0.1]])
    margin = np.array([[0.9, 0.9, 0.9, NAN, 0.1, 0.1]])
    probability = np.array([[0.5, 0.5, 0.5, 0.5, NAN, 0.01]])
    found = weighed(probability, margin, highest, np.array([LIMIT]))
    assert (found.matured[0], found.informative[0], found.events[0]) == (3.0, 2.0, 1.0)
    assert found.model[0] == pytest.approx(0.25 + 0.25 + 0.0001)
    assert weighed(probability, margin, highest, np.array([NAN])).matured[0] == 0.0
    assert weighed(probability, margin, highest, np.array([LIMIT]), last=LIMIT).matured[0] == 0.0


def test_the_rule_is_judged_by_what_its_words_had_meant_before_each_outcome() -> None:
    highest = np.array([[0.9, 0.1, 0.9, 0.1]])
    margin = np.array([[0.9, 0.9, 0.1, 0.1]])
    found = weighed(np.full((1, 4), 0.5), margin, highest, np.array([LIMIT]))
    yes_then = (1.0 + 20.0 * (1.0 + 0.5) / 2.0) / 21.0  # one yes has come true by the second origin's time
    no_then = (1.0 + 20.0 * (1.0 + 0.05) / 2.0) / 21.0
    assert found.rule[0] == pytest.approx((0.5 - 1.0) ** 2 + yes_then**2 + (0.05 - 1.0) ** 2 + no_then**2)


def test_reaching_the_limit_exactly_is_an_event_and_an_alarm() -> None:
    exact = weighed(np.array([[1.0]]), np.array([[LIMIT]]), np.array([[LIMIT]]), np.array([LIMIT]))
    assert (exact.events[0], exact.model[0], exact.rule[0]) == (1.0, 0.0, 0.25)


@pytest.mark.parametrize("said", [0.0, 0.02, 0.3])
def test_who_always_says_the_same_has_no_skill(said: float) -> None:
    generator = np.random.default_rng(7)
    last = generator.uniform(0.5, 0.84, (40, 300))
    margin, highest = last + generator.uniform(0.0, 0.2, last.shape), last + generator.uniform(0.0, 0.15, last.shape)
    found = weigh(Words(np.full(last.shape, said), margin, last, highest), np.full(40, LIMIT), 3)
    assert (shrunk_skill(found, 200.0) <= 0.0).all()


def test_spread_that_skill_is_judged_by_knows_no_outcome_before_its_time() -> None:
    rules = RegressionSettings()
    values = 0.5 + ar1(5, 140, 0.02, 0.5, seed=4)
    changed = values.copy()
    changed[:, 100:] = np.random.default_rng(5).uniform(0.0, 1.0, (5, 40))
    found = []
    for loads in (values, changed):
        origins = look_back(loads, rules)
        found.append(spread_at_origins(origin_path(origins, 3, rules), fitted_log_square(origins.lines, 3, rules), 3))
    last = 99 - (rules.window_points - 1)
    np.testing.assert_allclose(found[1][:, : last + 1], found[0][:, : last + 1], atol=1e-9)
    assert (found[1][:, last + 4 :] > found[0][:, last + 4 :]).all()


def skill(values: Floats, limit: float = LIMIT) -> Floats:
    return RegressionForecaster().forecast(history(values, limit), None, END)[0].skill[:, 0]


def test_fleet_with_ramps_shows_skill_better_than_the_last_value_has() -> None:
    values = np.concatenate([ramps(10, 240, (first, first + 70), seed=first) for first in range(110, 160, 5)])
    found = skill(values)
    naive = LastValueForecaster().forecast(history(values), None, END)[0].skill[:, 0]
    assert (found > 0.1).all()
    assert np.median(found) > np.median(naive)


def test_white_noise_far_below_the_limit_shows_none() -> None:
    np.testing.assert_array_equal(skill(0.5 + ar1(50, 240, 0.02, 0.0, seed=1)), 0.0)


def test_skill_is_unknown_without_history_and_where_nothing_is_forecast() -> None:
    assert np.isnan(skill(np.full((2, 5), 0.5))).all()
    values = np.concatenate([ramps(5, 240, (120, 190), seed=2), np.full((1, 240), NAN)])
    found = skill(values)
    assert (found[:-1] > 0.0).all() and np.isnan(found[-1])


def test_forecast_no_better_than_the_rule_keeps_the_gate_closed() -> None:
    """Levels that jump between calm and overload every 60 points: the rule misses the jump only, and so does any forecast."""
    jumps = np.where(np.arange(240) // 60 % 2 == 0, 0.2, 0.95)[None, :] + ar1(20, 240, 0.001, 0.0, seed=3)
    assert (skill(jumps) <= 0.0).all(), skill(jumps)
