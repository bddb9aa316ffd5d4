"""What the learning forecaster remembers of a fleet that changes, and of a file that does not fit."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from forecasting.api import Floats, ForecastState, ForecastTable
from forecasting.state import digest
from tests.builders.forecasting import END, events, learned, lived, past

NAN = float("nan")
VALUES = events(8, 200, seed=1)
KEYS = tuple(f"device-{row}" for row in range(8))
FORECASTER = learned()
NAMES = ("p50", "p90", "margin_p90", "skill")


@pytest.fixture(scope="module")
def state() -> ForecastState:
    found = lived(FORECASTER, VALUES, range(150, 160), None, KEYS)[1]
    assert found is not None
    return found


def next_word(state: ForecastState | None, values: Floats, keys: tuple[str, ...], column: int = 160) -> ForecastTable:
    return lived(FORECASTER, values, range(column, column + 1), state, keys)[0][0]


@pytest.fixture(scope="module")
def anew() -> Floats:
    """p90 of a start without memory."""
    return next_word(None, VALUES, KEYS).p90


def test_reordered_series_keep_what_each_has_taught(state: ForecastState) -> None:
    order = [5, 2, 7, 0, 1, 6, 3, 4]
    straight, turned = next_word(state, VALUES, KEYS), next_word(state, VALUES[order], tuple(KEYS[row] for row in order))
    for name in NAMES:
        # Coefficients are solved in turns by row, so that a series may have to wait for them a little longer or shorter.
        np.testing.assert_allclose(getattr(turned, name), getattr(straight, name)[order], atol=0.01, err_msg=name)
    limits = np.full((8, 1), 0.8)
    np.testing.assert_allclose(turned.p_over(limits), straight.p_over(limits)[order], atol=1e-4)


def test_fleet_loses_and_gains_series(state: ForecastState) -> None:
    keys, rows = ("device-3", "new", "device-6"), [3, 0, 6]
    values = VALUES[rows].copy()
    values[1, :158] = NAN
    straight, changed = next_word(state, VALUES, KEYS), next_word(state, values, keys)
    np.testing.assert_allclose(changed.p50[[0, 2]], straight.p50[[3, 6]], atol=0.02)
    np.testing.assert_allclose(changed.p90[[0, 2]], straight.p90[[3, 6]], atol=0.02)
    assert np.isfinite(changed.p50[1]).all() and (changed.p90[1] > changed.p50[1]).all()
    assert not np.allclose(changed.p90, next_word(None, values, keys).p90), "and what was known was worth something"
    assert next_word(state, VALUES[:0], ()).p50.shape == (0, 4)


def test_a_device_that_returns_after_a_removal_begins_anew_and_learns(state: ForecastState) -> None:
    _, without = lived(FORECASTER, VALUES[:7], range(160, 164), state, KEYS[:7])
    tables, _ = lived(FORECASTER, VALUES, range(164, 190), without, KEYS)
    assert np.isfinite(tables[-1].p90[7]).all()


def damaged(state: ForecastState, name: str, worth: float) -> ForecastState:
    array = state.arrays[name].copy()
    array.reshape(-1)[0] = worth
    return replace(state, arrays={**state.arrays, name: array})


def without(state: ForecastState, name: str) -> ForecastState:
    return replace(state, arrays={kept: array for kept, array in state.arrays.items() if kept != name})


SOUND_NAMES = ["last/sums/0/gram", "fleet/sums/1/fleet_gram", "last/betas/2/series", "series/memory/share", "series/distances/own",
               "series/record/error", "fleet/verdicts/said", "series/origins/3/rows", "fleet/crossing_beta"]  # fmt: skip


@pytest.mark.parametrize("name", SOUND_NAMES)
@pytest.mark.parametrize("worth", [NAN, float("inf")], ids=["nan", "inf"])
def test_a_state_with_numbers_that_cannot_be_is_ignored(state: ForecastState, anew: Floats, name: str, worth: float) -> None:
    np.testing.assert_array_equal(next_word(damaged(state, name, worth), VALUES, KEYS).p90, anew)


@pytest.mark.parametrize("name", [*SOUND_NAMES, "series/origins/0/last", "series/gate"])
def test_a_state_that_lacks_a_part_is_ignored(state: ForecastState, anew: Floats, name: str) -> None:
    np.testing.assert_array_equal(next_word(without(state, name), VALUES, KEYS).p90, anew)


@pytest.mark.parametrize(
    ("change", "numbers", "why"),
    [
        pytest.param({"method": "regression-1"}, {}, "regression-1 learned it", id="another method"),
        pytest.param({"arrays": {}}, {}, "its arrays are not those", id="no arrays"),
        pytest.param({"numbers": {}}, {}, "a grid of nan s", id="no numbers"),
        pytest.param({}, {"grid_seconds": 30.0}, "a grid of 30 s and the grid is now 5 s", id="another grid"),
        pytest.param({}, {"end": END + 90_000.0}, "in the future", id="the future"),
        pytest.param({}, {"columns": NAN}, "its count of columns cannot be", id="uncounted columns"),
        pytest.param({}, {"end": NAN}, "from no time at all", id="no time"),
        pytest.param({}, {"end": float("-inf")}, "from no time at all", id="before all time"),
        pytest.param({}, {"horizon_3": 24.0}, "other horizons", id="other horizons"),
        pytest.param({"keys": ("device-0",)}, {}, "its series have no names", id="other keys than rows"),
    ],
)
def test_a_state_that_does_not_fit_is_ignored_and_the_table_says_why(
    state: ForecastState, anew: Floats, change: dict[str, object], numbers: dict[str, float], why: str
) -> None:
    found = next_word(replace(state, **{"numbers": {**state.numbers, **numbers}, **change}), VALUES, KEYS)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.p90, anew)
    assert why in found.began_anew and found.began_anew.endswith("learning begins anew")


def test_a_state_that_fits_and_none_at_all_need_no_words(state: ForecastState) -> None:
    assert next_word(state, VALUES, KEYS).began_anew == next_word(None, VALUES, KEYS).began_anew == ""


def test_a_state_of_other_horizons_is_ignored(state: ForecastState) -> None:
    seen = past(VALUES, 160, KEYS)
    for other in (learned(horizon_steps=(1, 3)), learned(horizon_steps=(1, 3, 6, 24))):
        went_on, anew = other.forecast(seen, state, seen.end), other.forecast(seen, None, seen.end)
        np.testing.assert_array_equal(went_on[0].p90, anew[0].p90)
        assert went_on[1].numbers == anew[1].numbers


def test_without_keys_as_many_rows_are_the_same_series_and_others_are_not() -> None:
    _, state = lived(FORECASTER, VALUES, range(150, 160))
    assert state is not None and state.numbers["columns"] == 139
    assert lived(FORECASTER, VALUES, range(160, 161), state)[1].numbers["columns"] == 140  # type: ignore[union-attr]
    assert lived(FORECASTER, VALUES[:5], range(160, 161), state)[1].numbers["columns"] == 130  # type: ignore[union-attr]


def test_an_hour_without_a_refresh_is_lived_through_when_the_history_has_it(state: ForecastState) -> None:
    long, _ = lived(FORECASTER, VALUES, range(160, 195), state, KEYS)
    leap = next_word(state, VALUES, KEYS, column=194)
    np.testing.assert_array_equal(leap.p90, long[-1].p90)


def test_after_a_hole_that_nobody_has_seen_nothing_is_compared_across_it(state: ForecastState) -> None:
    seen = past(VALUES, 170, KEYS, width=1)
    table, after = FORECASTER.forecast(replace(seen, end=seen.end + 3600.0), state, seen.end + 3600.0)
    assert np.isfinite(table.p50).all() and after.numbers["columns"] == state.numbers["columns"] + 1
    for name in ("series/record/error", "series/distances/own", "last/sums/0/gram"):
        np.testing.assert_array_equal(after.arrays[name], state.arrays[name])
    empty = replace(seen, values=seen.values[:, :0], end=seen.end + 3600.0)
    nothing, kept = FORECASTER.forecast(empty, state, empty.end)
    assert np.isnan(nothing.p50).all() and np.isnan(nothing.p_over(np.full(8, 0.8))).all()
    np.testing.assert_array_equal(kept.arrays["series/record/error"], state.arrays["series/record/error"])


@pytest.mark.parametrize("worth", [0.0, -30.0, 1e30, -1e30])
def test_finite_nonsense_in_a_state_raises_nothing(state: ForecastState, worth: float) -> None:
    filled = {name: np.full_like(array, worth) for name, array in state.arrays.items()}
    _, after = lived(FORECASTER, VALUES, range(160, 175), replace(state, arrays=filled), KEYS)
    assert after is not None and len(digest(after)) == 64


def test_a_state_is_as_large_as_the_module_says_and_grows_with_the_fleet_alone() -> None:
    def size(series: int, columns: int) -> int:
        _, found = FORECASTER.forecast(past(events(series, columns, seed=2), columns - 1, width=columns), None, END)
        return sum(array.nbytes for array in found.arrays.values())

    per_series = (size(60, 40) - size(20, 40)) / 40
    assert 8_800 < per_series < 9_600 and size(20, 40) == size(20, 120)
    assert size(20, 40) - 20 * per_series < 30_000, "the fleet's share"


def test_a_refresh_is_quick_and_silence_makes_it_no_dearer() -> None:
    def seconds(values: Floats) -> float:
        _, before = lived(FORECASTER, values, range(40, 41))
        started = time.process_time()
        lived(FORECASTER, values, range(41, 53), before)
        return (time.process_time() - started) / 12

    values = events(400, 60, seed=3)
    silent = values.copy()
    silent[:200], silent[200:, ::3] = NAN, NAN
    talking = min(seconds(values) for _ in range(3))
    assert talking / 400 < 200e-6, "ten times the 20 µs that are promised, so that a busy machine does not fail it"
    assert min(seconds(silent) for _ in range(3)) < 2.0 * talking


def test_a_clock_set_back_takes_nothing_of_what_was_learnt() -> None:
    values = events(20, 120, seed=9)
    _, state = lived(FORECASTER, values, range(100, 101))
    assert state is not None
    seen = past(values, 100)
    later = replace(state, numbers={**state.numbers, "end": state.numbers["end"] + 7.3 * seen.grid_seconds})
    table, after = FORECASTER.forecast(seen, later, seen.end)
    assert after.numbers["columns"] == state.numbers["columns"] + 1
    assert np.isfinite(table.p50).any()
    much_later = replace(state, numbers={**state.numbers, "end": state.numbers["end"] + 90_000.0})
    assert FORECASTER.forecast(seen, much_later, seen.end)[1].numbers["columns"] < state.numbers["columns"] + 1


@pytest.mark.parametrize(
    ("name", "worth"), [("series/origins/0/probability", -1.0), ("series/origins/2/experts", 1.5), ("series/verdicts/rule", -5.0)]
)
def test_a_state_with_probabilities_or_counts_that_cannot_be_is_ignored(
    state: ForecastState, anew: Floats, name: str, worth: float
) -> None:
    np.testing.assert_array_equal(next_word(damaged(state, name, worth), VALUES, KEYS).p90, anew)


def test_a_past_that_comes_late_is_lived_through() -> None:
    """The first read of the history failed: nothing was known, then all of it is."""
    blind = FORECASTER.forecast(past(np.full_like(VALUES, NAN), 159, KEYS), None, past(VALUES, 159).end)[1]
    table, late = FORECASTER.forecast(past(VALUES, 160, KEYS), blind, past(VALUES, 160).end)
    assert late.numbers["columns"] > 100 and table.began_anew == ""


def test_a_moment_without_devices_forgets_the_fleet_and_does_not_break(state: ForecastState) -> None:
    nobody, between = FORECASTER.forecast(past(VALUES[:0], 160), state, past(VALUES, 160).end)
    assert nobody.p50.shape == (0, 4) and nobody.began_anew == ""
    assert between.numbers["columns"] == state.numbers["columns"] + 1.0 and between.arrays["fleet/crossing_beta"].any()
