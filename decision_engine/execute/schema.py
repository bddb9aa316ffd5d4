"""Brings a journal's schema up to date with the migrations in this package, and refuses one that a newer program wrote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from decision_engine.execute.faults import JournalError

MIGRATIONS = "decision_engine.execute:migrations"
"""Alembic's way to name a folder inside a package: it is found in a checkout and in an installed wheel alike."""
VERSION_TABLE = "journal_schema"


def bring_up_to_date(connection: sa.Connection, name: str) -> None:
    """Migrate inside the connection's transaction; ``name`` is what the journal is called in messages.

    Raises:
        JournalError: the schema is newer than this program, or the database belongs to something else.
    """
    config = _config()
    head = _check(connection, config, name)
    if _found(connection) != head:
        config.attributes.update(connection=connection, version_table=VERSION_TABLE)
        command.upgrade(config, "head")


def require_current(connection: sa.Connection, name: str) -> None:
    """For reading only, where nothing may be migrated.

    Raises:
        JournalError: the schema is not exactly this program's.
    """
    head = _check(connection, _config(), name)
    found = _found(connection)
    if found != head:
        written = "is empty" if found is None else f"has schema {found}, this program reads {head}"
        raise JournalError(f"journal {name} {written}: start the engine on it once")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    return config


def _found(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def _check(connection: sa.Connection, config: Config, name: str) -> str:
    """The newest schema known here.

    Raises:
        JournalError: the schema found is newer, or the tables are somebody else's.
    """
    script = ScriptDirectory.from_config(config)
    known = {step.revision for step in script.walk_revisions()}
    head = script.get_current_head()
    if head is None:
        raise JournalError("this installation of edgeshift has no journal migrations: install its wheel again")
    found = _found(connection)
    if found is not None and found not in known:
        raise JournalError(f"journal {name} has schema {found}, newer than this program's {head}: install the newer edgeshift again")
    if found is None and (tables := sa.inspect(connection).get_table_names()):
        raise JournalError(f"{name} holds tables of something else ({tables[0]}): name a database of its own for the journal")
    return head
