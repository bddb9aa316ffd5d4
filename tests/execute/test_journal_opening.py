"""Opening a journal: which ones are refused, with which sentence, and what the database is told."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.schema import CreateTable

from decision_engine.core.memory import ReceiptNote, ReceiptRecord
from decision_engine.execute.connecting import connect, display_name, parse
from decision_engine.execute.faults import JournalBusy, JournalError
from decision_engine.execute.journal import Journal
from decision_engine.execute.schema import VERSION_TABLE
from decision_engine.execute.tables import METADATA
from tests.builders.fleet import NOW

RECORD = ReceiptRecord(at=NOW, receipts=())


def test_a_second_engine_is_refused_with_the_holder_s_pid_until_the_first_lets_go(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    with Journal.open(url) as journal:
        with pytest.raises(JournalBusy, match=rf"journal\.db is in use by another engine \(pid {os.getpid()}\): stop that engine first"):
            Journal.open(url)
        journal.append(RECORD)
    with Journal.open(url) as journal:
        assert list(journal.records()) == [RECORD]


def test_one_journal_under_two_names_has_one_lock(tmp_path: Path) -> None:
    (tmp_path / "other.db").symlink_to(tmp_path / "journal.db")
    with Journal.open(f"sqlite:///{tmp_path}/journal.db"), pytest.raises(JournalBusy):
        Journal.open(f"sqlite:///{tmp_path}/other.db")


def text_file(path: Path) -> None:
    path.write_text("schema: 1\ndevices: []\n" * 100)


def others_database(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()


def newer_journal(path: Path) -> None:
    Journal.open(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as other:
        other.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608
    other.close()


def damaged_journal(path: Path) -> None:
    with Journal.open(f"sqlite:///{path}") as journal:
        journal.append(replace(RECORD, receipts=(ReceiptNote("m", "start", "failed", "x" * 20_000),)))
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        pytest.param(text_file, "is not a database: name another file", id="text"),
        pytest.param(others_database, "holds tables of something else (recipes)", id="foreign"),
        pytest.param(newer_journal, "has schema 9999, newer than this program's 0001", id="newer"),
        pytest.param(damaged_journal, "is damaged: keep a copy", id="damaged"),
    ],
)
@pytest.mark.parametrize("open_", [Journal.open, partial(Journal.open, read_only=True)], ids=["engine", "reader"])
def test_a_file_that_is_no_journal_of_ours_is_refused_and_left_alone(
    tmp_path: Path, prepare: Callable[[Path], None], sentence: str, open_: Callable[[str], Journal]
) -> None:
    path = tmp_path / "journal.db"
    prepare(path)
    before = path.read_bytes()
    with pytest.raises(JournalError) as refused, open_(f"sqlite:///{path}") as journal:
        list(journal.records())
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        pytest.param("sqlite:///{folder}/absent/journal.db", "folder exists", id="no-folder"),
        pytest.param("sqlite://", "in memory would be forgotten", id="memory"),
        pytest.param("sqlite:///:memory:", "in memory would be forgotten", id="named-memory"),
        pytest.param("journal.db", "no database URL", id="no-url"),
        pytest.param("nosuch://host/journal", "neither SQLite nor PostgreSQL", id="unknown"),
    ],
)
def test_an_address_that_cannot_work_is_refused(tmp_path: Path, url: str, sentence: str) -> None:
    with pytest.raises(JournalError, match=sentence):
        Journal.open(url.format(folder=tmp_path))


def test_a_reader_of_a_journal_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="does not exist"):
        Journal.open(f"sqlite:///{tmp_path}/journal.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_database_is_said_to_be_one(tmp_path: Path) -> None:
    Journal.open(f"sqlite:///{tmp_path}/journal.db").close()
    with (
        Journal.open(f"sqlite:///file:{tmp_path}/journal.db?mode=ro&uri=true") as journal,
        pytest.raises(JournalError, match="is read-only"),
    ):
        journal.append(RECORD)


def test_a_locked_database_is_waited_for_and_then_said_to_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decision_engine.execute.connecting.BUSY_TIMEOUT_MILLISECONDS", 1)
    with Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="stayed locked by another program"):
            journal.append(RECORD)
        other.execute("ROLLBACK")
        other.close()
        journal.append(RECORD)
        assert list(journal.records()) == [RECORD]


def test_the_engine_s_database_is_a_durable_write_ahead_log(tmp_path: Path) -> None:
    Journal.open(f"sqlite:///{tmp_path}/journal.db").close()
    engine = connect(parse(f"sqlite:///{tmp_path}/journal.db"), read_only=False)
    with engine.connect() as connection:
        told = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "busy_timeout")}
    engine.dispose()
    assert told == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 5000}


def test_the_migrations_make_exactly_the_tables_that_the_program_uses(tmp_path: Path) -> None:
    Journal.open(f"sqlite:///{tmp_path}/journal.db").close()
    engine = sa.create_engine(f"sqlite:///{tmp_path}/journal.db")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        differences = compare_metadata(context, METADATA)
    engine.dispose()
    assert differences == []


def test_the_tables_can_be_made_on_postgresql_too() -> None:
    dialect = sa.make_url("postgresql://").get_dialect()()
    for table in METADATA.sorted_tables:
        text = str(CreateTable(table).compile(dialect=dialect))
        assert "BIGSERIAL" in text or table.name == "mentions", text


def test_a_password_is_never_shown() -> None:
    shown = display_name(parse("postgresql://edgeshift:hunter2@db.example/journal"))
    assert "hunter2" not in shown
    assert "db.example/journal" in shown
