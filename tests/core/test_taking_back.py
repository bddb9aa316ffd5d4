"""What a move made worse is taken back once, where that is possible and still needed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decision_engine.core.decide import decide
from decision_engine.core.decision import Decision, Promise
from decision_engine.core.explain import sentence
from decision_engine.core.memory import CycleRecord, EffectOutcome, Memory, Regret, Watch, remember
from decision_engine.core.reading import Quality
from tests.builders.fleet import NOW, FakeFleet, calm_fleet, quick_limits

HERO = "detector/cam-01/main"
PROMISE = Promise(
    source="edge-01", target="edge-02", resource="cpu", limit_ratio=0.85,
    source_before_ratio=0.9, source_after_ratio=0.8, target_before_ratio=0.5, target_after_ratio=0.6,
)  # fmt: skip
MOVED = Watch(decision="d1", workload=HERO, promise=PROMISE, due_at=NOW)


def outcome(verdict: str) -> CycleRecord:
    found = EffectOutcome(decision="d1", at=NOW, verdict=verdict, source_ratio=0.5, target_ratio=0.95)  # type: ignore[arg-type]
    return CycleRecord(at=NOW, outcomes=(found,))


def worse() -> FakeFleet:
    """The first workload has been moved to edge-02, which is over its limit since; edge-01 has room again."""
    fleet = calm_fleet()
    fleet.workloads[0].at = ("edge-02",)
    fleet.workloads[0].since = NOW - 100.0
    fleet.devices[1].load = (0.95, 0.5, 0.5)
    return fleet


def seen_twice(fleet: FakeFleet, memory: Memory) -> tuple[list[Decision], Memory]:
    decisions: list[Decision] = []
    for cycle in range(2):
        record, memory = decide(replace(fleet, now=NOW + 5.0 * cycle).snapshot(), (), quick_limits(), memory)
        decisions += record.decisions
    return decisions, memory


@pytest.mark.parametrize(("verdict", "regretted"), [("worse", True), ("missed", False), ("kept", False), ("unknown", False)])
def test_only_what_is_worse_is_regretted(verdict: str, regretted: bool) -> None:
    memory = remember(Memory(watches={"d1": MOVED}), outcome(verdict))
    assert (HERO in memory.regrets) is regretted and not memory.watches


def test_a_change_of_build_is_no_move_to_be_taken_back() -> None:
    stayed = replace(MOVED, promise=replace(PROMISE, target="edge-01"))
    assert not remember(Memory(watches={"d1": stayed}), outcome("worse")).regrets


def test_the_workload_goes_back_where_it_came_from_once() -> None:
    memory = remember(Memory(watches={"d1": MOVED}), outcome("worse"))
    decisions, after = seen_twice(worse(), memory)
    act = decisions[-1]
    assert act.verdict == "act" and act.move is not None
    assert (act.policy, act.move.source, act.move.target) == ("take_back", "edge-02", "edge-01")
    assert sentence(act).startswith(
        "detector/cam-01/main came to edge-02 from edge-01, and edge-02 is at 95 % CPU since, over its limit of 85 %; moving"
    )
    assert not after.regrets, "one move back is all that follows"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"load": (0.6, 0.5, 0.5)}, id="it is over"),
        pytest.param({"quality": Quality.STALE}, id="nobody can see it"),
    ],
)
def test_what_is_no_longer_worse_or_cannot_be_seen_stays(change: dict[str, object]) -> None:
    fleet = worse()
    fleet.devices[1] = replace(fleet.devices[1], **change)  # type: ignore[arg-type]
    assert not seen_twice(fleet, Memory(regrets={HERO: Regret(decision="d1", promise=PROMISE, at=NOW)}))[0]


def test_who_was_pinned_meanwhile_stays() -> None:
    fleet = worse()
    fleet.workloads[0].movable = False
    assert not seen_twice(fleet, Memory(regrets={HERO: Regret(decision="d1", promise=PROMISE, at=NOW)}))[0]


def test_after_ten_minutes_it_is_a_matter_of_its_own() -> None:
    assert not seen_twice(worse(), Memory(regrets={HERO: Regret(decision="d1", promise=PROMISE, at=NOW - 601.0)}))[0]


def test_without_room_where_it_came_from_it_stays_and_says_so() -> None:
    fleet = worse()
    fleet.devices[0].load = (0.83, 0.5, 0.5)
    decisions, after = seen_twice(fleet, Memory(regrets={HERO: Regret(decision="d1", promise=PROMISE, at=NOW)}))
    assert [(d.verdict, d.reason.code) for d in decisions] == [("hold", "first_look"), ("refuse", "place_no_room")]
    assert HERO in after.regrets
