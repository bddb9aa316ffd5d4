"""The bridge under siege: connections that only begin, a full disk, a clock that jumps, files that hang, and a state file in pieces."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.builders.bridge import TOKEN, result
from tests.builders.bridge_live import BridgeProcess, free_port, running_bridge

pytestmark = pytest.mark.real

SOURCE = """
[[source]]
device = "edge-07"
cluster = "farm"
camera = "cam-07"
eid = "0x01"
confirmed = true
[[ai]]
ainame = "FireAI"
package = "fire"
events = { "1" = "fire" }
"""
KEPT = 'state_file = "bridge.state"\n' + SOURCE
SMALL_BYTES = 65_536


def post(bridge: BridgeProcess, confidence: float = 0.7) -> int:
    """Post a fire; the status of the answer."""
    status, text = bridge.ask("/result", json.dumps(result(at=time.time(), class_prob=confidence)).encode())
    return status if "GOOD" in text else 503


def fires(bridge: BridgeProcess) -> float | None:
    return bridge.value("ai_events_total", event="fire", device="edge-07")


@contextmanager
def besieged(port: int, address: str, count: int, says: bytes) -> Iterator[None]:
    """So many connections from one address, which say no more than this."""
    with ExitStack() as open_ones:
        for _ in range(count):
            door = open_ones.enter_context(socket.socket())
            door.bind((address, 0))
            door.settimeout(1)
            try:
                door.connect(("127.0.0.1", port))
                door.sendall(says)
            except OSError:
                continue
        yield


@pytest.mark.parametrize("allow", ["", 'allow = ["127.0.0.1"]\n'], ids=["everybody", "strangers"])
@pytest.mark.parametrize(
    "says", [b"", b"P", b"POST /result HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"], ids=["silent", "letter", "body"]
)
def test_connections_that_only_begin_silence_nobody(tmp_path: Path, says: bytes, allow: str) -> None:
    with running_bridge(tmp_path, allow + SOURCE + "[limits]\nconnections = 60\n") as bridge, ExitStack() as siege:
        for address in ("127.0.0.8", "127.0.0.9", *(("127.0.0.1",) if not allow else ())):
            siege.enter_context(besieged(bridge.port, address, 70, says))
        time.sleep(0.3)
        assert [post(bridge) for _ in range(10)] == [200] * 10
        assert fires(bridge) == 10


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 64 KiB in memory, where this machine lets us have one."""
    disk = folder / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def fill(path: Path) -> None:
    """Write until there is no room at all."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        for _ in range(SMALL_BYTES):
            file.write(b"x" * 512)


def test_a_small_disk_that_the_log_has_filled_recovers_and_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        configuration = KEPT.replace("bridge.state", str(disk / "bridge.state"))
        with running_bridge(tmp_path, configuration) as bridge:
            answers = [post(bridge) for _ in range(400)]
            assert set(answers) == {200, 503}, "the log fills the disk before the first snapshot"
            fill(disk / "all.that.is.left")
            assert fires(bridge) == answers.count(200)
            bridge.until_said("can be written again")
            assert not (disk / "bridge.state.log").exists()
            answers.append(post(bridge))
            assert answers[-1] == 200
            bridge.process.kill()
            bridge.process.wait()
        with running_bridge(tmp_path, configuration) as bridge:
            assert fires(bridge) == answers.count(200)
            assert bridge.stop() == 0


def test_a_clock_that_jumps_ahead_and_back_leaves_nothing_in_the_future(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
    if library is None:
        pytest.skip("libfaketime is not installed")
    ahead = tmp_path / "ahead"
    ahead.write_text("+0\n")
    for name, value in {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": ahead, "FAKETIME_NO_CACHE": 1}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    names = ("ai_event_last_timestamp_seconds", "ai_last_result_timestamp_seconds", "edge_bridge_last_seen_timestamp_seconds")
    with running_bridge(tmp_path, KEPT) as bridge:
        began = time.time()
        ahead.write_text("+400d\n")
        body = json.dumps(result(at=began + 400 * 86_400, class_prob=0.5)).encode()
        assert "GOOD" in bridge.ask("/result", body)[1]
        assert (bridge.value(names[0]) or 0) > began + 399 * 86_400
        ahead.write_text("+0\n")
        assert post(bridge, 0.9) == 200
        assert bridge.value("ai_event_confidence_ratio") == 0.9
        assert all(began - 2 <= (bridge.value(name) or 0) <= time.time() + 1 for name in names)
        ahead.write_text("+400d\n")
        assert "GOOD" in bridge.ask("/result", body)[1]
        bridge.process.kill()
        bridge.process.wait()
    ahead.write_text("+0\n")
    with running_bridge(tmp_path, KEPT) as bridge:
        assert all((bridge.value(name) or 0) <= time.time() + 1 for name in names)
        time.sleep(1.1)
        assert post(bridge, 0.8) == 200
        assert bridge.value("ai_event_confidence_ratio") == 0.8


def test_a_hangup_waits_for_no_pipe_and_says_what_needs_a_restart(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "token").write_text(TOKEN)
    token = '[[token]]\nname = "gate"\ntoken_file = "pipe"\n'
    with running_bridge(tmp_path, SOURCE) as bridge:
        path = tmp_path / "bridge.toml"
        path.write_text(SOURCE + token)
        bridge.process.send_signal(signal.SIGHUP)
        bridge.until_said("the file cannot be read: it is no regular file")
        assert post(bridge) == 200
        path.write_text(KEPT + token.replace("pipe", "token"))
        bridge.process.send_signal(signal.SIGHUP)
        bridge.until_said("1 sources, 1 AIs, 1 tokens; but state_file stays unset until a restart.")
        path.unlink()
        os.mkfifo(path)
        bridge.process.send_signal(signal.SIGHUP)
        bridge.until_said("bridge.toml cannot be read")
        assert post(bridge) == 200


def test_another_place_to_listen_needs_a_restart_and_that_is_said(tmp_path: Path) -> None:
    port = free_port()
    with running_bridge(tmp_path, f'listen = "127.0.0.1:{port}"\n' + SOURCE, configured_port=port) as bridge:
        (tmp_path / "bridge.toml").write_text('listen = "127.0.0.1:1"\n' + SOURCE)
        bridge.process.send_signal(signal.SIGHUP)
        bridge.until_said(f"listen stays 127.0.0.1:{port} until a restart")
        assert fires(bridge) == 0


@pytest.mark.parametrize("foreign", [b'{"format":1,"n":1e999}\n{"rows":0}\n', b'["posts",["/result","200"],Infinity]\n', b"\x00" * 9000])
def test_a_state_file_in_pieces_ends_no_start(tmp_path: Path, foreign: bytes) -> None:
    with running_bridge(tmp_path, KEPT) as bridge:
        assert [post(bridge) for _ in range(3)] == [200] * 3
        assert bridge.stop() == 0
    state = tmp_path / "bridge.state"
    state.write_bytes(state.read_bytes() + foreign)
    (tmp_path / "bridge.state.log").write_bytes(b'{"n":6,"r":[]}\n')
    for _ in range(2):
        with running_bridge(tmp_path, KEPT) as bridge:
            assert fires(bridge) == 3
            assert bridge.ask("/metrics")[0] == 200
            assert "Traceback" not in bridge.said
            bridge.process.kill()
