"""The parts of the learning forecaster against their definitions: regressions, the event model, the choice, p90 and the record."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from forecasting import adaptive, choice, crossing, hierarchy, levels
from forecasting.api import Floats
from forecasting.learned import LearnedForecaster
from forecasting.onsets import Leads
from forecasting.origin import Outcomes
from forecasting.present import look
from forecasting.regression import RegressionSettings
from forecasting.solving import solved, solved_within
from forecasting.verdicts import Verdicts, judge
from tests.builders.forecasting import END, ar1, history

NAN = float("nan")
RULES = hierarchy.HierarchySettings()


def outcomes_of(series: int, seed: int, said: Floats | None = None) -> Outcomes:
    """Random outcomes of two horizons, some of them unknown."""
    generator = np.random.default_rng(seed)
    last, p50, margin, probability, came, highest = generator.uniform(0.0, 1.0, (6, series, 2))
    came[0], highest[1], probability[2] = NAN, NAN, NAN
    told = np.zeros((series, 2, len(choice.METHODS))) if said is None else said
    return Outcomes(last, np.full((series, 2), 0.05), np.full((series, 2), 0.7), p50, p50 + 0.1, probability, margin,
                    told.astype(np.float32), np.stack([probability, probability], axis=-1).astype(np.float32), came, highest)  # fmt: skip


def test_regression_sums_and_coefficients_are_those_of_the_equations() -> None:
    generator = np.random.default_rng(1)
    series, size = 30, hierarchy.SIZE
    sums, betas = hierarchy.nothing_learnt(series), hierarchy.Coefficients(np.zeros(size), np.zeros((size, series), np.float32))
    gram, moment = np.zeros((series, size, size)), np.zeros((series, size))
    for _ in range(20):
        seen = generator.normal(size=(size, series)).astype(np.float32)
        target = seen[0] * 2.0 - seen[3] + generator.normal(0.0, 0.1, series)
        target[:3] = NAN
        sums = hierarchy.learn(sums, betas, seen, target, RULES)
        weight = np.where(np.isnan(target), 0.0, 1.0 / np.sqrt(np.nan_to_num(target) ** 2 + RULES.smoothing**2))
        kept = np.where(np.isnan(target), 1.0, RULES.series_forgetting)
        gram = gram * kept[:, None, None] + np.einsum("s,is,js->sij", weight, seen, seen)
        moment = moment * kept[:, None] + (weight * np.nan_to_num(target) * seen).T
    betas = hierarchy.Coefficients(hierarchy.solve_fleet(sums, RULES), betas.series)
    for turn in range(4):
        betas = hierarchy.solve_series(sums, betas, turn, 4, RULES)
    drawn = moment + RULES.series_ridge * betas.fleet
    expected = np.linalg.solve(gram + RULES.series_ridge * np.eye(size), drawn[..., None])[..., 0]
    np.testing.assert_allclose(betas.series.T, expected, atol=1e-4)
    np.testing.assert_allclose(betas.series[:, 0], betas.fleet, atol=1e-5, err_msg="who has shown nothing is like the fleet")
    np.testing.assert_allclose(betas.fleet[[0, 3]], [2.0, -1.0], atol=0.1)


def test_bounded_least_squares_fulfils_its_conditions() -> None:
    generator = np.random.default_rng(2)
    rows = generator.normal(size=(80, 8))
    matrix, right = rows.T @ rows, rows.T @ (rows @ np.array([1.0, -1.0, 0.5, -0.2, 2.0, -2.0, 0.0, 1.0]))
    bounded = np.arange(8) < 4
    found = solved_within(matrix, right, bounded)
    assert found is not None
    slope = matrix @ found - right
    assert (found[bounded] >= 0.0).all() and (found[[1, 3]] == 0.0).all() and (slope[[1, 3]] > 0.0).all()
    np.testing.assert_allclose(slope[[0, 2, 4, 5, 6, 7]], 0.0, atol=1e-8)


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.full((3, 3), NAN), -np.eye(3)], ids=["nothing", "unknown", "negative"])
def test_system_without_a_solution_has_an_answer(matrix: Floats) -> None:
    assert np.isfinite(solved(matrix, np.ones(3))).all()
    assert solved_within(matrix, np.ones(3), np.array([True, True, False])) is None


def test_event_model_learns_what_the_limit_means() -> None:
    generator = np.random.default_rng(3)
    sums, beta = crossing.nothing_learnt(), np.zeros(crossing.SIZE)
    for _ in range(60):
        rows = generator.normal(size=(400, crossing.SHARED)).astype(np.float32)
        ahead = generator.normal(size=(400, 2)).astype(np.float32)
        came = (generator.uniform(size=400) < 1.0 / (1.0 + np.exp(-(2.0 * rows[:, 0] - 0.3 * rows[:, 1] - 1.5 * rows[:, -1])))).astype(
            np.float64
        )
        came[:20] = NAN
        sums = crossing.learn(sums, beta, rows, ahead, came)
        beta = crossing.solve(sums, beta)
    np.testing.assert_allclose(
        beta[[0, 1, crossing.SHARED - 1]], [2.0, 0.0, -1.5], atol=0.3, err_msg="1 must not be negative, the third may"
    )
    assert (beta[crossing.BOUNDED] >= 0.0).all()


def test_event_model_begins_as_the_normal_probability_of_the_line() -> None:
    rising = np.clip(0.4 + 0.03 * np.arange(14.0), 0.0, 1.0)[None, :]
    now = look(rising, (1, 3, 6), 0, RegressionSettings())
    memory = levels.remember(levels.nothing_seen(1), rising[:, -1])
    model = crossing.Crossing(now, memory, np.tile(crossing.PRIOR, (3, 1)), np.zeros((1, 3), np.bool_), ceiling=np.ones(1))
    found, above_all = model.probability(np.array([[0.85, 1.01]]))[0]
    normal = ndtr((now.line[0] - 0.85) / now.line_spread[0])
    np.testing.assert_allclose(found, normal, atol=0.011, err_msg="1/(1 + exp(−1.7u)) is within 0.01 of Φ(u)")
    assert found[0] < 0.1 and found[-1] > 0.9
    assert (above_all == 0.0).all()


def test_method_that_was_closest_speaks() -> None:
    generator = np.random.default_rng(4)
    record = choice.nothing_tried(6, 2)
    assert (choice.best(record) == choice.LAST_VALUE).all()
    for _ in range(200):
        came = generator.uniform(0.0, 1.0, (6, 2))
        said = came[..., None] + generator.normal(0.0, 0.1, (6, 2, len(choice.METHODS)))
        said[:3, :, 2], said[3:, 0, 4] = came[:3], came[3:, 0]
        record = choice.learn(record, said.astype(np.float32), np.where(np.arange(6)[:, None] == 5, NAN, came))
    found = choice.best(record)
    assert (found[:3] == 2).all() and (found[3:5, 0] == 4).all()
    assert (record.outcomes[5] == 0.0).all() and record.outcomes[0, 0] == 200.0


def test_distance_widens_after_a_miss_and_narrows_after_a_hit() -> None:
    before = adaptive.nothing_known(5, 2)
    seen = outcomes_of(5, seed=5)
    after = adaptive.learn(before, seen)
    missed, hit = seen.came > seen.p90, seen.came <= seen.p90
    assert (after.own[missed] > before.own[missed]).all() and (after.own[hit] < before.own[hit]).all()
    np.testing.assert_array_equal(after.outcomes, np.isfinite(seen.came).astype(float))
    np.testing.assert_array_equal(after.own[0], before.own[0])


def test_a_day_of_calm_does_not_wind_the_distance_up() -> None:
    generator = np.random.default_rng(8)
    distances = adaptive.nothing_known(50, 1)
    unit, at_limit = np.full((50, 1), 0.02), np.full((50, 1), 0.7)
    calm = np.full((50, 1), 0.3)
    covered: list[float] = []
    for step in range(2_000 + 80):
        p90 = calm + adaptive.usual(distances) * unit
        came = calm if step < 2_000 else calm + generator.normal(0.0, 0.02, (50, 1))
        covered.append(float((came <= p90).mean()))
        told, experts = np.zeros((50, 1, len(choice.METHODS)), np.float32), np.zeros((50, 1, 2), np.float32)
        distances = adaptive.learn(distances, Outcomes(calm, unit, at_limit, calm, p90, calm, calm, told, experts, came, came))
    assert np.mean(covered[-30:]) > 0.8


def test_record_is_the_sum_of_what_happened() -> None:
    seen = outcomes_of(50, seed=6)
    found = judge(Verdicts.none(50, 2), seen, Leads(*np.array([[4.0, 4.0], [2.0, 3.0], [3.0, 9.0]])))
    for row in range(50):
        for horizon in range(2):
            at = (row, horizon)
            usable = row not in (1, 2) and seen.last[at] < 0.7
            event, alarm = seen.highest[at] >= 0.7, seen.margin[at] >= 0.7
            assert found.matured[at] == usable and found.events[at] == (usable and event)
            assert found.alarms[at] == (usable and alarm) and found.hits[at] == (usable and alarm and event)
            assert found.model[at] == pytest.approx((seen.probability[at] - event) ** 2 if usable else 0.0, abs=1e-6)
    error = (seen.came - seen.p90)[1:]
    np.testing.assert_allclose(found.covered, (error <= 0.0).sum(axis=0))
    np.testing.assert_allclose(found.pinball, np.where(error > 0.0, 0.9 * error, -0.1 * error).sum(axis=0))
    np.testing.assert_allclose(found.cases.sum(axis=1), found.matured.sum(axis=0))
    np.testing.assert_allclose(found.came.sum(axis=1), found.events.sum(axis=0))
    told = found.quality(grid_seconds=30.0)
    np.testing.assert_allclose(told.foreseen, [0.5, 0.75])
    np.testing.assert_allclose(told.lead_seconds, [45.0, 90.0])
    assert (found.said <= found.cases * (np.arange(10) + 1.0) / 10.0 + 1e-9).all()


def test_a_rising_ambiguous_share_is_a_series_that_the_forecaster_takes() -> None:
    share = np.clip(0.1 + 0.0015 * np.arange(220.0) + ar1(10, 220, 0.004, 0.3, seed=3), 0.0, 1.0)
    table, _ = LearnedForecaster().forecast(history(share, limit=0.6), None, END)
    assert (table.p50[:, 3] > share[:, -1]).mean() >= 0.8
    assert (table.p50 <= table.p90).all() and (table.p90 <= 1.0).all()
