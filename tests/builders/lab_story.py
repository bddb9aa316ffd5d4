"""Lives through a small story with the real decide and the real views, so that the lab's screen is tested on bodies as they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from decision_engine.core.decide import decide
from decision_engine.core.explain import render
from decision_engine.core.limits import Limits
from decision_engine.core.memory import CycleRecord, Memory
from decision_engine.core.reading import Quality
from decision_engine.core.records import as_plain
from decision_engine.core.snapshot import READY, STARTING, STOPPING, Snapshot
from decision_engine.policies import POLICIES
from decision_engine.service.views import decision_view, fleet_view
from tests.builders.fleet import NOW, FakeDevice, FakeFleet, FakeWorkload, quick_limits

Event = tuple[str, dict[str, Any]]

CYCLE_SECONDS = 5.0
GUEST = "detector/cam-03/main"
"""The workload that moves from edge-03 to edge-09 and home again."""
SOURCE, TARGET = "edge-03", "edge-09"
LOADS = (0.43, 0.57, 0.60, 0.48, 0.55, 0.52, 0.46, 0.58, 0.41, 0.50)


def lab_fleet(edges: int = 10) -> FakeFleet:
    """Edges with one workload each, two on edge-03, an analysis server and the real machine with one workload."""
    devices = [
        FakeDevice(f"edge-{n:02d}", load=(LOADS[(n - 1) % len(LOADS)], 0.45, 0.31), headroom_kelvin=20.0 + n) for n in range(1, edges + 1)
    ]
    for device in devices:
        device.p90 = (device.load[0] + 0.04, 0.46, 0.33)
    devices.append(FakeDevice("analysis-01", load=(0.22, 0.2, 0.2), analysis=True))
    devices.append(FakeDevice("host-01", load=(0.34, 0.61, 0.0), gpu=False, skill=float("nan"), gate=False, headroom_kelvin=float("nan")))
    homes = [device.id for device in devices[:edges]]
    homes.insert(min(3, edges), devices[min(2, edges - 1)].id)
    workloads = [FakeWorkload(f"detector/cam-{n:02d}/main", home) for n, home in enumerate([*homes, "host-01"], start=1)]
    return FakeFleet(devices, workloads)


def device(fleet: FakeFleet, id_: str) -> FakeDevice:
    """One device of the fleet, to be changed in place."""
    return next(one for one in fleet.devices if one.id == id_)


def workload(fleet: FakeFleet, id_: str) -> FakeWorkload:
    """One workload of the fleet, to be changed in place."""
    return next(one for one in fleet.workloads if one.id == id_)


def told(snapshot: Snapshot, memory: Memory, record: CycleRecord) -> tuple[Event, ...]:
    """What the service sends about one cycle."""
    events: list[Event] = [("decision", decision_view(decision)) for decision in record.decisions]
    for step in record.transitions:
        events.append(("transition", {"move": as_plain(step.move), "because": render(step.because), "code": step.because.code}))
    events += [("effect", as_plain(outcome)) for outcome in record.outcomes]
    return (*events, ("cycle", {**fleet_view(snapshot, memory), "seconds": 0.042, "queries": 9, "trouble": None}))


def cycle_body(fleet: FakeFleet, memory: Memory | None = None) -> dict[str, Any]:
    """The body of the «cycle» event for this fleet."""
    return told(fleet.snapshot(), memory or Memory(), CycleRecord(at=fleet.now))[-1][1]


class Storyteller:
    """Turns cycles one after another, keeping the memory between them."""

    def __init__(self, fleet: FakeFleet, limits: Limits | None = None) -> None:
        self.fleet = fleet
        self.memory = Memory()
        self.limits = limits or quick_limits()
        self.phases: dict[str, int] = {}

    def turn(self, seconds: float = CYCLE_SECONDS) -> tuple[Event, ...]:
        """One cycle, ``seconds`` after the last one."""
        self.fleet = replace(self.fleet, now=self.fleet.now + seconds)
        snapshot = self.fleet.snapshot()
        for row, id_ in enumerate(snapshot.placements.ids):
            snapshot.placements.phase[row] = self.phases.get(id_.partition("#")[0], READY)
            snapshot.placements.last_result_at[row] = self.fleet.now - 1.0
        record, self.memory = decide(snapshot, POLICIES, self.limits, self.memory)
        return told(snapshot, self.memory, record)

    def place(self, name: str, *at: str, **phases: int) -> None:
        """Have a workload run at these devices; ``phases`` (edge_03=…) where it is not Ready."""
        workload(self.fleet, name).at = at
        for id_, phase in phases.items():
            self.phases[f"{name}@{id_.replace('_', '-')}"] = phase


@cache
def overload_story() -> list[tuple[float, Sequence[Event]]]:
    """A calm cycle, a foreseen overload on edge-03, its move to edge-09, and the checked effect: (Unix time, events) per cycle."""
    story = Storyteller(lab_fleet())
    cycles = [story.turn()]
    crowded = device(story.fleet, SOURCE)
    crowded.load, crowded.p90, crowded.p_over = (0.80, 0.5, 0.5), (0.91, 0.52, 0.55), 0.71
    crowded.p50 = (0.86, 0.51, 0.52)
    cycles += [story.turn(), story.turn()]
    story.fleet.generations[f"{GUEST}@{TARGET}"] = 2
    story.place(GUEST, SOURCE, TARGET, edge_09=STARTING)
    cycles.append(story.turn())
    story.phases.clear()
    cycles += [story.turn(), story.turn()]
    story.place(GUEST, SOURCE, TARGET, edge_03=STOPPING)
    cycles.append(story.turn())
    story.phases.clear()
    story.place(GUEST, TARGET)
    crowded.load, crowded.p90, crowded.p_over = (0.78, 0.5, 0.5), (0.81, 0.52, 0.55), 0.08
    crowded.p50 = None
    cycles += [story.turn(), story.turn(60.0)]
    times = [cycle[-1][1]["at"] for cycle in cycles]
    return list(zip(times, cycles, strict=True))


def spoil(fleet: FakeFleet) -> FakeFleet:
    """The same fleet with a stale, an absent and a broken reading, unknown numbers and a silent runtime."""
    for id_, quality in (("edge-01", Quality.STALE), ("edge-02", Quality.ABSENT), ("edge-04", Quality.NOT_A_NUMBER)):
        device(fleet, id_).quality = quality
    device(fleet, "edge-01").age_seconds = 62.0
    device(fleet, "edge-02").load = device(fleet, "edge-04").load = (float("nan"),) * 3
    device(fleet, "edge-02").headroom_kelvin = float("nan")
    device(fleet, "edge-05").p_over = device(fleet, "edge-05").skill = float("nan")
    device(fleet, "edge-05").p90 = (float("nan"),) * 3
    device(fleet, "edge-06").known = False
    workload(fleet, "detector/cam-07/main").at = ()
    return fleet


STARTED_AT = NOW
