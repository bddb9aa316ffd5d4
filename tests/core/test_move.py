"""The state machine of a move, state by state and fault by fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decision_engine.core.decision import MoveOrder, Promise
from decision_engine.core.limits import Moving
from decision_engine.core.move import Move, MoveState, step
from decision_engine.core.snapshot import FAILED, READY, STARTING, STOPPING, Snapshot
from tests.builders.fleet import NOW, calm_fleet

NEVER = float("nan")
MOVING = Moving(deadline_seconds=60.0, retry_seconds=10.0)
ORDER = MoveOrder(
    workload="detector/cam-01/main", source_placement="detector/cam-01/main@edge-01#1", source="edge-01", target="edge-02", generation=2,
    home="edge-01", site="north",
)  # fmt: skip
PROMISE = Promise(
    source="edge-01", target="edge-02", resource="cpu", limit_ratio=0.85, source_before_ratio=0.9, source_after_ratio=0.8,
    target_before_ratio=0.5, target_after_ratio=0.6,
)  # fmt: skip


def move(state: MoveState, age: float = 5.0, **change: object) -> Move:
    """A move begun ``age`` seconds ago whose last order is as old."""
    begun = NOW - age
    plain = Move(id="m1", policy="relieve", order=ORDER, promise=PROMISE, state=state, begun_at=begun, since=begun,
                 deadline_at=begun + MOVING.deadline_seconds, ordered_at=begun, orders=1)  # fmt: skip
    return replace(plain, **change)  # type: ignore[arg-type]


def world(source: int | None, target: int | None, result_after: float = NEVER, answers: bool = True, by_helper: bool = True) -> Snapshot:
    """Source and target placements in these phases (None: not there); the target's newest result, relative to now."""
    fleet = calm_fleet(2)
    fleet.workloads[0].at = tuple(d for d, phase in (("edge-01", source), ("edge-02", target)) if phase is not None)
    fleet.generations = {"detector/cam-01/main@edge-02": 2}
    if not answers:
        fleet.devices[0].known = fleet.devices[1].known = False
    snapshot = fleet.snapshot()
    for row, id_ in enumerate(snapshot.placements.ids):
        if id_ == ORDER.source_placement and source is not None:
            snapshot.placements.phase[row] = source
        if id_ == ORDER.target_placement and target is not None:
            snapshot.placements.phase[row] = target
            snapshot.placements.last_result_at[row] = NOW + result_after
            snapshot.placements.since[row] = NOW - 4.0
    snapshot.workloads.result_by_helper[0] = by_helper
    return snapshot


