"""How the lab speaks of what went wrong: dead children, blindness, the system's own refusals; and what it leaves behind."""

from __future__ import annotations

import errno
import os
import re
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from decision_engine.lab.addresses import choose_addresses, usual_addresses
from decision_engine.lab.blindness import BLIND_WORDS, blind_sentence, blind_words
from decision_engine.lab.children import AddressTaken, LabError, in_one_sentence
from decision_engine.lab.folders import OWNER_FILE, PREFIX, empty, lab_folder, own, remove_left_behind
from decision_engine.lab.last_words import how_it_ended
from decision_engine.lab.listener import anybody_listens, endpoint_of, is_listener, listener_in

ROOT = Path(__file__).parents[2]
LOGFMT = (
    'ts=2026-01-01T00:00:00.000Z caller=main.go:802 level=error msg="Unable to start web listener" '
    'err="listen tcp 127.0.0.1:9090: bind: address already in use"'
)
NOISE = re.compile(r"ts=|caller=|level=|\d{4}-\d\d-\d\d")


@pytest.mark.parametrize(
    ("code", "log", "said"),
    [
        pytest.param(-9, LOGFMT, "it was ended by SIGKILL", id="signal"),
        pytest.param(-99, "", "it was ended by signal 99", id="signal-without-name"),
        pytest.param(
            1, LOGFMT, "exit code 1, its log says: Unable to start web listener: listen tcp 127.0.0.1:9090: bind: address already in use",
            id="logfmt",
        ),
        pytest.param(1, f"{LOGFMT}\nts=1 level=info msg=bye", "exit code 1, its log says: Unable to start web listener: listen tcp "
                     "127.0.0.1:9090: bind: address already in use", id="grave-before-later"),
        pytest.param(2, 'level=info caller=x.go:1 msg="said \\"no\\""', 'exit code 2, its log says: said "no"', id="quotes"),
        pytest.param(3, "ts=1 level=info component=x", "exit code 3, and its log says nothing in words", id="no-message"),
        pytest.param(1, "2026-01-01 12:00:00,123 ERROR edgeshift: the disk is full", "exit code 1, its log says: the disk is full",
                     id="python-logging"),
        pytest.param(1, "Traceback\n  File x\nValueError: no\n", "exit code 1, its log says: ValueError: no", id="traceback"),
        pytest.param(None, "", "and its log is empty", id="silent"),
    ],
)  # fmt: skip
def test_a_child_that_ended_is_told_in_words(code: int | None, log: str, said: str) -> None:
    assert how_it_ended(code, log) == said
    assert NOISE.search(said) is None


def test_long_last_words_are_cut() -> None:
    assert len(how_it_ended(1, "x" * 5000)) < 250


def test_every_reason_to_be_blind_has_words() -> None:
    sources = [ROOT / "decision_engine" / "observe" / name for name in ("answer.py", "client.py", "reader.py")]
    codes = {
        code for source in sources for code in re.findall(r'"(prometheus_[a-z_]+|series_vanished|clock_backwards)"', source.read_text())
    }
    assert len(codes) >= 10
    assert codes <= set(BLIND_WORDS)
    assert not any("_" in blind_sentence(code) for code in (*codes, "a_new_code"))
    assert blind_words("a_new_code") == "a new code"


def refused_by_the_system() -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/tmp/past.om")


def taken() -> None:
    raise OSError(errno.EADDRINUSE, "Address already in use")


def taken_in_better_words() -> None:
    try:
        taken()
    except OSError as error:
        raise OSError("Port 9750 is taken on 127.77.0.1") from error


@pytest.mark.parametrize(
    ("trouble", "kind", "said"),
    [
        pytest.param(refused_by_the_system, LabError, "the lab: /tmp/past.om: No space left on device", id="disk"),
        pytest.param(taken, AddressTaken, "the lab: Address already in use", id="taken"),
        pytest.param(taken_in_better_words, AddressTaken, "the lab: Port 9750 is taken on 127.77.0.1", id="taken-in-better-words"),
    ],
)
def test_what_the_system_refuses_becomes_one_sentence(trouble: Callable[[], None], kind: type[LabError], said: str) -> None:
    with pytest.raises(LabError) as caught, in_one_sentence("the lab"):
        trouble()
    assert (type(caught.value), str(caught.value)) == (kind, said)


def test_refused_ports_are_passed_over() -> None:
    usual = usual_addresses()
    chosen = choose_addresses(["127.0.0.1"], [usual.service_port, usual.device_port])
    assert chosen.service_port > usual.service_port and chosen.device_port > usual.device_port


def test_a_listener_is_known_by_its_process_and_its_folder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        host, port = endpoint_of(f"http://127.0.0.1:{door.getsockname()[1]}/-/ready")
        assert anybody_listens(host, port) and is_listener(os.getpid(), host, port)
        assert not is_listener(os.getppid(), host, port)
        assert listener_in(Path.cwd(), host, port) and not listener_in(tmp_path, host, port)
    assert not anybody_listens(host, port)


def test_folders_of_dead_labs_are_removed_and_no_others(tmp_path: Path) -> None:
    names = ("dead", "alive", "unmarked")
    dead, alive, unmarked = (tmp_path / f"{PREFIX}{name}" for name in names)
    kept = tmp_path / "kept"
    for folder in (dead, alive, unmarked, kept):
        (folder / "logs").mkdir(parents=True)
    (tmp_path / f"{PREFIX}link").symlink_to(kept)
    os.close(own(dead))
    os.close(own(kept))
    owner = own(alive)
    try:
        assert remove_left_behind(tmp_path) == (dead,)
        assert not dead.exists()
        assert all((folder / "logs").is_dir() for folder in (alive, unmarked, kept))
    finally:
        os.close(owner)
    assert remove_left_behind(tmp_path) == (alive,)


def test_a_folder_of_its_own_is_marked_emptied_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with lab_folder(None) as directory:
        assert directory.parent == tmp_path and remove_left_behind(tmp_path) == ()
        (directory / "state").mkdir()
        (directory / "past.om").write_text("x")
        empty(directory)
        assert [found.name for found in directory.iterdir()] == [OWNER_FILE]
    assert not directory.exists()


def test_a_kept_folder_is_neither_marked_nor_removed(tmp_path: Path) -> None:
    with lab_folder(tmp_path / "kept") as directory:
        assert list(directory.iterdir()) == []
        (directory / "x").touch()
    with pytest.raises(LabError, match="is not empty"), lab_folder(tmp_path / "kept"):
        pass
