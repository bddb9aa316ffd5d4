"""A real Prometheus as a child process on loopback, and pages for it to scrape; both end with the test."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

OWN_ADDRESS = "@OWN_ADDRESS@"
"""In a configuration text this becomes the ``host:port`` on which this Prometheus listens, so that it can scrape itself."""
ATTEMPTS = 3
"""A port that was free a moment ago may be taken when Prometheus binds it; then another one is tried."""
POLL_SECONDS = 0.05
PR_SET_PDEATHSIG = 1
"""prctl(2): the kernel ends the child when its parent dies, even by SIGKILL."""
LIBC = ctypes.CDLL(None)
"""Loaded here: between fork and exec the child must take no lock that another thread may have held."""
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class PrometheusProcess:
    """A running Prometheus; ``url`` is its address without a slash at the end."""

    url: str
    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        """All that it has said."""
        return (self.directory / "prometheus.log").read_text(encoding="utf-8", errors="replace")

    def get(self, path: str, **parameters: str) -> Any:
        """The ``data`` of an API answer, such as ``get("/api/v1/query", query="up")``."""
        with NO_PROXY.open(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", timeout=5.0) as answer:
            return json.load(answer)["data"]

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The result of an instant query at this moment."""
        found: list[dict[str, Any]] = self.get("/api/v1/query", query=promql)["result"]
        return found

    def wait_for(self, promql: str, count: int = 1, within_seconds: float = 15.0) -> list[dict[str, Any]]:
        """Ask until a query has at least ``count`` results, and give them."""
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            found[:] = self.query(promql)
            return len(found) >= count

        assert within(within_seconds, enough), f"{promql} had {len(found)} of {count} results after {within_seconds} s"
        return found

    def stop(self) -> None:
        """SIGTERM, then SIGKILL. Harmless when it has ended already."""
        for end, seconds in ((self.process.terminate, 10.0), (self.process.kill, 5.0)):
            if self.process.poll() is not None:
                return
            with suppress(ProcessLookupError):
                end()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=seconds)


@contextmanager
def running_prometheus(
    directory: Path, config_text: str, *, arguments: tuple[str, ...] = (), within_seconds: float = 30.0
) -> Iterator[PrometheusProcess]:
    """Start Prometheus in ``directory`` (made where missing) with this configuration, wait for /-/ready, and end it afterwards.

    Rule and target files named relatively in ``config_text`` are looked for in ``directory``; ``OWN_ADDRESS`` in it becomes its
    own address. ``arguments`` are further command line words. An assertion fails, with its log, when it does not become ready.
    """
    directory.mkdir(parents=True, exist_ok=True)
    running: PrometheusProcess | None = None
    for _ in range(ATTEMPTS):
        running = _started(directory, config_text, arguments)
        try:
            if _is_ready(running, within_seconds):
                break
        except BaseException:
            running.stop()
            raise
        running.stop()
        if "address already in use" not in running.log:
            break
    assert running is not None
    try:
        assert running.process.poll() is None, f"Prometheus did not become ready: {running.log[-2000:]}"
        yield running
    finally:
        running.stop()


def prometheus_program() -> str:
    """Find Prometheus as the set-up does: named by the environment, or on PATH."""
    program = os.environ.get("EDGESHIFT_PROMETHEUS") or shutil.which("prometheus")
    assert program, "prometheus is missing: make test installs it, or EDGESHIFT_PROMETHEUS names it"
    return program


def free_port(host: str = "127.0.0.1") -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def within(seconds: float, happened: Callable[[], bool]) -> bool:
    """Whether something happens within some seconds, looking often."""
    until = time.monotonic() + seconds
    while not happened():
        if time.monotonic() >= until:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _started(directory: Path, config_text: str, arguments: tuple[str, ...]) -> PrometheusProcess:
    address = f"127.0.0.1:{free_port()}"
    config = directory / "prometheus.yml"
    config.write_text(config_text.replace(OWN_ADDRESS, address), encoding="utf-8")
    command = (
        prometheus_program(),
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
        *arguments,
    )
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  one system call and no lock, so threads do no harm
        )
    return PrometheusProcess(f"http://{address}", directory, process)


def _is_ready(running: PrometheusProcess, seconds: float) -> bool:
    def settled() -> bool:
        return running.process.poll() is not None or _answers(f"{running.url}/-/ready")

    return within(seconds, settled) and running.process.poll() is None


def _answers(url: str) -> bool:
    try:
        with NO_PROXY.open(url, timeout=2.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _die_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Page:
    """A page of metrics that can be changed while it is served; ``status`` other than 200 makes the scrape fail."""

    text: str
    status: int = 200
    address: str = field(default="")


@contextmanager
def served_page(text: str, host: str = "127.0.0.1") -> Iterator[Page]:
    """Serve one text at every path of a free port of ``host``; ``Page.address`` is its ``host:port``."""
    page = Page(text)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page.text.encode()
            self.send_response(page.status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing: the test's output is for its failures."""

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    page.address = f"{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_SECONDS}, daemon=True)
    thread.start()
    try:
        yield page
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5.0)
