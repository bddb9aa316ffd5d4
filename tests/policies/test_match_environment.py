"""SC-9 by table: who changes builds, who does not, and with which sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decision_engine.core.decide import decide
from decision_engine.core.decision import Decision
from decision_engine.core.explain import sentence
from decision_engine.core.limits import Limits
from decision_engine.core.memory import CycleRecord, Memory
from decision_engine.core.snapshot import STARTING
from decision_engine.policies.match_environment import MatchEnvironmentPolicy
from tests.builders.fleet import FakeCamera, FakeFleet, calm_fleet, quick_limits

CYCLE = 5.0
POLICY = (MatchEnvironmentPolicy(),)
BUILDS = [("detector", "01", "01"), ("detector", "02", "01"), ("detector", "02", "02")]


def raining(**change: object) -> FakeFleet:
    """Four cameras under the sun, and one of them under rain."""
    fleet = calm_fleet()
    fleet.builds = list(BUILDS)
    for workload in fleet.workloads:
        workload.build = ("01", "01")
    fleet.cameras = [FakeCamera(f"cam-{n:02d}", "01") for n in range(1, 5)]
    fleet.cameras[1] = replace(FakeCamera("cam-02", "02"), **change)  # type: ignore[arg-type]
    return fleet


def seen_for(fleet: FakeFleet, cycles: int, limits: Limits | None = None) -> tuple[list[CycleRecord], Memory]:
    """So many cycles on the same situation."""
    records, memory, start = [], Memory(), fleet.now
    for cycle in range(cycles):
        record, memory = decide(replace(fleet, now=start + CYCLE * cycle).snapshot(), POLICY, limits or quick_limits(), memory)
        records.append(record)
    return records, memory


def acts(records: list[CycleRecord]) -> list[Decision]:
    return [decision for record in records for decision in record.decisions if decision.verdict == "act"]


def test_rain_for_ten_seconds_changes_the_build_where_it_runs() -> None:
    records, memory = seen_for(raining(), 3)
    (decision,) = acts(records)
    assert decision.at - records[0].at == 10.0, "two evaluations ten seconds apart"
    assert decision.move is not None and decision.move.stays
    assert (decision.move.environment_class, decision.move.version) == ("02", "02"), "the newest build of the class"
    assert (decision.move.source_class, decision.move.source_version) == ("01", "01")
    assert sentence(decision) == (
        "cam-02 sees rain and detector/cam-02/main runs its build for sunny; "
        "changing detector/cam-02/main on edge-02 from sunny 01 to rain 02"
    )
    order = records[2].transitions[0].order
    assert order is not None and (order.verb, order.environment_class, order.version) == ("start", "02", "02")
    assert not memory.begun, "what stays on its device costs no budget of moves"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"environment_class": "01"}, id="the same class"),
        pytest.param({"environment_class": ""}, id="an unknown class"),
        pytest.param({"confidence": 0.59}, id="not sure enough"),
        pytest.param({"confidence": float("nan")}, id="confidence unknown"),
        pytest.param({"age_seconds": 20.0}, id="not fresh"),
    ],
)
def test_what_is_not_surely_seen_changes_nothing(change: dict[str, object]) -> None:
    records, _ = seen_for(raining(**change), 4)
    assert all(record.empty for record in records)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"movable": False}, id="pinned, or the environment AI itself"),
        pytest.param({"phase": STARTING}, id="not Ready"),
        pytest.param({"at": ()}, id="runs nowhere"),
        pytest.param({"at": ("edge-02", "edge-03")}, id="runs twice"),
    ],
)
def test_who_is_not_to_be_changed_is_left_alone(change: dict[str, object]) -> None:
    fleet = raining()
    fleet.workloads[1] = replace(fleet.workloads[1], **change)  # type: ignore[arg-type]
    records, _ = seen_for(fleet, 4)
    assert not acts(records)


def test_a_class_without_a_build_keeps_what_runs_and_says_so_once() -> None:
    records, _ = seen_for(raining(environment_class="05"), 5)
    said = [(decision.verdict, decision.reason.code) for record in records for decision in record.decisions]
    assert said == [("hold", "first_look"), ("refuse", "no_variant")]
    assert "no build of detector/cam-02/main for sunrise" in sentence(records[2].decisions[0])


def test_a_version_that_the_catalogue_names_is_kept_under_another_sky() -> None:
    fleet = raining()
    fleet.workloads[1].version_is_fixed = True
    decision = acts(seen_for(fleet, 3)[0])[0]
    assert decision.move is not None and (decision.move.environment_class, decision.move.version) == ("02", "01")


def test_a_package_for_one_class_only_does_not_depend_on_the_weather() -> None:
    fleet = raining()
    fleet.builds = [("detector", "01", "01")]
    assert all(record.empty for record in seen_for(fleet, 4)[0])


def test_a_class_that_flaps_is_never_stable() -> None:
    fleet, memory = raining(), Memory()
    for cycle in range(12):
        now = replace(fleet, now=fleet.now + CYCLE * cycle, cameras=[FakeCamera("cam-02", "02" if cycle % 2 else "01")])
        record, memory = decide(now.snapshot(), POLICY, quick_limits(), memory)
        assert all(decision.verdict != "act" for decision in record.decisions)


def test_an_overloaded_device_may_change_builds_when_its_memory_holds_both() -> None:
    fleet = raining()
    fleet.devices[1].load = (0.95, 0.5, 0.5)
    assert len(acts(seen_for(fleet, 3)[0])) == 1
    fleet.devices[1].load = (0.5, 0.84, 0.5)
    records, _ = seen_for(fleet, 3)
    assert not acts(records)
    assert records[2].decisions[0].reason.code == "place_no_room"


def test_changes_have_a_budget_of_their_own() -> None:
    fleet = raining()
    fleet.cameras = [FakeCamera(f"cam-{n:02d}", "02") for n in range(1, 5)]
    limits = quick_limits()
    limits = replace(limits, budget=replace(limits.budget, in_flight=1, changes_in_flight=3))
    records, _ = seen_for(fleet, 3, limits)
    assert len(acts(records)) == 3
    assert [d.reason.code for d in records[2].decisions if d.verdict == "hold"] == ["budget_in_flight"]
