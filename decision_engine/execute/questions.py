"""Questions to a journal: which decisions, what became of one, who did what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import sqlalchemy as sa

from decision_engine.core.explain import Language, percent, render
from decision_engine.core.memory import EffectOutcome, ReceiptNote, ReceiptRecord, Record
from decision_engine.core.move import Transition
from decision_engine.execute.tables import DECISIONS

MOST_DECISIONS = 1000
"""More than a page can show; whoever wants all of them reads page by page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionQuery:
    """Which decisions, newest first; empty fields ask for nothing.

    ``before_id`` is the last decision of the page before, ``before_at`` a Unix time (exclusive); ``device`` is the
    source or the target of a move.
    """

    limit: int = 50
    before_id: str = ""
    before_at: float | None = None
    verdict: str = ""
    policy: str = ""
    scenario: str = ""
    subject: str = ""
    workload: str = ""
    device: str = ""


class HistoryEntry(NamedTuple):
    """One thing that happened to a decision's move: when (Unix seconds), of which kind, and what exactly."""

    at: float
    kind: Literal["transition", "receipt", "outcome"]
    what: Transition | ReceiptNote | EffectOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorNote:
    """A person did something: ``what`` is the verb, ``detail`` its object and reason."""

    at: float
    who: str
    role: str
    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EngineStart:
    """An engine of this version began at this Unix time as this process."""

    at: float
    version: str
    pid: int


def decisions_wanted(query: DecisionQuery) -> sa.Select[str]:
    """The bodies of the decisions asked for, newest first; an unknown ``before_id`` finds nothing."""
    table = DECISIONS.c
    wanted = sa.select(table.body).order_by(table.row.desc()).limit(max(0, min(query.limit, MOST_DECISIONS)))
    for column in ("verdict", "policy", "scenario", "subject", "workload"):
        if value := getattr(query, column):
            wanted = wanted.where(table[column] == value)
    if query.device:
        wanted = wanted.where(sa.or_(table.source == query.device, table.target == query.device))
    if query.before_at is not None:
        wanted = wanted.where(table.at < query.before_at)
    if query.before_id:
        wanted = wanted.where(table.row < sa.select(sa.func.max(table.row)).where(table.id == query.before_id).scalar_subquery())
    return wanted


def entries(record: Record, decision_id: str) -> list[HistoryEntry]:
    """What one record says of one decision's move, in the order in which it was concluded."""
    if isinstance(record, ReceiptRecord):
        return [HistoryEntry(record.at, "receipt", receipt) for receipt in record.receipts if receipt.move == decision_id]
    moved = [HistoryEntry(record.at, "transition", transition) for transition in record.transitions if transition.move.id == decision_id]
    return moved + [HistoryEntry(outcome.at, "outcome", outcome) for outcome in record.outcomes if outcome.decision == decision_id]


def in_words(entry: HistoryEntry, language: Language = "en") -> str:
    """One entry as a clause for the person on call; reasons are rendered in ``language`` where it has them."""
    what = entry.what
    if isinstance(what, Transition):
        return f"{what.move.state.value.replace('_', ' ')}: {render(what.because, language)}"
    if isinstance(what, ReceiptNote):
        return f"{what.verb} {what.outcome}" + (f": {what.detail}" if what.detail else "")
    return f"promise {what.verdict}: source {_ratio(what.source_ratio)}, target {_ratio(what.target_ratio)}"


def _ratio(value: float | None) -> str:
    return "unknown" if value is None else percent(value)
