"""The exporter as it runs on a device: a real process, a real AI program beside it, a real scrape, a clean end."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters import cli
from exporters.workload import publish

pytestmark = pytest.mark.real

ROOT = Path(cli.__file__).parents[1]
PLACEMENT = "yolo/cam-07/main@edge-07#1"
PATIENCE_SECONDS = 15.0
EXPORTER = "import sys; from exporters.cli import main; sys.exit(main(sys.argv[1:]))"
AI_PROGRAM = """
import subprocess, sys, time
from publish import Publisher
publisher = Publisher(events=("fire",))
busy = "import time; end = time.time() + 30\\nwhile time.time() < end: pass"
child = subprocess.Popen([sys.executable, "-c", busy]) if "child" in sys.argv else None
for line in sys.stdin:
    if "stop" in line: break
    publisher.frame(); publisher.result(0.03, 0.45); publisher.event("fire", 0.9); publisher.flush()
if child: child.kill(); child.wait()
publisher.close()
"""


class Scrape:
    """One reading of the page."""

    def __init__(self, port: int, accept: str = "text/plain") -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/metrics", headers={"Accept": accept})
        answer = connection.getresponse()
        self.content_type = answer.headers["Content-Type"]
        self.text = answer.read().decode()
        connection.close()

    def value(self, name: str, **labels: str) -> float | None:
        """The first sample whose labels include these."""
        for family in text_string_to_metric_families(self.text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return None


def until(port: int, true: Callable[[Scrape], bool]) -> Scrape:
    """Scrape until this is true, for a bounded time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        scrape = Scrape(port)
        if true(scrape):
            return scrape
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE_SECONDS} s:\n{scrape.text}")
        time.sleep(0.1)


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until somebody answers there: the port is taken before the socket for AI programs is made, and answers after."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            Scrape(port)
            return
        time.sleep(0.05)
    raise AssertionError(f"the exporter did not come up, exit code {process.poll()}")


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def run() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts processes and ends those that are left."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def exporter(run: Callable[..., subprocess.Popen[bytes]], port: int, folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start one and wait until it listens."""
    process = run("-c", EXPORTER, "exporter", "--listen", f"127.0.0.1:{port}", "--socket", str(folder / "run/ai.sock"), *options)
    wait_for_port(port, process)
    return process


def ai_program(run: Callable[..., subprocess.Popen[bytes]], folder: Path, *words: str) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """Start an AI program that analyses one frame for each line it is given."""
    process = run(
        "-c",
        AI_PROGRAM,
        *words,
        PYTHONPATH=str(Path(publish.__file__).parent),
        EDGESHIFT_WORKLOAD="yolo/cam-07/main",
        EDGESHIFT_PLACEMENT=PLACEMENT,
        EDGESHIFT_CLASS="01",
        EDGESHIFT_VERSION="1.2",
        EDGESHIFT_SOCKET=str(folder / "run/ai.sock"),
    )
    if process.stdin is None:
        raise AssertionError("the program has no standard input")
    return process, process.stdin


def tell(lines: IO[bytes], word: str) -> None:
    """Give the AI program one line."""
    lines.write(f"{word}\n".encode())
    lines.flush()


