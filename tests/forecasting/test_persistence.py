"""Environment classes as two-state chains: rates, formulas, calibration, and what is remembered of a fleet that changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from forecasting.api import Floats, ForecastState, ForecastTable, Series
from forecasting.persistence import Chain, PersistenceForecaster, lasts
from forecasting.state import digest, from_bytes, to_bytes
from tests.builders.forecasting import END, GRID_SECONDS, history, lived, past

Answer = tuple[ForecastTable, ForecastState]
NAN, INF, STEPS = float("nan"), float("inf"), (1, 3, 6, 12)
FORECASTER = PersistenceForecaster()
KEYS = tuple(f"camera-{row}" for row in range(8))
ODD = st.one_of(st.floats(0.0, 1.0), st.floats(), st.sampled_from([0.0, 0.5, 1.0, NAN, INF, -INF, 1e308, -1e308, 1.5, -0.1, 5e-324]))
LOADS = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=16), elements=ODD)


def weather(cameras: int, points: int, leaving: float | Floats, coming: float | Floats, seed: int) -> Floats:
    """A fleet whose class leaves and comes by chance at rates of each camera, C × T of 1 and 0."""
    generator = np.random.default_rng(seed)
    seen = np.zeros((cameras, points))
    for column in range(1, points):
        turned = generator.uniform(size=cameras) < np.where(seen[:, column - 1] > 0.0, leaving, coming)
        seen[:, column] = seen[:, column - 1] != turned
    return seen


def told(values: Floats) -> ForecastTable:
    return FORECASTER.forecast(history(values, 0.5), None, END)[0]


def chain_of(table: ForecastTable) -> Chain:
    assert isinstance(table.chances, Chain)
    return table.chances


def mean(rate: Floats) -> Floats:
    return np.asarray(rate[:, 0] / rate.sum(axis=1))


def refresh(state: ForecastState | None, values: Floats, keys: tuple[str, ...] = KEYS, column: int = 160) -> Answer:
    seen = past(values, column, keys)
    return FORECASTER.forecast(seen, state, seen.end + GRID_SECONDS)  # a history that lags behind teaches as much


VALUES = weather(8, 200, np.linspace(0.02, 0.4, 8), 0.1, seed=1)
STATE = refresh(None, VALUES, column=159)[1]


def test_steps_between_known_neighbours_are_counted_and_forgotten() -> None:
    values = np.array([[1.0, 1.0, 0.0, 0.0, 1.0], [1.0, NAN, 0.7, 1.0, 3.0]])
    table, found = FORECASTER.forecast(history(values), None, END)
    kept = 0.5 ** (1.0 / 120.0)
    np.testing.assert_allclose(found.arrays["turns"], [[[1.0, kept], [1.0, kept]], [[0.0, 1.0], [0.0, 0.0]]], rtol=1e-6)
    np.testing.assert_allclose(found.arrays["fleet"], [[kept, kept**2 + 1.0], [1.0, kept]])
    assert table.history_points.tolist() == [5, 3] and table.margin_p90[:, 0].tolist() == [1.0, 1.0]


def test_a_camera_that_has_shown_nothing_is_believed_to_be_usual_and_then_like_its_fleet() -> None:
    alone = told(np.ones((1, 1)))
    assert mean(chain_of(alone).leaving)[0] == pytest.approx(0.05) == pytest.approx(1.0 - lasts(alone, [1])[0, 0])
    values = weather(60, 250, 0.3, 0.2, seed=3)
    values[0, :-1] = NAN
    chain = chain_of(told(values))
    assert mean(chain.leaving)[0] == pytest.approx(0.3, abs=0.03) and chain.leaving[0].sum() == pytest.approx(10.0)


def test_the_field_s_square_wave_is_recognised() -> None:
    table = told(np.tile([0.0, 1.0], (10, 120)))
    assert (lasts(table, [1]) < 0.02).all() and (mean(chain_of(table).coming) > 0.98).all()
    assert table.p50.tolist() == [[0.0, 0.0, 1.0, 1.0]] * 10, "odd steps later it is the other class"
    assert table.usual_overload_seconds.tolist() == [GRID_SECONDS] * 10


@pytest.mark.parametrize("seen", [0, 1])
@pytest.mark.parametrize(("p", "q"), [(0.05, 0.02), (0.8, 0.2), (0.98, 0.99), (0.001, 0.4)])
def test_well_known_rates_give_the_powers_of_the_chain_s_matrix(p: float, q: float, seen: int) -> None:
    leaving, coming = 1e7 * np.array([[p, 1.0 - p]]), 1e7 * np.array([[q, 1.0 - q]])
    exact = [np.linalg.matrix_power(np.array([[1.0 - q, q], [p, 1.0 - p]]), steps)[seen, 1] for steps in STEPS]
    np.testing.assert_allclose(Chain(np.array([float(seen)]), leaving, coming, STEPS).seen_after()[0], exact, atol=1e-6)


@pytest.mark.parametrize(("a", "b"), [(2.0, 18.0), (0.5, 9.5), (9.0, 1.0)])
def test_lasting_and_coming_are_what_simulated_cameras_do_and_bound_what_is_seen_then(a: float, b: float) -> None:
    draws, rates, generator = 100_000, np.array([[a, b]]), np.random.default_rng(8)
    turns_at = generator.geometric(np.maximum(generator.beta(a, b, draws), 1e-12))
    stays = (turns_at[:, None] > np.array(STEPS)).mean(axis=0)
    seen, absent = Chain(np.ones(1), rates, rates, STEPS), Chain(np.zeros(1), rates, rates, STEPS)
    exact, comes = lasts(replace(told(np.ones((1, 1))), chances=seen), STEPS)[0], absent.probability(np.array([[0.5]]))[0, 0]
    assert (np.abs(exact - stays) < 4.0 * np.sqrt(exact * (1.0 - exact) / draws)).all()
    np.testing.assert_allclose(comes, 1.0 - exact, rtol=1e-9)
    assert (exact[1:] > (b / (a + b)) ** np.array(STEPS)[1:]).all(), "slower than at the mean rate"
    assert (seen.seen_after()[0] >= exact - 1e-12).all() and (absent.seen_after()[0] <= comes).all()


def test_what_is_said_is_what_comes() -> None:
    values = weather(400, 250, np.linspace(0.01, 0.4, 400), np.tile(np.linspace(0.01, 0.4, 20), 20), seed=10)
    columns, until = range(120, 238, 13), [steps - 1 for steps in STEPS]
    tables, _ = lived(FORECASTER, values, columns)
    ahead = np.stack([values[:, column + 1 : column + 13] for column in columns])
    said = np.stack([chain_of(table).seen_after() for table in tables])
    comes = np.where(values[:, columns].T[..., None] == 0.0, np.stack([table.p_over(np.full(400, 0.5)) for table in tables]), NAN)
    stays = np.stack([lasts(table, STEPS) for table in tables])
    for chances, outcomes in ((said, ahead), (comes, np.maximum.accumulate(ahead, axis=2)), (stays, np.minimum.accumulate(ahead, axis=2))):
        for low in np.arange(0.0, 1.0, 0.2):
            some = (chances >= low) & (chances < low + 0.2)
            off, cases = np.where(some, chances - outcomes[..., until], 0.0).sum(axis=(0, 1)), some.sum(axis=(0, 1)) + 1.0
            # A camera is asked each 13 steps: half of the outcomes are counted as independent.
            assert (np.abs(off) < cases * (4.0 * np.sqrt(0.5 / cases) + 0.02)).all(), low


def test_median_p90_and_spread_are_those_of_one_and_zero() -> None:
    chance = chain_of(table := told(VALUES)).seen_after()
    assert (table.p50 == (chance >= 0.5)).all() and (table.p90 == (chance >= 1.0 - 0.9)).all()
    np.testing.assert_allclose(table.spread, np.maximum(np.sqrt(chance * (1.0 - chance)), 0.003))
    assert np.isnan(lasts(replace(table, chances=None), [1, 2])).all() and lasts(table, []).shape == (8, 0)
    assert np.isnan(table.skill).all() and not table.gate_open.any() and table.skill.shape == table.gate_open.shape == (8, 4)


@pytest.mark.parametrize(("silent", "known"), [(3, True), (4, False)])
def test_a_last_class_is_believed_for_three_steps_and_then_unknown(silent: int, known: bool) -> None:
    hole = told(np.concatenate([VALUES[:, :100], np.full((8, silent), NAN)], axis=1))
    for table in (hole, FORECASTER.forecast(history(VALUES[:, :100]), None, END + silent * GRID_SECONDS)[0]):
        assert (np.isfinite([table.p50, table.margin_p90, table.p_over(np.full(8, 0.5))]) == known).all()


def test_noise_after_an_origin_changes_nothing_before_it() -> None:
    changed, words = VALUES.copy(), []
    changed[:, 91:] = np.random.default_rng(11).uniform(-1.0, 2.0, changed[:, 91:].shape)
    for values in (VALUES, changed):
        chains = [chain_of(table) for table in lived(FORECASTER, values, range(120))[0]]
        words.append(np.stack([np.column_stack([chain.leaving, chain.coming, chain.seen]) for chain in chains]))
    np.testing.assert_array_equal(words[0][:91], words[1][:91])
    assert (words[0][91:, :, :4] != words[1][91:, :, :4]).any(axis=(1, 2)).all(), "and the noise was seen afterwards"


def test_going_on_step_by_step_or_from_disk_is_going_on_in_one_go() -> None:
    values, before = VALUES.copy(), to_bytes(STATE)
    values[:3, 165:169] = NAN
    from_disk = from_bytes(before)
    assert isinstance(from_disk, ForecastState) and sum(array.nbytes for array in STATE.arrays.values()) == 8 * 16 + 32
    (*_, table), one = lived(FORECASTER, values, range(160, 181), STATE, KEYS)
    leap, other = refresh(from_disk, values, column=180)
    assert one is not None and to_bytes(one) == to_bytes(other) and to_bytes(STATE) == before
    np.testing.assert_array_equal(table.p_over(np.full(8, 0.5)), leap.p_over(np.full(8, 0.5)))
    for column, learnt in ((159, STATE), (160, refresh(STATE, VALUES)[1])):
        seen = past(VALUES, column, KEYS)
        for late in (-0.4, 0.4):
            again = FORECASTER.forecast(replace(seen, end=seen.end + late * GRID_SECONDS), STATE, seen.end)[1]
            np.testing.assert_array_equal(again.arrays["turns"], learnt.arrays["turns"], "no column is missed or learnt twice")
            assert (again.numbers["end"] > STATE.numbers["end"]) == (column == 160), "nor do small steps without a column add up to none"


def test_series_that_change_places_come_and_go_find_what_they_taught() -> None:
    values = VALUES[[5, 0, 2]].copy()
    values[1, :160] = NAN
    straight, changed = refresh(STATE, VALUES)[1], refresh(STATE, values, ("camera-5", "new", "camera-2"))
    np.testing.assert_array_equal(changed[1].arrays["turns"][[0, 2]], straight.arrays["turns"][[5, 2]])
    turned, stayed = STATE.arrays["fleet"][0]
    for table, row in ((changed[0], 1), (refresh(STATE, values[1:2], ("new",))[0], 0)):  # some camera may have turned at this step
        assert mean(chain_of(table).leaving)[row] == pytest.approx((turned + 1.0) / (turned + stayed + 20.0), abs=0.01)
    assert refresh(STATE, VALUES[:0], ())[0].p50.shape == (0, 4)


ARRAYS = "its arrays are not those of this version or hold impossible numbers"
UNFIT = [
    (replace(STATE, method="learned-2"), "learned-2 learned it and persistence-1 would use it"),
    (replace(STATE, numbers=STATE.numbers | {"grid_seconds": 30.0}), "it was learned on a grid of 30 s and the grid is now 5 s"),
    (replace(STATE, numbers=STATE.numbers | {"horizon_3": 24.0}), "it was learned for other horizons"),
    (replace(STATE, numbers=STATE.numbers | {"end": END + 1e5}), "it is from more than a day in the future"),
    *[(replace(STATE, numbers=STATE.numbers | {"end": end}), "it is from no time at all") for end in (NAN, -INF)],
    *[(replace(STATE, arrays={**STATE.arrays, "turns": STATE.arrays["turns"] * worth}), ARRAYS) for worth in (-1.0, 1e9, NAN)],
    *[(replace(STATE, arrays={**STATE.arrays, "fleet": fleet}), ARRAYS) for fleet in (np.zeros(2), np.full((2, 2), INF))],
    (replace(STATE, arrays={}), ARRAYS),
    (replace(STATE, keys=("camera-0",)), "its series have no names and are not as many as now"),
]


@pytest.mark.parametrize(("state", "why"), UNFIT, ids=[why for _, why in UNFIT])
def test_a_state_that_does_not_fit_is_ignored_and_the_table_says_why(state: ForecastState, why: str) -> None:
    (table, after), (fresh, anew) = refresh(state, VALUES), refresh(None, VALUES)
    assert digest(after) == digest(anew) and fresh.began_anew == ""
    assert table.began_anew == f"what was learned before is ignored, as {why}: learning begins anew"


def test_a_clock_set_back_forgets_nothing_and_teaches_nothing_twice_nor_is_a_hole_counted_across() -> None:
    late, alone = VALUES.copy(), past(VALUES, 170, KEYS, width=1)
    late[:, 160] = NAN
    after, waiting = refresh(STATE, 1.0 - VALUES, column=152)[1], refresh(STATE, late)[1]
    hole = FORECASTER.forecast(replace(alone, end=alone.end + 3600.0), STATE, alone.end + 3600.0)[1]
    for same in (after, waiting, hole):
        np.testing.assert_array_equal(same.arrays["turns"], STATE.arrays["turns"])
    for state, column in ((after, 153), (waiting, 161)):  # what comes from then on is new, also the step from a sample that came late
        assert (refresh(state, VALUES, column=column)[1].arrays["turns"] != STATE.arrays["turns"]).any(axis=(1, 2)).all()


def sound(table: ForecastTable, limits: Floats) -> None:
    """Nothing in it is infinite, out of order or out of range."""
    chance, over, still = chain_of(table).seen_after(), table.p_over(limits), lasts(table, STEPS)
    words = (table.p50, table.p90, table.spread, table.margin_p90, table.usual_overload_seconds, chance, over, still)
    assert not any(np.isinf(word).any() for word in words) and table.p50.shape == (len(limits), 4)
    assert not (table.p50 > table.p90).any() and not (table.spread <= 0.0).any()
    assert not any(((share < 0.0) | (share > 1.0)).any() for share in (chance, over, still))
    assert not (np.diff(over, axis=2) < 0.0).any() and not (np.diff(over, axis=1) > 0.0).any() and not (np.diff(still, axis=1) > 0.0).any()
    unknown = np.isnan(table.p50[:, :1])
    assert (np.isnan(over) == (unknown | np.isnan(limits))[..., None]).all() and (np.isnan(chance) == unknown).all()
    assert not ((over < 1.0) & (limits <= 0.0)[..., None]).any()
    assert not ((over > 0.0) == (limits > 1.0)[..., None])[~np.isnan(over)].any()


@settings(max_examples=40, deadline=None)
@given(values=LOADS, limit=ODD, asked=st.lists(ODD, min_size=1, max_size=6), now=ODD)
@pytest.mark.filterwarnings("error")
def test_any_array_has_a_defined_answer(values: Floats, limit: float, asked: list[float], now: float) -> None:
    limits = np.tile(np.sort([*asked, 0.0, 1.0]), (len(values), 1))
    table, found = FORECASTER.forecast(history(values, limit), None, END)
    sound(table, limits)
    sound(FORECASTER.forecast(history(values[:, :1], limit), found, END + 2.0 * GRID_SECONDS)[0], limits)
    sound(FORECASTER.forecast(Series(values, now, GRID_SECONDS, np.full(len(values), limit)), found, now)[0], limits)
    for one in lived(FORECASTER, np.hstack([np.tile([1.0, 0.0], (len(values), 10)), values]), range(0, 20 + values.shape[1], 7))[0]:
        sound(one, limits)
