"""What can go wrong with a journal, as one clear sentence each: subject, cause, and what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError


class JournalError(Exception):
    """The journal cannot be opened, read or written; the text is the sentence for the person on call."""


class JournalBusy(JournalError):
    """Another engine holds this journal: two engines must never act on one."""


SQLITE_SENTENCES = {
    sqlite3.SQLITE_FULL: "has no room left: the disk is full; free some space, nothing was half-written",
    sqlite3.SQLITE_IOERR: "could not be written or read by the disk: check that it is neither full, over a quota nor broken",
    sqlite3.SQLITE_READONLY: "is read-only: give the engine's user the right to write it",
    sqlite3.SQLITE_NOTADB: "is not a database: name another file, this one was left as it is",
    sqlite3.SQLITE_CORRUPT: "is damaged: keep a copy, restore a backup or begin a new journal",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check that its folder exists and that the engine's user may write there",
    sqlite3.SQLITE_PERM: "cannot be opened: the engine's user has no right to it",
    sqlite3.SQLITE_BUSY: "stayed locked by another program for longer than the engine waits: close that program",
    sqlite3.SQLITE_LOCKED: "stayed locked by another program for longer than the engine waits: close that program",
}
"""By SQLite's primary result code."""
PRIMARY_CODE_MASK = 0xFF
"""SQLite keeps the primary result code in the lowest byte of an extended one."""


@contextmanager
def journal_faults(name: str) -> Iterator[None]:
    """Turn every database error inside the block into one sentence about the journal ``name``.

    Raises:
        JournalError: the database refused.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise JournalError(f"journal {name} {_cause(error)}") from error


def _cause(error: Exception) -> str:
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int) and code & PRIMARY_CODE_MASK in SQLITE_SENTENCES:
        return SQLITE_SENTENCES[code & PRIMARY_CODE_MASK]
    said = " ".join(str(cause).split())
    return f"failed: {said or type(cause).__name__}"
