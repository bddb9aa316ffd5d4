"""Runs the migrations on the connection that ``decision_engine.execute.schema`` hands over; Alembic executes this file."""

from __future__ import annotations

from alembic import context

from decision_engine.execute.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
