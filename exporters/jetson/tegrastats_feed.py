"""Keeps the newest line of a running tegrastats, or finds the last one of a recorded file, as a source of readings."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from exporters.device.sensor import FAILED, MISSING, STALE, UNPARSABLE, WARMING_UP, reason_of
from exporters.device.source import Report, SensorState, Source
from exporters.device.tree import Tree
from exporters.jetson.tegrastats import LINE_SENSOR, parse

SOURCE_NAME: Final = "tegrastats"
RECORDED_PATH: Final = "tegrastats.txt"
FRESH_INTERVALS: Final = 3.0
"""As for scrapes: one line may be late and another lost before what is known is too old to be said."""

LONGEST_LINE_BYTES: Final = 8192
"""A Thor's line has about 700 bytes."""

_CHUNK_BYTES: Final = 1 << 16
_FLOOD_PAUSE_SECONDS: Final = 0.2
"""A program that fills a whole chunk at once is read no faster than this, and then waits in its own write."""

_HANG_INTERVALS: Final = 10.0
"""A program that has been silent for so long is ended and started again."""

_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 5.0
"""A killed program is gone in milliseconds; one that the kernel cannot end is left behind."""

_MILLISECONDS: Final = 1000.0


class NewestLine:
    """The newest whole line of a stream of bytes, and when its end arrived. Takes bounded memory, whatever is written."""

    def __init__(self) -> None:
        self.text = ""
        self.at = 0.0
        self._rest = b""
        self._too_long = False

    def take(self, data: bytes, now: float) -> bool:
        """Add what was read at ``now`` (monotonic seconds); whether a line has ended in it. Empty lines are passed over."""
        *ended, rest = data.split(b"\n")
        found = False
        for index, line in enumerate(ended):
            whole = self._rest + line if index == 0 else line
            if whole.strip() and len(whole) <= LONGEST_LINE_BYTES and not self._too_long:
                self.text, self.at, found = whole.decode("ascii", "replace") + "\n", now, True
            self._rest, self._too_long = b"", False
        self._rest = b"" if self._too_long else self._rest + rest
        if len(self._rest) > LONGEST_LINE_BYTES:
            self._rest, self._too_long = b"", True
        return found

    def end(self) -> None:
        """The stream has ended: what was begun is never finished, and the next stream begins with a new line."""
        self._rest, self._too_long = b"", False


class TegrastatsFeed:
    """Runs ``argv --interval …`` in a thread of its own, starts it again when it ends, and says what its newest line says.

    Started again after 1, 2, 4 … 60 s. The program gets its own process group, which ``stop`` ends whole. Should this
    process be killed, the program loses the reader of its pipe and dies of its next line.
    """

    def __init__(self, argv: Sequence[str], monotonic: Callable[[], float] = time.monotonic, interval_seconds: float = 1.0) -> None:
        self._argv = (*argv, "--interval", str(round(interval_seconds * _MILLISECONDS)))
        self._monotonic = monotonic
        self._interval_seconds = interval_seconds
        self._lock = threading.Lock()
        self._newest = NewestLine()
        self._problem = WARMING_UP
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = -1, -1
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Run the program from now on; once in a feed's life."""
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="tegrastats", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the program and the thread; harmless when they do not run."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping.set()
        os.write(self._wake_write, b".")
        thread.join(_STOP_SECONDS * 2)
        if not thread.is_alive():
            os.close(self._wake_read)
            os.close(self._wake_write)

    def source(self) -> Source:
        """The newest line as a source; looking never waits for the program."""
        return Source(SOURCE_NAME, self._look, retells=True)

    def _look(self) -> Report:
        with self._lock:
            text, at, problem = self._newest.text, self._newest.at, self._problem
        if text and self._monotonic() - at <= FRESH_INTERVALS * self._interval_seconds:
            return parse(text)
        return _nothing(problem or (STALE if text else WARMING_UP))

    def _run(self) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            began = time.monotonic()
            problem = self._follow_one_program()
            with self._lock:
                self._newest.end()
                # A program that spoke and ended is stale before long; one that never did has a reason of its own.
                self._problem = problem if problem == MISSING or not self._newest.text else ""
            if time.monotonic() - began > _LONGEST_PAUSE_SECONDS:
                pause_seconds = _FIRST_PAUSE_SECONDS
            self._stopping.wait(pause_seconds)
            pause_seconds = min(2.0 * pause_seconds, _LONGEST_PAUSE_SECONDS)

    def _follow_one_program(self) -> str:
        """Start the program and read it until it ends, hangs or is to stop; the answer is why it says nothing any more."""
        try:
            process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, bufsize=0
            )
        except (OSError, ValueError) as error:
            return reason_of(error)
        with self._lock:
            self._problem = ""
        try:
            if process.stdout is not None:
                self._read(process.stdout.fileno())
        except OSError as error:
            return reason_of(error)
        finally:
            _end(process)
        return FAILED

    def _read(self, descriptor: int) -> None:
        patience_seconds = _HANG_INTERVALS * self._interval_seconds
        heard = time.monotonic()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while not self._stopping.is_set():
            left_seconds = heard + patience_seconds - time.monotonic()
            ready = {number for number, _ in poll.poll(max(0.0, left_seconds) * _MILLISECONDS)}
            if descriptor not in ready or self._wake_read in ready:
                return
            data = os.read(descriptor, _CHUNK_BYTES)
            if not data:
                return
            now = self._monotonic()
            with self._lock:
                if self._newest.take(data, now):
                    heard = time.monotonic()
            if len(data) == _CHUNK_BYTES:
                self._stopping.wait(_FLOOD_PAUSE_SECONDS)


def recorded_source(tree: Tree, path: str = RECORDED_PATH) -> Source:
    """The last whole line of a recorded file under ``tree`` as a source; its age is not asked."""

    def look() -> Report:
        try:
            *whole, rest = tree.text(path).split("\n")
        except Exception as error:  # a look never raises: whatever is wrong with the file is its reason
            return _nothing(reason_of(error))
        newest = next((line for line in reversed(whole) if line.strip()), None)
        if newest is None:
            return _nothing(UNPARSABLE if rest.strip() else MISSING)
        return parse(newest + "\n")

    return Source(SOURCE_NAME, look, retells=True)


def _nothing(reason: str) -> Report:
    return Report(sensors=[SensorState(LINE_SENSOR, reason)])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and whatever it has started. Until it is waited for, its group cannot be another's."""
    with suppress(OSError):  # all gone already, or another user's (run by sudo): that one dies of its next line
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
