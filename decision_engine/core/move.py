"""The state machine of one move or change of build, make before break: starting, ready, first result, stopping, done; or undoing, undone.

``step`` looks at one snapshot and says what the move becomes and which order follows. It is the same after a crash:
the state comes from the journal, the world from the snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite

from decision_engine.core.decision import Decision, MoveOrder, Promise
from decision_engine.core.limits import Moving
from decision_engine.core.orders import Order, start_source, start_target, stop_source, stop_target
from decision_engine.core.proposal import Reason
from decision_engine.core.snapshot import FAILED, READY, STOPPING, Snapshot


class MoveState(StrEnum):
    """Where a move stands."""

    STARTING = "starting"
    READY = "ready"
    FIRST_RESULT = "first_result"
    STOPPING = "stopping"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"


RETRY_DOUBLINGS = 4
"""A repeated order waits at most sixteen times the first wait: a runtime that comes back is used within minutes."""

REPAIRING = "repair"
"""The policy that brings AIs back."""
OVERDUE_DEADLINES = 2.0
"""A stop that is not seen after this many deadlines is for a person: a runtime never came back, or a program will not end."""

ENDED = frozenset({MoveState.DONE, MoveState.UNDONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A move under way. Times are Unix seconds; ``ordered_at`` is when its last order went out."""

    id: str
    policy: str
    order: MoveOrder
    promise: Promise
    state: MoveState
    begun_at: float
    since: float
    deadline_at: float
    ordered_at: float
    orders: int
    detail: str = ""
    refused: str = ""
    overdue: bool = False

    @property
    def restores(self) -> bool:
        """Whether there is something to go back to: what is repaired did not work, and what is not replaced was not there."""
        return self.order.replaces and self.policy != REPAIRING


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A move after one look at the world, the order that follows (if any) and why."""

    move: Move
    order: Order | None
    because: Reason


@dataclass(frozen=True, slots=True)
class _Sight:
    """What one snapshot shows of one placement; ``present`` is None where its runtime did not answer."""

    present: bool | None
    phase: int = -1
    since: float = float("nan")
    last_result_at: float = float("nan")

    @property
    def good(self) -> bool:
        """Seen, and Ready."""
        return bool(self.present) and self.phase == READY

    @property
    def lost(self) -> bool:
        """Known to be gone, or failed; never said of a runtime that does not answer."""
        return self.present is False or self.phase == FAILED


def begin(decision: Decision, now: float, moving: Moving) -> Transition:
    """The first step of a decided move: order the start at the target.

    Raises:
        ValueError: the decision carries no move or no promise.
    """
    if decision.move is None or decision.promise is None:
        raise ValueError(f"decision {decision.id} orders no move")
    move = Move(
        id=decision.id,
        policy=decision.policy,
        order=decision.move,
        promise=decision.promise,
        state=MoveState.STARTING,
        begun_at=now,
        since=now,
        deadline_at=now + moving.deadline_seconds,
        ordered_at=now,
        orders=1,
    )
    return Transition(move=move, order=start_target(move.id, move.order), because=Reason("move_begun", {"target": move.order.target}))


def step(move: Move, snapshot: Snapshot, moving: Moving) -> Transition | None:
    """Advance a move by at most one state; None when there is nothing to write down.

    A runtime that does not answer says nothing: the move waits, and neither success nor loss is concluded from it.
    """
    if _unmanaged(move, snapshot):
        return _become(move, MoveState.UNDONE, snapshot.now, None, Reason("no_longer_in_catalogue", {"workload": move.order.workload}))
    source = _sight(snapshot, move.order.source_placement, move.order.source)
    target = _sight(snapshot, move.order.target_placement, move.order.target)
    return _next(move, source, target, snapshot, moving) or _overdue(move, snapshot.now, moving)


def _next(move: Move, source: _Sight, target: _Sight, snapshot: Snapshot, moving: Moving) -> Transition | None:
    if move.state is MoveState.STARTING:
        return _step_starting(move, source, target, snapshot.now, moving)
    if move.state is MoveState.READY:
        return _step_ready(move, source, target, snapshot, moving)
    if move.state in (MoveState.FIRST_RESULT, MoveState.STOPPING):
        return _step_stopping(move, source, target, snapshot.now, moving)
    return _step_undoing(move, source, target, snapshot.now, moving)


def _step_starting(move: Move, source: _Sight, target: _Sight, now: float, moving: Moving) -> Transition | None:
    if target.good:
        return _become(move, MoveState.READY, now, None, Reason("target_ready", {"target": move.order.target}))
    if target.phase == FAILED:
        return _undo(move, source, now, "target_failed")
    if move.refused:
        return _undo(move, source, now, "start_refused")
    if now >= move.deadline_at:
        return _undo(move, source, now, "deadline_passed")
    if target.present is False and _retry_due(move, now, moving):
        return _again(move, now, start_target(move.id, move.order))
    return None


def _step_ready(move: Move, source: _Sight, target: _Sight, snapshot: Snapshot, moving: Moving) -> Transition | None:
    now = snapshot.now
    if target.good and _has_result(move, target, snapshot, moving):
        if not move.order.replaces:
            return _become(move, MoveState.DONE, now, None, Reason("started_works", {"target": move.order.target}))
        stop = stop_source(move.id, move.order)
        return _become(move, MoveState.FIRST_RESULT, now, stop, Reason("first_result_seen", {"target": move.order.target}))
    if target.lost:
        return _undo(move, source, now, "target_lost")
    if now >= move.deadline_at:
        return _undo(move, source, now, "no_result_before_deadline")
    return None


def _has_result(move: Move, target: _Sight, snapshot: Snapshot, moving: Moving) -> bool:
    """Any result of the new placement counts: its name is new, and the device's clock need not agree with ours.

    A package that publishes nothing counts by its time in Ready.
    """
    workload = snapshot.workloads.ids.index(move.order.workload)
    if not snapshot.workloads.result_by_helper[workload]:
        return snapshot.now - target.since >= moving.ready_counts_after_seconds
    return isfinite(target.last_result_at)


def _step_stopping(move: Move, source: _Sight, target: _Sight, now: float, moving: Moving) -> Transition | None:
    """The source may only go while the target is seen Ready: whatever else is true, nothing is stopped on a guess."""
    if target.good and source.present is False:
        gone = Reason("old_build_gone" if move.order.stays else "source_gone", {"source": move.order.source})
        return _become(move, MoveState.DONE, now, None, gone)
    if target.good and _retry_due(move, now, moving):
        return _again(move, now, stop_source(move.id, move.order))
    if target.good and move.state is MoveState.FIRST_RESULT and source.phase == STOPPING:
        return _become(move, MoveState.STOPPING, now, None, Reason("source_stopping", {"source": move.order.source}))
    if (target.lost or target.phase == STOPPING) and (source.good or source.lost):
        return _undo(move, source, now, "target_lost")
    return None


def _step_undoing(move: Move, source: _Sight, target: _Sight, now: float, moving: Moving) -> Transition | None:
    """Take the target away only while the source is seen Ready, or where it failed; when the source died meanwhile, keep or restore one.

    Where nothing was to be replaced, or the source's runtime does not answer, there is nothing to restore.
    """
    nothing_to_restore = not move.restores or source.present is None
    if (source.good or nothing_to_restore) and target.present is False:
        gone = Reason("new_build_gone" if move.order.stays else "target_gone", {"target": move.order.target})
        return _become(move, MoveState.UNDONE, now, None, gone)
    if source.lost and target.good:
        sweep = stop_source(move.id, move.order) if source.present else None
        return _become(move, MoveState.DONE, now, sweep, Reason("kept_last_placement", {"target": move.order.target}))
    if not _retry_due(move, now, moving):
        return None
    if target.present and (source.good or not move.restores or (source.present is None and target.phase == FAILED)):
        return _again(move, now, stop_target(move.id, move.order))
    # Where the target's runtime is silent the camera must not wait for it: its older generation is stopped on return.
    if move.restores and source.lost and (target.lost or target.present is None):
        return _again(move, now, start_source(move.id, move.order, move.orders + 1))
    return None


def _overdue(move: Move, now: float, moving: Moving) -> Transition | None:
    """Say once that an end does not come. The move goes on, so that what is left over is stopped on return; it no longer counts."""
    if move.overdue or move.state is MoveState.STARTING or move.state is MoveState.READY:
        return None
    if now - move.since < OVERDUE_DEADLINES * moving.deadline_seconds:
        return None
    because = Reason("overdue", {"state": move.state.value, "seconds": now - move.since})
    return Transition(move=replace(move, overdue=True), order=None, because=because)


def _undo(move: Move, source: _Sight, now: float, why: str) -> Transition:
    """Take the target back while the source is Ready; where there is one that is known to be lost, start it again; else wait and see."""
    if source.good:
        order: Order | None = stop_target(move.id, move.order)
    else:
        order = start_source(move.id, move.order, move.orders + 1) if move.restores and source.lost else None
    return _become(replace(move, detail=why), MoveState.UNDOING, now, order, Reason(why, {"target": move.order.target}))


def _become(move: Move, state: MoveState, now: float, order: Order | None, because: Reason) -> Transition:
    ordered_at = move.ordered_at if order is None else now
    after = replace(move, state=state, since=now, ordered_at=ordered_at, orders=move.orders if order is None else 1)
    return Transition(move=after, order=order, because=because)


def _again(move: Move, now: float, order: Order) -> Transition:
    because = Reason("order_repeated", {"verb": order.verb, "device": order.device, "times": move.orders + 1})
    return Transition(move=replace(move, ordered_at=now, orders=move.orders + 1), order=order, because=because)


def _retry_due(move: Move, now: float, moving: Moving) -> bool:
    """Wait twice as long after each repetition, up to a limit."""
    doublings = min(max(move.orders - 1, 0), RETRY_DOUBLINGS)
    return now - move.ordered_at >= moving.retry_seconds * float(2**doublings)


def _unmanaged(move: Move, snapshot: Snapshot) -> bool:
    """What left the catalogue is nobody's business any more: nothing is stopped, and the move does not wait for ever."""
    devices = snapshot.devices.ids
    ends = {move.order.source, move.order.target} if move.order.replaces else {move.order.target}
    return move.order.workload not in snapshot.workloads.ids or not ends <= set(devices)


def _sight(snapshot: Snapshot, placement: str, device: str) -> _Sight:
    if not placement:
        return _Sight(False)
    columns = snapshot.placements
    if placement in columns.ids:
        row = columns.ids.index(placement)
        return _Sight(True, int(columns.phase[row]), float(columns.since[row]), float(columns.last_result_at[row]))
    known = device in snapshot.devices.ids and bool(snapshot.devices.placements_known[snapshot.devices.ids.index(device)])
    return _Sight(False if known else None)
