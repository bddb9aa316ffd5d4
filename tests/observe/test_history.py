"""History: means on a grid, background under the workloads, and how long a limit has been passed, whatever the clock does."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_engine.core.limits import Overload, Times
from decision_engine.core.snapshot import Floats
from decision_engine.observe.columns import RawSamples, ordered
from decision_engine.observe.history import History

CPU, MEMORY, GPU = 0, 1, 2
GRID = 30.0
BASE = 1_700_000_010.0 // GRID * GRID
TIMES = Times(history_hours=0.1)
CELLS = 12
MEASURED = np.array([True, True, False])
NOWHERE = np.zeros((1, 3), dtype=bool)
LIMITS = np.array([0.85, 0.85, 0.85])


def history(devices: tuple[str, ...] = ("a",)) -> History:
    return History(devices, TIMES, Overload())


def samples(*points: tuple[float, float], row: int = 0) -> RawSamples:
    at, value = np.array([p[0] for p in points]), np.array([p[1] for p in points])
    return ordered(np.full(len(points), row), at, value)


def cost(cpu: float, memory: float = 0.0) -> Floats:
    return np.array([[cpu, memory, 0.0]])


def test_a_cell_is_the_mean_of_its_samples_and_nan_without_any() -> None:
    past = history()
    past.extend(BASE + 65, {CPU: samples((BASE, 0.2), (BASE + 29.9, 0.4), (BASE + 60, 0.9))})
    total = past.total(BASE + 95)[0, CPU]
    assert total[-3:] == pytest.approx([0.3, math.nan, 0.9], nan_ok=True)
    assert np.isnan(total[:-3]).all()
    assert past.end(BASE + 95) == BASE + 90
    assert len(total) == CELLS


def test_the_running_cell_is_not_in_yet() -> None:
    past = history()
    past.extend(BASE + 35, {CPU: samples((BASE + 5, 0.2), (BASE + 35, 0.9))})
    assert past.total(BASE + 35)[0, CPU, -1] == pytest.approx(0.2)


def test_background_is_total_minus_cost_and_never_below_zero() -> None:
    past = history()
    past.extend(BASE + 65, {CPU: samples((BASE + 5, 0.6), (BASE + 35, 0.1)), GPU: samples((BASE + 5, 0.5))})
    past.extend_cost(BASE + 5, cost(0.25), NOWHERE)
    past.extend_cost(BASE + 35, cost(0.25), NOWHERE)
    background = past.background(BASE + 65, MEASURED)[0]
    assert background[CPU, -2:] == pytest.approx([0.35, 0.0])
    assert background[GPU, -2] == pytest.approx(0.5)


def test_background_is_continuous_across_a_move() -> None:
    past = history()
    for step in range(12):
        at = BASE + 5.0 + 30.0 * step
        workload = 0.3 if step >= 6 else 0.0
        past.extend(at, {CPU: samples((at, 0.4 + workload))})
        past.extend_cost(at, cost(workload), NOWHERE)
    background = past.background(BASE + 360, MEASURED)[0, CPU]
    assert background[-12:] == pytest.approx(np.full(12, 0.4), abs=1e-6)


def test_without_a_cost_the_background_is_unknown_not_the_total() -> None:
    past = history()
    past.extend(BASE + 35, {CPU: samples((BASE + 5, 0.6))})
    past.extend_cost(BASE + 5, cost(math.nan), NOWHERE)
    assert np.isnan(past.background(BASE + 35, MEASURED)[0, CPU]).all()


def test_a_cell_in_which_a_workload_came_stays_unknown() -> None:
    past = history()
    past.extend(BASE + 35, {CPU: samples((BASE + 5, 0.6))})
    past.extend_cost(BASE + 5, cost(0.1), np.array([[True, False, False]]))
    past.extend_cost(BASE + 10, cost(0.1), NOWHERE)
    assert np.isnan(past.background(BASE + 35, MEASURED)[0, CPU]).all()


def test_an_unmeasured_resource_restarts_where_told() -> None:
    past = history()
    past.extend(BASE + 95, {GPU: samples(*((BASE + 30 * n + 5, 0.5) for n in range(4)))})
    past.restart(np.array([[False, False, True]]), np.full((1, 3), BASE + 45))
    assert past.background(BASE + 120, MEASURED)[0, GPU, -4:] == pytest.approx([math.nan, math.nan, 0.5, 0.5], nan_ok=True)
    assert past.total(BASE + 120)[0, GPU, -4:] == pytest.approx([0.5] * 4)


def test_the_ring_keeps_the_newest_cells() -> None:
    past = history()
    for step in range(40):
        at = BASE + 30.0 * step
        past.extend(at, {CPU: samples((at, step / 100))})
    assert past.total(BASE + 40 * 30)[0, CPU] == pytest.approx(np.arange(28, 40) / 100)


def test_a_long_gap_is_unknown_not_old_values() -> None:
    past = history()
    past.extend(BASE, {CPU: samples((BASE, 0.5))})
    later = BASE + 30.0 * CELLS * 5
    past.extend(later, {CPU: samples((later, 0.7))})
    total = past.total(later + 30)[0, CPU]
    assert total[-1] == pytest.approx(0.7)
    assert np.isnan(total[:-1]).all()


def test_what_is_read_again_stands_for_whole_cells_and_not_for_the_running_one() -> None:
    past = history()
    past.extend(BASE + 95, {CPU: samples((BASE + 35, 0.5), (BASE + 95, 0.7))})
    for _ in range(2):
        past.fill(BASE + 95, {CPU: samples((BASE + 15, 0.1), (BASE + 45, 0.2), (BASE + 75, 0.3), (BASE + 105, 0.4))})
    assert past.total(BASE + 125)[0, CPU, -4:] == pytest.approx([0.1, 0.2, 0.3, 0.7])


def test_what_is_read_again_does_not_explain_a_cell_in_which_a_workload_came() -> None:
    past = history()
    past.extend(BASE + 35, {CPU: samples((BASE + 5, 0.6))})
    past.extend_cost(BASE + 5, cost(0.1), np.array([[True, False, False]]))
    past.fill_cost(BASE + 35, {CPU: samples((BASE + 15, 0.1))})
    assert np.isnan(past.background(BASE + 35, MEASURED)[0, CPU]).all()


def test_duplicates_and_late_samples_change_nothing() -> None:
    past = history()
    past.extend(BASE + 20, {CPU: samples((BASE + 5, 0.2), (BASE + 10, 0.4))})
    past.extend(BASE + 25, {CPU: samples((BASE + 5, 0.2), (BASE + 10, 0.4), (BASE + 7, 1.0))})
    assert past.total(BASE + 35)[0, CPU, -1] == pytest.approx(0.3)


def test_samples_from_the_future_are_left_out() -> None:
    past = history()
    past.extend(BASE + 5, {CPU: samples((BASE + 5, 0.2), (BASE + 9000, 1.0))})
    past.extend(BASE + 10, {CPU: samples((BASE + 10, 0.4))})
    assert past.total(BASE + 35)[0, CPU, -1] == pytest.approx(0.3)


def test_after_the_clock_went_back_it_goes_on_and_keeps_what_lies_before() -> None:
    past = history()
    past.extend(BASE + 125, {CPU: samples(*((BASE + 30 * n + 5, 0.1 * n) for n in range(5)))})
    past.rewind(BASE + 65)
    past.extend(BASE + 95, {CPU: samples((BASE + 70, 0.9), (BASE + 95, 0.8))})
    assert past.total(BASE + 125)[0, CPU, -4:] == pytest.approx([0.0, 0.1, 0.9, 0.8])


def test_an_edit_of_the_catalogue_keeps_the_history_of_the_others() -> None:
    past = history(("a", "b"))
    past.extend(BASE + 5, {CPU: samples((BASE + 5, 0.9), row=1)})
    past.extend(BASE + 35, {CPU: samples((BASE + 35, 0.9), row=1)})
    past.realign(("aa", "b", "c"))
    total = past.total(BASE + 65)[:, CPU, -1]
    assert total == pytest.approx([math.nan, 0.9, math.nan], nan_ok=True)
    past.realign(("b",))
    past.realign(())
    past.realign(("b",))
    assert np.isnan(past.total(BASE + 65)).all()


@pytest.mark.parametrize(
    ("values", "now", "expected"),
    [
        pytest.param([0.9] * 7, 30.0, 30.0, id="thirty-seconds"),
        pytest.param([0.85] * 3, 10.0, 10.0, id="at-the-limit-counts"),
        pytest.param([0.9, 0.9, 0.8, 0.9, 0.9], 20.0, 5.0, id="a-break-starts-anew"),
        pytest.param([0.9, 0.9, 0.8], 10.0, 0.0, id="below-now"),
        pytest.param([0.9, math.nan, 0.9], 10.0, 0.0, id="nan-is-a-break"),
        pytest.param([0.9, 0.9, 0.9], 25.0, 10.0, id="still-fresh"),
        pytest.param([0.9, 0.9, 0.9], 25.1, 0.0, id="stale-is-zero"),
        pytest.param([0.9, 0.9, None, None, 0.9], 20.0, 20.0, id="two-missed-scrapes-are-no-break"),
        pytest.param([0.9, 0.9, None, None, None, 0.9], 25.0, 0.0, id="a-longer-hole-is-one"),
        pytest.param([0.9], 0.0, 0.0, id="first-sample"),
        pytest.param([], 0.0, 0.0, id="none"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["one-read", "many-reads"])
def test_over_seconds(values: list[float | None], now: float, expected: float, at_once: bool) -> None:
    past = history()
    points = [(BASE + 5.0 * n, value) for n, value in enumerate(values) if value is not None]
    for part in [points] if at_once else [[point] for point in points]:
        if part:
            past.extend(part[-1][0], {CPU: samples(*part)})
    assert past.over_seconds(LIMITS, BASE + now)[0] == pytest.approx([expected, 0.0, 0.0])


def test_over_seconds_ends_at_what_is_kept() -> None:
    past = history()
    for n in range(100):
        past.extend(BASE + 5.0 * n, {CPU: samples((BASE + 5.0 * n, 0.9))})
    kept = past.over_seconds(LIMITS, BASE + 495)[0, CPU]
    assert Overload().sustain_seconds + 60.0 <= kept < 120.0


def slow_over_seconds(points: list[tuple[float, float]], limit: float, now: float) -> float:
    """The same by a loop."""
    if not points or now - points[-1][0] > TIMES.fresh_seconds:
        return 0.0
    first: float | None = None
    after = points[-1][0]
    for at, value in reversed(points):
        if not value >= limit or after - at > TIMES.fresh_seconds:
            break
        first = after = at
    return 0.0 if first is None else points[-1][0] - first


@given(st.integers(0, 10_000))
def test_over_seconds_is_what_a_loop_says(seed: int) -> None:
    random = Random(seed)
    past, points = history(), []
    at = BASE
    for _ in range(random.randrange(15)):
        at += random.choice([1.0, 5.0, 5.0, 5.0, 14.0, 16.0])
        points.append((at, random.choice([0.2, 0.85, 0.9, math.nan])))
    while points and points[-1][0] - points[0][0] > 60.0:
        points.pop()
    cut = random.randrange(len(points) + 1)
    for part in (points[:cut], points[max(cut - 2, 0) :]):
        if part:
            past.extend(part[-1][0], {CPU: samples(*part)})
    now = at + random.choice([0.0, 3.0, 20.0])
    assert past.over_seconds(LIMITS, now)[0, CPU] == pytest.approx(slow_over_seconds(points, 0.85, now))


@given(st.integers(0, 10_000))
def test_overlapping_windows_give_the_same_as_each_sample_once(seed: int) -> None:
    random = Random(seed)
    points = [(BASE + 5.0 * n + random.uniform(-1, 1), random.random()) for n in range(40)]
    once, overlapping = history(), history()
    for n in range(0, 40, 2):
        now = points[n + 1][0]
        once.extend(now, {CPU: samples(*points[n : n + 2])})
        overlapping.extend(now, {CPU: samples(*points[max(n - 3, 0) : n + 2])})
    np.testing.assert_allclose(once.total(BASE + 210), overlapping.total(BASE + 210), rtol=1e-6)
