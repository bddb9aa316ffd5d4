"""The journal on a real PostgreSQL, where ``EDGESHIFT_TEST_POSTGRES_URL`` names one and its driver psycopg is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
import sqlalchemy as sa

from decision_engine.execute.faults import JournalBusy, JournalError
from decision_engine.execute.journal import Journal
from decision_engine.execute.questions import DecisionQuery, EngineStart, OperatorNote
from tests.builders.execute import WHOLE_MOVE, play, records_of
from tests.builders.fleet import NOW

SERVER = os.environ.get("EDGESHIFT_TEST_POSTGRES_URL", "")
TABLES = ("records", "decisions", "outcomes", "mentions", "operators", "engine_starts")
pytestmark = pytest.mark.skipif(not SERVER, reason="EDGESHIFT_TEST_POSTGRES_URL names no PostgreSQL server")


@pytest.fixture
def server() -> Iterator[sa.Engine]:
    engine = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture
def url(server: sa.Engine) -> Iterator[str]:
    """A journal's address in a schema of its own, which goes away with the test."""
    name = f"journal_{uuid4().hex}"
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        yield sa.make_url(SERVER).update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")


def drop_connections(server: sa.Engine) -> None:
    with server.connect() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'edgeshift pid %%'")


def test_records_memory_and_history_come_back(url: str) -> None:
    written = records_of(WHOLE_MOVE)
    with Journal.open(url) as journal:
        for record in written:
            journal.append(record)
    with Journal.open(url) as journal:
        assert list(journal.records()) == written
        assert journal.memory() == list(play(WHOLE_MOVE))[-1].after
        oldest = journal.decisions(DecisionQuery(verdict="act", device="edge-02"))[-1]
        assert [entry.kind for entry in journal.history_of(oldest.id)] == [
            "transition",
            "receipt",
            "transition",
            "transition",
            "receipt",
            "transition",
            "outcome",
        ]
        with Journal.open(url, read_only=True) as reader:
            assert reader.decision(oldest.id) == oldest


@pytest.mark.parametrize("change", ["UPDATE {} SET at = 0", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_rows_can_neither_be_changed_nor_deleted(url: str, change: str) -> None:
    with Journal.open(url) as journal:
        for record in records_of(WHOLE_MOVE):
            journal.append(record)
        journal.note_operator(OperatorNote(at=NOW, who="kim", role="operator", what="move"))
        journal.note_start(EngineStart(NOW, "0.1.0", 7))
        other = sa.create_engine(url)
        for table in TABLES:
            statement = change.format(table).replace("mentions SET at = 0", "mentions SET decision_id = ''")
            with other.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
                connection.exec_driver_sql(statement)
        other.dispose()


def test_a_second_engine_is_refused_with_the_holder_s_pid(url: str) -> None:
    with Journal.open(url), pytest.raises(JournalBusy, match=rf"in use by another engine \(pid {os.getpid()}\)"):
        Journal.open(url)
    Journal.open(url).close()


def test_a_lost_connection_is_said_and_the_lock_taken_again(url: str, server: sa.Engine) -> None:
    first, second, third = records_of(WHOLE_MOVE)[:3]
    with Journal.open(url) as journal:
        journal.append(first)
        drop_connections(server)
        with pytest.raises(JournalError, match="failed"):
            journal.append(second)
        journal.append(second)
        assert list(journal.records()) == [first, second]
        with pytest.raises(JournalBusy):
            Journal.open(url)
        drop_connections(server)
        with Journal.open(url) as rival:
            with pytest.raises(JournalError):
                journal.append(third)
            with pytest.raises(JournalBusy):
                journal.append(third)
            rival.append(third)
        for _ in range(2):
            with pytest.raises(JournalError, match="did not write: start this engine anew"):
                journal.append(third)
        assert list(journal.records()) == [first, second, third]
