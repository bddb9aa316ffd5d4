"""What holds a wish back, guard by guard, and what a promise is worth afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decision_engine.core.decide import decide
from decision_engine.core.decision import Promise
from decision_engine.core.effects import check_effects
from decision_engine.core.limits import Limits
from decision_engine.core.memory import CycleRecord, Memory, Watch, remember
from decision_engine.core.move import MoveState, begin
from decision_engine.core.reading import Quality
from decision_engine.policies import POLICIES
from tests.builders.fleet import NOW, FakeDevice, FakeFleet, FakeWorkload, calm_fleet, quick_limits

CYCLE = 5.0


def overloaded(*edges: int) -> FakeFleet:
    """A calm fleet in which these edges are over their limit."""
    fleet = calm_fleet(6)
    for edge in edges:
        fleet.devices[edge - 1] = FakeDevice(f"edge-{edge:02d}", load=(0.93, 0.5, 0.5), over_seconds=40.0)
    return fleet


def reasons(fleet: FakeFleet, limits: Limits, memory: Memory | None = None) -> dict[str, str]:
    """Verdict and reason of each wish after two looks, by policy and subject."""
    _, memory = decide(fleet.snapshot(), POLICIES, limits, memory or Memory())
    record, _ = decide(replace(fleet, now=fleet.now + CYCLE).snapshot(), POLICIES, limits, memory)
    return {f"{d.policy} {d.subject}": f"{d.verdict} {d.reason.code}" for d in record.decisions}


def begun(fleet: FakeFleet, limits: Limits) -> Memory:
    """The memory after a move has begun."""
    _, memory = decide(fleet.snapshot(), POLICIES, limits, Memory())
    return decide(replace(fleet, now=NOW + CYCLE).snapshot(), POLICIES, limits, memory)[1]


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        pytest.param({}, ["act over_limit", "act over_limit", "hold budget_in_flight"], id="two-in-flight"),
        pytest.param({"in_flight": 9, "site_moves": 1}, ["act over_limit", "hold budget_site", "hold budget_site"], id="one-a-site"),
        pytest.param({"in_flight": 9, "fleet_moves": 2}, ["act over_limit", "act over_limit", "hold budget_fleet"], id="two-a-fleet"),
    ],
)
def test_budgets(budget: dict[str, int], expected: list[str]) -> None:
    limits = quick_limits()
    limits = replace(limits, budget=replace(limits.budget, **budget))
    found = reasons(overloaded(1, 2, 3), limits)
    assert [found[f"relieve edge-0{n}/cpu"] for n in (1, 2, 3)] == expected


@pytest.mark.parametrize(
    ("autonomy", "expected"),
    [
        pytest.param({"SC-1": "off"}, {"relieve": None, "overflow": "act over_limit"}, id="off-leaves-it-to-sc-2"),
        pytest.param({"SC-1": "observe"}, {"relieve": "hold observe_only", "overflow": "hold waits_for"}, id="observe-is-not-overtaken"),
    ],
)
def test_sc_2_never_overtakes_sc_1(autonomy: dict[str, str], expected: dict[str, str | None]) -> None:
    found = reasons(overloaded(1), replace(quick_limits(), autonomy=autonomy))  # type: ignore[arg-type]
    assert {policy: found.get(f"{policy} edge-01/cpu") for policy in expected} == expected


def test_a_return_on_stale_evidence_is_held() -> None:
    fleet = calm_fleet()
    fleet.workloads[0].at, fleet.workloads[0].since = ("edge-03",), NOW - 100.0
    fleet.devices[0].quality = Quality.STALE
    first, _ = decide(fleet.snapshot(), POLICIES, quick_limits(), Memory())
    assert [d.reason.code for d in first.decisions] == ["stale_evidence"]


def test_a_forecast_that_was_not_made_anew_is_no_second_look() -> None:
    fleet = calm_fleet()
    fleet.devices[0] = FakeDevice("edge-01", load=(0.80, 0.5, 0.5), p90=(0.91, 0.5, 0.5), p_over=0.7)
    first = fleet.snapshot()
    _, memory = decide(first, POLICIES, quick_limits(), Memory())
    second = replace(fleet, now=NOW + CYCLE).snapshot()
    assert second.outlook is not None
    assert first.outlook is not None
    stale = replace(second, outlook=replace(second.outlook, background=first.outlook.background))
    assert all(d.verdict != "act" for d in decide(stale, POLICIES, quick_limits(), memory)[0].decisions)
    assert any(d.verdict == "act" for d in decide(second, POLICIES, quick_limits(), memory)[0].decisions)


def test_looks_do_not_depend_on_other_wishes() -> None:
    """One cycle without the wish, while another device has one: the first look still counts."""
    limits, fleets = quick_limits(), [overloaded(1, 2), overloaded(2), overloaded(1)]
    for fleet in fleets:
        fleet.workloads[1].movable = False
    _, memory = decide(fleets[0].snapshot(), POLICIES, limits, Memory())
    _, memory = decide(replace(fleets[1], now=NOW + CYCLE).snapshot(), POLICIES, limits, memory)
    record, _ = decide(replace(fleets[2], now=NOW + 2 * CYCLE).snapshot(), POLICIES, limits, memory)
    assert [d.verdict for d in record.decisions if d.policy == "relieve" and d.subject == "edge-01/cpu"] == ["act"]


def test_blindness_is_said_each_time_it_begins() -> None:
    fleet, memory, said = calm_fleet(), Memory(), []
    for number, blind in enumerate(["x", "x", "", "", "x", ""]):
        record, memory = decide(replace(fleet, now=NOW + CYCLE * number, blind=blind).snapshot(), POLICIES, quick_limits(), memory)
        said.append([d.reason.code for d in record.decisions])
    assert said == [["engine_blind"], [], ["engine_sees_again"], [], ["engine_blind"], ["engine_sees_again"]]


def test_neither_end_of_a_move_is_a_target_or_relieved_meanwhile() -> None:
    limits = quick_limits()
    memory = begun(overloaded(1), limits)
    (move,) = memory.moves.values()
    target = int(move.order.target[-2:])
    fleet = replace(overloaded(target), now=NOW + 2 * CYCLE)
    _, memory = decide(fleet.snapshot(), POLICIES, limits, memory)
    record, _ = decide(replace(fleet, now=NOW + 3 * CYCLE).snapshot(), POLICIES, limits, memory)
    assert "act" not in {d.verdict for d in record.decisions}
    other = replace(overloaded(3), now=NOW + 2 * CYCLE)
    other.devices[target - 1].load = (0.1, 0.1, 0.1)
    _, memory = decide(other.snapshot(), POLICIES, limits, memory)
    record, _ = decide(replace(other, now=NOW + 3 * CYCLE).snapshot(), POLICIES, limits, memory)
    (act,) = [d for d in record.decisions if d.verdict == "act"]
    assert act.move is not None
    assert act.move.target != move.order.target
    assert (move.order.target, "in_a_move") in {(a.target, a.reason) for a in act.rejected}


def test_a_move_whose_workload_left_the_catalogue_ends_and_stops_nothing() -> None:
    limits = quick_limits()
    memory = begun(overloaded(1), limits)
    without = calm_fleet(6)
    without.workloads = [w for w in without.workloads if w.id not in memory.moves]
    record, after = decide(replace(without, now=NOW + 2 * CYCLE).snapshot(), POLICIES, limits, memory)
    assert [(t.move.state, t.order) for t in record.transitions] == [(MoveState.UNDONE, None)]
    assert not after.moves


def test_a_target_that_did_not_take_the_work_is_not_tried_next() -> None:
    limits = quick_limits()
    memory = begun(overloaded(1), limits)
    (move,) = memory.moves.values()
    refused = replace(memory, moves={move.order.workload: replace(move, refused="no such package")})
    record, memory = decide(replace(overloaded(1), now=NOW + 2 * CYCLE).snapshot(), POLICIES, limits, refused)
    assert record.transitions[0].move.state is MoveState.UNDOING
    record, memory = decide(replace(overloaded(1), now=NOW + 3 * CYCLE).snapshot(), POLICIES, limits, memory)
    assert record.transitions[0].move.state is MoveState.UNDONE
    assert memory.device_rests[move.order.target] - memory.device_rests[move.order.source] == 900.0 - 60.0


@pytest.mark.parametrize(
    ("source", "target", "quality", "verdict"),
    [
        pytest.param(0.7, 0.6, Quality.FRESH, "kept", id="kept"),
        pytest.param(0.9, 0.6, Quality.FRESH, "missed", id="missed"),
        pytest.param(0.7, 0.9, Quality.FRESH, "worse", id="worse"),
        pytest.param(0.9, 0.9, Quality.FRESH, "worse", id="both-over-is-worse"),
        pytest.param(0.7, 0.6, Quality.STALE, "unknown", id="not-seen"),
    ],
)
def test_a_promise_is_checked_when_it_is_due(source: float, target: float, quality: Quality, verdict: str) -> None:
    promise = Promise(
        source="edge-01", target="edge-02", resource="cpu", limit_ratio=0.85, source_before_ratio=0.9, source_after_ratio=0.8,
        target_before_ratio=0.5, target_after_ratio=0.6,
    )  # fmt: skip
    fleet = FakeFleet(
        [FakeDevice("edge-01", load=(source, 0.5, 0.5), quality=quality), FakeDevice("edge-02", load=(target, 0.5, 0.5))],
        [FakeWorkload("detector/cam-01/main", "edge-01")],
    )
    watch = Watch(decision="d", workload="detector/cam-01/main", promise=promise, due_at=NOW)
    memory = remember(Memory(), CycleRecord(at=NOW - 60.0, watches=(watch,)))
    assert [outcome.verdict for outcome in check_effects(fleet.snapshot(), memory)] == [verdict]
    assert check_effects(replace(fleet, now=NOW - 1.0).snapshot(), memory) == ()


def test_a_decision_without_a_move_begins_nothing() -> None:
    record, _ = decide(overloaded(1).snapshot(), POLICIES, quick_limits(), Memory())
    with pytest.raises(ValueError, match="orders no move"):
        begin(record.decisions[0], NOW, quick_limits().moving)
