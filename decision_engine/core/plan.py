"""Turns one wish into one move, or says why none is possible: the smallest workload that solves it, to the emptiest device."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.decision import Alternative, MoveOrder, Promise
from decision_engine.core.ledger import Ledger, cost_at, sole_ready_placements
from decision_engine.core.limits import Limits
from decision_engine.core.memory import Memory
from decision_engine.core.proposal import Proposal, Reason, Relieve, Return
from decision_engine.core.snapshot import Floats, Ints, Snapshot
from decision_engine.core.targets import REFUSALS, Answer, Question, alternatives, ask, finite

WORKLOADS_TRIED = 16
"""Workloads of one device that are offered a target before giving up; a device rarely carries more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A move with its promise and the load it will add to its target; or, without ``order``, the reason why there is none."""

    reason: Reason
    order: MoveOrder | None = None
    promise: Promise | None = None
    target: int = -1
    cost: Floats = field(default_factory=lambda: np.zeros(len(RESOURCES)))
    rejected: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Room:
    """What planning may know: the moment, what is on its way, what is remembered, and the limits."""

    snapshot: Snapshot
    ledger: Ledger
    memory: Memory
    limits: Limits


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which placement goes where, and which resource it is about; indices."""

    placement: int
    target: int
    resource: int


def plan(proposal: Proposal, room: Room) -> Planned:
    """Plan one proposal against what has been accepted so far."""
    if isinstance(proposal.wish, Return):
        return _plan_return(proposal.wish, room)
    return _plan_relief(proposal.wish, room)


def _plan_relief(wish: Relieve, room: Room) -> Planned:
    snapshot = room.snapshot
    source, resource = snapshot.devices.ids.index(wish.device), RESOURCES.index(wish.resource)
    placements = _movable_placements(source, room)
    if not len(placements):
        return Planned(reason=Reason("nothing_movable", {"device": wish.device}))
    placements = _smallest_that_solves_first(placements, source, resource, wish.excess_ratio, room)
    if not len(placements):
        return Planned(reason=Reason("cost_unknown", {"device": wish.device, "resource": wish.resource}))
    rejected: tuple[Alternative, ...] = ()
    mostly = ""
    for role in wish.target_roles:
        for placement in placements[:WORKLOADS_TRIED]:
            workload = int(snapshot.placements.workload[placement])
            question = Question(workload=workload, source=source, role=role, margin_ratio=room.limits.moving.target_margin_ratio)
            answer = ask(question, snapshot, room.ledger, room.memory, room.limits)
            target = answer.best(snapshot)
            rejected = rejected or alternatives(question, answer, target, snapshot)
            mostly = mostly or answer.mostly_refused_for()
            if target is not None:
                others = alternatives(question, answer, target, snapshot)
                return _planned(_Choice(int(placement), target, resource), answer, others, room)
    return Planned(
        reason=Reason("no_room_on_" + "_or_".join(wish.target_roles), {"device": wish.device, "mostly": mostly}), rejected=rejected
    )


def _plan_return(wish: Return, room: Room) -> Planned:
    snapshot = room.snapshot
    workload, home = snapshot.workloads.ids.index(wish.workload), snapshot.devices.ids.index(wish.home)
    placement = int(snapshot.placements_of(workload)[0])
    source = int(snapshot.placements.device[placement])
    question = Question(workload=workload, source=source, only=home, margin_ratio=room.limits.moving.return_margin_ratio)
    answer = ask(question, snapshot, room.ledger, room.memory, room.limits)
    if answer.best(snapshot) is None:
        why = REFUSALS[int(answer.refusal[home])]
        return Planned(reason=Reason("home_" + why, {"home": wish.home}), rejected=alternatives(question, answer, None, snapshot))
    resource = int(np.nanargmax(np.nan_to_num(answer.after[home], nan=-np.inf)))
    return _planned(_Choice(placement, home, resource), answer, (), room)


def _planned(choice: _Choice, answer: Answer, rejected: tuple[Alternative, ...], room: Room) -> Planned:
    placement, target, resource = choice.placement, choice.target, choice.resource
    snapshot = room.snapshot
    p, d = snapshot.placements, snapshot.devices
    workload, source = int(p.workload[placement]), int(p.device[placement])
    name = snapshot.workloads.ids[workload]
    generation = max(int(p.generation[placement]), room.memory.generations.get(name, 0)) + 1
    order = MoveOrder(
        workload=name,
        source_placement=p.ids[placement],
        source=d.ids[source],
        target=d.ids[target],
        generation=generation,
        home=d.ids[int(snapshot.workloads.home[workload])],
        site=snapshot.site_ids[int(d.site[source])],
    )
    cost = cost_at(snapshot, np.array([workload]), target)[0]
    relief = cost_at(snapshot, np.array([workload]), source)[0, resource]
    promise = Promise(
        source=order.source,
        target=order.target,
        resource=RESOURCES[resource],
        limit_ratio=float(snapshot.resource_limits[resource]),
        source_before_ratio=finite(d.load[source, resource]),
        source_after_ratio=finite(answer.before[source, resource] - relief),
        target_before_ratio=finite(d.load[target, resource]),
        target_after_ratio=finite(answer.after[target, resource]),
    )
    return Planned(reason=Reason("move_planned", {}), order=order, promise=promise, target=target, cost=cost, rejected=rejected)


def _movable_placements(source: int, room: Room) -> Ints:
    snapshot = room.snapshot
    p = snapshot.placements
    rows = np.flatnonzero(sole_ready_placements(snapshot) & (p.device == source))
    free = [row for row in rows if snapshot.workloads.movable[p.workload[row]] and _free(snapshot.workloads.ids[p.workload[row]], room)]
    return np.array(free, dtype=np.int64)


def _free(workload: str, room: Room) -> bool:
    return workload not in room.ledger.busy and room.memory.workload_rests.get(workload, 0.0) <= room.snapshot.now


def _smallest_that_solves_first(placements: Ints, source: int, resource: int, excess_ratio: float, room: Room) -> Ints:
    """Those that solve it alone, smallest first; then the rest, largest first; equal ones by name."""
    snapshot = room.snapshot
    workloads = snapshot.placements.workload[placements]
    costs = cost_at(snapshot, workloads, source)[:, resource]
    known = [
        (float(cost), snapshot.workloads.ids[workload], int(placement))
        for cost, workload, placement in zip(costs, workloads, placements, strict=True)
        if cost > 0
    ]
    known.sort(key=lambda row: (row[0] < excess_ratio, row[0] if row[0] >= excess_ratio else -row[0], row[1]))
    return np.array([placement for _, _, placement in known], dtype=np.int64)
