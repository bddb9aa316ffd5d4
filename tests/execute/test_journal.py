"""The journal: what goes in comes out, memory is rebuilt from it, and nothing in it can be changed."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_engine.core.memory import CycleRecord, Memory, ReceiptNote, ReceiptRecord, Sighting
from decision_engine.core.records import encode
from decision_engine.execute.faults import JournalError
from decision_engine.execute.journal import Journal
from decision_engine.execute.questions import DecisionQuery, EngineStart, OperatorNote, in_words
from tests.builders.execute import HOT_EDGE_ONE, WHOLE_MOVE, Step, play, records_of
from tests.builders.fleet import NOW
from tests.builders.journal import write_empty_journal

TABLES = ("records", "decisions", "outcomes", "mentions", "operators", "engine_starts")

STEPS = st.lists(
    st.builds(
        Step,
        hot=st.frozensets(st.integers(0, 3), max_size=3),
        obeyed=st.booleans(),
        outcome=st.sampled_from(("accepted", "already", "refused", "failed")),
        blind=st.sampled_from((False, False, False, True)),
        cycles_later=st.sampled_from((1, 1, 1, 2, 30)),
    ),
    max_size=20,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_empty_journal(tmp_path / "journal.db")
    return tmp_path / "journal.db"


@pytest.fixture
def journal(file: Path) -> Iterator[Journal]:
    with Journal.open(f"sqlite:///{file}") as opened:
        yield opened


def test_every_kind_of_record_comes_back_as_it_was(journal: Journal) -> None:
    written = records_of(WHOLE_MOVE)
    cycles = [record for record in written if isinstance(record, CycleRecord)]
    assert any(isinstance(record, ReceiptRecord) for record in written)
    for part in ("sightings", "decisions", "transitions", "rests", "watches", "outcomes"):
        assert any(getattr(record, part) for record in cycles), f"the played fleet wrote no {part}"
    ids = [journal.append(record) for record in written]
    assert ids == sorted(set(ids))
    assert list(journal.records()) == written
    assert [encode(record) for record in journal.records()] == [encode(record) for record in written]


def test_records_are_read_over_page_borders(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decision_engine.execute.journal.RECORDS_PER_PAGE", 3)
    written = [ReceiptRecord(at=NOW + n, receipts=()) for n in range(7)]
    for record in written:
        journal.append(record)
    assert list(journal.records()) == written


@settings(max_examples=settings().max_examples // 3)  # each waits for the disk again and again
@given(STEPS)
def test_memory_rebuilt_from_the_journal_is_the_memory_that_was_kept(steps: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        write_empty_journal(Path(folder, "journal.db"))
        kept = Memory()
        with Journal.open(f"sqlite:///{folder}/journal.db") as journal:
            for cycle in play(steps):
                for record in cycle.records:
                    journal.append(record)
                kept = cycle.after
            assert journal.memory() == kept
        with Journal.open(f"sqlite:///{folder}/journal.db") as journal:
            assert journal.memory() == kept


@pytest.fixture(scope="module")
def full_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A journal's file with rows in every table, while an engine has it."""
    file = tmp_path_factory.mktemp("full") / "journal.db"
    with Journal.open(f"sqlite:///{file}") as journal:
        for record in records_of(WHOLE_MOVE):
            journal.append(record)
        journal.note_operator(OperatorNote(at=NOW, who="kim", role="operator", what="move"))
        journal.note_start(EngineStart(NOW, "0.1.0", 7))
        yield file


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["UPDATE {} SET rowid = rowid + 1", "DELETE FROM {}", "UPDATE OR REPLACE {} SET rowid = 1"])
def test_rows_can_neither_be_changed_nor_deleted(full_file: Path, table: str, change: str) -> None:
    other = sqlite3.connect(full_file)
    try:
        (before,) = other.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        assert before > 0
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute(change.format(table))
        assert other.execute(f"SELECT count(*) FROM {table}").fetchone() == (before,)  # noqa: S608
    finally:
        other.close()


def test_no_statement_of_this_room_changes_or_deletes_rows() -> None:
    room = Path(__file__).parents[2] / "decision_engine" / "execute"
    sources = [path for path in room.rglob("*.py") if path.parent.name != "versions"]
    assert len(sources) > 5
    pattern = re.compile(r"sa\.(update|delete)\(|\b(UPDATE|DELETE FROM|TRUNCATE|DROP)\b")
    assert [path.name for path in sources if pattern.search(path.read_text())] == []


def test_a_record_that_could_not_be_read_back_is_refused_whole(journal: Journal) -> None:
    nan = float("nan")
    poisoned = CycleRecord(at=NOW, sightings=(Sighting(key="k", first_at=nan, last_at=NOW, evidence_at=NOW, looks=1, said=""),))
    with pytest.raises(JournalError, match="could not be read back"):
        journal.append(poisoned)
    assert list(journal.records()) == []


