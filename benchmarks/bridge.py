"""A thousand posts a second into the bridge while Prometheus scrapes it, against the receiver one would write in half an hour."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.table import BenchmarkError
from tests.builders.bridge import samples
from tests.builders.bridge_live import BridgeProcess, Load, Outcome, free_port, running_bridge, send

DEVICES = 1000
POSTS_PER_SECOND = 1000
SECONDS = 60.0
ROUNDS, ROUND_SECONDS = 5, 6.0
CONNECTIONS = 100
SCRAPE_SECONDS = 5.0
PERCENTILE = 99
SLOWEST_SECONDS = 0.05
MILLISECONDS = 1e3
MICROSECONDS = 1e6

RECEIVER = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from prometheus_client import Gauge, generate_latest
CPU, MEMORY = Gauge("cpu", "load", ["device"]), Gauge("memory", "load", ["device"])
class Handler(BaseHTTPRequestHandler):
    protocol_version, wbufsize, disable_nagle_algorithm = "HTTP/1.1", -1, True
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.loads(body) if isinstance(body, str) else body
        CPU.labels(body["username"]).set(body["cpu"] / 100)
        MEMORY.labels(body["username"]).set(body["memory"] / 100)
        self.answer(json.dumps({"code": "0000", "message": "ok"}).encode())
    def do_GET(self):
        self.answer(generate_latest())
    def answer(self, data):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *words): pass
class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 1024
server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
"""


def rows() -> list[dict[str, object]]:
    """Milliseconds from when a post was due to its answer, and CPU microseconds of the receiver for each post; both on loopback.

    Raises:
        BenchmarkError: a post was lost, or the bridge took longer than it promises.
    """
    with tempfile.TemporaryDirectory() as place, running_bridge(Path(place), configuration()) as bridge:
        keep_the_promise(bridge)
        with running_receiver() as (port, pid):
            ours, theirs = [], []
            for _ in range(ROUNDS):  # in turn, since a shared machine is busier at one time than at another
                ours.append(measured(bridge.port, bridge.process.pid, ROUND_SECONDS))
                theirs.append(measured(port, pid, ROUND_SECONDS))
    if lost := sum(outcome.sent - outcome.fine for outcome, _ in (*ours, *theirs)):
        raise BenchmarkError(f"benchmarks.bridge: {lost} posts were not answered in the rounds of comparison")
    what = f"{POSTS_PER_SECOND:,} posts/s of {DEVICES:,} devices, scraped"
    against = "instead of http.server and prometheus_client"
    slowest = [median(outcome.percentile(PERCENTILE) * MILLISECONDS for outcome, _ in side) for side in (ours, theirs)]
    work = [median(cpu * MICROSECONDS for _, cpu in side) for side in (ours, theirs)]
    return [
        row(f"{what}, p{PERCENTILE}, {against}", slowest[0], slowest[1], "ms"),
        row(f"CPU for each of these posts, {against}", work[0], work[1], "µs"),
    ]


def keep_the_promise(bridge: BridgeProcess) -> None:
    """A minute without a pause: none lost, and the slowest of a hundred in time.

    Raises:
        BenchmarkError: that is not so.
    """
    outcome, _ = measured(bridge.port, bridge.process.pid, SECONDS)
    counted = bridge.value("edge_bridge_posts_total", path="/usage", code="0000")
    shown = len(list(samples(bridge.ask("/metrics")[1], "edge_cpu_usage_ratio", {"trust": "high"})))
    if not outcome.fine == outcome.sent == counted or shown != DEVICES:
        said = f"of {outcome.sent} posts {outcome.fine} were answered and {counted} counted, {shown} devices shown"
        raise BenchmarkError(f"benchmarks.bridge: {said}")
    slow = outcome.percentile(PERCENTILE)
    print(f"  {outcome.sent} posts in {SECONDS:g} s, none lost, p{PERCENTILE} {slow * MILLISECONDS:.1f} ms")
    if slow >= SLOWEST_SECONDS:
        promised = f"promised are {SLOWEST_SECONDS * MILLISECONDS:g} ms; try when the machine is idle"
        raise BenchmarkError(f"benchmarks.bridge: p{PERCENTILE} is {slow * MILLISECONDS:.0f} ms, {promised}")


def configuration() -> str:
    """A thousand devices that somebody has mapped and confirmed."""
    one = '[[source]]\ndevice = "edge-{0:03d}"\ncluster = "farm"\ncamera = "cam-{0:03d}"\nconfirmed = true\n'
    return "".join(one.format(number) for number in range(DEVICES))


def measured(port: int, pid: int, seconds: float) -> tuple[Outcome, float]:
    """How a steady stream of posts fares while somebody scrapes, and CPU seconds of the receiver for each of them."""
    before = cpu_seconds(pid)
    with scraping(port):
        outcome = send(port, Load(POSTS_PER_SECOND, seconds, CONNECTIONS, DEVICES))
    return outcome, (cpu_seconds(pid) - before) / outcome.sent


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def scraping(port: int) -> Iterator[None]:
    """Ask for the page every few seconds, as Prometheus does, until the block ends."""
    over = threading.Event()
    thread = threading.Thread(target=scrape, args=(port, over.wait), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def scrape(port: int, over: Callable[[float], bool]) -> None:
    """One page after another."""
    while not over(SCRAPE_SECONDS):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/metrics")
        connection.getresponse().read()
        connection.close()


@contextmanager
def running_receiver() -> Iterator[tuple[int, int]]:
    """The alternative as a process: its port and process id."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", RECEIVER, str(port)], stdout=subprocess.PIPE)
    try:
        if process.stdout is None or process.stdout.readline() != b"ready\n":
            raise BenchmarkError("benchmarks.bridge: the alternative did not start")
        yield port, process.pid
    finally:
        process.kill()
        process.communicate()


def row(name: str, ours: float, alternative: float, unit: str) -> dict[str, object]:
    """One row of the table."""
    return {"name": name, "ours": ours, "alternative": alternative, "ratio": alternative / ours, "unit": unit}
