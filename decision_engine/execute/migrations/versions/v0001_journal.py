"""The first schema: records, the indexes for people, who did what, engine starts; rows can be added and nothing else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = ("records", "decisions", "outcomes", "mentions", "operators", "engine_starts")
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables, then forbid changing and deleting rows where the database can."""
    _create_records()
    _create_decisions()
    _create_outcomes()
    _create_people()
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        _forbid_changes_on_sqlite()
    elif dialect == "postgresql":
        _forbid_changes_on_postgresql()


def downgrade() -> None:
    """Refuse: going back would throw history away.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("the journal's first schema cannot be undone: it would delete the journal")


def _create_records() -> None:
    op.create_table(
        "records",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )


def _create_decisions() -> None:
    texts = ("verdict", "policy", "scenario", "subject", "workload", "source", "target", "reason", "body")
    op.create_table(
        "decisions",
        sa.Column("row", ROW_ID, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("record_id", ROW_ID, sa.ForeignKey("records.id"), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
    )
    op.create_index("decisions_by_id", "decisions", ["id"])
    op.create_index("decisions_by_at", "decisions", ["at"])
    op.create_index("decisions_by_verdict", "decisions", ["verdict", "row"])
    op.create_table(
        "mentions",
        sa.Column("decision_id", sa.Text, primary_key=True),
        sa.Column("record_id", ROW_ID, sa.ForeignKey("records.id"), primary_key=True, autoincrement=False),
    )


def _create_outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("row", ROW_ID, primary_key=True),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("record_id", ROW_ID, sa.ForeignKey("records.id"), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("outcomes_by_decision", "outcomes", ["decision_id"])


def _create_people() -> None:
    op.create_table(
        "operators",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("who", "role", "what", "detail")),
    )
    op.create_table(
        "engine_starts",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
    )


def _forbid_changes_on_sqlite() -> None:
    for table in TABLES:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'the journal is append-only: {change} on {table} is refused'); END"
            )


def _forbid_changes_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'the journal is append-only: % on % is refused', TG_OP, TG_TABLE_NAME; END $$"
    )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()"
        )
