"""One engine per journal: an exclusive lock that vanishes with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import sqlalchemy as sa

from decision_engine.execute.faults import JournalBusy, JournalError

POSTGRES_LOCK_CLASS = 0x65646765
"""«edge» in ASCII: the first half of the advisory lock's key; the second half is made of the schema's name."""
LONGEST_PID_BYTES = 32
LOCK_FILE_MODE = 0o644


class Hold(Protocol):
    """The right to be the only writer of a journal."""

    def take(self, connection: sa.Connection) -> None:
        """Take the lock, or take it again after the connection was lost.

        Raises:
            JournalBusy: another engine has it.
        """
        ...

    def check(self) -> None:
        """Make sure that what is locked is still the journal.

        Raises:
            JournalError: it is not; nothing may be written.
        """
        ...

    def release(self) -> None:
        """Give the lock back."""
        ...


class FileHold:
    """``flock`` on a file beside a SQLite journal; a child made by fork without exec would share it."""

    def __init__(self, path: Path, name: str, journal: Path) -> None:
        self._path, self._name, self._journal = path, name, journal
        self._descriptor: int | None = None
        self._journal_seen: os.stat_result | None = None

    def take(self, connection: sa.Connection) -> None:
        """Lock the file and write this process's pid into it.

        Raises:
            JournalBusy: another engine has it.
            JournalError: the lock file cannot be made.
        """
        if self._descriptor is not None:
            return
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, LOCK_FILE_MODE)
        except OSError as error:
            raise JournalError(f"journal {self._name} cannot be locked: {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        except BlockingIOError:
            holder = os.pread(descriptor, LONGEST_PID_BYTES, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise JournalBusy(_busy(self._name, f"pid {holder}" if holder.isdecimal() else "pid unknown")) from None
        except OSError as error:
            os.close(descriptor)
            raise JournalError(f"journal {self._name} cannot be locked: {self._path}: {error.strerror}") from error
        self._descriptor = descriptor

    def check(self) -> None:
        """Make sure that lock and journal are still the files that stand there.

        Raises:
            JournalError: one was removed or replaced, and what is written now would be found by nobody.
        """
        if self._descriptor is None:
            return
        try:
            now = os.stat(self._journal)
            same = os.path.samestat(os.fstat(self._descriptor), os.stat(self._path)) and os.path.samestat(self._journal_seen or now, now)
            self._journal_seen = now
        except OSError:
            same = False
        if not same:
            raise JournalError(
                f"journal {self._name} was removed or replaced while it was open: end the engine and look what happened to it"
            )

    def release(self) -> None:
        """Unlock; the file stays, since deleting it would let two engines lock two files of one name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class PostgresHold:
    """A session's advisory lock, held by the very connection that writes: who lost it cannot write either."""

    def __init__(self, name: str) -> None:
        self._name = name

    def take(self, connection: sa.Connection) -> None:
        """Ask for the lock of this database and schema.

        Raises:
            JournalBusy: another engine has it.
        """
        key = {"class": POSTGRES_LOCK_CLASS}
        with connection.begin():
            connection.execute(sa.text("SELECT set_config('application_name', :name, false)"), {"name": f"edgeshift pid {os.getpid()}"})
            if connection.scalar(sa.text("SELECT pg_try_advisory_lock(:class, hashtext(current_schema()))"), key):
                return
            holder = connection.scalar(
                sa.text(
                    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' "
                    "AND l.granted AND l.classid = :class AND l.objid::bigint = (hashtext(current_schema())::bigint & 4294967295)"
                ),
                key,
            )
        raise JournalBusy(_busy(self._name, str(holder or "pid unknown").removeprefix("edgeshift ")))

    def check(self) -> None:
        """Nothing to look at: whoever lost the lock lost the connection too."""

    def release(self) -> None:
        """Nothing to do: the lock goes when its connection is closed."""


def hold_for(url: sa.URL, name: str) -> Hold:
    """The lock that suits this database.

    Raises:
        JournalError: no way is known to keep two engines apart there.
    """
    if url.get_backend_name() == "sqlite":
        path = sqlite_path(url)
        return FileHold(path.with_name(path.name + ".lock"), name, path)
    if url.get_backend_name() == "postgresql":
        return PostgresHold(name)
    raise JournalError(f"journal {name} is neither SQLite nor PostgreSQL: name a file (sqlite:///…) or a server (postgresql://…)")


def sqlite_path(url: sa.URL) -> Path:
    """The file of a SQLite URL; links are followed, so that one journal under two names has one lock.

    Raises:
        JournalError: it would live in memory only.
    """
    named = url.database or ""
    if named.startswith("file:"):
        named = urlsplit(named).path
    if named in ("", ":memory:"):
        raise JournalError(
            "a journal in memory would be forgotten at the next start: name a file, such as sqlite:////var/lib/edgeshift/journal.db"
        )
    return Path(named).resolve()


def _busy(name: str, holder: str) -> str:
    return f"journal {name} is in use by another engine ({holder}): stop that engine first, or give this one a journal of its own"