def test_two_decisions_of_one_id_are_both_kept_and_the_newer_is_found(journal: Journal) -> None:
    first = next(record for record in records_of(HOT_EDGE_ONE) if isinstance(record, CycleRecord) and record.decisions)
    second = replace(first, at=first.at + 5.0, decisions=tuple(replace(d, at=d.at + 5.0) for d in first.decisions))
    journal.append(first)
    journal.append(second)
    assert journal.decision(first.decisions[0].id) == second.decisions[0]
    assert len(list(journal.records())) == 2


def test_the_history_of_a_decision_tells_steps_receipts_and_outcome_in_order(journal: Journal) -> None:
    for record in records_of(WHOLE_MOVE):
        journal.append(record)
    decided = journal.decisions(DecisionQuery(verdict="act", policy="relieve"))[-1]
    history = journal.history_of(decided.id)
    words = [in_words(entry) for entry in history]
    assert [text.partition(":")[0] for text in words] == [
        "starting",
        "start accepted",
        "ready",
        "first result",
        "stop accepted",
        "done",
        "promise kept",
    ]
    assert words[-1] == "promise kept: source 50 %, target 50 %"
    assert [entry.kind for entry in history] == ["transition", "receipt", "transition", "transition", "receipt", "transition", "outcome"]
    assert [entry.at for entry in history] == sorted(entry.at for entry in history)
    assert journal.history_of("no such id") == ()


def test_decisions_are_found_by_what_is_asked_newest_first(journal: Journal) -> None:
    written = records_of(WHOLE_MOVE)
    for record in written:
        journal.append(record)
    every = [d for record in written if isinstance(record, CycleRecord) for d in record.decisions][::-1]
    assert journal.decisions(DecisionQuery(limit=100)) == tuple(every)
    assert journal.decisions(DecisionQuery(limit=2)) == tuple(every[:2])
    for query, wanted in (
        (DecisionQuery(verdict="act"), [d for d in every if d.verdict == "act"]),
        (DecisionQuery(scenario="SC-2"), [d for d in every if d.scenario == "SC-2"]),
        (DecisionQuery(subject="edge-01/cpu"), [d for d in every if d.subject == "edge-01/cpu"]),
        (DecisionQuery(workload="detector/cam-01/main"), [d for d in every if d.move is not None]),
        (DecisionQuery(device="edge-02"), [d for d in every if d.move is not None and "edge-02" in (d.move.source, d.move.target)]),
        (DecisionQuery(before_at=every[2].at), [d for d in every if d.at < every[2].at]),
        (DecisionQuery(before_id=every[1].id), every[2:]),
    ):
        assert 0 < len(wanted) < len(every), query
        assert journal.decisions(query) == tuple(wanted), query
    assert journal.decisions(DecisionQuery(limit=2, before_id=every[1].id)) == tuple(every[2:4])
    assert journal.decisions(DecisionQuery(before_id="unknown")) == ()
    assert journal.decision(every[3].id) == every[3]
    assert journal.decision("unknown") is None


def test_people_and_starts_are_written_down(journal: Journal) -> None:
    notes = [OperatorNote(at=NOW + n, who="kim", role="operator", what="move", detail=f"cam-{n}") for n in range(3)]
    for note in notes:
        journal.note_operator(note)
    journal.note_start(EngineStart(NOW, "0.1.0", 4711))
    assert journal.operators(2) == tuple(notes[:0:-1])
    assert journal.starts(5) == (EngineStart(NOW, "0.1.0", 4711),)


def test_a_closed_journal_says_so(journal: Journal) -> None:
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="is closed: nothing was written"):
        journal.append(ReceiptRecord(at=NOW, receipts=()))
    with pytest.raises(JournalError, match="is closed: nothing was read"):
        journal.memory()


def test_a_reader_reads_beside_the_engine_and_cannot_write(journal: Journal, file: Path) -> None:
    record = ReceiptRecord(at=NOW, receipts=(ReceiptNote("m", "start", "failed", "카메라 없음"),))
    journal.append(record)
    with Journal.open(f"sqlite:///{file}", read_only=True) as reader:
        assert list(reader.records()) == [record]
        with pytest.raises(JournalError, match="open for reading only"):
            reader.append(record)
    journal.append(record)


def test_a_journal_that_was_removed_under_the_engine_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal.open(f"sqlite:///{path}") as journal:
        journal.append(CycleRecord(at=1.0, sightings=(Sighting(key="k", first_at=1.0, last_at=1.0, evidence_at=1.0, looks=1, said=""),)))
        path.unlink()
        with pytest.raises(JournalError, match="removed or replaced"):
            journal.append(CycleRecord(at=2.0))
