"""One cycle of thought: finish what is under way, check what was promised, then weigh every wish. Pure.

Leftovers come first, so after a crash the engine finishes or undoes what it finds half-done before it decides anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from decision_engine.core import taking_back
from decision_engine.core.decision import Decision, Verdict, decision_id
from decision_engine.core.effects import check_effects
from decision_engine.core.guards import look, over_fleet_budget, refuse_move, refuse_wish, still_one_situation
from decision_engine.core.ledger import Ledger, open_ledger
from decision_engine.core.limits import Limits
from decision_engine.core.memory import CycleRecord, Memory, Rest, Sighting, Watch, remember
from decision_engine.core.move import ENDED, Move, MoveState, Transition, begin, step
from decision_engine.core.plan import Planned, Room, plan
from decision_engine.core.proposal import Notice, Place, Proposal, Reason, Return, Wish
from decision_engine.core.snapshot import Snapshot

REST_DOUBLINGS = 7
"""A build that fails again and again is tried once in 32 hours at last, at a first rest of a quarter of an hour."""
ENGINE = "engine"
BLIND_KEY = f"{ENGINE}:fleet"


class Policy(Protocol):
    """One thought: what would be good now, by this snapshot? ``rank`` orders policies, smaller first."""

    name: str
    scenario: str
    rank: int

    def propose(self, snapshot: Snapshot, limits: Limits) -> tuple[Proposal, ...]:
        """Wishes, in any order; mask columns first."""
        ...


@dataclass(frozen=True, slots=True)
class _Course:
    """What this cycle has concluded so far; ``memory`` already counts the moves that it has begun, ``without_room`` names wishes."""

    ledger: Ledger
    memory: Memory
    decisions: tuple[Decision, ...] = ()
    transitions: tuple[Transition, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    without_room: frozenset[str] = frozenset()


def decide(snapshot: Snapshot, policies: Sequence[Policy], limits: Limits, memory: Memory) -> tuple[CycleRecord, Memory]:
    """Conclude everything that follows from one snapshot.

    Returns the record to be journalled before acting (its transitions carry the orders) and the memory after it.
    """
    if snapshot.blind:
        course = _say(
            _Course(open_ledger(snapshot, memory), memory),
            _engine_decision(snapshot, "fleet", Reason("engine_blind", {"cause": snapshot.blind})),
            memory,
            snapshot.now,
        )
        return _concluded(CycleRecord(at=snapshot.now, sightings=course.sightings, decisions=course.decisions), memory)
    leftovers = _advance_moves(snapshot, memory, limits)
    after_moves = remember(memory, replace(leftovers, sightings=tuple(memory.sightings.values())))
    course = _Course(open_ledger(snapshot, after_moves), after_moves)
    proposals, benched = _ask_policies(snapshot, policies, limits, after_moves)
    if BLIND_KEY in memory.sightings:
        course = _say(course, _engine_decision(snapshot, "fleet", Reason("engine_sees_again", {})), memory, snapshot.now)
    for proposal in proposals:
        course = _weigh(course, proposal, snapshot, limits)
    for decision in benched:
        course = _say(course, decision, memory, snapshot.now)
    record = replace(
        leftovers,
        sightings=_with_recent(course, memory, snapshot.now, limits),
        decisions=course.decisions,
        transitions=leftovers.transitions + course.transitions,
    )
    return _concluded(record, memory)


def _concluded(record: CycleRecord, memory: Memory) -> tuple[CycleRecord, Memory]:
    if record.only_repeats(memory.sightings):
        return CycleRecord(at=record.at), memory
    return record, memory if record.empty else remember(memory, record)


def _advance_moves(snapshot: Snapshot, memory: Memory, limits: Limits) -> CycleRecord:
    """One step for every move under way; those that end leave both ends at rest and a promise to be checked."""
    transitions = tuple(t for _, move in sorted(memory.moves.items()) if (t := step(move, snapshot, limits.moving)) is not None)
    ended = [t.move for t in transitions if t.move.state in ENDED]
    rests = tuple(rest for move in ended for rest in _rests_after(move, memory, snapshot.now, limits))
    watches = tuple(
        Watch(
            decision=move.id,
            workload=move.order.workload,
            promise=move.promise,
            due_at=snapshot.now + limits.overload.relieved_within_seconds,
        )
        for move in ended
        if move.state is MoveState.DONE and move.policy != taking_back.TAKE_BACK  # what is taken back is not taken back again
    )
    return CycleRecord(at=snapshot.now, transitions=transitions, rests=rests, watches=watches, outcomes=check_effects(snapshot, memory))


def _rests_after(move: Move, memory: Memory, now: float, limits: Limits) -> tuple[Rest, ...]:
    """Both ends rest; a target that did not take the work rests longer, so that another one is tried next.

    A change of build that stays where it is moves no load and needs no rest; a build that did not start there is not tried again for
    long, and each time for twice as long.
    """
    moving = limits.moving
    if move.order.stays:
        doublings = min(memory.build_failures.get(move.order.build_there, 0), REST_DOUBLINGS)
        seconds = moving.failed_target_rest_seconds * float(2**doublings)
        return (Rest("build", move.order.build_there, now + seconds),) if move.state is MoveState.UNDONE else ()
    target_seconds = moving.failed_target_rest_seconds if move.state is MoveState.UNDONE else moving.device_rest_seconds
    source = (Rest("device", move.order.source, now + moving.device_rest_seconds),) if move.order.replaces else ()
    return (
        Rest("workload", move.order.workload, now + moving.workload_rest_seconds),
        *source,
        Rest("device", move.order.target, now + target_seconds),
    )


def _ask_policies(snapshot: Snapshot, policies: Sequence[Policy], limits: Limits, memory: Memory) -> tuple[list[Proposal], list[Decision]]:
    """All wishes in order of rank, urgency and name, the engine's own among them; a policy that raises is benched for this cycle."""
    ranked: list[tuple[int, Proposal]] = []
    benched: list[Decision] = []
    for policy in policies:
        try:
            ranked += [(policy.rank, proposal) for proposal in policy.propose(snapshot, limits)]
        except Exception as error:  # one policy's fault must not silence the others; it is said aloud
            benched.append(_benched_decision(policy, error, snapshot))
    ranked += [(taking_back.RANK, wish) for wish in taking_back.wishes(snapshot, memory, limits)]
    ranked.sort(key=lambda pair: (pair[0], -pair[1].urgency, pair[1].subject))
    return [proposal for _, proposal in ranked], benched


