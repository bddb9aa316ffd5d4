"""What runs in the plant: how a placement starts, works, costs, fails and ends, and how long a camera is blind meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from exporters.simulated.blueprint import CPU, GPU, MEMORY, Episode, Fault, FaultKind
from exporters.simulated.columns import whole
from exporters.simulated.plant import Plant
from tests.builders.plant import CAM_1, STILL, load_of, small_plant

GUEST = f"{CAM_1}@edge-02#2"
HOME = f"{CAM_1}@edge-01#1"
SAMPLE_SECONDS = 0.5


def phase_of(plant: Plant, placement: str) -> str:
    return {row.placement: row.phase for row in plant.placements()}.get(placement, "")


def results_of(plant: Plant, placement: str) -> int:
    row = plant.columns.row_of(placement)
    assert row is not None
    return int(whole(plant.columns.results)[row])


def until_ready(plant: Plant, placement: str) -> float:
    for _ in range(200):
        if phase_of(plant, placement) == "ready":
            return {row.placement: row.since for row in plant.placements()}[placement]
        plant.advance(SAMPLE_SECONDS)
    raise AssertionError(f"{placement} did not become ready")


def test_a_start_costs_memory_first_then_cpu_and_gpu_and_gives_its_first_result_after_one_frame() -> None:
    plant = small_plant(weather=STILL)
    plant.advance(3.0)
    before = load_of(plant, "edge-02").copy()
    plant.apply("start", GUEST)
    added = load_of(plant, "edge-02") - before
    assert added == pytest.approx([0.0, 600e6 / (15 * 2**30), 0.0], abs=1e-6)
    since = until_ready(plant, GUEST)
    assert 3.0 < since - 3.0 < 5.0
    added = load_of(plant, "edge-02") - before
    assert added == pytest.approx([0.10, 600e6 / (15 * 2**30), 0.08], abs=1e-6)
    row = plant.columns.row_of(GUEST)
    assert row is not None
    while np.isnan(plant.columns.last_result[row]):
        plant.advance(0.1)
    first = plant.columns.last_result[row] - (results_of(plant, GUEST) - 1) * 0.2
    assert first == pytest.approx(since + 0.2)


def test_an_analysis_server_feels_a_workload_less() -> None:
    plant = small_plant(weather=STILL)
    before = load_of(plant, "analysis-01").copy()
    plant.apply("start", f"{CAM_1}@analysis-01#2")
    plant.advance(10.0)
    added = load_of(plant, "analysis-01") - before
    assert added[CPU] == pytest.approx(0.8 / 32.0, abs=1e-6)
    assert added[MEMORY] == pytest.approx(600e6 / (64 * 2**30), abs=1e-6)


def test_starts_take_a_time_of_their_own_that_is_the_same_in_every_run() -> None:
    ready = []
    for _ in range(2):
        plant = small_plant()
        names = [f"{CAM_1}@edge-02#{generation}" for generation in range(2, 12)]
        for name in names:
            plant.apply("start", name)
        plant.advance(10.0)
        ready.append([row.since for row in plant.placements() if row.placement in names])
    assert ready[0] == ready[1]
    assert len(set(ready[0])) == 10
    assert all(3.0 <= since <= 5.0 for since in ready[0])


def test_two_placements_of_one_workload_both_give_results() -> None:
    plant = small_plant()
    plant.apply("start", GUEST)
    plant.advance(10.0)
    before = {name: results_of(plant, name) for name in (HOME, GUEST)}
    plant.advance(10.0)
    assert {name: results_of(plant, name) - count for name, count in before.items()} == {HOME: 50, GUEST: 50}


@pytest.mark.parametrize(
    ("verb", "placement", "says"),
    [
        ("start", f"{CAM_1}@edge-99#2", "edge-99"),
        ("stop", f"{CAM_1}@edge-99#2", "edge-99"),
        ("start", "ghost/cam-01/main@edge-01#2", "ghost/cam-01/main"),
        ("start", "nonsense", "nonsense"),
        ("start", f"{CAM_1}@edge-01#02", "#02"),
        ("start", f"{CAM_1}@edge-01#{'9' * 30}", "999"),
        ("dance", HOME, "dance"),
    ],
    ids=[
        "unknown device",
        "stop on unknown device",
        "unknown workload",
        "no placement",
        "odd generation",
        "huge generation",
        "unknown verb",
    ],
)
def test_what_is_impossible_is_refused_with_a_sentence(verb: str, placement: str, says: str) -> None:
    plant = small_plant()
    answer = plant.apply(verb, placement)
    assert answer.outcome == "refused"
    assert says in answer.detail
    assert answer.detail.endswith(".")
    assert len(plant.placements()) == 2


def test_make_before_break_leaves_no_gap_and_break_before_make_leaves_the_start() -> None:
    gaps = {}
    for way in ("make first", "break first"):
        plant = small_plant()
        plant.advance(10.0)
        if way == "break first":
            plant.apply("stop", HOME)
        plant.apply("start", GUEST)
        since = until_ready(plant, GUEST)
        plant.advance(1.0)
        plant.apply("stop", HOME)
        plant.advance(5.0)
        gaps[way] = (plant.score().longest_gap_seconds["cam-01"], since - 10.0)
    assert gaps["make first"][0] == 0.0
    blind, start_seconds = gaps["break first"]
    assert blind is not None
    assert start_seconds - 0.2 <= blind <= start_seconds + 0.2


def test_a_camera_that_nobody_analyses_stays_blind_to_the_end_of_the_account() -> None:
    plant = small_plant()
    plant.apply("stop", HOME)
    plant.advance(30.0)
    assert plant.score().longest_gap_seconds["cam-01"] == pytest.approx(29.9, abs=0.2)
    assert plant.score().longest_gap_seconds["cam-02"] == 0.0


@pytest.mark.parametrize(
    ("kind", "subject", "phases"),
    [
        ("start_fails", GUEST, ("starting", "failed", "failed")),
        ("start_fails", "edge-02", ("starting", "failed", "failed")),
        ("start_fails", "edge-01", ("starting", "ready", "ready")),
        ("slow_start", CAM_1, ("starting", "starting", "ready")),
        ("crash", GUEST, ("starting", "failed", "failed")),
    ],
)
def test_a_fault_strikes_whom_it_names(kind: FaultKind, subject: str, phases: tuple[str, str, str]) -> None:
    plant = small_plant(faults=(Fault(kind, subject),))
    plant.apply("start", GUEST)
    seen = []
    for seconds in (0.5, 9.5, 45.0):
        plant.advance(seconds)
        seen.append(phase_of(plant, GUEST))
    assert tuple(seen) == phases
    assert phase_of(plant, HOME) == "ready"


def test_what_has_crashed_costs_nothing_gives_nothing_and_is_listed_with_a_reason() -> None:
    plant = small_plant(weather=STILL, faults=(Fault("crash", HOME, 10.0, 11.0),))
    plant.advance(20.0)
    (failed,) = [row for row in plant.placements() if row.phase == "failed"]
    assert (failed.placement, failed.since) == (HOME, 10.0)
    assert failed.detail.endswith(".")
    assert load_of(plant, "edge-01") == pytest.approx([0.4, 0.4, 0.3], abs=1e-6)
    count = results_of(plant, HOME)
    plant.advance(10.0)
    assert results_of(plant, HOME) == count


def test_a_device_at_its_end_makes_fewer_results_and_slower_ones() -> None:
    flood = Episode("edge-01", 0.0, 0.0, 60.0, 0.0, 1.5)
    plant = small_plant(weather=STILL, episodes=(flood,))
    row = plant.columns.row_of(HOME)
    assert row is not None
    c = plant.columns
    results, frames, latency = (float(column[row]) for column in (c.results, c.frames, c.latency_seconds))
    plant.advance(40.0)
    assert float(plant.load_ratio[0, CPU]) == 1.0
    assert load_of(plant, "edge-01")[CPU] == pytest.approx(2.0, abs=1e-6)
    assert c.frames[row] - frames == pytest.approx(200.0)
    assert c.results[row] - results == pytest.approx(100.0)
    assert (c.latency_seconds[row] - latency) / 100.0 == pytest.approx(0.045 * 3.5, rel=0.25)


def test_the_account_counts_device_seconds_over_any_limit_and_the_first_crossing() -> None:
    over = Episode("edge-01", 30.0, 0.0, 20.0, 0.0, 0.6)
    plant = small_plant(weather=STILL, episodes=(over,))
    plant.advance(100.0)
    score = plant.score()
    assert score.overload_seconds == pytest.approx(20.0, abs=1.0)
    assert score.overload_seconds_by_device["edge-02"] == 0.0
    assert score.first_crossing_seconds["edge-01"] == pytest.approx(30.0, abs=0.5)
    assert score.first_crossing_seconds["edge-02"] is None


def test_temperature_follows_load_with_a_lag() -> None:
    plant = small_plant(weather=STILL, episodes=(Episode("edge-01", 0.5, 0.0, 1000.0, 0.0, 0.5),), duration_seconds=600.0)
    celsius = [float(plant.temperature_celsius[0])]
    for _ in range(2):
        plant.advance(60.0)
        celsius.append(float(plant.temperature_celsius[0]))
    plant.advance(400.0)
    end = float(plant.temperature_celsius[0])
    assert celsius[0] < celsius[1] < celsius[2] < end < 95.0
    calm = small_plant(weather=STILL)
    start = float(calm.temperature_celsius[0])
    settled = 38.0 + 50.0 * (0.6 * load_of(plant, "edge-01")[CPU] + 0.4 * load_of(plant, "edge-01")[GPU])
    assert end == pytest.approx(settled, abs=0.1)
    assert (celsius[1] - start) / (settled - start) == pytest.approx(0.63, abs=0.03)
