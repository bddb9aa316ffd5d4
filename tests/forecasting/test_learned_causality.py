"""The learning forecaster knows nothing before its time, and comes to the same whichever way it has lived through the same columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting.api import Floats, ForecastState
from forecasting.choice import METHODS
from forecasting.keeping import KeptArrays
from forecasting.learned import LearnedForecaster
from forecasting.learner import LearnerSettings, nothing_learnt, take_in
from forecasting.origin import Origin
from forecasting.resuming import COLD_COLUMNS, bearable_columns
from forecasting.state import digest, from_bytes, to_bytes
from tests.builders.forecasting import END, GRID_SECONDS, LIMIT, events, learned, lived, past

DAY = 48
ORIGIN = 90
VALUES = events(12, 140, seed=1)
STATED = ("p50", "p90", "spread", "margin_p90", "skill")


def words(values: Floats) -> list[Origin]:
    """What every column said, each taken in by itself."""
    rules = LearnerSettings(day_points=DAY)
    learnt, said = nothing_learnt(values.shape[0], rules), []
    margin = np.full((values.shape[0], len(rules.horizon_steps)), 0.8)
    for column in range(values.shape[1]):
        with np.errstate(all="ignore"):
            learnt = take_in(learnt, values[:, : column + 1], np.full(values.shape[0], LIMIT), margin, rules)
        said.append(learnt.origins[0])
    return said


@pytest.fixture(scope="module")
def told() -> tuple[list[Origin], list[Origin]]:
    changed = VALUES.copy()
    changed[:, ORIGIN + 1 :] = np.random.default_rng(2).uniform(-3.0, 3.0, changed[:, ORIGIN + 1 :].shape)
    return words(VALUES), words(changed)


@pytest.mark.parametrize("part", ["p50", "p90", "probability", "features", "rows", "ahead", "limits", "scale"])
def test_noise_after_an_origin_changes_nothing_before_it(told: tuple[list[Origin], list[Origin]], part: str) -> None:
    for before, after in zip(*(one[: ORIGIN + 1] for one in told), strict=True):
        np.testing.assert_array_equal(getattr(after, part), getattr(before, part))
    assert not np.array_equal(getattr(told[0][-1], part), getattr(told[1][-1], part)), "and the noise was seen afterwards"


@pytest.mark.parametrize("method", range(len(METHODS)), ids=METHODS)
def test_noise_after_an_origin_changes_no_method_before_it(told: tuple[list[Origin], list[Origin]], method: int) -> None:
    for before, after in zip(*(one[: ORIGIN + 1] for one in told), strict=True):
        np.testing.assert_array_equal(after.said[..., method], before.said[..., method])
    assert not np.array_equal(told[0][-1].said[..., method], told[1][-1].said[..., method])


def same(one: object, other: object, names: tuple[str, ...] = STATED) -> None:
    for name in names:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_going_on_step_by_step_is_going_on_in_one_go() -> None:
    values = events(10, 190, seed=3)
    forecaster = learned(day_points=DAY)
    _, begun = lived(forecaster, values, range(150, 151))
    tables, state = lived(forecaster, values, range(151, 171), begun)
    leap, leapt = lived(forecaster, values, range(170, 171), begun)
    same(tables[-1], leap[0])
    limits = np.full((10, 1), LIMIT)
    np.testing.assert_array_equal(tables[-1].p_over(limits), leap[0].p_over(limits))
    assert state is not None and leapt is not None and digest(state) == digest(leapt)


def test_the_same_state_twice_gives_the_same_answer_and_is_not_changed() -> None:
    values = events(10, 160, seed=4)
    forecaster = learned()
    _, state = lived(forecaster, values, range(140, 150))
    assert state is not None
    before = digest(state)
    held = {name: array.copy() for name, array in state.arrays.items()}
    first, one = lived(forecaster, values, range(150, 156), state)
    second, other = lived(forecaster, values, range(150, 156), state)
    same(first[-1], second[-1])
    assert one is not None and other is not None and digest(one) == digest(other) != before == digest(state)
    for name, array in state.arrays.items():
        np.testing.assert_array_equal(array, held[name], err_msg=name)


def test_a_state_that_went_to_disk_and_back_goes_on_as_if_it_had_not() -> None:
    values = events(10, 170, seed=5)
    forecaster = learned(day_points=DAY)
    _, state = lived(forecaster, values, range(140, 150))
    assert state is not None
    read = from_bytes(to_bytes(state))
    assert isinstance(read, ForecastState) and not isinstance(read.arrays, KeptArrays)
    straight, one = lived(forecaster, values, range(150, 165), state)
    resumed, other = lived(forecaster, values, range(150, 165), read)
    same(straight[-1], resumed[-1])
    np.testing.assert_array_equal(straight[-1].gate_open, resumed[-1].gate_open)
    assert one is not None and other is not None and to_bytes(one) == to_bytes(other)


@pytest.mark.parametrize("through_disk", [False, True], ids=["in memory", "from disk"])
def test_a_refresh_without_a_new_column_learns_nothing_and_says_the_same(through_disk: bool) -> None:
    values = events(10, 160, seed=6)
    forecaster = learned()
    tables, state = lived(forecaster, values, range(140, 150))
    assert state is not None
    again = from_bytes(to_bytes(state)) if through_disk else state
    assert isinstance(again, ForecastState)
    seen = past(values, 149)
    for later in (-0.2, 0.0, 0.4):
        table, after = forecaster.forecast(replace(seen, end=seen.end + later * GRID_SECONDS), again, seen.end)
        same(table, tables[-1])
        assert digest(after) == digest(state)


def test_refreshes_that_come_a_little_late_each_time_miss_no_column() -> None:
    values = events(4, 160, seed=7)
    forecaster, state = learned(), None
    for column in range(120, 150):
        seen = past(values, column)
        _, state = forecaster.forecast(replace(seen, end=seen.end + (0.7 * column) % 2.0), state, seen.end)
    assert state is not None and state.numbers["columns"] == 121 + 29


def test_a_start_without_memory_lives_through_a_bounded_past() -> None:
    _, state = LearnedForecaster().forecast(past(events(3, 400, seed=8), 399, width=400), None, END)
    assert state.numbers["columns"] == COLD_COLUMNS
    assert bearable_columns(30_000, 12) == 13, "one more than the longest horizon"
    assert bearable_columns(3_000, 12) == 100