def _weigh(course: _Course, proposal: Proposal, snapshot: Snapshot, limits: Limits) -> _Course:
    """Guards before planning, the plan, guards on the plan: the first refusal wins and gives its sentence."""
    sighting = look(proposal, snapshot.now, course.memory, limits)
    refusal = (
        refuse_wish(proposal, sighting, snapshot, limits)
        or _under_way(proposal, course.memory)
        or over_fleet_budget(proposal, course.memory, snapshot.now, limits)
        or _waits(proposal, course)
    )
    if refusal is not None:
        return _close(course, _decision(proposal, snapshot, Planned(reason=refusal), "hold"), sighting)
    if isinstance(proposal.wish, Notice):
        return _close(course, _decision(proposal, snapshot, Planned(reason=proposal.because), "hold"), sighting)
    planned = plan(proposal, Room(snapshot, course.ledger, course.memory, limits))
    if planned.order is None:
        course = replace(course, without_room=course.without_room | {proposal.key})
        return _close(course, _decision(proposal, snapshot, planned, "refuse"), sighting)
    refusal = refuse_move(planned.order, proposal, snapshot, course.memory, limits)
    if refusal is not None:
        return _close(course, _decision(proposal, snapshot, replace(planned, reason=refusal), "hold"), sighting)
    decision = _decision(proposal, snapshot, replace(planned, reason=proposal.because), "act")
    begun = begin(decision, snapshot.now, limits.moving)
    course = _close(course, decision, sighting)
    kept = tuple(course.memory.sightings.values())
    return replace(
        course,
        transitions=(*course.transitions, begun),
        ledger=course.ledger.with_promise(planned.target, planned.cost, planned.order.workload),
        memory=remember(course.memory, CycleRecord(at=snapshot.now, transitions=(begun,), sightings=kept)),
    )


