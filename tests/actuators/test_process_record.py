"""What the process actuator keeps on disk, and how it reads a placement's phase from it; no process is started."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actuators.api import Phase
from actuators.process.listing import LAUNCH_PATIENCE_SECONDS, describe
from actuators.process.record import Record, Spec
from actuators.process.settings import ProcessSettings, command_for, environment_for
from actuators.process.shelf import Shelf
from tests.builders.process import DEVICE, PLACEMENT, order

ORDERED_AT = 1000.0


def written(root: Path) -> Record:
    """A record whose order is on disk and whose program was never started."""
    record = Shelf(root).record(PLACEMENT)
    record.create(Spec("launch-1", "order-1", "02", "1.4", ("run",), {}, "/", ORDERED_AT))
    return record


@contextmanager
def alive(record: Record) -> Iterator[None]:
    """Hold the lock as a living program does."""
    lock = os.open(record.directory / "lock", os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)


def phase_of(record: Record, now: float) -> tuple[Phase, str]:
    """Phase and detail as listed at ``now``."""
    found = describe(record, now)
    assert found is not None
    return found.phase, found.detail


def test_what_was_ordered_is_listed(tmp_path: Path) -> None:
    found = describe(written(tmp_path), ORDERED_AT + 1.0)
    assert found is not None
    assert (found.placement, found.workload, found.device, found.generation) == (PLACEMENT, "yolo/cam-07/main", DEVICE, 1)
    assert (found.phase, found.since, found.environment_class, found.version) == (Phase.STARTING, ORDERED_AT, "02", "1.4")


def test_an_order_that_never_became_a_program_fails_in_the_end(tmp_path: Path) -> None:
    phase, detail = phase_of(written(tmp_path), ORDERED_AT + LAUNCH_PATIENCE_SECONDS + 0.1)
    assert phase is Phase.FAILED
    assert "never started" in detail


def test_alive_means_that_the_lock_is_held(tmp_path: Path) -> None:
    record = written(tmp_path)
    assert not record.alive()
    with alive(record):
        assert record.alive()
        assert phase_of(record, ORDERED_AT + 100.0) == (Phase.STARTING, "")
        record.ready_file.touch()
        assert phase_of(record, ORDERED_AT + 100.0) == (Phase.READY, "")
    assert not record.alive()


def test_a_living_program_is_never_removed(tmp_path: Path) -> None:
    record = written(tmp_path)
    with alive(record):
        assert not record.remove()
        assert record.exists()
    assert record.remove()
    assert not record.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_died_failed_with_its_last_lines_and_keeps_the_time(tmp_path: Path) -> None:
    record = written(tmp_path)
    (record.directory / "pid").write_text("1", encoding="utf-8")
    (record.directory / "output.log").write_text("starting\n\nValueError: no such camera\n", encoding="utf-8")
    phase, detail = phase_of(record, 1100.0)
    assert phase is Phase.FAILED
    assert "starting | ValueError: no such camera" in detail
    later = describe(record, 1200.0)
    assert later is not None
    assert later.since == 1100.0


def test_stopping_is_remembered_with_its_first_time(tmp_path: Path) -> None:
    record = written(tmp_path)
    assert record.remember("stopping", 1100.0) == 1100.0
    assert record.remember("stopping", 1200.0) == 1100.0
    found = describe(record, 1200.0)
    assert found is not None
    assert (found.phase, found.since) == (Phase.STOPPING, 1100.0)


def test_a_damaged_order_is_listed_and_not_lost(tmp_path: Path) -> None:
    record = written(tmp_path)
    (record.directory / "spec.json").write_text("{", encoding="utf-8")
    with alive(record):
        found = describe(record, 1100.0)
    assert found is not None
    assert (found.placement, found.phase, found.version) == (PLACEMENT, Phase.STARTING, "")


def test_a_strange_directory_is_no_placement(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    assert [describe(record, 0.0) for record in Shelf(tmp_path).records()] == [None]


def test_long_output_is_cut_and_its_end_is_kept(tmp_path: Path) -> None:
    record = written(tmp_path)
    output = record.directory / "output.log"
    output.write_text("x" * 5000 + "\nthe end", encoding="utf-8")
    record.trim_output(limit_bytes=10_000)
    assert output.stat().st_size > 5000
    record.trim_output(limit_bytes=1000)
    assert output.stat().st_size == 0
    assert (record.directory / "output.log.1").stat().st_size == 1000
    assert record.last_lines().endswith("the end")


def test_only_one_is_alone_at_a_time_and_leftovers_go(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "state")
    with shelf.alone(0.0) as first, shelf.alone(0.0) as second:
        assert (first, second) == (True, False)
    (shelf.root / ".making-1").mkdir()
    written(shelf.root)
    shelf.clear_leftovers()
    assert [record.placement for record in shelf.records()] == [PLACEMENT]


def test_the_order_on_disk_holds_what_the_launcher_needs(tmp_path: Path) -> None:
    spec = json.loads((written(tmp_path).directory / "spec.json").read_text(encoding="utf-8"))
    assert {"launch", "argv", "environment", "working_directory"} <= set(spec)


@pytest.mark.parametrize(
    ("part", "filled"),
    [
        pytest.param("{workload}", "yolo/cam-07/main", id="workload"),
        pytest.param("{placement}", PLACEMENT, id="placement"),
        pytest.param("--camera={camera}", "--camera=cam-07", id="within a word"),
        pytest.param("{environment_class}-{version}", "01-1.0", id="two in one word"),
        pytest.param("{ready_file}", "/r", id="ready file"),
        pytest.param('{"json": {}}', '{"json": {}}', id="other braces stay"),
    ],
)
def test_placeholders_are_filled(part: str, filled: str) -> None:
    assert command_for((part,), order(), Path("/r")) == (filled,)


def test_the_program_is_told_who_it_is() -> None:
    settings = ProcessSettings(Path("/s"), (DEVICE,), {}, environment={"EDGESHIFT_SOCKET": "/x", "EDGESHIFT_CLASS": "no"}, owner_pid=7)
    assert environment_for(settings, order(), Path("/r")) == {
        "EDGESHIFT_SOCKET": "/x",
        "EDGESHIFT_OWNER_PID": "7",
        "EDGESHIFT_WORKLOAD": "yolo/cam-07/main",
        "EDGESHIFT_PLACEMENT": PLACEMENT,
        "EDGESHIFT_CLASS": "01",
        "EDGESHIFT_VERSION": "1.0",
        "EDGESHIFT_CAMERA": "cam-07",
        "EDGESHIFT_READY_FILE": "/r",
    }
