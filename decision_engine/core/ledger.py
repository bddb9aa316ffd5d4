"""Room on devices as one plan sees it: forecasts of the whole, plus what is already on its way there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from decision_engine.core.memory import Memory
from decision_engine.core.move import MoveState
from decision_engine.core.snapshot import NOWHERE, READY, Bools, Floats, Ints, Snapshot


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a plan counts with: ``promised`` D × R is load on its way to each device, ``busy`` the workloads in a move."""

    promised: Floats
    busy: frozenset[str]

    def with_promise(self, device: int, cost: Floats, workload: str) -> Ledger:
        """The ledger after one more accepted move."""
        promised = self.promised.copy()
        promised[device] += np.nan_to_num(cost)
        return replace(self, promised=promised, busy=self.busy | {workload})


def open_ledger(snapshot: Snapshot, memory: Memory) -> Ledger:
    """Count moves in flight whose target is not Ready yet: their load cannot be seen there so far."""
    ledger = Ledger(np.zeros_like(snapshot.devices.load), frozenset(memory.moves))
    index = {id_: row for row, id_ in enumerate(snapshot.devices.ids)}
    workloads = {id_: row for row, id_ in enumerate(snapshot.workloads.ids)}
    for move in memory.moves.values():
        if move.state is MoveState.STARTING and move.order.target in index and move.order.workload in workloads:
            device = index[move.order.target]
            cost = cost_on(snapshot, workloads[move.order.workload])[device]
            ledger = ledger.with_promise(device, cost, move.order.workload)
    return ledger


def cost_on(snapshot: Snapshot, workload: int, variant: int = NOWHERE) -> Floats:
    """Expected cost of one workload on each device, D × R as ratios of that device; NaN where unknown.

    ``variant`` asks what it would cost as another build than the one that runs now; NOWHERE: as it is.
    """
    devices = snapshot.devices
    columns, row = (snapshot.workloads, workload) if variant == NOWHERE else (snapshot.variants, variant)
    gpu = np.full(len(devices.ids), columns.cost_gpu_ratio[row])
    return np.stack([columns.cost_cores[row] / devices.cores, columns.cost_memory_bytes[row] / devices.memory_bytes, gpu], axis=1)


def cost_at(snapshot: Snapshot, workloads: Ints, device: int) -> Floats:
    """Expected cost of many workloads on one device, K × R as ratios of that device; NaN where unknown."""
    columns, devices = snapshot.workloads, snapshot.devices
    cores = columns.cost_cores[workloads] / devices.cores[device]
    memory = columns.cost_memory_bytes[workloads] / devices.memory_bytes[device]
    return np.stack([cores, memory, columns.cost_gpu_ratio[workloads]], axis=1)


def sole_ready_placements(snapshot: Snapshot) -> Bools:
    """Placements that are Ready and the only one of their workload, P."""
    p = snapshot.placements
    known = p.workload >= 0
    counts = np.bincount(p.workload[known], minlength=len(snapshot.workloads.ids))
    sole: Bools = known & (p.phase == READY) & (p.device >= 0)
    sole[known] &= counts[p.workload[known]] == 1
    return sole