S = MoveState
CASES = [
    pytest.param(move(S.STARTING), world(READY, STARTING), None, id="still-starting"),
    pytest.param(move(S.STARTING), world(READY, READY), (S.READY, None), id="ready-seen"),
    pytest.param(move(S.STARTING), world(READY, FAILED), (S.UNDOING, "stop edge-02"), id="start-failed"),
    pytest.param(move(S.STARTING, refused="no such package"), world(READY, None), (S.UNDOING, "stop edge-02"), id="start-refused"),
    pytest.param(move(S.STARTING, age=5.0), world(READY, None), None, id="not-seen-yet-no-hurry"),
    pytest.param(move(S.STARTING, age=11.0), world(READY, None), (S.STARTING, "start edge-02"), id="order-lost-repeated"),
    pytest.param(move(S.STARTING, age=61.0), world(READY, STARTING), (S.UNDOING, "stop edge-02"), id="deadline"),
    pytest.param(move(S.STARTING, age=61.0), world(READY, READY), (S.READY, None), id="success-counts-before-the-deadline"),
    pytest.param(move(S.STARTING, age=11.0), world(None, None, answers=False), None, id="silent-runtime-says-nothing"),
    pytest.param(move(S.READY), world(READY, READY), None, id="no-result-yet"),
    pytest.param(
        move(S.READY), world(READY, READY, result_after=-1.0), (S.FIRST_RESULT, "stop edge-01"), id="first-result-stops-the-source"
    ),
    pytest.param(
        move(S.READY),
        world(READY, READY, result_after=-3600.0),
        (S.FIRST_RESULT, "stop edge-01"),
        id="a-device-clock-that-is-behind-does-not-hide-a-result",
    ),
    pytest.param(move(S.READY), world(READY, READY, by_helper=False), None, id="no-results-by-design-ready-too-young"),
    pytest.param(move(S.READY), world(READY, None), (S.UNDOING, "stop edge-02"), id="target-lost-before-result"),
    pytest.param(move(S.READY, age=61.0), world(READY, READY), (S.UNDOING, "stop edge-02"), id="silent-target"),
    pytest.param(move(S.READY), world(None, None), (S.UNDOING, "start edge-01"), id="both-gone-restores-the-source"),
    pytest.param(move(S.FIRST_RESULT), world(STOPPING, READY), (S.STOPPING, None), id="source-stopping"),
    pytest.param(move(S.FIRST_RESULT), world(None, READY), (S.DONE, None), id="source-gone"),
    pytest.param(move(S.FIRST_RESULT, age=11.0), world(READY, READY), (S.FIRST_RESULT, "stop edge-01"), id="stop-lost-repeated"),
    pytest.param(move(S.STOPPING), world(READY, FAILED), (S.UNDOING, "stop edge-02"), id="target-fails-while-source-lives"),
    pytest.param(move(S.FIRST_RESULT, age=11.0), world(READY, STARTING), None, id="never-stop-the-source-while-the-target-is-not-ready"),
    pytest.param(move(S.FIRST_RESULT, age=11.0), world(READY, READY, answers=False), (S.FIRST_RESULT, "stop edge-01"), id="listed-is-seen"),
    pytest.param(
        move(S.FIRST_RESULT, age=11.0), world(READY, None, answers=False), None, id="never-stop-the-source-while-the-target-is-unseen"
    ),
    pytest.param(move(S.FIRST_RESULT, age=11.0), world(READY, STOPPING), (S.UNDOING, "stop edge-02"), id="somebody-stops-the-target"),
    pytest.param(move(S.STOPPING, age=11.0), world(FAILED, READY), (S.STOPPING, "stop edge-01"), id="a-dead-source-is-swept-away"),
    pytest.param(move(S.UNDOING), world(FAILED, READY), (S.DONE, "stop edge-01"), id="the-source-died-meanwhile"),
    pytest.param(move(S.UNDOING, age=11.0), world(FAILED, None), (S.UNDOING, "start edge-01"), id="restore-a-source-that-died"),
    pytest.param(move(S.UNDOING, age=130.0), world(READY, None, answers=False), (S.UNDOING, None), id="overdue-is-said-once"),
    pytest.param(move(S.UNDOING, age=130.0, overdue=True), world(READY, None, answers=False), None, id="and-only-once"),
    pytest.param(move(S.STOPPING), world(None, None), (S.UNDOING, "start edge-01"), id="both-gone-while-stopping"),
    pytest.param(move(S.UNDOING), world(READY, None), (S.UNDONE, None), id="undone"),
    pytest.param(move(S.UNDOING), world(None, READY), (S.DONE, None), id="the-last-good-placement-is-kept"),
    pytest.param(move(S.UNDOING, age=11.0), world(READY, READY), (S.UNDOING, "stop edge-02"), id="undo-repeated"),
    pytest.param(move(S.UNDOING, age=11.0), world(None, STARTING), None, id="never-stop-the-last-one-even-while-it-starts"),
    pytest.param(move(S.UNDOING, age=11.0), world(None, FAILED), (S.UNDOING, "start edge-01"), id="restore-the-source"),
]


@pytest.mark.parametrize(("before", "snapshot", "expected"), CASES)
def test_step(before: Move, snapshot: Snapshot, expected: tuple[MoveState, str | None] | None) -> None:
    transition = step(before, snapshot, MOVING)
    if expected is None:
        assert transition is None
        return
    assert transition is not None
    order = transition.order
    assert (transition.move.state, f"{order.verb} {order.device}" if order else None) == expected


def test_repeats_come_less_and_less_often() -> None:
    waits = []
    current = move(S.STARTING, age=0.0, deadline_at=NOW + 1e6)
    for second in range(0, 400, 5):
        snapshot = replace(world(READY, None), now=NOW + second)
        transition = step(current, snapshot, MOVING)
        if transition is not None:
            waits.append(snapshot.now - current.ordered_at)
            current = transition.move
    assert waits[:5] == [10.0, 20.0, 40.0, 80.0, 160.0]
