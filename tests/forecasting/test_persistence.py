"""Environment classes as two-state chains: rates, formulas, calibration, and what is remembered of a fleet that changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from forecasting.api import Floats, ForecastState, ForecastTable, Series
from forecasting.persistence import Chain, PersistenceForecaster, PersistenceSettings, known_classes, lasts, nothing_learnt, take_in
from forecasting.state import digest, from_bytes, to_bytes
from tests.builders.forecasting import END, GRID_SECONDS, history, lived, past

Answer = tuple[ForecastTable, ForecastState]
Change = Callable[[ForecastState], dict[str, object]]
NAN, INF = float("nan"), float("inf")
STEPS = (1, 3, 6, 12)
RULES = PersistenceSettings()
FORECASTER = PersistenceForecaster(RULES)
KEYS = tuple(f"camera-{row}" for row in range(8))
ODD = st.one_of(st.floats(0.0, 1.0), st.floats(), st.sampled_from([0.0, 0.5, 1.0, NAN, INF, -INF, 1e308, -1e308, 1.5, -0.1, 5e-324]))
LOADS = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=16), elements=ODD)


def weather(cameras: int, points: int, leaving: float | Floats, coming: float | Floats, seed: int) -> Floats:
    """A fleet whose class leaves and comes by chance at rates of each camera, C × T of 1 and 0."""
    generator = np.random.default_rng(seed)
    seen = np.empty((cameras, points))
    seen[:, 0] = generator.uniform(size=cameras) < 0.5
    for column in range(1, points):
        turned = generator.uniform(size=cameras) < np.where(seen[:, column - 1] > 0.0, leaving, coming)
        seen[:, column] = seen[:, column - 1] != turned
    return seen


def wave(cameras: int, points: int, steps: int = 1) -> Floats:
    """A class that is seen for so many steps and then not for as many."""
    return np.tile((np.arange(points) // steps) % 2 == 0, (cameras, 1)).astype(np.float64)


VALUES = weather(8, 200, np.linspace(0.02, 0.4, 8), 0.1, seed=1)


def told(values: Floats, limit: float = 0.5) -> ForecastTable:
    return FORECASTER.forecast(history(values, limit), None, END)[0]


def chain_of(table: ForecastTable) -> Chain:
    assert isinstance(table.chances, Chain)
    return table.chances


def mean(rate: Floats) -> Floats:
    return np.asarray(rate[:, 0] / rate.sum(axis=1))


def refresh(state: ForecastState | None, values: Floats, keys: tuple[str, ...] = KEYS, column: int = 160) -> Answer:
    seen = past(values, column, keys)
    return FORECASTER.forecast(seen, state, seen.end)


@pytest.fixture(scope="module")
def state() -> ForecastState:
    found = lived(FORECASTER, VALUES, range(150, 160), None, KEYS)[1]
    assert found is not None
    return found


def test_steps_between_known_neighbours_are_counted_and_forgotten() -> None:
    values = np.array([[1.0, 1.0, 0.0, 0.0, 1.0], [1.0, NAN, 0.7, 1.0, 3.0]])
    table, found = FORECASTER.forecast(history(values), None, END)
    kept = 0.5 ** (1.0 / 120.0)
    np.testing.assert_allclose(found.arrays["turns"], [[[1.0, kept], [1.0, kept]], [[0.0, 1.0], [0.0, 0.0]]], rtol=1e-6)
    np.testing.assert_allclose(found.arrays["fleet"], [[kept, kept**2 + 1.0], [1.0, kept]])
    assert table.history_points.tolist() == [5, 3] and table.margin_p90[:, 0].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("leaving", "coming"), [(0.02, 0.1), (0.2, 0.05), (0.5, 0.5), (0.95, 0.9)])
def test_rates_are_found(leaving: float, coming: float) -> None:
    chain = chain_of(told(weather(100, 288, leaving, coming, seed=2)))
    for rate, truth in ((chain.leaving, leaving), (chain.coming, coming)):
        # A mean of n independent steps is off by √(p(1−p)/n), and a + b counts no more steps than there were.
        off = 5.0 * np.sqrt(truth * (1.0 - truth) / rate.sum(axis=1))
        assert (np.abs(mean(rate) - truth) < off + 0.01).all()
        assert abs(mean(rate).mean() - truth) < 5.0 * np.sqrt(truth * (1.0 - truth) / rate.sum())


def test_a_camera_that_has_shown_nothing_is_believed_to_be_usual_and_then_like_its_fleet() -> None:
    alone = told(np.ones((1, 1)))
    assert mean(chain_of(alone).leaving)[0] == pytest.approx(0.05) == pytest.approx(1.0 - lasts(alone, [1])[0, 0])
    values = weather(60, 250, 0.3, 0.2, seed=3)
    values[0, :-1] = NAN
    chain = chain_of(told(values))
    assert mean(chain.leaving)[0] == pytest.approx(0.3, abs=0.03) and chain.leaving[0].sum() == pytest.approx(10.0)


def test_new_habits_are_believed_within_hours_and_rain_is_not_forgotten_while_the_sun_shines() -> None:
    values = np.concatenate([weather(50, 240, 0.01, 0.01, seed=4), weather(50, 240, 0.4, 0.4, seed=5)], axis=1)
    tables, _ = lived(FORECASTER, values, range(230, 480, 50))
    assert mean(chain_of(tables[0]).leaving).mean() < 0.03 and mean(chain_of(tables[-1]).leaving).mean() > 0.25
    sunny = np.concatenate([weather(1, 100, 0.3, 0.3, seed=6), np.zeros((1, 150))], axis=1)
    early, late = (FORECASTER.forecast(history(sunny[:, :points]), None, END)[1] for points in (110, 250))
    np.testing.assert_array_equal(early.arrays["turns"][0, 0], late.arrays["turns"][0, 0])


@pytest.mark.parametrize("cameras", [1, 10])
def test_the_field_s_square_wave_is_recognised(cameras: int) -> None:
    table, state = FORECASTER.forecast(history(wave(cameras, 241), 0.5), None, END)
    assert (lasts(table, [1]) < 0.02).all() and (mean(chain_of(table).coming) > 0.98).all()
    assert table.p50.tolist() == [[0.0, 0.0, 1.0, 1.0]] * cameras, "odd steps later it is the other class"
    assert (table.skill > 0.0).all() and table.gate_open is not None and table.gate_open.all()
    later, _ = FORECASTER.forecast(history(wave(cameras, 242), 0.5), state, END + GRID_SECONDS)
    assert (later.margin_p90 == 0.0).all() and (later.p50[:, 0] == 1.0).all()
    assert table.usual_overload_seconds.tolist() == [GRID_SECONDS] * cameras


def test_the_gate_is_closed_where_the_chain_is_wrong_and_a_chain_that_knows_no_more_than_the_rule_has_next_to_no_skill() -> None:
    wrong = told(wave(10, 241, steps=4))
    assert (wrong.skill < -0.05).all() and wrong.gate_open is not None and not wrong.gate_open.any()
    seen = history(weather(200, 288, 0.1, 0.05, seed=7))
    table, found = FORECASTER.forecast(seen, None, END)
    assert (np.abs(table.skill) < 0.05).all() and (table.skill < 0.0).any()
    for gate in (np.zeros(200, np.float32), np.ones(200, np.float32)):
        again = FORECASTER.forecast(seen, replace(found, arrays={**found.arrays, "gate": gate}), END)[0]
        np.testing.assert_array_equal(again.gate_open, (table.skill > 0.0) | (gate > 0.0), "an open gate closes at -0.05 alone")
    assert np.isnan(told(np.ones((3, 2))).skill).all(), "and without an outcome there is none"


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
    generator = np.random.default_rng(9)
    values = weather(400, 250, generator.uniform(0.01, 0.4, 400), generator.uniform(0.01, 0.4, 400), seed=10)
    columns = range(120, 238, 13)
    tables, _ = lived(FORECASTER, values, columns)
    ahead = np.stack([values[:, column + 1 : column + 13] for column in columns])
    absent = values[:, columns].T[..., None] == 0.0
    said = np.stack([chain_of(table).seen_after() for table in tables])
    comes = np.where(absent, np.stack([table.p_over(np.full(400, 0.5)) for table in tables]), NAN)
    stays = np.stack([lasts(table, STEPS) for table in tables])
    for chances, outcomes in ((said, ahead), (comes, np.maximum.accumulate(ahead, axis=2)), (stays, np.minimum.accumulate(ahead, axis=2))):
        for horizon, steps in enumerate(STEPS):
            chance, outcome = chances[..., horizon], outcomes[..., steps - 1]
            for low in np.arange(0.0, 1.0, 0.2):
                some = (chance >= low) & (chance < low + 0.2)
                # A camera is asked each 13 steps: half of the outcomes are counted as independent.
                bound = 4.0 * np.sqrt(0.25 / (some.sum() / 2.0 + 1.0)) + 0.02
                assert abs((chance[some] - outcome[some]).sum()) < bound * (some.sum() + 1.0), (steps, low)


def test_median_p90_and_spread_are_those_of_one_and_zero() -> None:
    table = told(VALUES)
    chance = chain_of(table).seen_after()
    np.testing.assert_array_equal(table.p50, chance >= 0.5)
    np.testing.assert_array_equal(table.p90, chance >= 1.0 - 0.9)
    np.testing.assert_allclose(table.spread, np.maximum(np.sqrt(chance * (1.0 - chance)), 0.003))
    assert np.isnan(lasts(replace(table, chances=None), [1, 2])).all() and lasts(table, []).shape == (8, 0)


@pytest.mark.parametrize(("silent", "known"), [(3, True), (4, False)])
def test_a_last_class_is_believed_for_three_steps_and_then_unknown(silent: int, known: bool) -> None:
    hole = told(np.concatenate([VALUES[:, :100], np.full((8, silent), NAN)], axis=1))
    late, _ = FORECASTER.forecast(history(VALUES[:, :100]), None, END + silent * GRID_SECONDS)
    for table in (hole, late):
        for said in (table.p50, table.margin_p90, table.p_over(np.full(8, 0.5)), table.skill):
            assert (np.isfinite(said) == known).all()


def test_noise_after_an_origin_changes_nothing_before_it() -> None:
    changed, words = VALUES.copy(), []
    changed[:, 91:] = np.random.default_rng(11).uniform(-1.0, 2.0, changed[:, 91:].shape)
    for values in (VALUES, changed):
        learnt, said = nothing_learnt(8, RULES), []
        for column in range(120):
            learnt = take_in(learnt, known_classes(values[:, : column + 1]), RULES)
            said.append(np.concatenate([learnt.turns.reshape(8, -1), learnt.origins[:, 0], learnt.record], axis=1))
        words.append(np.stack(said))
    np.testing.assert_array_equal(words[0][:91], words[1][:91])
    assert not np.array_equal(words[0][91:], words[1][91:]), "and the noise was seen afterwards"


def test_going_on_step_by_step_or_from_disk_is_going_on_in_one_go(state: ForecastState) -> None:
    values, before = VALUES.copy(), to_bytes(state)
    values[:3, 165:169] = NAN
    from_disk = from_bytes(before)
    assert isinstance(from_disk, ForecastState) and sum(array.nbytes for array in state.arrays.values()) == 8 * 88 + 32
    tables, one = lived(FORECASTER, values, range(160, 181), state, KEYS)
    leap, other = refresh(from_disk, values, column=180)
    anew = lived(FORECASTER, values, range(100), None, KEYS)[1]
    assert one is not None and anew is not None and to_bytes(one) == to_bytes(other) and to_bytes(state) == before
    assert digest(anew) == digest(refresh(None, values, column=99)[1])
    np.testing.assert_array_equal(tables[-1].p_over(np.full(8, 0.5)), leap.p_over(np.full(8, 0.5)))
    for column, learnt in ((159, state), (160, refresh(state, VALUES)[1])):
        for late in (-0.4, 0.4):
            seen = past(VALUES, column, KEYS)
            again = FORECASTER.forecast(replace(seen, end=seen.end + late * GRID_SECONDS), state, seen.end)[1]
            np.testing.assert_array_equal(again.arrays["turns"], learnt.arrays["turns"], "no column is missed or learnt twice")


def test_series_that_change_places_come_and_go_find_what_they_taught(state: ForecastState) -> None:
    values = VALUES[[5, 0, 2]].copy()
    values[1, :160] = NAN
    straight, changed = refresh(state, VALUES)[1], refresh(state, values, ("camera-5", "new", "camera-2"))
    for name in ("turns", "last", "record"):
        np.testing.assert_array_equal(changed[1].arrays[name][[0, 2]], straight.arrays[name][[5, 2]])
    turned, stayed = state.arrays["fleet"][0]
    for table, row in ((changed[0], 1), (refresh(state, values[1:2], ("new",))[0], 0)):
        # … but for a camera that turned at this step.
        assert mean(chain_of(table).leaving)[row] == pytest.approx((turned + 1.0) / (turned + stayed + 20.0), abs=0.01)
    assert refresh(state, VALUES[:0], ())[0].p50.shape == (0, 4)


IMPOSSIBLE = {"turns": 1e9, "fleet": INF, "last": 0.3, "origins": 1.5, "record": -1.0, "gate": NAN}
UNFIT = [
    pytest.param(lambda s: {"method": "learned-2"}, id="another method"),
    pytest.param(lambda s: {"numbers": {**s.numbers, "grid_seconds": 30.0}}, id="another grid"),
    pytest.param(lambda s: {"numbers": {**s.numbers, "horizon_3": 24.0}}, id="other horizons"),
    *[pytest.param(lambda s, end=end: {"numbers": {**s.numbers, "end": end}}, id=f"end {end}") for end in (END + 1e5, NAN, -INF)],
    pytest.param(lambda s: {"arrays": {}, "numbers": s.numbers}, id="no arrays"),
    pytest.param(lambda s: {"arrays": {**s.arrays, "gate": s.arrays["gate"][:5]}}, id="another shape"),
    pytest.param(lambda s: {"keys": ("camera-0",), "arrays": s.arrays}, id="other keys than rows"),
    *[pytest.param(lambda s, name=name, worth=worth: {"arrays": {**s.arrays, name: np.full_like(s.arrays[name], worth)}}, id=name)
      for name, worth in IMPOSSIBLE.items()],
]  # fmt: skip


@pytest.mark.parametrize("change", UNFIT)
def test_a_state_that_does_not_fit_is_ignored_and_the_table_says_why(state: ForecastState, change: Change) -> None:
    (table, after), (fresh, anew) = refresh(replace(state, **change(state)), VALUES), refresh(None, VALUES)  # type: ignore[arg-type]
    assert digest(after) == digest(anew) and fresh.began_anew == ""
    assert table.began_anew.startswith("what was learned before is ignored, as ")


def test_a_clock_set_back_forgets_nothing_and_teaches_nothing_twice_nor_is_a_hole_counted_across(state: ForecastState) -> None:
    after = refresh(state, VALUES, column=152)[1]
    later = refresh(after, wave(8, 200), column=153)[1]
    for name in ("turns", "fleet", "record"):
        np.testing.assert_array_equal(np.stack([after.arrays[name], later.arrays[name]]), np.stack([state.arrays[name]] * 2))
    latest = refresh(later, wave(8, 200), column=154)[1]
    assert (latest.arrays["turns"] != later.arrays["turns"]).any(axis=(1, 2)).all(), "what comes from then on is new"
    seen = past(VALUES, 170, KEYS, width=1)
    hole = FORECASTER.forecast(replace(seen, end=seen.end + 3600.0), state, seen.end + 3600.0)[1]
    np.testing.assert_array_equal(hole.arrays["turns"], state.arrays["turns"])


def sound(table: ForecastTable, limits: Floats) -> None:
    """Nothing in it is infinite, out of order or out of range."""
    chance, over, still = chain_of(table).seen_after(), table.p_over(limits), lasts(table, STEPS)
    for said in (table.p50, table.p90, table.spread, table.margin_p90, table.skill, table.usual_overload_seconds, chance, over, still):
        assert not np.isinf(said).any()
    assert not (table.p50 > table.p90).any() and not (np.abs(table.skill) > 1.0).any() and not (table.spread <= 0.0).any()
    assert not any(((share < 0.0) | (share > 1.0)).any() for share in (chance, over, still))
    assert not (np.diff(over, axis=2) < 0.0).any() and not (np.diff(still, axis=1) > 0.0).any()
    unknown = np.isnan(table.p50[:, :1])
    assert (np.isnan(over) == (unknown | np.isnan(limits))[..., None]).all() and (np.isnan(chance) == unknown).all()
    assert not ((over < 1.0) & (limits <= 0.0)[..., None]).any()
    assert not ((over > 0.0) == (limits > 1.0)[..., None])[~np.isnan(over)].any()
    order = np.argsort(limits, axis=1)[..., None]
    assert not (np.diff(np.take_along_axis(over, order, axis=1), axis=1) > 0.0).any(), "a higher limit is not reached more easily"


@settings(max_examples=40, deadline=None)
@given(values=LOADS, limit=ODD, asked=st.lists(ODD, min_size=1, max_size=6), now=ODD)
@pytest.mark.filterwarnings("error")
def test_any_array_has_a_defined_answer(values: Floats, limit: float, asked: list[float], now: float) -> None:
    limits = np.tile([*asked, 0.0, 1.0], (values.shape[0], 1))
    table, found = FORECASTER.forecast(history(values, limit), None, END)
    assert table.p50.shape == (values.shape[0], 4)
    sound(table, limits)
    sound(FORECASTER.forecast(history(values[:, :1], limit), found, END + 2.0 * GRID_SECONDS)[0], limits)
    sound(FORECASTER.forecast(Series(values, now, now, np.full(len(values), limit)), found, now)[0], limits)
    for one in lived(FORECASTER, np.concatenate([wave(len(values), 20), values], axis=1), range(0, 20 + values.shape[1], 7))[0]:
        sound(one, limits)
