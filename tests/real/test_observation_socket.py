"""The socket for AI programs as the kernel has it: it waits without waking up, and ends at once when it is told to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exporters.workload.listener import Listener

pytestmark = pytest.mark.real
PATIENCE_SECONDS = 5.0


def until(true: Callable[[], bool]) -> None:
    """Wait a bounded time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def listening_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "observations"]


def switches(thread: threading.Thread) -> int:
    """How often the thread went to sleep by itself: proc_pid_status(5)."""
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def test_a_listener_that_hears_nothing_never_wakes_up_and_ends_at_once(tmp_path: Path) -> None:
    listener = Listener(tmp_path / "ai.sock", lambda data, pid: None)
    listener.start()
    (thread,) = listening_threads()
    time.sleep(0.1)
    before = switches(thread)
    time.sleep(1.2)
    assert switches(thread) == before
    begun = time.monotonic()
    listener.stop()
    assert time.monotonic() - begun < 0.4
    assert not listening_threads()
    assert not (tmp_path / "ai.sock").exists()


def test_what_was_handed_in_before_the_end_is_taken_and_nothing_at_all_ends_nothing(tmp_path: Path) -> None:
    heard: list[bytes] = []
    listener = Listener(tmp_path / "ai.sock", lambda data, pid: heard.append(data))
    listener.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as program:
        program.connect(str(tmp_path / "ai.sock"))
        program.send(b"")
        until(lambda: heard == [b""])
        for number in range(5):
            program.send(str(number).encode())
        listener.stop()
        with pytest.raises((ConnectionRefusedError, BrokenPipeError)):
            program.send(b"too late")
    assert heard == [b"", b"0", b"1", b"2", b"3", b"4"]


def test_what_breaks_on_one_datagram_takes_the_next(tmp_path: Path) -> None:
    heard: list[bytes] = []

    def accept(data: bytes, pid: int) -> None:
        if data == b"odd":
            raise ZeroDivisionError
        heard.append(data)

    listener = Listener(tmp_path / "ai.sock", accept)
    assert not listener.is_alive()
    listener.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as program:
        program.connect(str(tmp_path / "ai.sock"))
        for word in (b"one", b"odd", b"two"):
            program.send(word)
        until(lambda: heard == [b"one", b"two"])
    assert listener.is_alive()
    listener.stop()
    assert not listener.is_alive()
