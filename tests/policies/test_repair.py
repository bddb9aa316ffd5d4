"""SC-6 by table: what does not work is brought back, what nobody can see is left alone, what a person must mend is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from decision_engine.core.decide import decide
from decision_engine.core.decision import Decision
from decision_engine.core.explain import sentence
from decision_engine.core.limits import Limits
from decision_engine.core.memory import CycleRecord, Memory
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import FAILED, STARTING
from decision_engine.policies.repair import RepairPolicy
from tests.builders.fleet import NOW, FakeFleet, FakeWorkload, calm_fleet, quick_limits

CYCLE = 5.0
POLICY = (RepairPolicy(),)
NEVER = float("nan")
HERO = "detector/cam-01/main"


def fleet_with(**change: object) -> FakeFleet:
    """A calm fleet whose first workload is otherwise."""
    fleet = calm_fleet(6)
    fleet.workloads[0] = replace(fleet.workloads[0], **change)  # type: ignore[arg-type]
    return fleet


def seen_for(fleet: FakeFleet, cycles: int, limits: Limits | None = None, memory: Memory | None = None) -> tuple[list[CycleRecord], Memory]:
    """So many cycles in which nothing changes; what is fresh stays so."""
    records, memory, start = [], memory or Memory(), fleet.now
    for cycle in range(cycles):
        passed = CYCLE * cycle
        now = replace(fleet, now=start + passed, workloads=[_going_on(workload, passed) for workload in fleet.workloads])
        record, memory = decide(now.snapshot(), POLICY, limits or quick_limits(), memory)
        records.append(record)
    return records, memory


def _going_on(workload: FakeWorkload, seconds: float) -> FakeWorkload:
    """What came lately goes on coming."""
    result = workload.last_result_at
    return replace(workload, last_result_at=result + seconds if NOW - result < CYCLE else result)


def said(records: list[CycleRecord]) -> list[tuple[str, str]]:
    return [(decision.verdict, decision.reason.code) for record in records for decision in record.decisions]


def act(records: list[CycleRecord]) -> Decision:
    (found,) = [decision for record in records for decision in record.decisions if decision.verdict == "act"]
    return found


def test_a_crashed_ai_is_started_again_where_it_is_as_a_new_generation() -> None:
    decision = act(seen_for(fleet_with(phase=FAILED, cause="crash"), 2)[0])
    assert decision.move is not None
    assert (decision.move.target, decision.move.source, decision.move.generation) == ("edge-01", "edge-01", 2)
    assert (decision.move.environment_class, decision.move.version) == ("01", "1.10")
    assert sentence(decision).startswith(
        "detector/cam-01/main failed on edge-01 (it crashed); starting detector/cam-01/main on edge-01 anew"
    )


@pytest.mark.parametrize(
    ("builds", "runs", "target", "code"),
    [
        pytest.param(("01", "02"), "02", ("edge-01", "01"), "image_not_pulled_step_back", id="the version before it, on the same device"),
        pytest.param(("02",), "02", ("edge-02", "02"), "image_not_pulled_elsewhere", id="no version before it: elsewhere"),
    ],
)
def test_an_image_that_cannot_be_pulled_is_not_tried_again_there(
    builds: tuple[str, ...], runs: str, target: tuple[str, str], code: str
) -> None:
    fleet = fleet_with(phase=FAILED, cause="image_pull", build=("01", runs))
    fleet.builds = [("detector", "01", version) for version in builds]
    for workload in fleet.workloads[1:]:
        workload.build = ("01", runs)
    decision = act(seen_for(fleet, 2)[0])
    assert decision.move is not None and decision.reason.code == code
    assert (decision.move.target, decision.move.version) == target


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"last_result_at": NOW - 60.0}, "act", id="silent while frames arrive"),
        pytest.param({"last_result_at": NEVER}, "act", id="never a result, for an hour"),
        pytest.param({"last_result_at": NEVER, "since": NOW - 10.0}, "", id="it has just begun"),
        pytest.param({"last_result_at": NOW - 20.0}, "", id="four beats, and two scrapes late"),
        pytest.param({"last_result_at": NOW - 60.0, "last_frame_at": NEVER}, "", id="whether it sees frames nobody knows"),
        pytest.param({"last_result_at": NOW - 60.0, "phase": STARTING}, "", id="starting"),
        pytest.param({"last_result_at": NOW - 60.0, "told_seconds_ago": 40.0}, "", id="it is not heard at all"),
        pytest.param({"last_result_at": NOW - 30.0, "last_frame_at": NOW - 29.0}, "", id="its clock is half a minute slow"),
    ],
)
def test_silence_is_judged_by_results_and_frames(change: dict[str, object], expected: str) -> None:
    records, _ = seen_for(fleet_with(**change), 2)
    assert [verdict for verdict, _ in said(records) if verdict == "act"] == ([expected] if expected else [])


def test_a_camera_without_frames_is_told_and_nothing_is_restarted() -> None:
    records, _ = seen_for(fleet_with(last_result_at=NOW - 60.0, last_frame_at=NOW - 60.0), 4)
    assert said(records) == [("hold", "first_look"), ("hold", "camera_down")]
    assert sentence(records[1].decisions[0]) == (
        "cam-01 has sent detector/cam-01/main no frames for 65 s: the camera is down, which no restart mends"
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"known": False}, id="its runtime does not answer"),
        pytest.param({"quality": Quality.STALE}, id="its scrape is lost"),
    ],
)
def test_what_cannot_be_seen_is_unknown_and_not_broken(change: dict[str, object]) -> None:
    fleet = fleet_with(last_result_at=NOW - 60.0)
    fleet.devices[0] = replace(fleet.devices[0], **change)  # type: ignore[arg-type]
    assert not said(seen_for(fleet, 3)[0])


def test_a_missing_workload_is_started_at_home_once_it_was_missing_for_long_enough() -> None:
    records, memory = seen_for(fleet_with(at=()), 8)
    decision = act(records)
    assert decision.at - NOW == 30.0 and decision.move is not None
    assert (decision.move.source, decision.move.target, decision.move.replaces) == ("", "edge-01", False)
    assert sentence(decision).endswith("its home is edge-01; starting detector/cam-01/main on edge-01 (50 % now, 60 % at p90 with it)")
    assert HERO in memory.moves


def test_while_a_runtime_is_silent_nothing_is_held_for_missing() -> None:
    fleet = fleet_with(at=())
    fleet.devices[3].known = False
    assert not said(seen_for(fleet, 10)[0])


def test_many_at_one_site_at_once_are_the_sites_trouble() -> None:
    fleet = calm_fleet(6)
    for number in range(3):
        fleet.workloads[number] = replace(fleet.workloads[number], phase=FAILED, cause="crash", since=NOW - 10.0)
    records, _ = seen_for(fleet, 3)
    assert said(records) == [("hold", "first_look"), ("hold", "site_in_trouble")]
    assert sentence(records[1].decisions[0]).startswith("3 workloads of site north do not work at once")


def test_what_failed_long_ago_does_not_hold_a_site() -> None:
    fleet = calm_fleet(6)
    for number in range(3):
        fleet.workloads[number] = replace(fleet.workloads[number], phase=FAILED, cause="crash")
    fleet.workloads[3] = replace(fleet.workloads[3], phase=FAILED, cause="crash", since=NOW - 10.0)
    records, _ = seen_for(fleet, 2)
    assert {decision.subject for record in records for decision in record.decisions if decision.verdict == "act"} == {
        f"detector/cam-{number:02d}/main" for number in range(1, 5)
    }, "and a repair waits for no budget of moves"


def test_another_site_is_still_helped() -> None:
    fleet = calm_fleet(6)
    fleet.sites = ("north", "south")
    fleet.devices[5].site = 1
    for number in (0, 1, 2, 5):
        fleet.workloads[number] = replace(fleet.workloads[number], phase=FAILED, cause="crash", since=NOW - 10.0)
    assert act(seen_for(fleet, 2)[0]).subject == "detector/cam-06/main"


def test_after_three_attempts_in_an_hour_a_person_is_asked() -> None:
    memory = Memory(repairs={HERO: (NOW - 3000.0, NOW - 2000.0, NOW - 100.0)})
    records, _ = seen_for(fleet_with(phase=FAILED, cause="crash"), 3, memory=memory)
    assert said(records) == [("hold", "first_look"), ("hold", "repair_given_up")]
    memory = Memory(repairs={HERO: (NOW - 4000.0, NOW - 2000.0, NOW - 100.0)})
    assert act(seen_for(fleet_with(phase=FAILED, cause="crash"), 2, memory=memory)[0]).policy == "repair"


def test_a_failed_leftover_beside_a_working_one_is_no_trouble() -> None:
    snapshot = fleet_with(at=("edge-01", "edge-02"), last_result_at=NOW - 1.0).snapshot()
    snapshot.placements.phase[1] = FAILED
    assert not RepairPolicy().propose(snapshot, quick_limits())
    snapshot.placements.phase[0] = FAILED
    (wish,) = RepairPolicy().propose(snapshot, quick_limits())
    assert wish.subject == HERO


def test_an_environment_ai_is_started_again_and_never_moved() -> None:
    fleet = fleet_with(phase=FAILED, cause="image_pull", movable=False)
    decision = act(seen_for(fleet, 2)[0])
    assert decision.move is not None and decision.move.target == "edge-01"


def test_a_retired_version_is_no_way_back() -> None:
    fleet = fleet_with(phase=FAILED, cause="image_pull", build=("01", "02"))
    fleet.builds = [("detector", "01", "01"), ("detector", "01", "02")]
    fleet.retired = (("detector", "01", "01"),)
    for workload in fleet.workloads[1:]:
        workload.build = ("01", "02")
    assert act(seen_for(fleet, 2)[0]).reason.code == "image_not_pulled_elsewhere"


def test_a_repair_that_fails_ends_and_the_next_one_is_counted() -> None:
    """The new placement fails as the old one did: it is taken away, nothing is started behind it, and after three a person is asked."""
    memory, codes, starts = Memory(), [], 0
    for cycle in range(60):
        fleet = fleet_with(phase=FAILED, cause="crash")
        now = NOW + CYCLE * cycle
        snapshot = replace(fleet, now=now, workloads=[_going_on(workload, CYCLE * cycle) for workload in fleet.workloads]).snapshot()
        if HERO in memory.moves:  # what was started has failed at once; what was stopped is gone
            move = memory.moves[HERO]
            if move.state.value == "starting":
                row = snapshot.placements
                object.__setattr__(row, "ids", (*row.ids, move.order.target_placement))
                for name, worth in (
                    ("workload", 0),
                    ("device", 0),
                    ("variant", 0),
                    ("generation", move.order.generation),
                    ("phase", FAILED),
                ):
                    object.__setattr__(row, name, np.append(getattr(row, name), worth))
                for name in ("since", "last_result_at", "last_frame_at", "told_at", "confidence"):
                    object.__setattr__(row, name, np.append(getattr(row, name), now))
                object.__setattr__(row, "cause", (*row.cause, "crash"))
        record, memory = decide(snapshot, POLICY, quick_limits(), memory)
        starts += sum(t.order is not None and t.order.verb == "start" for t in record.transitions)
        codes += [decision.reason.code for decision in record.decisions]
    assert starts == 3 and "repair_given_up" in codes
    assert not memory.moves
