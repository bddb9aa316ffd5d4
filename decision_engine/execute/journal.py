"""The append-only journal: what was concluded and what came of it, written down before acting and never changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from decision_engine.core.decision import Decision
from decision_engine.core.memory import Memory, Record, rebuild
from decision_engine.core.records import decode, decode_decision
from decision_engine.execute.connecting import connect, display_name, keep_write_ahead, parse
from decision_engine.execute.faults import JournalBusy, JournalError, journal_faults
from decision_engine.execute.holding import Hold, hold_for, sqlite_path
from decision_engine.execute.questions import DecisionQuery, EngineStart, HistoryEntry, OperatorNote, decisions_wanted, entries
from decision_engine.execute.rows import index_rows, record_row
from decision_engine.execute.schema import bring_up_to_date, require_current
from decision_engine.execute.tables import DECISIONS, ENGINE_STARTS, MENTIONS, OPERATORS, RECORDS

__all__ = ["Journal", "JournalBusy", "JournalError"]

RECORDS_PER_PAGE = 1000
"""Records read at once: a journal of any length needs the memory of one page."""
NEWEST = DecisionQuery()


class Journal:
    """One engine's journal. Blocking: an event loop calls it in a thread; several threads may call it at once."""

    def __init__(self, engine: sa.Engine, name: str, hold: Hold | None, writer: sa.Connection | None, newest: int) -> None:
        """Use ``open``."""
        self._engine, self._name, self._hold, self._writer = engine, name, hold, writer
        self._turn, self._closed, self._lost, self._newest = threading.Lock(), False, False, newest

    @classmethod
    def open(cls, url: str, *, read_only: bool = False) -> Self:
        """Open ``sqlite:///file`` or ``postgresql://…``, migrate it, and be its only engine until ``close``.

        With ``read_only`` nothing is locked, migrated or written: for commands beside a running engine.

        Raises:
            JournalBusy: another engine has it; the sentence names that process.
            JournalError: it cannot be opened, is not a journal, or was written by a newer program.
        """
        address = parse(url)
        name = display_name(address)
        if read_only:
            return cls._open_to_read(address, name)
        hold = hold_for(address, name)
        engine = connect(address, read_only=False)
        writer: sa.Connection | None = None
        try:
            with journal_faults(name):
                writer = engine.connect()
                hold.take(writer)
                with writer.begin():
                    bring_up_to_date(writer, name)
                    newest = _newest(writer)
                keep_write_ahead(writer)
        except BaseException:
            _shut(engine, writer, hold)
            raise
        return cls(engine, name, hold, writer, newest)

    @classmethod
    def _open_to_read(cls, address: sa.URL, name: str) -> Self:
        if address.get_backend_name() == "sqlite" and not sqlite_path(address).is_file():
            raise JournalError(f"journal {name} does not exist: start the engine on it once, or name another file")
        engine = connect(address, read_only=True)
        try:
            with journal_faults(name), engine.connect() as connection:
                require_current(connection, name)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, name, None, None, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def append(self, record: Record) -> int:
        """Write one record and its index in one transaction, on the disk when this returns; answers the record's id.

        Raises:
            JournalError: nothing of it was written: disk full, read-only, locked, or a record that no one could read. Only where a
                server vanished during the commit is that unknown; then later writes are refused if it had arrived.
        """
        row = record_row(record)
        with self._writing() as connection:
            record_id = int(connection.execute(sa.insert(RECORDS).returning(RECORDS.c.id), row).scalar_one())
            for table, rows in index_rows(record, record_id):
                connection.execute(sa.insert(table), rows)
        self._newest = max(self._newest, record_id)
        return record_id

    def note_operator(self, note: OperatorNote) -> None:
        """Write down who did what.

        Raises:
            JournalError: it was not written.
        """
        with self._writing() as connection:
            connection.execute(sa.insert(OPERATORS), asdict(note))

    def note_start(self, start: EngineStart) -> None:
        """Write down that an engine began.

        Raises:
            JournalError: it was not written.
        """
        with self._writing() as connection:
            connection.execute(sa.insert(ENGINE_STARTS), asdict(start))

    def records(self) -> Iterator[Record]:
        """All records, oldest first, page by page.

        Raises:
            JournalError: the journal or one of its records cannot be read.
        """
        newest = 0
        page = sa.select(RECORDS.c.id, RECORDS.c.kind, RECORDS.c.body).order_by(RECORDS.c.id).limit(RECORDS_PER_PAGE)
        while rows := self._read(page.where(RECORDS.c.id > newest)):
            for id_, kind, body in rows:
                yield self._decoded(id_, kind, body)
            newest = rows[-1][0]

    def memory(self) -> Memory:
        """What the engine remembers: the fold of all records, about 20 µs each (100,000 in two seconds).

        Raises:
            JournalError: the journal or one of its records cannot be read.
        """
        return rebuild(self.records())

    def decisions(self, query: DecisionQuery = NEWEST) -> tuple[Decision, ...]:
        """Decisions, newest first.

        Raises:
            JournalError: the journal cannot be read.
        """
        return tuple(self._decided(body) for (body,) in self._read(decisions_wanted(query)))

    def decision(self, decision_id: str) -> Decision | None:
        """One decision by its id; None when there is none.

        Raises:
            JournalError: the journal cannot be read.
        """
        newest_first = sa.select(DECISIONS.c.body).where(DECISIONS.c.id == decision_id).order_by(DECISIONS.c.row.desc()).limit(1)
        rows = self._read(newest_first)
        return self._decided(rows[0][0]) if rows else None

    def history_of(self, decision_id: str) -> tuple[HistoryEntry, ...]:
        """The steps of its move, the receipts and the outcome, in the order in which they were written.

        Raises:
            JournalError: the journal cannot be read.
        """
        joined = sa.select(RECORDS.c.id, RECORDS.c.kind, RECORDS.c.body).join(MENTIONS, MENTIONS.c.record_id == RECORDS.c.id)
        rows = self._read(joined.where(MENTIONS.c.decision_id == decision_id).order_by(RECORDS.c.id))
        return tuple(entry for id_, kind, body in rows for entry in entries(self._decoded(id_, kind, body), decision_id))

    def operators(self, limit: int) -> tuple[OperatorNote, ...]:
        """Who did what, newest first.

        Raises:
            JournalError: the journal cannot be read.
        """
        table = OPERATORS.c
        rows = self._read(sa.select(table.at, table.who, table.role, table.what, table.detail).order_by(table.id.desc()).limit(limit))
        return tuple(OperatorNote(at=at, who=who, role=role, what=what, detail=detail) for at, who, role, what, detail in rows)

    def starts(self, limit: int) -> tuple[EngineStart, ...]:
        """Starts of the engine, newest first.

        Raises:
            JournalError: the journal cannot be read.
        """
        table = ENGINE_STARTS.c
        rows = self._read(sa.select(table.at, table.version, table.pid).order_by(table.id.desc()).limit(limit))
        return tuple(EngineStart(at, version, pid) for at, version, pid in rows)

    def close(self) -> None:
        """Give the journal back; a second call does nothing."""
        with self._turn:
            self._closed = True
            _shut(self._engine, self._writer, self._hold)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """One writer at a time, one transaction."""
        with self._turn, journal_faults(self._name):
            if self._closed or self._writer is None or self._hold is None:
                raise JournalError(f"journal {self._name} is {'closed' if self._closed else 'open for reading only'}: nothing was written")
            if self._lost or self._writer.invalidated:  # the server dropped the connection, and our lock with it
                self._lost = True
                self._hold.take(self._writer)
                self._require_own_newest(self._writer)
                self._lost = False
            self._hold.check()
            with self._writer.begin():
                yield self._writer

    def _require_own_newest(self, writer: sa.Connection) -> None:
        with writer.begin():
            newest = _newest(writer)
        if newest != self._newest:
            raise JournalError(
                f"journal {self._name} has records that this engine did not write: start this engine anew, so that it reads them"
            )

    def _read(self, query: sa.Select[*tuple[Any, ...]]) -> Sequence[sa.Row[*tuple[Any, ...]]]:
        if self._closed:
            raise JournalError(f"journal {self._name} is closed: nothing was read")
        with journal_faults(self._name), self._engine.connect() as connection:
            return connection.execute(query).all()

    def _decoded(self, id_: int, kind: str, body: str) -> Record:
        try:
            return decode(kind, body)
        except ValueError as error:
            raise JournalError(f"record {id_} of journal {self._name} cannot be read: {error}") from error

    def _decided(self, body: str) -> Decision:
        try:
            return decode_decision(body)
        except ValueError as error:
            raise JournalError(f"a decision in journal {self._name} cannot be read: {error}") from error


def _newest(connection: sa.Connection) -> int:
    """Id of the newest record; 0 in an empty journal."""
    return int(connection.scalar(sa.select(sa.func.max(RECORDS.c.id))) or 0)


def _shut(engine: sa.Engine, writer: sa.Connection | None, hold: Hold | None) -> None:
    if writer is not None:
        writer.close()
    engine.dispose()
    if hold is not None:
        hold.release()
