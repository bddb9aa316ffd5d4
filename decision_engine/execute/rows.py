"""What one record adds to the journal's tables."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from decision_engine.core.decision import Decision
from decision_engine.core.memory import CycleRecord, EffectOutcome, Record
from decision_engine.core.records import decode, encode, kind_of
from decision_engine.execute.faults import JournalError
from decision_engine.execute.tables import DECISIONS, MENTIONS, OUTCOMES

Row = Mapping[str, str | float | int]


def record_row(record: Record) -> Row:
    """The record itself.

    Raises:
        JournalError: it could not be read back, and would keep every later engine from starting.
    """
    kind, body = kind_of(record), encode(record).decode()
    try:
        decode(kind, body)
    except ValueError as error:
        raise JournalError(f"a {kind} record of {record.at:.0f} was not journalled, since it could not be read back: {error}") from error
    return {"at": record.at, "kind": kind, "body": body}


def index_rows(record: Record, record_id: int) -> tuple[tuple[sa.Table, list[Row]], ...]:
    """The rows that make a record findable, by table; empty lists are left out."""
    rows: list[tuple[sa.Table, list[Row]]] = [(MENTIONS, [{"decision_id": id_, "record_id": record_id} for id_ in _mentioned(record)])]
    if isinstance(record, CycleRecord):
        rows.append((DECISIONS, [_decision_row(decision, record_id) for decision in record.decisions]))
        rows.append((OUTCOMES, [_outcome_row(outcome, record_id) for outcome in record.outcomes]))
    return tuple((table, some) for table, some in rows if some)


def _mentioned(record: Record) -> list[str]:
    """A move is named after the decision that ordered it."""
    if isinstance(record, CycleRecord):
        named = [transition.move.id for transition in record.transitions] + [outcome.decision for outcome in record.outcomes]
    else:
        named = [receipt.move for receipt in record.receipts]
    return list(dict.fromkeys(named))


def _decision_row(decision: Decision, record_id: int) -> Row:
    move = decision.move
    return {
        "id": decision.id,
        "record_id": record_id,
        "at": decision.at,
        "verdict": decision.verdict,
        "policy": decision.policy,
        "scenario": decision.scenario,
        "subject": decision.subject,
        "workload": "" if move is None else move.workload,
        "source": "" if move is None else move.source,
        "target": "" if move is None else move.target,
        "reason": decision.reason.code,
        "body": encode(decision).decode(),
    }


def _outcome_row(outcome: EffectOutcome, record_id: int) -> Row:
    return {
        "decision_id": outcome.decision,
        "record_id": record_id,
        "at": outcome.at,
        "verdict": outcome.verdict,
        "body": msgspec.json.encode(outcome).decode(),
    }
