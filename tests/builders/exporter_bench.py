"""Exporters as processes that are scraped once a second over a kept connection, and what that costs them."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = (sys.executable, "-m", "decision_engine.entry", "exporter")
NODE_EXPORTER = "prometheus-node-exporter"
BUSY = "import sys, time\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass"
HEADERS = {
    "User-Agent": "Prometheus/2.42.0",
    "Accept": "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Accept-Encoding": "gzip",
    "X-Prometheus-Scrape-Timeout-Seconds": "1",
}
"""What Prometheus 2.42 asks with; node_exporter compresses when it is asked to, and that is part of what it costs there."""

PATIENCE_SECONDS = 15.0
_SCRAPE_SECONDS = 5.0
_CPU_CLOCK = 2
"""CPUCLOCK_SCHED of the kernel's include/linux/posix-timers_types.h: nanoseconds on cores, threads that have ended included."""


class DidNotStart(Exception):
    """An exporter did not come up, or is not installed; the text is a sentence for whoever measures."""


@dataclass
class Scraped:
    """One exporter, the connection on which it is scraped, and how long its scrapes took, in seconds."""

    process: subprocess.Popen[bytes]
    port: int
    took: list[float] = field(default_factory=list)
    _connection: http.client.HTTPConnection | None = None

    def scrape(self) -> None:
        """Ask for the page on the kept connection."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SCRAPE_SECONDS)
        begun = time.perf_counter()
        self._connection.request("GET", "/metrics", headers=HEADERS)
        self._connection.getresponse().read()
        self.took.append(time.perf_counter() - begun)

    def series(self) -> int:
        """How many samples its page has."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SCRAPE_SECONDS)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return sum(1 for line in lines if line and not line.startswith("#"))

    def cpu_seconds(self) -> float:
        """CPU time of the process so far, by its clock as clock_getcpuclockid(3) names it."""
        return time.clock_gettime((~self.process.pid << 3) | _CPU_CLOCK)

    def resident_bytes(self) -> int:
        """Memory that it holds now: VmRSS of proc(5)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()


@contextmanager
def running_ours(programs: Path, words: Sequence[str] = ()) -> Iterator[Scraped]:
    """Our exporter as it is installed, with these options; AI programs would hand in at the socket ``programs``."""
    port = _free_port()
    where = ("--listen", f"127.0.0.1:{port}", "--socket", str(programs))
    with _running([*OURS, *where, *words]) as process:
        yield from _scraped(process, port)


@contextmanager
def running_node_exporter(words: Sequence[str] = ()) -> Iterator[Scraped]:
    """Debian's node_exporter with these options.

    Raises:
        DidNotStart: it is not installed, or does not know an option.
    """
    if shutil.which(NODE_EXPORTER) is None:
        raise DidNotStart(f"{NODE_EXPORTER} is not on PATH; install the package {NODE_EXPORTER} (no service of it needs to run)")
    port = _free_port()
    with _running([NODE_EXPORTER, f"--web.listen-address=127.0.0.1:{port}", *words]) as process:
        yield from _scraped(process, port)


@contextmanager
def running_board(board: str, root: Path) -> Iterator[None]:
    """An emulated board that moves under ``root``; the block begins when its tree is whole."""
    truth = root / "edgeshift/truth.json"
    with _running([*OURS, "emulate", "--board", board, "--root", str(root)]) as process:
        _until(truth.exists, process)
        yield


@contextmanager
def busy_cores(seconds: float) -> Iterator[None]:
    """A loop on every core that this process may use; each ends by itself after ``seconds``, and with the block."""
    loops = [subprocess.Popen([sys.executable, "-c", BUSY, str(seconds)]) for _ in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@contextmanager
def _running(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _scraped(process: subprocess.Popen[bytes], port: int) -> Iterator[Scraped]:
    _until(lambda: _listens(port), process)
    scraped = Scraped(process, port)
    try:
        yield scraped
    finally:
        scraped.close()


def _until(true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if process.poll() is not None or time.monotonic() > deadline:
            raise DidNotStart(f"{' '.join(map(str, process.args))} did not start")  # type: ignore[arg-type]
        time.sleep(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        return probe.connect_ex(("127.0.0.1", port)) == 0
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
