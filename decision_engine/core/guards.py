"""What must hold before a wish may act: fresh evidence, a second look, ends at rest, budget left. The first refusal wins."""

from __future__ import annotations

from dataclasses import replace

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.decision import MoveOrder
from decision_engine.core.limits import Limits
from decision_engine.core.memory import Memory, Sighting
from decision_engine.core.move import REPAIRING
from decision_engine.core.proposal import Notice, Place, Proposal, Reason, Relieve
from decision_engine.core.snapshot import Snapshot

LOOK_GAP_CYCLES = 3.0
"""A wish that was silent for longer than this begins anew: two looks must belong to one situation."""
PAUSE_CYCLES = 1.5
"""A cycle may come half a rhythm late and is still the next one."""
FORESEEING = "foresee"


def look(proposal: Proposal, now: float, memory: Memory, limits: Limits) -> Sighting:
    """Count this look at a wish; a look counts only when nothing in it was known at the look before."""
    before = memory.sightings.get(proposal.key)
    newest = proposal.newest_evidence_at
    if before is None or not still_one_situation(before, now, limits) or _paused(proposal, before, now, limits):
        return Sighting(key=proposal.key, first_at=now, last_at=now, evidence_at=newest, looks=1, said="")
    if proposal.oldest_evidence_at > before.evidence_at:
        return replace(before, last_at=now, evidence_at=newest, looks=before.looks + 1)
    return replace(before, last_at=now)


def _paused(proposal: Proposal, before: Sighting, now: float, limits: Limits) -> bool:
    """Whether a wish that must be steady was not there in a cycle in between."""
    return proposal.steady_seconds > 0.0 and now - before.last_at > PAUSE_CYCLES * limits.times.cycle_seconds


def still_one_situation(sighting: Sighting, now: float, limits: Limits) -> bool:
    """Whether a look now would belong to the same situation."""
    return now - sighting.last_at <= LOOK_GAP_CYCLES * limits.times.cycle_seconds


def refuse_wish(proposal: Proposal, sighting: Sighting, snapshot: Snapshot, limits: Limits) -> Reason | None:
    """Guards that need no plan: is the evidence fresh, was it seen twice, is the overload long enough to be worth a move?"""
    stale = [piece for piece in proposal.evidence if not piece.fresh]
    if stale or not proposal.evidence:
        return Reason("stale_evidence", {"signal": stale[0].signal if stale else "", "subject": proposal.subject})
    if limits.autonomy.get(proposal.scenario) == "off":
        return Reason("scenario_off", {"scenario": proposal.scenario})
    if sighting.looks < 2 or snapshot.now - sighting.first_at < proposal.steady_seconds:
        return Reason("first_look", {})
    return _too_short(proposal, snapshot)


def refuse_move(order: MoveOrder, proposal: Proposal, snapshot: Snapshot, memory: Memory, limits: Limits) -> Reason | None:
    """Guards on a planned move: ends at rest, budget left, and whether this scenario may act at all."""
    now = snapshot.now
    if proposal.policy == REPAIRING:  # what does not work waits for no rest and no budget
        return _given_up(order, memory, now, limits) or _not_autonomous(proposal, limits)
    if order.stays:
        return _may_not_change(order, memory, now, limits) or _not_autonomous(proposal, limits)
    for kind, id_, rests in (
        ("workload", order.workload, memory.workload_rests),
        ("device", order.source, memory.device_rests),
        ("device", order.target, memory.device_rests),
    ):
        if rests.get(id_, 0.0) > now:
            return Reason("resting", {"kind": kind, "id": id_, "seconds": rests[id_] - now})
    return _over_site_budget(order, memory, now, limits) or _not_autonomous(proposal, limits)


def _given_up(order: MoveOrder, memory: Memory, now: float, limits: Limits) -> Reason | None:
    """Whether an AI was brought back so often that a person must look."""
    repairing = limits.repairing
    tried = sum(at > now - repairing.window_seconds for at in memory.repairs.get(order.workload, ()))
    if tried < repairing.attempts:
        return None
    return Reason("repair_given_up", {"workload": order.workload, "times": tried, "window_seconds": repairing.window_seconds})


def _may_not_change(order: MoveOrder, memory: Memory, now: float, limits: Limits) -> Reason | None:
    """Why a workload may not become another build where it is."""
    until = memory.build_rests.get(order.build_there, 0.0)
    if until > now:
        return Reason("build_failed_lately", {"build": order.build_there, "seconds": until - now})
    return _over_change_budget(memory, limits)


def _over_change_budget(memory: Memory, limits: Limits) -> Reason | None:
    changes = sum(move.order.stays and move.policy != REPAIRING and not move.overdue for move in memory.moves.values())
    if changes >= limits.budget.changes_in_flight:
        return Reason("budget_in_flight", {"limit": limits.budget.changes_in_flight})
    return None


def over_fleet_budget(proposal: Proposal, memory: Memory, now: float, limits: Limits) -> Reason | None:
    """Whether the fleet may begin another move at all; asked before planning, so that a spent budget costs no plans.

    What stays on its device is no move; it has a budget of its own. A repair waits for none.
    """
    budget, wish = limits.budget, proposal.wish
    if isinstance(wish, Notice) or proposal.policy == REPAIRING:
        return None
    if isinstance(wish, Place) and wish.device and wish.replaces.rpartition("#")[0].endswith("@" + wish.device):
        return _over_change_budget(memory, limits)
    if sum(not move.overdue and not move.order.stays for move in memory.moves.values()) >= budget.in_flight:
        return Reason("budget_in_flight", {"limit": budget.in_flight})
    if sum(at > now - budget.window_seconds for at, _ in memory.begun) >= budget.fleet_moves:
        return Reason("budget_fleet", {"limit": budget.fleet_moves, "window_seconds": budget.window_seconds})
    return None


def _over_site_budget(order: MoveOrder, memory: Memory, now: float, limits: Limits) -> Reason | None:
    budget = limits.budget
    recent = [site for at, site in memory.begun if at > now - budget.window_seconds]
    if recent.count(order.site) >= budget.site_moves:
        return Reason("budget_site", {"limit": budget.site_moves, "window_seconds": budget.window_seconds, "site": order.site})
    return None


def _not_autonomous(proposal: Proposal, limits: Limits) -> Reason | None:
    if limits.autonomy.get(proposal.scenario, "auto") == "observe":
        return Reason("observe_only", {"scenario": proposal.scenario})
    return None


def _too_short(proposal: Proposal, snapshot: Snapshot) -> Reason | None:
    """Law 6: never a move for an overload whose usual length is shorter than a move."""
    if proposal.policy != FORESEEING or not isinstance(proposal.wish, Relieve) or snapshot.outlook is None:
        return None
    row, column = snapshot.devices.ids.index(proposal.wish.device), RESOURCES.index(proposal.wish.resource)
    usual = float(snapshot.outlook.usual_overload_seconds[row, column])
    if usual < snapshot.move_seconds_p95:
        return Reason("usually_too_short", {"usual_seconds": usual, "move_seconds": snapshot.move_seconds_p95})
    return None
