"""The journal's tables: the records, which are the truth, and indexes for people that are written in the same transaction."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite numbers rows by itself only where the type is INTEGER, which has 64 bits there."""

RECORDS = sa.Table(
    "records",
    METADATA,
    sa.Column("id", ROW_ID, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

# A decision's id is a digest of 64 bits: a clash is hardly to be expected, and must never refuse a record, so it is no key.
DECISIONS = sa.Table(
    "decisions",
    METADATA,
    sa.Column("row", ROW_ID, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("record_id", ROW_ID, sa.ForeignKey("records.id"), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("policy", sa.Text, nullable=False),
    sa.Column("scenario", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("workload", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("decisions_by_id", "id"),
    sa.Index("decisions_by_at", "at"),
    sa.Index("decisions_by_verdict", "verdict", "row"),
)

OUTCOMES = sa.Table(
    "outcomes",
    METADATA,
    sa.Column("row", ROW_ID, primary_key=True),
    sa.Column("decision_id", sa.Text, nullable=False),
    sa.Column("record_id", ROW_ID, sa.ForeignKey("records.id"), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("outcomes_by_decision", "decision_id"),
)

# Which records speak of a decision's move, so that its history is found without reading the whole journal.
MENTIONS = sa.Table(
    "mentions",
    METADATA,
    sa.Column("decision_id", sa.Text, primary_key=True),
    sa.Column("record_id", ROW_ID, sa.ForeignKey("records.id"), primary_key=True, autoincrement=False),
)

OPERATORS = sa.Table(
    "operators",
    METADATA,
    sa.Column("id", ROW_ID, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)

ENGINE_STARTS = sa.Table(
    "engine_starts",
    METADATA,
    sa.Column("id", ROW_ID, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
)
