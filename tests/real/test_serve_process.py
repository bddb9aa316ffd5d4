"""`edgeshift serve` as a process: every failing start is one sentence, blindness is no failure, and a signal ends it in time."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from decision_engine.execute.journal import Journal
from tests.builders.prometheus_process import free_port, within
from tests.builders.serve_process import NO_PROXY, NOBODY, Ended, edgeshift, serving, write_settings

pytestmark = pytest.mark.real

ATTEMPTS = 3

ENDED_WITHIN_SECONDS = 3.0
FAILED = 1


def failed_with_one_sentence(ended: Ended) -> str:
    """The sentence; nothing else was said, and no traceback."""
    assert (ended.code, ended.out) == (FAILED, ""), ended.err
    assert "Traceback" not in ended.err
    assert ended.err.count("\n") == 1, ended.err
    return ended.err.strip()


def start(config: Path) -> str:
    return failed_with_one_sentence(edgeshift("serve", "--config", str(config)))


def test_without_settings_it_does_not_start(tmp_path: Path) -> None:
    assert start(tmp_path / "nowhere.yaml") == f"{tmp_path / 'nowhere.yaml'} cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"catalogue": "fleet.yaml"}, r'catalogue: is not known; did you mean "catalog"\?'),
        ({"catalog": "nowhere.yaml"}, r".*nowhere\.yaml cannot be read: No such file or directory"),
        ({"signals": {"overrides": {"cpuu": {"promql": "x"}}}}, r"signals: signal 'cpuu' is not known; .*"),
        (
            {"service": {"listen": "0.0.0.0:8780"}},
            r"service\.listen: 0\.0\.0\.0:8780 can be reached from other machines, so .*tokens_file.*",
        ),
        ({"service": {"listen": "127.0.0.1:8780", "tokens_file": "gone"}}, r"service\.tokens_file: .*gone cannot be read: .*"),
        (
            {"service": {"listen": "198.51.100.1:8780", "tokens_file": "tokens"}},
            r"the service cannot listen on 198\.51\.100\.1:8780: Cannot assign .*",
        ),
        ({"state_directory": "fleet.yaml/state"}, r".*fleet\.yaml/state cannot be used: Not a directory"),
        ({"journal_url": "sqlite:///fleet.yaml"}, r"journal .*fleet\.yaml is not a database: .*"),
    ],
    ids=["wrong key", "no catalogue", "unknown signal", "open to all", "no tokens", "not our address", "no directory", "no journal"],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("kim operator 0123456789abcdef\n", encoding="utf-8")
    tokens.chmod(0o600)
    sentence = start(write_settings(tmp_path, **changes))
    assert re.fullmatch(said, sentence), sentence


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        sentence = start(write_settings(tmp_path, service={"listen": address}))
        assert not (tmp_path / "state").exists()  # nothing was begun
    advice = "end the other program or set service.listen to a free port"
    assert sentence == f"the service cannot listen on {address}: Address already in use; {advice}"


def test_a_second_engine_on_the_same_journal_does_not_start(tmp_path: Path) -> None:
    with serving(write_settings(tmp_path)) as first:
        sentence = start(write_settings(tmp_path))
        assert f"is in use by another engine (pid {first.process.pid})" in sentence
        assert first.answers()


def test_an_unreachable_prometheus_makes_it_blind_and_no_failure(tmp_path: Path) -> None:
    with serving(write_settings(tmp_path)) as engine:
        assert within(10.0, lambda: engine.get("/readyz")[1]["status"] == "engine_blind")
        status, ready = engine.get("/readyz")
        assert (status, ready["reason"]) == (
            503,
            f"Prometheus at {NOBODY} cannot be reached (asked for cpu, memory, gpu, last_result, last_frame, environment_confidence)",
        )
        assert engine.get("/healthz") == (200, {"status": "ok"})
        decisions = engine.get("/api/v1/decisions")[1]["decisions"]
        assert [(one["verdict"], one["reason"]["code"]) for one in decisions] == [("hold", "engine_blind")]
        with NO_PROXY.open(f"{engine.url}/metrics", timeout=5.0) as page:
            assert b"\nedgeshift_engine_blind 1.0\n" in page.read()
        time.sleep(1.5)
        assert engine.log.count(f"Prometheus at {NOBODY} cannot be reached") == 1  # said once, not in every cycle
        assert "Traceback" not in engine.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_time_with_somebody_listening(tmp_path: Path, number: signal.Signals) -> None:
    with serving(write_settings(tmp_path)) as engine:
        with NO_PROXY.open(f"{engine.url}/api/v1/stream", timeout=10.0) as stream:
            assert stream.readline().startswith(b"id: ")
            began = time.monotonic()
            engine.process.send_signal(number)
            assert engine.ended(ENDED_WITHIN_SECONDS) == 0, engine.log
            print(f"ended after {time.monotonic() - began:.2f} s")
        assert engine.log.rstrip().endswith("ended cleanly")
        assert "Traceback" not in engine.log


def test_a_signal_ends_it_in_time_while_prometheus_does_not_answer(tmp_path: Path) -> None:
    with deaf_server() as url, serving(write_settings(tmp_path, prometheus={"url": url, "timeout_seconds": 60.0})) as engine:
        lazy = socket.create_connection(("127.0.0.1", int(engine.url.rpartition(":")[2])))
        try:
            lazy.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\n\r\n")  # and then reads nothing
            engine.process.terminate()
            assert engine.ended(ENDED_WITHIN_SECONDS) == 0, engine.log
        finally:
            lazy.close()
        assert "the cycle under way was broken off" in engine.log
        assert "Traceback" not in engine.log


def test_a_journal_that_cannot_be_written_ends_it_with_one_sentence(tmp_path: Path) -> None:
    """Somebody holds the file locked for longer than the engine waits: what cannot be written down must not be done.

    A blind engine writes one record and then holds still. On a busy machine it may have done so before the lock is held, and has
    nothing to write any more; then another one is asked.
    """
    log: str | None = None
    for attempt in range(ATTEMPTS):
        log = locked_out(tmp_path / str(attempt))
        if log is not None:
            break
    assert log is not None, "no engine had anything to write"
    said = [line for line in log.splitlines() if line.startswith("journal ")]
    assert len(said) == 1
    assert "stayed locked by another program" in said[0]
    assert "Traceback" not in log


def locked_out(directory: Path) -> str | None:
    """The log of an engine that has ended because its journal was locked; None where it ran on."""
    with serving(write_settings(directory)) as engine:
        locker = sqlite3.connect(directory / "state" / "journal.db", isolation_level=None, timeout=5.0)
        try:
            locker.execute("BEGIN IMMEDIATE")
            return engine.log if engine.ended(20.0) == FAILED else ""
        except subprocess.TimeoutExpired:
            return None
        finally:
            locker.close()


def test_it_starts_again_after_a_clean_end_and_after_a_kill(tmp_path: Path) -> None:
    config = write_settings(tmp_path)
    for end in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        with serving(config) as engine:
            engine.process.send_signal(end)
            assert engine.ended(ENDED_WITHIN_SECONDS) == (0 if end == signal.SIGTERM else -signal.SIGKILL)
    with Journal.open(f"sqlite:///{tmp_path / 'state' / 'journal.db'}", read_only=True) as journal:
        assert len({start.pid for start in journal.starts(10)}) == 3


def test_a_decision_is_explained_beside_the_running_engine(tmp_path: Path) -> None:
    config = write_settings(tmp_path)
    with serving(config) as engine:
        assert within(10.0, lambda: bool(engine.get("/api/v1/decisions")[1]["decisions"]))
        (decision,) = engine.get("/api/v1/decisions")[1]["decisions"]
        told = edgeshift("explain", decision["id"], "--config", str(config))
        assert (told.code, told.err) == (0, "")
        assert decision["sentence"] in told.out
        as_json = edgeshift("explain", decision["id"], "--config", str(config), "--json")
        assert json.loads(as_json.out)["id"] == decision["id"]
        unknown = edgeshift("explain", "0123456789abcdef", "--config", str(config))
        assert failed_with_one_sentence(unknown).startswith("there is no decision 0123456789abcdef in sqlite:///")
        assert engine.answers()


@contextmanager
def deaf_server() -> Iterator[str]:
    """Accepts every connection and never answers."""
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", free_port())) as server:

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5.0)
    for connection in kept:
        connection.close()
