"""Turns one wish into one move, or says why none is possible: the smallest workload that solves it, to the emptiest device."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.decision import Alternative, MoveOrder, Promise
from decision_engine.core.ledger import Ledger, cost_at, sole_ready_placements
from decision_engine.core.limits import Limits
from decision_engine.core.memory import Memory
from decision_engine.core.proposal import Notice, Parameter, Place, Proposal, Reason, Relieve, Return
from decision_engine.core.snapshot import FAILED, NOWHERE, Floats, Ints, Snapshot
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
    """Which workload goes where as which build, instead of which placement (NOWHERE: of none), and which resource it is about; indices."""

    workload: int
    placement: int
    variant: int
    target: int
    resource: int


def plan(proposal: Proposal, room: Room) -> Planned:
    """Plan one proposal against what has been accepted so far."""
    if isinstance(proposal.wish, Return):
        return _plan_return(proposal.wish, room)
    if isinstance(proposal.wish, Place):
        return _plan_place(proposal.wish, room)
    if isinstance(proposal.wish, Notice):
        return Planned(reason=proposal.because)
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
            variant = snapshot.variant_of(int(placement))
            margin = room.limits.moving.target_margin_ratio
            question = Question(workload=workload, source=source, role=role, margin_ratio=margin, variant=variant)
            answer = ask(question, snapshot, room.ledger, room.memory, room.limits)
            target = answer.best(snapshot)
            rejected = rejected or alternatives(question, answer, target, snapshot)
            mostly = mostly or answer.mostly_refused_for()
            if target is not None:
                others = alternatives(question, answer, target, snapshot)
                return _planned(_Choice(workload, int(placement), variant, target, resource), answer, others, room)
    return Planned(
        reason=Reason("no_room_on_" + "_or_".join(wish.target_roles), {"device": wish.device, "mostly": mostly}), rejected=rejected
    )


def _plan_return(wish: Return, room: Room) -> Planned:
    snapshot = room.snapshot
    workload, home = snapshot.workloads.ids.index(wish.workload), snapshot.devices.ids.index(wish.home)
    placement = int(snapshot.placements_of(workload)[0])
    source = int(snapshot.placements.device[placement])
    variant, margin = snapshot.variant_of(placement), room.limits.moving.return_margin_ratio
    question = Question(workload=workload, source=source, only=home, margin_ratio=margin, variant=variant)
    answer = ask(question, snapshot, room.ledger, room.memory, room.limits)
    if answer.best(snapshot) is None:
        why = REFUSALS[int(answer.refusal[home])]
        return Planned(reason=Reason("home_" + why, {"home": wish.home}), rejected=alternatives(question, answer, None, snapshot))
    return _planned(_Choice(workload, placement, variant, home, _fullest(home, answer)), answer, (), room)


def _plan_place(wish: Place, room: Room) -> Planned:
    """One workload as one build, on a named device or on the best of a kind."""
    snapshot = room.snapshot
    p, w = snapshot.placements, snapshot.workloads
    workload = w.ids.index(wish.workload)
    placement = p.ids.index(wish.replaces) if wish.replaces else NOWHERE
    runs = snapshot.variant_of(placement) if placement != NOWHERE else int(w.variant[workload])
    variant = _wanted_build(wish, w.package[workload], runs, snapshot)
    if variant == NOWHERE:
        named: dict[str, Parameter] = {
            "workload": wish.workload,
            "environment": wish.environment_class,
            "version": wish.version,
        }
        return Planned(reason=Reason("no_version" if wish.version else "no_variant", named))
    here = int(p.device[placement]) if placement != NOWHERE else NOWHERE
    only = snapshot.devices.ids.index(wish.device) if wish.device else NOWHERE
    rejected: tuple[Alternative, ...] = ()
    mostly = ""
    for role in wish.target_roles or ("",):
        question = Question(
            workload=workload, source=here if only == NOWHERE else NOWHERE, margin_ratio=room.limits.moving.target_margin_ratio,
            variant=variant, other_build=variant != runs, frees=here, role=role, only=only,
            dead=placement != NOWHERE and int(p.phase[placement]) == FAILED,
        )  # fmt: skip
        answer = ask(question, snapshot, room.ledger, room.memory, room.limits)
        target = answer.best(snapshot)
        rejected = rejected or alternatives(question, answer, target, snapshot)
        mostly = mostly or answer.mostly_refused_for()
        if target is not None:
            return _planned(_Choice(workload, placement, variant, target, _fullest(target, answer)), answer, rejected, room)
    if only != NOWHERE:
        return Planned(reason=Reason("place_" + mostly, {"workload": wish.workload, "device": wish.device}), rejected=rejected)
    return Planned(
        reason=Reason("no_room_on_" + "_or_".join(wish.target_roles), {"workload": wish.workload, "mostly": mostly}), rejected=rejected
    )


def _wanted_build(wish: Place, package: str, runs: int, snapshot: Snapshot) -> int:
    """The build that a wish names; NOWHERE when nobody declared it."""
    variants = snapshot.variants
    if not wish.environment_class and not wish.version:
        return runs
    environment_class = wish.environment_class or (variants.environment_class[runs] if runs != NOWHERE else "")
    if not wish.version:
        return variants.newest(package, environment_class)
    return next((row for row in variants.of(package, environment_class) if variants.version[row] == wish.version), NOWHERE)


def _fullest(device: int, answer: Answer) -> int:
    """The resource of which a device would have least left."""
    return int(np.argmax(np.nan_to_num(answer.after[device], nan=-np.inf)))


def _planned(choice: _Choice, answer: Answer, rejected: tuple[Alternative, ...], room: Room) -> Planned:
    """The order and the promise of a choice."""
    snapshot, target, resource = room.snapshot, choice.target, choice.resource
    d, order = snapshot.devices, _order(choice, room)
    source = d.ids.index(order.source) if order.replaces else target
    relief = cost_at(snapshot, np.array([choice.workload]), source)[0, resource] if source != target else 0.0
    promise = Promise(
        source=order.source or order.target,
        target=order.target,
        resource=RESOURCES[resource],
        limit_ratio=float(snapshot.resource_limits[resource]),
        source_before_ratio=finite(d.load[source, resource]),
        source_after_ratio=finite(answer.before[source, resource] - relief),
        target_before_ratio=finite(d.load[target, resource]),
        target_after_ratio=finite(answer.after[target, resource]),
    )
    cost = answer.after[target] - answer.before[target]
    return Planned(reason=Reason("move_planned", {}), order=order, promise=promise, target=target, cost=cost, rejected=rejected)


def _order(choice: _Choice, room: Room) -> MoveOrder:
    """What the state machine is told: which placement comes, instead of which."""
    snapshot = room.snapshot
    p, d, v, w = snapshot.placements, snapshot.devices, snapshot.variants, snapshot.workloads
    name, replaced = w.ids[choice.workload], choice.placement != NOWHERE
    before = int(p.generation[choice.placement]) if replaced else 0
    runs = snapshot.variant_of(choice.placement) if replaced else NOWHERE
    home = int(w.home[choice.workload])
    return MoveOrder(
        workload=name,
        source_placement=p.ids[choice.placement] if replaced else "",
        source=d.ids[int(p.device[choice.placement])] if replaced else "",
        target=d.ids[choice.target],
        generation=max(before, room.memory.generations.get(name, 0)) + 1,
        home=d.ids[home],
        site=snapshot.site_ids[int(d.site[choice.target if not replaced else int(p.device[choice.placement])])],
        environment_class=v.environment_class[choice.variant] if choice.variant != NOWHERE else "",
        version=v.version[choice.variant] if choice.variant != NOWHERE else "",
        source_class=v.environment_class[runs] if runs != NOWHERE else "",
        source_version=v.version[runs] if runs != NOWHERE else "",
    )


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