def _under_way(proposal: Proposal, memory: Memory) -> Reason | None:
    """A device at either end of a move is not relieved before that ends, and a workload on its way takes no second one."""
    for _, move in sorted(memory.moves.items()):
        if _concerns(move, proposal.wish):
            return Reason("move_under_way", {"workload": move.order.workload, "target": move.order.target})
    return None


def _waits(proposal: Proposal, course: _Course) -> Reason | None:
    """A wish that comes after another one waits until that one has found no room for the same subject in this very cycle."""
    if proposal.after and f"{proposal.after}:{proposal.subject}" not in course.without_room:
        return Reason("waits_for", {"policy": proposal.after})
    return None


def _with_recent(course: _Course, memory: Memory, now: float, limits: Limits) -> tuple[Sighting, ...]:
    """This cycle's looks, and those that are still young enough to be a first one: no wish's looks depend on another's."""
    seen = {sighting.key for sighting in course.sightings}
    kept = [s for key, s in memory.sightings.items() if key not in seen and not key.startswith(f"{ENGINE}:")]
    return course.sightings + tuple(s for s in kept if still_one_situation(s, now, limits))


def _concerns(move: Move, wish: Wish) -> bool:
    if isinstance(wish, Notice):
        return False
    if isinstance(wish, Return | Place):
        return move.order.workload == wish.workload
    return not move.overdue and wish.device in (move.order.source, move.order.target)


def _decision(proposal: Proposal, snapshot: Snapshot, planned: Planned, verdict: Verdict) -> Decision:
    return Decision(
        id=decision_id(snapshot.now, proposal.policy, proposal.subject),
        at=snapshot.now,
        verdict=verdict,
        policy=proposal.policy,
        scenario=proposal.scenario,
        subject=proposal.subject,
        reason=planned.reason,
        proposal=proposal,
        move=planned.order,
        promise=planned.promise,
        rejected=planned.rejected,
        catalog_version=snapshot.catalog_version,
        model_digest=snapshot.model_digest,
    )


def _close(course: _Course, decision: Decision, sighting: Sighting) -> _Course:
    """Keep the look; write the decision down when it acts or when its reason changed."""
    said = _words(decision)
    news = (decision,) if decision.verdict == "act" or said != sighting.said else ()
    return replace(course, decisions=course.decisions + news, sightings=(*course.sightings, replace(sighting, said=said)))


def _words(decision: Decision) -> str:
    """What counts as having said the same: the verdict and the reason's code."""
    return f"{decision.verdict}:{decision.reason.code}"


def _say(course: _Course, decision: Decision, memory: Memory, now: float) -> _Course:
    """A decision of the engine itself, about no proposal."""
    key = f"{decision.policy}:{decision.subject}"
    before = memory.sightings.get(key)
    if before is not None and before.said == _words(decision):
        return replace(course, sightings=(*course.sightings, before))
    return _close(course, decision, Sighting(key=key, first_at=now, last_at=now, evidence_at=now, looks=1, said=""))


def _engine_decision(snapshot: Snapshot, subject: str, reason: Reason, scenario: str = "") -> Decision:
    """The engine's own word, about no proposal."""
    return Decision(
        id=decision_id(snapshot.now, ENGINE, subject),
        at=snapshot.now,
        verdict="hold",
        policy=ENGINE,
        scenario=scenario,
        subject=subject,
        reason=reason,
        catalog_version=snapshot.catalog_version,
    )


def _benched_decision(policy: Policy, error: Exception, snapshot: Snapshot) -> Decision:
    reason = Reason("policy_failed", {"policy": policy.name, "error": f"{type(error).__name__}: {error}"})
    return _engine_decision(snapshot, policy.name, reason, policy.scenario)
