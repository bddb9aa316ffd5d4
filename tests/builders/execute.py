"""Builds what the execute room's tests need: records of a fleet that is played through core, a catalogue, actuators in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from actuators.api import Action, ActuatorUnreachable, Outcome, Phase, Receipt, RunningPlacement
from decision_engine.catalog.model import Camera, Catalog, Cluster, Device, Package, Version, Workload
from decision_engine.core.decide import decide
from decision_engine.core.memory import CycleRecord, Memory, ReceiptNote, ReceiptRecord, Record, remember
from decision_engine.core.orders import Order
from decision_engine.core.snapshot import Snapshot
from decision_engine.execute.recorder import SnapshotCodec
from decision_engine.observe.replay import decode_snapshot, encode_snapshot
from decision_engine.policies import POLICIES
from tests.builders.fleet import NOW, FakeDevice, FakeFleet, calm_fleet, quick_limits

CYCLE_SECONDS = 5.0


@dataclass(frozen=True)
class Step:
    """One cycle of a played fleet: which edges are hot, whether orders take effect, what the receipts say."""

    hot: frozenset[int] = frozenset()
    obeyed: bool = True
    outcome: Literal["accepted", "already", "refused", "failed"] = "accepted"
    blind: bool = False
    cycles_later: int = 1


@dataclass(frozen=True)
class Played:
    """A cycle that was played: what it knew, what it concluded, and what is remembered after it and its receipts."""

    snapshot: Snapshot
    before: Memory
    record: CycleRecord
    receipts: ReceiptRecord | None
    after: Memory

    @property
    def records(self) -> list[Record]:
        written: list[Record] = [] if self.record.empty else [self.record]
        return written if self.receipts is None else [*written, self.receipts]


HOT_EDGE_ONE = (Step(hot=frozenset({0})),) * 3
WHOLE_MOVE = (*HOT_EDGE_ONE, *(Step(),) * 5, Step(cycles_later=30), Step())
"""Overload, decision, start, Ready, first result, stop, done, and the promise checked a while later."""


def play(steps: Sequence[Step]) -> Iterator[Played]:
    """Cycles of four edges and an analysis server; placements follow the orders that are obeyed."""
    fleet, memory = calm_fleet(), Memory()
    for step in steps:
        fleet = replace(fleet, now=fleet.now + CYCLE_SECONDS * step.cycles_later, blind="unreachable" if step.blind else "")
        for edge in range(4):
            hot = edge in step.hot
            fleet.devices[edge] = FakeDevice(
                f"edge-{edge + 1:02d}", load=(0.93 if hot else 0.5, 0.5, 0.5), over_seconds=40.0 if hot else 0.0
            )
        for workload in fleet.workloads:
            workload.last_result_at = fleet.now - 1.0
        snapshot, before = fleet.snapshot(), memory
        record, memory = decide(snapshot, POLICIES, quick_limits(), before)
        orders = [t.order for t in record.transitions if t.order is not None]
        receipts = _receipts(orders, step, fleet.now)
        if step.obeyed:
            for order in orders:
                _obey(fleet, order)
        if receipts is not None:
            memory = remember(memory, receipts)
        yield Played(snapshot, before, record, receipts, memory)


def records_of(steps: Sequence[Step]) -> list[Record]:
    """All records of a played fleet, oldest first."""
    return [record for cycle in play(steps) for record in cycle.records]


def _receipts(orders: list[Order], step: Step, now: float) -> ReceiptRecord | None:
    if not orders:
        return None
    detail = "" if step.outcome in ("accepted", "already") else "no image for this class on the device"
    return ReceiptRecord(at=now, receipts=tuple(ReceiptNote(o.move_id, o.verb, step.outcome, detail) for o in orders))


def _obey(fleet: FakeFleet, order: Order) -> None:
    workload = next(w for w in fleet.workloads if w.id == order.workload)
    at = workload.at if workload.at is not None else (workload.home,)
    others = tuple(device for device in at if device != order.device)
    workload.at = (*others, order.device) if order.verb == "start" else others
    fleet.generations[f"{order.workload}@{order.device}"] = int(order.placement.rpartition("#")[2])


CODEC = SnapshotCodec(encode=encode_snapshot, decode=decode_snapshot)


def two_cluster_catalog() -> Catalog:
    """Two devices behind two actuators, one behind an actuator that nobody configured, one in a cluster that is not declared."""
    places = {"edge-01": "north", "edge-02": "south", "edge-03": "west", "edge-04": "nowhere"}
    devices = {id_: Device(id_, cluster, f"127.0.0.1:{n}", 8.0, 16e9) for n, (id_, cluster) in enumerate(places.items(), 9000)}
    devices["edge-02"] = replace(devices["edge-02"], node="jetson-b")
    version = Version("detector", "01", "1.10", "registry/detector:1.10")
    return Catalog(
        clusters={"north": Cluster("north", "left"), "south": Cluster("south", "right"), "west": Cluster("west", "absent")},
        devices=devices,
        cameras={"cam-01": Camera("cam-01", "edge-01")},
        packages={"detector": Package("detector"), "counter": Package("counter")},
        versions={("detector", "01", "1.9"): replace(version, version="1.9"), ("detector", "01", "1.10"): version},
        workloads={
            w.id: w
            for w in (
                Workload("detector", "cam-01", "edge-01"),
                Workload("detector", "cam-02", "edge-01"),
                Workload("counter", "cam-01", "edge-01"),
            )
        },
    )


def order(
    device: str = "edge-01", verb: Literal["start", "stop"] = "start", workload: str = "detector/cam-01/main", generation: int = 2
) -> Order:
    """One order of move «m1»."""
    return Order(move_id="m1", verb=verb, workload=workload, device=device, placement=f"{workload}@{device}#{generation}")


@dataclass
class MemoryActuator:
    """A runtime in memory. It answers when ``open`` is set; ``log`` tells when each order came in and went out."""

    open: asyncio.Event | None = None
    error: Exception | None = None
    log: list[str] = field(default_factory=list)
    running: dict[str, RunningPlacement] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)
    closed: bool = False

    async def act(self, action: Action) -> Receipt:
        self.actions.append(action)
        self.log.append(f"in {action.id}")
        await self._answer()
        present = action.placement in self.running
        if action.verb.value == "start":
            self.running[action.placement] = RunningPlacement(
                action.placement, action.workload, action.device, int(action.placement.rpartition("#")[2]), Phase.READY, NOW
            )
        else:
            self.running.pop(action.placement, None)
        self.log.append(f"out {action.id}")
        done_already = present == (action.verb.value == "start")
        return Receipt(action.id, Outcome.ALREADY if done_already else Outcome.ACCEPTED)

    async def placements(self) -> tuple[RunningPlacement, ...]:
        await self._answer()
        return tuple(self.running.values())

    async def close(self) -> None:
        self.closed = True
        if self.error is not None:
            raise self.error

    async def _answer(self) -> None:
        if self.open is not None:
            await self.open.wait()
        if self.error is not None:
            raise self.error


def unreachable(said: str = "connection refused") -> MemoryActuator:
    """A runtime that does not answer."""
    return MemoryActuator(error=ActuatorUnreachable(said))
