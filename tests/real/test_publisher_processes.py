"""Real processes, forked and spawned, that publish for one placement through a real socket; one of them is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporters.device.processes import ProcessTable
from exporters.workload import publish
from exporters.workload.collector import Surroundings, WorkloadCollector
from exporters.workload.listener import Listener
from tests.builders.exporters import PLACEMENT, WORKLOAD, Page

# From Python 3.12 on a fork beside a thread warns; that a child begins with locks of its own is what is tested here.
pytestmark = [pytest.mark.real, pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")]

PATIENCE_SECONDS = 20.0
PROGRAM = """
import multiprocessing, os, sys, time
from publish import Publisher, Options

def work(publisher, frames, wait):
    for _ in range(frames):
        publisher.frame()
        with publisher.inference(stream=f"camera {os.getpid()}") as inference:
            inference.confidence = 0.5
    publisher.flush()
    os.write(1, f"done {os.getpid()}\\n".encode())  # in one piece: three processes share the pipe
    if wait:
        time.sleep(60)
    publisher.close()

if __name__ == "__main__":
    how = sys.argv[1]
    publisher = Publisher(events=("fire",), options=Options(interval_seconds=0.1))
    publisher.frame()
    context = multiprocessing.get_context(how)
    children = [context.Process(target=work, args=(publisher, 100, index == 0), daemon=True) for index in range(3)]
    for child in children: child.start()
    idle = context.Process(target=time.sleep, args=(60,), daemon=True)  # uses no publisher: it is no worker
    idle.start()
    for line in sys.stdin:
        break
    publisher.frame()
    publisher.flush()
    print("parent", flush=True)
    for line in sys.stdin:
        break
    publisher.close()
"""


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[WorkloadCollector]:
    """A collector behind a real socket."""
    collector = WorkloadCollector(Surroundings(time.time, time.monotonic, ProcessTable(Path("/proc")).key))
    listener = Listener(tmp_path / "ai.sock", collector.accept)
    listener.start()
    yield collector
    listener.stop()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Starts the program above with children made one way or another; ends it and them."""
    started: list[subprocess.Popen[bytes]] = []
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "publish.py").write_text(Path(publish.__file__).read_text(encoding="utf-8"), encoding="utf-8")

    def start(how: str) -> subprocess.Popen[bytes]:
        identity = {"WORKLOAD": WORKLOAD, "PLACEMENT": PLACEMENT, "CLASS": "01", "VERSION": "1.2", "SOCKET": str(tmp_path / "ai.sock")}
        process = subprocess.Popen(
            [sys.executable, str(tmp_path / "program.py"), how],
            env={**os.environ, **{f"EDGESHIFT_{name}": value for name, value in identity.items()}},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)  # the group that it leads: its children and nobody else
        process.communicate()


def until(collector: WorkloadCollector, true: Callable[[Page], bool]) -> Page:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true(page := Page(collector)):
        assert time.monotonic() < deadline, page.text
        time.sleep(0.05)
    return page


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
def test_every_process_is_a_worker_and_all_add_up(
    how: str, heard: WorkloadCollector, program: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    if how not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {how} here")
    process = program(how)
    assert process.stdin is not None
    assert process.stdout is not None
    done = [int(process.stdout.readline().split()[1]) for _ in range(3)]
    # Each child's hundred and one of the parent's; two children have said goodbye.
    page = until(heard, lambda page: page.value("ai_frames_total") == 301 and page.value("ai_workers") == 2)
    assert page.value("ai_results_total") == page.value("ai_confidence_ratio_count") == 300
    assert [page.value("ai_stream_results_total", stream=f"camera {pid}") for pid in done] == [100, 100, 100]
    assert page.value("ai_observations_lost_total") == 0
    assert page.value("ai_events_total", event="fire") == 0
    waiting = next(key[0] for key in (one.process for one in heard.programs()) if key is not None and key[0] != process.pid)
    assert waiting in done
    before = page.value("ai_process_cpu_seconds_total")
    os.kill(waiting, signal.SIGKILL)
    process.stdin.write(b"go on\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"parent\n"
    page = until(heard, lambda page: page.value("ai_workers") == 1 and page.value("ai_frames_total") == 302)
    assert page.value("ai_results_total") == 300
    assert (page.value("ai_process_cpu_seconds_total") or 0) >= (before or 0)
    assert set(refused(page).values()) == {0}
    process.stdin.write(b"end\n")
    process.stdin.flush()
    until(heard, lambda page: page.value("ai_workers") == 0)


def refused(page: Page) -> dict[str, float]:
    """What was refused, by reason."""
    return {s.labels["reason"]: s.value for family in page.families for s in family.samples if s.name == "ai_observations_refused_total"}


def test_cpu_time_of_publishing_children_is_counted_once(heard: WorkloadCollector, tmp_path: Path) -> None:
    busy_seconds = 0.5

    def work() -> None:
        publisher.frame()
        until_cpu = time.process_time() + busy_seconds
        while time.process_time() < until_cpu:
            pass
        publisher.close()

    options = publish.Options(interval_seconds=0.1)
    publisher = publish.Publisher(WORKLOAD, PLACEMENT, "01", "1", socket_path=str(tmp_path / "ai.sock"), options=options)
    own = until(heard, lambda page: page.value("ai_process_cpu_seconds_total") is not None).value("ai_process_cpu_seconds_total") or 0
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    publisher.flush()
    page = until(heard, lambda page: page.value("ai_workers") == 1 and page.value("ai_frames_total") == 1)
    more = (page.value("ai_process_cpu_seconds_total") or 0) - own
    publisher.close()
    assert busy_seconds * 0.9 < more < busy_seconds * 1.8


def test_a_fork_within_an_inference_counts_the_frame_once(heard: WorkloadCollector, tmp_path: Path) -> None:
    socket_path = str(tmp_path / "ai.sock")
    publisher = publish.Publisher(WORKLOAD, PLACEMENT, "01", "1", socket_path=socket_path, options=publish.Options(heartbeat=False))
    with publisher.inference() as inference:
        inference.found(0.9)
        child = os.fork()
    if child == 0:
        publisher.flush()
        os._exit(0)
    os.waitpid(child, 0)
    publisher.flush()
    page = until(heard, lambda page: page.value("ai_results_total") != 0)  # the child's word came before the parent's
    publisher.close()
    assert page.value("ai_results_total") == 1
