"""The journal under real calamities: kill -9 in the middle of writing, a disk without room, a second engine beside the first."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from decision_engine.core.memory import ReceiptNote, ReceiptRecord
from decision_engine.execute.journal import Journal, JournalBusy

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30
MOST_RECORDS = 5000
"""A writer that nobody kills ends by itself."""

WRITER = f"""
import sys
from decision_engine.core.memory import ReceiptNote, ReceiptRecord
from decision_engine.execute.journal import Journal, JournalError

def record(n):
    return ReceiptRecord(at=float(n), receipts=tuple(ReceiptNote(f"m{{n}}-{{k}}", "start", "failed", "x" * 200) for k in range(5)))

with Journal.open(sys.argv[1]) as journal:
    for n in range({MOST_RECORDS}):
        try:
            journal.append(record(n))
        except JournalError as error:
            print("refused", error, flush=True)
            break
        print("written", n, flush=True)
"""


@contextmanager
def writer(url: str, *, before: str = "") -> Iterator[subprocess.Popen[str]]:
    """An engine's process that writes as fast as it can and says so after each record; ended with the block."""
    process = subprocess.Popen([sys.executable, "-c", before + WRITER, url], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)


def lines_of(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


def expected(n: int) -> ReceiptRecord:
    return ReceiptRecord(at=float(n), receipts=tuple(ReceiptNote(f"m{n}-{k}", "start", "failed", "x" * 200) for k in range(5)))


@pytest.mark.parametrize("kill_after", [1, 7, 40, 150, 400])
def test_kill_9_in_the_middle_of_writing_loses_nothing_that_was_confirmed(tmp_path: Path, kill_after: int) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    with writer(url) as process:
        assert lines_of(process, kill_after)[-1] == f"written {kill_after - 1}"
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == -signal.SIGKILL
    confirmed = kill_after + rest.count("written")
    with Journal.open(url) as journal:
        found = list(journal.records())
        assert len(found) in (confirmed, confirmed + 1)
        assert found == [expected(n) for n in range(len(found))]
        last = len(found) - 1
        assert len(journal.history_of(f"m{last}-4")) == 1, "the last record's index is as whole as the record"
        journal.append(expected(last + 1))
    with Journal.open(url) as journal:
        assert len(list(journal.records())) == len(found) + 1


def test_the_lock_of_a_living_engine_names_its_pid_and_dies_with_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    with writer(url) as process:
        lines_of(process, 1)
        with pytest.raises(JournalBusy, match=rf"in use by another engine \(pid {process.pid}\)"):
            Journal.open(url)
        with Journal.open(url, read_only=True) as reader:
            assert next(reader.records()) == expected(0)
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
    Journal.open(url).close()


@pytest.mark.parametrize("room_bytes", [200_000, 1_000_000])
def test_a_full_disk_refuses_a_record_whole_and_keeps_the_others(tmp_path: Path, room_bytes: int) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({room_bytes}, {room_bytes}))\n"
    with writer(url, before=limit) as process:
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    *written, refused = said.splitlines()
    assert len(written) > 10
    assert refused.startswith(f"refused journal {tmp_path}/journal.db ")
    assert "full" in refused
    assert process.returncode == 0
    with Journal.open(url) as journal:
        assert list(journal.records()) == [expected(n) for n in range(len(written))]
        journal.append(expected(len(written)))
        assert len(list(journal.records())) == len(written) + 1
