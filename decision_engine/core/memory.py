"""What one cycle leaves to the next, folded from the records that the journal keeps; nothing else is remembered.

The same ``remember`` makes the memory in a running engine and rebuilds it after a crash, so the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from decision_engine.core.decision import Decision, Promise
from decision_engine.core.move import ENDED, REPAIRING, Move, MoveState, Transition

MOVE_DURATIONS_KEPT = 50
EffectVerdict = Literal["kept", "missed", "worse", "unknown"]
REPAIRS_KEPT = 20
BEGUN_KEPT = 1000
"""Enough for any budget window; older moves cannot matter to one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A wish seen at least once; ``said`` is the verdict and reason last written down for it."""

    key: str
    first_at: float
    last_at: float
    evidence_at: float
    looks: int
    said: str


@dataclass(frozen=True, slots=True)
class Rest:
    """A workload, a device, or a workload as one build on one device, that automation leaves alone until a time."""

    kind: Literal["workload", "device", "build"]
    id: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A promise whose effect is still to be checked, at ``due_at``."""

    decision: str
    workload: str
    promise: Promise
    due_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Regret:
    """A move that made things worse: where the workload came from and went to, as its promise says, and when that was seen."""

    decision: str
    promise: Promise
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectOutcome:
    """What became of a promise: kept, missed, worse, or unknown where the numbers were not fresh."""

    decision: str
    at: float
    verdict: EffectVerdict
    source_ratio: float | None
    target_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRecord:
    """All that one cycle concluded; written down before anything is done. Holds appear when their reason changed."""

    at: float
    sightings: tuple[Sighting, ...] = ()
    decisions: tuple[Decision, ...] = ()
    transitions: tuple[Transition, ...] = ()
    rests: tuple[Rest, ...] = ()
    watches: tuple[Watch, ...] = ()
    outcomes: tuple[EffectOutcome, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write down."""
        return not (self.sightings or self.decisions or self.transitions or self.outcomes)

    def only_repeats(self, sightings: dict[str, Sighting]) -> bool:
        """Whether it says nothing but looks that are remembered just so."""
        return not (self.decisions or self.transitions or self.outcomes) and {s.key: s for s in self.sightings} == sightings


@dataclass(frozen=True, slots=True)
class ReceiptNote:
    """What an actuator answered to one order of a move."""

    move: str
    verb: str
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRecord:
    """What came of the orders of one cycle."""

    at: float
    receipts: tuple[ReceiptNote, ...]


Record = CycleRecord | ReceiptRecord


@dataclass(frozen=True, slots=True)
class Memory:
    """The fold of all records, the last of them made ``at``.

    ``begun`` are (time, site) of moves from one device to another, ``generations`` the highest used, ``build_failures`` how often in a
    row a build did not come up where it was tried, ``repairs`` when each workload was brought back,
    ``regrets`` which workload's last move made things worse, ``move_seconds`` how long moves
    took to their first result.
    """

    sightings: dict[str, Sighting] = field(default_factory=dict)
    moves: dict[str, Move] = field(default_factory=dict)
    workload_rests: dict[str, float] = field(default_factory=dict)
    device_rests: dict[str, float] = field(default_factory=dict)
    build_rests: dict[str, float] = field(default_factory=dict)
    build_failures: dict[str, int] = field(default_factory=dict)
    repairs: dict[str, tuple[float, ...]] = field(default_factory=dict)
    begun: tuple[tuple[float, str], ...] = ()
    generations: dict[str, int] = field(default_factory=dict)
    move_seconds: tuple[float, ...] = ()
    watches: dict[str, Watch] = field(default_factory=dict)
    regrets: dict[str, Regret] = field(default_factory=dict)
    at: float = 0.0


def remember(memory: Memory, record: Record) -> Memory:
    """Fold one record into the memory. Pure, and independent of settings: what depended on them stands in the record.

    A record older than the memory means that the clock was set back; all times then move back with it.
    """
    if record.at < memory.at:
        memory = _set_back(memory, memory.at - record.at)
    memory = replace(memory, at=record.at)
    if isinstance(record, ReceiptRecord):
        return _remember_receipts(memory, record)
    memory = _remember_moves(memory, record.transitions)
    watches = {**memory.watches, **{watch.decision: watch for watch in record.watches}}
    regrets = _regrets(memory, record, watches)
    for outcome in record.outcomes:
        watches.pop(outcome.decision, None)
    return replace(
        memory,
        sightings={sighting.key: sighting for sighting in record.sightings},
        workload_rests=_rests(memory.workload_rests, record, "workload"),
        device_rests=_rests(memory.device_rests, record, "device"),
        build_rests=_rests(memory.build_rests, record, "build"),
        watches=watches,
        regrets=regrets,
    )


def _regrets(memory: Memory, record: CycleRecord, watches: dict[str, Watch]) -> dict[str, Regret]:
    """What turned out worse is regretted until the workload moves again: one move back is all that follows from it."""
    moved = {transition.move.order.workload for transition in record.transitions if transition.move.state is MoveState.STARTING}
    regrets = {workload: regret for workload, regret in memory.regrets.items() if workload not in moved}
    for outcome in record.outcomes:
        watch = watches.get(outcome.decision)
        if outcome.verdict == "worse" and watch is not None and watch.promise.source != watch.promise.target:
            regrets[watch.workload] = Regret(decision=outcome.decision, promise=watch.promise, at=outcome.at)
    return regrets


def rebuild(records: Iterable[Record]) -> Memory:
    """Fold a whole journal, oldest record first."""
    memory = Memory()
    for record in records:
        memory = remember(memory, record)
    return memory


def _set_back(memory: Memory, seconds: float) -> Memory:
    """The same memory on a clock that is ``seconds`` behind: nothing rests, waits or is promised longer than it was meant to."""
    return replace(
        memory,
        sightings={
            key: replace(s, first_at=s.first_at - seconds, last_at=s.last_at - seconds, evidence_at=s.evidence_at - seconds)
            for key, s in memory.sightings.items()
        },
        moves={workload: _moved_back(move, seconds) for workload, move in memory.moves.items()},
        workload_rests={id_: until - seconds for id_, until in memory.workload_rests.items()},
        device_rests={id_: until - seconds for id_, until in memory.device_rests.items()},
        build_rests={id_: until - seconds for id_, until in memory.build_rests.items()},
        repairs={id_: tuple(at - seconds for at in times) for id_, times in memory.repairs.items()},
        begun=tuple((at - seconds, site) for at, site in memory.begun),
        watches={id_: replace(watch, due_at=watch.due_at - seconds) for id_, watch in memory.watches.items()},
        regrets={id_: replace(regret, at=regret.at - seconds) for id_, regret in memory.regrets.items()},
    )


def _moved_back(move: Move, seconds: float) -> Move:
    return replace(
        move,
        begun_at=move.begun_at - seconds,
        since=move.since - seconds,
        deadline_at=move.deadline_at - seconds,
        ordered_at=move.ordered_at - seconds,
    )


def _rests(kept: dict[str, float], record: CycleRecord, kind: str) -> dict[str, float]:
    rests = {id_: until for id_, until in kept.items() if until > record.at}
    for rest in record.rests:
        if rest.kind == kind:
            rests[rest.id] = max(rest.until, rests.get(rest.id, rest.until))
    return rests


def _remember_moves(memory: Memory, transitions: tuple[Transition, ...]) -> Memory:
    moves, generations = dict(memory.moves), dict(memory.generations)
    begun, seconds, failures = list(memory.begun), list(memory.move_seconds), dict(memory.build_failures)
    repairs = dict(memory.repairs)
    for transition in transitions:
        move = transition.move
        if move.id not in {m.id for m in moves.values()} and move.state is MoveState.STARTING:
            if not move.order.stays:
                begun.append((move.begun_at, move.order.site))
            if move.policy == REPAIRING:
                repairs[move.order.workload] = (*repairs.get(move.order.workload, ()), move.begun_at)[-REPAIRS_KEPT:]
            generations[move.order.workload] = max(generations.get(move.order.workload, 0), move.order.generation)
        if move.state is MoveState.UNDONE:
            failures[move.order.build_there] = failures.get(move.order.build_there, 0) + 1
        if move.state is MoveState.DONE:
            failures.pop(move.order.build_there, None)
        if move.state in ENDED:
            moves.pop(move.order.workload, None)
        else:
            moves[move.order.workload] = move
        if move.state is MoveState.FIRST_RESULT and transition.because.code == "first_result_seen" and not move.order.stays:
            seconds.append(move.since - move.begun_at)
    return replace(
        memory,
        moves=moves,
        generations=generations,
        build_failures=failures,
        repairs=repairs,
        begun=tuple(begun[-BEGUN_KEPT:]),
        move_seconds=tuple(seconds[-MOVE_DURATIONS_KEPT:]),
    )


def _remember_receipts(memory: Memory, record: ReceiptRecord) -> Memory:
    moves = dict(memory.moves)
    by_id = {move.id: workload for workload, move in moves.items()}
    for receipt in record.receipts:
        workload = by_id.get(receipt.move)
        if workload is not None and receipt.verb == "start" and receipt.outcome == "refused":
            moves[workload] = replace(moves[workload], refused=receipt.detail or "refused")
    return replace(memory, moves=moves)
