"""``edgeshift exporter record`` on the command line: refusals, the words at the end, tegrastats, a file that hangs, and the check."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from exporters.recording import cli
from exporters.recording.gathering import Recording
from exporters.recording.reading import NotTaken, Worker
from exporters.recording.saving import save
from tests.builders.boards import BoardsOnDisk

BOARD = "nano"


def program(folder: Path, body: str) -> Path:
    """A small shell program that stands for tegrastats."""
    path = folder / "told"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="ascii")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def root(boards_on_disk: BoardsOnDisk) -> Path:
    return boards_on_disk[BOARD]


def record(recording: Recording, asked: str | None, root: Path) -> Recording:
    cli._add_tegrastats(recording, asked, root)
    return recording


@pytest.mark.parametrize("words", [[], ["a", "b"], ["x", "--tegrastats"]], ids=["nothing", "two folders", "no program"])
def test_wrong_words_are_usage_errors(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == cli.EXIT_USAGE
    assert "usage:" in capsys.readouterr().err


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter").write_text("dear", encoding="ascii")
    assert cli.main([str(tmp_path / "mine"), "--root", str(root)]) == cli.EXIT_FAILED
    assert cli.main([str(tmp_path / "mine/letter"), "--root", str(root)]) == cli.EXIT_FAILED
    told = capsys.readouterr().err
    assert "is not empty" in told and "is not a folder" in told and told.count("\n") == 2
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter"]


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(tmp_path / "out"), "--root", str(tmp_path / "nowhere")]) == cli.EXIT_FAILED
    assert "holds proc and sys" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_end_says_how_many_what_not_and_how_to_look() -> None:
    recording = Recording(
        {"proc/stat": b"", "proc/uptime": b""}, {"a": "permission denied", "b": "permission denied", "c": "no plain file"}
    )
    recording.removed["proc/uptime"] = ("IP address",)
    told = cli.summary(recording, Path("/tmp/board"))
    assert "2 files were recorded into /tmp/board; left out: 2 (permission denied), 1 (no plain file)." in told
    assert "sudo" in told and "Removed from 1 files: IP address." in told
    assert told.endswith("edgeshift exporter --root /tmp/board --once\n")


def test_a_few_lines_of_tegrastats_are_kept_without_addresses(tmp_path: Path, root: Path) -> None:
    told = program(tmp_path, 'for i in 1 2 3 4 5; do echo "RAM $i/7620MB seen by 10.0.0.7"; done; exec sleep 20')
    kept = record(Recording(), str(told), root).files[cli.TEGRASTATS_FILE]
    assert kept == b"".join(b"RAM %d/7620MB seen by removed-IP-address\n" % number for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("body", "reason"), [("exit 1", "no line in time"), ("printf half", "no line in time"), (None, "no such program")],
    ids=["says nothing", "half a line", "is not there"],
)  # fmt: skip
def test_a_tegrastats_that_tells_nothing_is_said(body: str | None, reason: str, tmp_path: Path, root: Path) -> None:
    told = tmp_path / "absent" if body is None else program(tmp_path, body)
    recording = record(Recording(), str(told), root)
    assert recording.left_out == {cli.TEGRASTATS_FILE: reason} and not recording.files


@pytest.mark.parametrize("asked", [None, "off"], ids=["not asked for", "switched off"])
def test_another_roots_tree_gets_no_tegrastats_of_this_machine(asked: str | None, root: Path) -> None:
    recording = record(Recording(), asked, root)
    assert recording == Recording()


def test_a_look_that_hangs_is_given_up_and_the_next_one_is_answered() -> None:
    release, worker = threading.Event(), Worker(0.05)
    with pytest.raises(NotTaken, match=r"no answer within 0\.05 s"):
        worker.do(lambda: release.wait(10.0))
    assert worker.do(lambda: 5) == 5
    with pytest.raises(PermissionError):
        worker.do(_refused)
    assert worker.do(lambda: 6) == 6
    release.set()


def _refused() -> None:
    raise PermissionError


def test_the_check_finds_what_somebody_put_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(Recording({"proc/uptime": b"5.0 5.0\n", "edgeshift/disk.json": b'{"total_bytes": 1000204886016}\n'}), tmp_path, "2026-07-05", "0")
    assert cli.main(["--check", str(tmp_path)]) == cli.EXIT_OK
    assert "holds nothing" in capsys.readouterr().out
    (tmp_path / "notes").write_text("first\nboard 1423020012345 at 10.0.0.7\n", encoding="ascii")
    (tmp_path / "serial-number").write_text("x\n", encoding="ascii")
    (tmp_path / "link").symlink_to("/etc/hostname")
    assert cli.main(["--check", str(tmp_path)]) == cli.EXIT_FAILED
    told = capsys.readouterr().out
    assert "notes:2: serial number" in told and "notes:2: IP address" in told and "serial-number: file of a name" in told
    assert "link: link or device" in told and "holds 4 things" in told
    assert "1423020012345" not in told and "10.0.0.7" not in told, "what was found is not repeated"


def test_the_check_of_no_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--check", str(tmp_path / "nowhere")]) == cli.EXIT_FAILED
    assert "not a folder" in capsys.readouterr().err


def test_a_note_of_a_recording_is_json(tmp_path: Path) -> None:
    save(Recording(), tmp_path, "2026-07-05", "0.1.0")
    assert json.loads((tmp_path / "edgeshift/recording.json").read_text(encoding="utf-8"))["files"] == 0