def test_from_an_ai_program_to_a_scrape_and_to_a_clean_end(run: Callable[..., subprocess.Popen[bytes]], port: int, tmp_path: Path) -> None:
    process = exporter(run, port, tmp_path)
    assert (tmp_path / "run/ai.sock").stat().st_mode & 0o777 == 0o660
    program, lines = ai_program(run, tmp_path)
    hello = until(port, lambda scrape: scrape.value("ai_events_total", placement=PLACEMENT, event="fire") is not None)
    assert hello.value("ai_events_total", placement=PLACEMENT, event="fire") == 0
    for _ in range(3):
        tell(lines, "frame")
    page = until(port, lambda scrape: scrape.value("ai_results_total", placement=PLACEMENT) == 3)
    assert page.value("ai_events_total", event="fire") == 3
    assert abs((page.value("ai_last_result_timestamp_seconds") or 0) - time.time()) < 10
    assert page.value("ai_observations_lost_total") == 0
    assert (page.value("ai_process_resident_memory_bytes") or 0) > 1e6
    until(port, lambda scrape: scrape.value("edge_cpu_usage_ratio", scope="host") is not None)
    assert "python_gc" not in page.text
    assert "process_virtual" not in page.text
    tell(lines, "stop")
    until(port, lambda scrape: scrape.value("ai_workers") == 0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert not (tmp_path / "run/ai.sock").exists()
    assert program.wait(PATIENCE_SECONDS) == 0


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_complain_about(run: Callable[..., subprocess.Popen[bytes]], port: int, tmp_path: Path) -> None:
    exporter(run, port, tmp_path)
    _, lines = ai_program(run, tmp_path)
    tell(lines, "frame")
    page = until(port, lambda scrape: scrape.value("ai_results_total") == 1 and scrape.value("edge_cpu_usage_ratio") is not None)
    checked = subprocess.run(["promtool", "check", "metrics"], input=page.text.encode(), capture_output=True, timeout=20, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
    assert "openmetrics" in Scrape(port, "application/openmetrics-text; version=1.0.0").content_type


def test_lent_cores_are_charged_with_the_programs_children_and_free_again_when_it_is_killed(
    run: Callable[..., subprocess.Popen[bytes]], port: int, tmp_path: Path
) -> None:
    exporter(run, port, tmp_path, "--lent-cores", "0.1", "--window-seconds", "2")
    idle = until(port, lambda scrape: scrape.value("edge_cpu_usage_ratio", scope="lent") is not None)
    assert idle.value("edge_cpu_usage_ratio", scope="lent") == 0
    assert idle.value("edge_cpu_usage_ratio", scope="host") is None
    assert idle.value("edge_cpu_cores", scope="lent") == 0.1
    program, lines = ai_program(run, tmp_path, "child")
    busy = until(port, lambda scrape: (scrape.value("edge_cpu_usage_ratio", scope="lent") or 0) > 1)
    assert (busy.value("edge_cpu_usage_ratio", scope="lent") or 0) < 20.5  # one child cannot use more than all of this machine
    tell(lines, "stop")
    assert program.wait(PATIENCE_SECONDS) == 0
    until(port, lambda scrape: scrape.value("edge_cpu_usage_ratio", scope="lent") == 0)


def test_a_killed_program_vanishes_without_a_goodbye(run: Callable[..., subprocess.Popen[bytes]], port: int, tmp_path: Path) -> None:
    exporter(run, port, tmp_path)
    program, lines = ai_program(run, tmp_path)
    tell(lines, "frame")
    until(port, lambda scrape: scrape.value("ai_results_total") == 1)
    program.kill()
    program.wait(PATIENCE_SECONDS)
    until(port, lambda scrape: scrape.value("ai_workers") == 0)


def test_a_restarted_exporter_takes_over_the_socket_that_a_killed_one_left(
    run: Callable[..., subprocess.Popen[bytes]], port: int, tmp_path: Path
) -> None:
    first = exporter(run, port, tmp_path)
    _, lines = ai_program(run, tmp_path)
    tell(lines, "frame")
    until(port, lambda scrape: scrape.value("ai_results_total") == 1)
    first.kill()
    first.wait(PATIENCE_SECONDS)
    assert (tmp_path / "run/ai.sock").exists()
    exporter(run, port, tmp_path)
    until(port, lambda scrape: scrape.value("ai_results_total") == 1)  # by heartbeat alone: no frame arrived since


def test_what_is_in_the_way_is_said_in_one_sentence(run: Callable[..., subprocess.Popen[bytes]], port: int, tmp_path: Path) -> None:
    exporter(run, port, tmp_path)
    free = "127.0.0.1:0"
    (tmp_path / "file").write_text("mine")
    refusals = {
        "Cannot listen": ("--listen", f"127.0.0.1:{port}", "--socket", str(tmp_path / "other.sock")),
        "Another exporter listens": ("--listen", free, "--socket", str(tmp_path / "run/ai.sock")),
        "is no socket": ("--listen", free, "--socket", str(tmp_path / "file")),
        "Cannot open the socket": ("--listen", free, "--socket", str(tmp_path / "file/below.sock")),
    }
    for words, options in refusals.items():
        process = run("-c", EXPORTER, "exporter", *options)
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
        assert (process.returncode, said.count(b"\n")) == (1, 1), said
        assert words in said.decode()
    assert (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "run/ai.sock").exists()


def test_an_answer_on_a_kept_connection_does_not_wait_for_an_acknowledgement(
    run: Callable[..., subprocess.Popen[bytes]], port: int, tmp_path: Path
) -> None:
    exporter(run, port, tmp_path)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    took = []
    for _ in range(20):
        begin = time.perf_counter()
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"ok\n")
        took.append(time.perf_counter() - begin)
    connection.close()
    assert sorted(took)[len(took) // 2] < 0.03  # the median: two cores may be busy with something else


def test_one_page_and_an_end(run: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = run("-c", EXPORTER, "exporter", "--once")
    page, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, said) == (0, b"")
    assert b'edge_cpu_usage_ratio{scope="host"}' in page
