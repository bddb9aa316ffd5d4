"""Journal records as JSON and back, exactly: what a memory is rebuilt from."""

from __future__ import annotations

from typing import Any

import msgspec

from decision_engine.core.decision import Decision
from decision_engine.core.memory import CycleRecord, ReceiptRecord, Record

KINDS: dict[str, type[CycleRecord] | type[ReceiptRecord]] = {"cycle": CycleRecord, "receipts": ReceiptRecord}


def kind_of(record: Record) -> str:
    """The name under which a record is journalled."""
    return "cycle" if isinstance(record, CycleRecord) else "receipts"


def encode(record: Record | Decision) -> bytes:
    """JSON with stable field order; floats round-trip exactly."""
    return msgspec.json.encode(record)


def decode(kind: str, body: bytes | str) -> Record:
    """The record that was encoded.

    Raises:
        ValueError: unknown kind, or a body that is not such a record.
    """
    if kind not in KINDS:
        raise ValueError(f"journal record of unknown kind {kind!r}: it was written by a newer edgeshift")
    return msgspec.json.decode(body, type=KINDS[kind])


def decode_decision(body: bytes | str) -> Decision:
    """The decision that was encoded.

    Raises:
        ValueError: the body is not a decision.
    """
    return msgspec.json.decode(body, type=Decision)


def as_plain(value: object) -> Any:
    """Plain dicts and lists for a program to read."""
    return msgspec.to_builtins(value)
