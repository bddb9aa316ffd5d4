"""Opens the database behind a journal's URL: SQLite as a durable write-ahead log, PostgreSQL as it comes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from decision_engine.execute.faults import JournalError
from decision_engine.execute.holding import sqlite_path

BUSY_TIMEOUT_MILLISECONDS = 5000
"""A backup or a curious person may lock a SQLite file for a moment; one cycle is what the engine waits for them."""


def parse(url: str) -> sa.URL:
    """Read a journal's URL.

    Raises:
        JournalError: it is no database URL.
    """
    try:
        return sa.make_url(url)
    except ArgumentError as error:
        raise JournalError("the journal's address is no database URL: write sqlite:///journal.db or postgresql://host/name") from error


def display_name(url: sa.URL) -> str:
    """What a journal is called in messages: the file, or the URL with its password hidden."""
    return str(sqlite_path(url)) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def connect(url: sa.URL, *, read_only: bool) -> sa.Engine:
    """Make the engine; nothing is opened yet.

    Raises:
        JournalError: the driver for this database is not installed.
    """
    try:
        engine = sa.create_engine(url, execution_options={"postgresql_readonly": True} if read_only else {})
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        driver = url.get_backend_name()
        raise JournalError(f"a journal on {driver} needs its Python driver ({error}): install it beside edgeshift") from error
    if url.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _prepare_reader if read_only else _prepare_writer)
        sa.event.listen(engine, "begin", _begin)
    return engine


def keep_write_ahead(connection: sa.Connection) -> None:
    """Put a SQLite journal into WAL mode, where readers never wait for the writer; only after it is known to be ours.

    Raises:
        sqlite3.Error: the file cannot be changed.
    """
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.dbapi_connection  # outside of any transaction, which SQLAlchemy would begin
        _set(driver, ("journal_mode=WAL",))


def _prepare_writer(connection: Any, _record: Any) -> None:
    # Without this the driver would open transactions late, and leave the migrations outside of any.
    connection.isolation_level = None
    # FULL: a decision that was acted on must survive a power cut. Recursive triggers: REPLACE deletes, and must be refused as such.
    pragmas = ("synchronous=FULL", "recursive_triggers=ON", "foreign_keys=ON")
    _set(connection, (f"busy_timeout={BUSY_TIMEOUT_MILLISECONDS}", *pragmas))


def _prepare_reader(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    _set(connection, (f"busy_timeout={BUSY_TIMEOUT_MILLISECONDS}", "query_only=ON"))


def _set(connection: Any, pragmas: tuple[str, ...]) -> None:
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
