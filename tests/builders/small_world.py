"""A tiny world that obeys orders late, loses some, and crashes some placements: what the pure middle must survive."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from decision_engine.core.orders import Order
from decision_engine.core.snapshot import FAILED, READY, STARTING, STOPPING
from tests.builders.fleet import NOW, FakeDevice, FakeFleet, FakeWorkload

CYCLE_SECONDS = 5.0


@dataclass
class Running:
    workload: str
    device: str
    generation: int
    phase: int
    since: float
    changes_at: float = float("inf")
    last_result_at: float = float("nan")


@dataclass
class SmallWorld:
    """Edges whose loads wander by a seeded random walk; ``lossy`` is the share of orders that vanish."""

    seed: int
    edges: int = 4
    lossy: float = 0.0
    crashy: float = 0.0
    silent: float = 0.0
    mute: float = 0.0
    now: float = NOW
    running: dict[str, Running] = field(default_factory=dict)
    loads: list[float] = field(default_factory=list)
    gaps: dict[str, int] = field(default_factory=dict)
    silent_until: dict[str, float] = field(default_factory=dict)
    mute_until: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.loads = [self.random.uniform(0.4, 0.8) for _ in range(self.edges)]
        for n in range(self.edges):
            name = f"detector/cam-{n:02d}/main"
            self.running[f"{name}@edge-{n:02d}#1"] = Running(name, f"edge-{n:02d}", 1, READY, self.now - 3600.0, last_result_at=self.now)
            self.gaps[name] = 0

    def advance(self) -> None:
        """Five seconds later."""
        self.now += CYCLE_SECONDS
        for n in range(self.edges):
            self.loads[n] = min(1.0, max(0.1, self.loads[n] + self.random.gauss(0.0, 0.06)))
            if self.random.random() < self.silent:
                self.silent_until[f"edge-{n:02d}"] = self.now + self.random.choice([10.0, 40.0])
            if self.random.random() < self.mute:
                self.mute_until[f"edge-{n:02d}"] = self.now + self.random.choice([10.0, 100.0])
        for name, placement in list(self.running.items()):
            self._age(name, placement)
        for name in self.gaps:
            alive = any(p.workload == name and p.phase in (READY, STOPPING) for p in self.running.values())
            self.gaps[name] = 0 if alive else self.gaps[name] + 1

    def _age(self, name: str, placement: Running) -> None:
        if self.now >= placement.changes_at:
            if placement.phase == STOPPING:
                del self.running[name]
                return
            placement.phase, placement.since, placement.changes_at = READY, self.now, float("inf")
        if placement.phase == READY:
            placement.last_result_at = self.now
        if placement.phase in (STARTING, READY) and self.random.random() < self.crashy:
            if self.random.random() < 0.5:
                del self.running[name]  # some runtimes forget what died, others go on listing it
            else:
                placement.phase, placement.since, placement.changes_at = FAILED, self.now, float("inf")

    def obey(self, order: Order) -> None:
        """Carry out an order, or lose it."""
        if self.random.random() < self.lossy or self.is_mute(order.device):
            return
        placement = self.running.get(order.placement)
        if order.verb == "start" and (placement is None or placement.phase == FAILED):
            generation = int(order.placement.rsplit("#")[-1])
            ready_at = self.now + self.random.choice([0.0, 5.0, 20.0, 200.0])
            self.running[order.placement] = Running(order.workload, order.device, generation, STARTING, self.now, ready_at)
        if order.verb == "stop" and placement is not None and placement.phase != STOPPING:
            placement.phase, placement.changes_at = STOPPING, self.now + self.random.choice([0.0, 5.0, 10.0])

    def is_mute(self, device: str) -> bool:
        """Whether the device's runtime answers nobody now."""
        return self.mute_until.get(device, 0.0) > self.now

    def fleet(self) -> FakeFleet:
        """What can be seen of it now."""
        devices = [self._device(n) for n in range(self.edges)]
        devices.append(FakeDevice("analysis-01", load=(0.2, 0.2, 0.2), analysis=True))
        workloads = []
        for n in range(self.edges):
            name = f"detector/cam-{n:02d}/main"
            workloads.append(FakeWorkload(name, f"edge-{n:02d}", at=()))
        return WorldFleet(
            devices, workloads, now=self.now, running={name: p for name, p in self.running.items() if not self.is_mute(p.device)}
        )

    def _device(self, n: int) -> FakeDevice:
        name, load = f"edge-{n:02d}", self.loads[n]
        silent = self.silent_until.get(name, 0.0) > self.now
        from decision_engine.core.reading import Quality

        return FakeDevice(
            name,
            known=not self.is_mute(name),
            load=(load, 0.5, 0.5),
            p90=(min(load + 0.05, 1.0), 0.5, 0.5),
            p_over=min(1.0, max(0.0, (load - 0.6) * 3)),
            over_seconds=60.0,
            quality=Quality.STALE if silent else Quality.FRESH,
            age_seconds=60.0 if silent else 1.0,
        )


@dataclass
class WorldFleet(FakeFleet):
    """A fleet whose placements are what runs in the world."""

    running: dict[str, Running] = field(default_factory=dict)

    def _placements(self):  # type: ignore[no-untyped-def]
        import numpy as np

        from decision_engine.core.snapshot import Placements

        devices = {d.id: row for row, d in enumerate(self.devices)}
        workloads = {w.id: row for row, w in enumerate(self.workloads)}
        items = sorted(self.running.items(), key=lambda item: (workloads[item[1].workload], item[0]))
        values = [placement for _, placement in items]
        return Placements(
            ids=tuple(name for name, _ in items),
            workload=np.array([workloads[p.workload] for p in values], dtype=int),
            device=np.array([devices[p.device] for p in values], dtype=int),
            variant=np.zeros(len(values), dtype=int),
            generation=np.array([p.generation for p in values], dtype=int),
            phase=np.array([p.phase for p in values], dtype=int),
            since=np.array([p.since for p in values], dtype=float),
            last_result_at=np.array([p.last_result_at for p in values], dtype=float),
            last_frame_at=np.array([self.now] * len(values), dtype=float),
            told_at=np.array([self.now] * len(values), dtype=float),
            confidence=np.full(len(values), 0.9),
            cause=("",) * len(values),
        )
