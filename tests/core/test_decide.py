"""What one cycle concludes, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decision_engine.core.decide import decide
from decision_engine.core.decision import Decision
from decision_engine.core.explain import sentence
from decision_engine.core.limits import Limits
from decision_engine.core.memory import CycleRecord, Memory, Rest, remember
from decision_engine.core.reading import Quality
from decision_engine.policies import POLICIES
from tests.builders.fleet import NOW, FakeDevice, FakeFleet, FakeWorkload, calm_fleet, quick_limits

CYCLE = 5.0


def look_twice(fleet: FakeFleet, limits: Limits, memory: Memory | None = None) -> tuple[CycleRecord, Memory]:
    """Two cycles on the same situation, five seconds apart."""
    _, memory = decide(fleet.snapshot(), POLICIES, limits, memory or Memory())
    return decide(replace_now(fleet, fleet.now + CYCLE).snapshot(), POLICIES, limits, memory)


def replace_now(fleet: FakeFleet, now: float) -> FakeFleet:
    return replace(fleet, now=now)


def only(record: CycleRecord, policy: str) -> Decision:
    found = [d for d in record.decisions if d.policy == policy]
    assert len(found) == 1, [f"{d.policy}:{d.verdict}:{d.reason.code}" for d in record.decisions]
    return found[0]


def overloaded() -> FakeFleet:
    fleet = calm_fleet()
    fleet.devices[0] = FakeDevice("edge-01", load=(0.93, 0.5, 0.5), over_seconds=40.0)
    return fleet


def foreseen() -> FakeFleet:
    fleet = calm_fleet()
    fleet.devices[0] = FakeDevice("edge-01", load=(0.80, 0.5, 0.5), p50=(0.86, 0.5, 0.5), p90=(0.91, 0.5, 0.5), p_over=0.7)
    return fleet


def test_a_calm_fleet_says_nothing_and_leaves_no_record() -> None:
    record, memory = decide(calm_fleet().snapshot(), POLICIES, quick_limits(), Memory())
    assert record.empty
    assert memory == Memory()


def test_the_first_look_holds_and_the_second_acts() -> None:
    first, memory = decide(overloaded().snapshot(), POLICIES, quick_limits(), Memory())
    assert only(first, "relieve").reason.code == "first_look"
    second, memory = decide(replace_now(overloaded(), NOW + CYCLE).snapshot(), POLICIES, quick_limits(), memory)
    decision = only(second, "relieve")
    assert decision.verdict == "act"
    assert decision.move is not None
    assert (decision.move.workload, decision.move.source, decision.move.generation) == ("detector/cam-01/main", "edge-01", 2)
    assert second.transitions[0].order is not None
    assert second.transitions[0].order.verb == "start"
    assert "detector/cam-01/main" in memory.moves


def test_a_second_look_at_the_same_sample_is_no_second_look() -> None:
    _, memory = decide(overloaded().snapshot(), POLICIES, quick_limits(), Memory())
    again = replace_now(overloaded(), NOW + CYCLE)
    again.devices[0].age_seconds += CYCLE
    record, _ = decide(again.snapshot(), POLICIES, quick_limits(), memory)
    assert all(d.verdict != "act" for d in record.decisions)


@pytest.mark.parametrize(
    ("quality", "acts"),
    [
        pytest.param(Quality.FRESH, True, id="fresh"),
        pytest.param(Quality.STALE, False, id="stale"),
        pytest.param(Quality.ABSENT, False, id="absent"),
        pytest.param(Quality.NOT_A_NUMBER, False, id="nan"),
    ],
)
def test_only_fresh_evidence_acts(quality: Quality, acts: bool) -> None:
    fleet = overloaded()
    fleet.devices[0].quality = quality
    record, _ = look_twice(fleet, quick_limits())
    assert any(d.verdict == "act" for d in record.decisions) is acts


def test_the_emptiest_other_edge_is_chosen_and_the_rest_is_listed() -> None:
    fleet = overloaded()
    fleet.devices[2].load = (0.3, 0.3, 0.3)
    decision = only(look_twice(fleet, quick_limits())[0], "relieve")
    assert decision.move is not None
    assert decision.move.target == "edge-03"
    assert {a.reason for a in decision.rejected} == {"fuller_afterwards"}


def test_a_device_about_to_throttle_is_relieved_too() -> None:
    fleet = calm_fleet()
    fleet.devices[0].headroom_kelvin = 2.0
    decision = only(look_twice(fleet, quick_limits())[0], "relieve")
    assert decision.move is not None
    assert decision.move.source == "edge-01"
    assert sentence(decision).startswith("edge-01 is 2.00 K below its throttle trip")
    fleet.devices[0].headroom_kelvin = float("nan")
    assert look_twice(fleet, quick_limits())[0].empty


def test_without_room_on_edges_the_analysis_server_takes_it() -> None:
    fleet = overloaded()
    for device in fleet.devices[1:4]:
        device.load = (0.83, 0.5, 0.5)
    record, _ = look_twice(fleet, quick_limits())
    assert only(record, "relieve").reason.code == "no_room_on_edge"
    decision = only(record, "overflow")
    assert decision.move is not None
    assert decision.move.target == "analysis-01"


def test_foresight_moves_before_the_limit_and_says_so() -> None:
    decision = only(look_twice(foreseen(), quick_limits())[0], "foresee")
    assert decision.verdict == "act"
    text = sentence(decision)
    assert text.startswith("edge-01 will pass 85 % CPU in 30 s (p90 91 %, P 0.70 within 90 s, now 80 %)")
    assert "moving detector/cam-01/main from edge-01 to edge-02" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"p50": (0.80, 0.5, 0.5)}, "edge-01 may pass 85 % CPU within 90 s: P 0.70 (p90 91 %, now 80 %)", id="not-probable"),
        pytest.param(
            {"gate": False},
            "edge-01 at 80 % CPU plus its volatility margin passes 85 % "
            "(p90 91 %, by the margin rule: the forecast has not earned the right to act here)",
            id="not-earned",
        ),
    ],
)
def test_no_sentence_says_more_than_the_forecast_does(change: dict[str, object], said: str) -> None:
    fleet = foreseen()
    fleet.devices[0] = replace(fleet.devices[0], **change)  # type: ignore[arg-type]
    decision = only(look_twice(fleet, quick_limits())[0], "foresee")
    assert sentence(decision).startswith(said + "; moving")
    assert decision.proposal is not None
    assert decision.proposal.urgency == (0.7 if "p50" in change else 0.0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"p_over": 0.2}, None, id="improbable"),
        pytest.param({"gate": False, "p90": (0.84, 0.5, 0.5)}, None, id="gate-closed-margin-below"),
        pytest.param({"gate": False}, "margin_passes_limit", id="gate-closed-margin-decides"),
        pytest.param({"usual_overload_seconds": 5.0}, "usually_too_short", id="too-short-to-be-worth-a-move"),
    ],
)
def test_foresight_is_gated(change: dict[str, object], code: str | None) -> None:
    fleet = foreseen()
    fleet.devices[0] = replace(fleet.devices[0], **change)  # type: ignore[arg-type]
    first, _ = decide(fleet.snapshot(), POLICIES, quick_limits(), Memory())
    record, _ = look_twice(fleet, quick_limits())
    assert [d.reason.code for d in record.decisions] == ([] if code is None else [code])
    assert first.empty is (code is None)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        pytest.param({"headroom_kelvin": 5.0}, "too_hot", id="hot"),
        pytest.param({"headroom_kelvin": float("nan"), "thermal_lost": True}, "too_hot", id="temperature-lost"),
        pytest.param({"known": False}, "runtime_silent", id="runtime-silent"),
        pytest.param({"quality": Quality.STALE}, "not_fresh", id="stale"),
        pytest.param({"p90": (float("nan"),) * 3}, "no_forecast", id="no-forecast"),
        pytest.param({"load": (0.8, 0.5, 0.5)}, "no_room", id="full"),
        pytest.param({"highest": (0.75, 0.5, 0.5)}, "likely_overload", id="would-be-foreseen-to-overload"),
        pytest.param({"highest": (float("inf"), 0.5, 0.5)}, "likely_overload", id="no-level-is-safe"),
        pytest.param({"kind": 1}, "does_not_fit", id="other-architecture"),
    ],
)
def test_unsuitable_targets_are_refused_with_their_reason(change: dict[str, object], refusal: str) -> None:
    fleet = overloaded()
    fleet.fit = [[True, False]]
    fleet.devices[1] = replace(fleet.devices[1], **change)  # type: ignore[arg-type]
    decision = only(look_twice(fleet, quick_limits())[0], "relieve")
    assert decision.move is not None
    assert decision.move.target == "edge-03"
    assert [a.reason for a in decision.rejected if a.target == "edge-02"] == [refusal]


def test_a_camera_is_only_moved_where_it_can_be_reached() -> None:
    fleet = overloaded()
    fleet.workloads[0].reachable = ("edge-01", "edge-04")
    decision = only(look_twice(fleet, quick_limits())[0], "relieve")
    assert decision.move is not None
    assert decision.move.target == "edge-04"


def test_pinned_workloads_stay() -> None:
    fleet = overloaded()
    fleet.workloads[0].movable = False
    assert only(look_twice(fleet, quick_limits())[0], "relieve").reason.code == "nothing_movable"


def test_the_smallest_workload_that_solves_it_moves() -> None:
    fleet = overloaded()
    fleet.workloads += [
        FakeWorkload("detector/cam-08/main", "edge-01", cost_cores=2.0),
        FakeWorkload("detector/cam-09/main", "edge-01", cost_cores=0.1),
    ]
    decision = only(look_twice(fleet, quick_limits())[0], "relieve")
    assert decision.move is not None
    assert decision.move.workload == "detector/cam-01/main"


def test_rests_and_budgets_hold_with_their_reason() -> None:
    limits = quick_limits()
    resting = remember(Memory(), CycleRecord(at=NOW, rests=(Rest("device", "edge-01", NOW + 100.0),)))
    assert only(look_twice(overloaded(), limits, resting)[0], "relieve").reason.code == "resting"
    none_left = replace(limits, budget=replace(limits.budget, fleet_moves=0))
    assert only(look_twice(overloaded(), none_left)[0], "relieve").reason.code == "budget_fleet"


def test_observe_decides_and_does_nothing() -> None:
    limits = replace(quick_limits(), autonomy={"SC-1": "observe", "SC-2": "observe"})
    record, memory = look_twice(overloaded(), limits)
    decision = only(record, "relieve")
    assert (decision.verdict, decision.reason.code) == ("hold", "observe_only")
    assert decision.move is not None
    assert not record.transitions
    assert not memory.moves


def test_a_blind_engine_holds_everything_and_says_it_once() -> None:
    fleet = overloaded()
    fleet.blind = "prometheus_unreachable"
    first, memory = decide(fleet.snapshot(), POLICIES, quick_limits(), Memory())
    assert [d.reason.code for d in first.decisions] == ["engine_blind"]
    second, _ = decide(replace_now(fleet, NOW + CYCLE).snapshot(), POLICIES, quick_limits(), memory)
    assert not second.decisions


def test_a_failing_policy_is_benched_and_the_others_go_on() -> None:
    class Broken:
        name, scenario, rank = "broken", "SC-7", 1

        def propose(self, snapshot: object, limits: object) -> tuple[()]:
            raise RuntimeError("no such column")

    first, memory = decide(overloaded().snapshot(), (Broken(), *POLICIES), quick_limits(), Memory())
    assert {d.reason.code for d in first.decisions} == {"policy_failed", "first_look"}
    second, _ = decide(replace_now(overloaded(), NOW + CYCLE).snapshot(), (Broken(), *POLICIES), quick_limits(), memory)
    assert only(second, "relieve").verdict == "act"


def test_one_workload_takes_one_way_at_a_time() -> None:
    """Away from home on a device that overloads while home has room: either it is relieved or it returns, never both."""
    fleet = calm_fleet()
    fleet.devices[2] = FakeDevice("edge-03", load=(0.93, 0.5, 0.5), over_seconds=40.0)
    fleet.workloads[2].at = ()
    fleet.workloads[0].at, fleet.workloads[0].since = ("edge-03",), NOW - 100.0
    record, memory = look_twice(fleet, quick_limits())
    assert [d.policy for d in record.decisions if d.verdict == "act"] == ["relieve"]
    assert only(record, "return_home").reason.code == "move_under_way"
    assert len(memory.moves) == len(record.transitions) == 1


@pytest.mark.parametrize(
    ("home_load", "since", "goes"),
    [
        pytest.param(0.4, NOW - 100.0, True, id="room-and-dwelt"),
        pytest.param(0.4, NOW - 20.0, False, id="dwell-not-over"),
        pytest.param(0.78, NOW - 100.0, False, id="home-still-busy"),
    ],
)
def test_workloads_return_home(home_load: float, since: float, goes: bool) -> None:
    fleet = calm_fleet()
    fleet.devices[0].load = (home_load, 0.4, 0.4)
    fleet.workloads[0].at, fleet.workloads[0].since = ("edge-03",), since
    record, _ = look_twice(fleet, quick_limits())
    acts = [d for d in record.decisions if d.verdict == "act"]
    assert bool(acts) is goes
    if goes:
        assert acts[0].move is not None
        assert (acts[0].policy, acts[0].move.target) == ("return_home", "edge-01")
