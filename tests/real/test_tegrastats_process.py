"""The tegrastats feed with a real program that speaks, dies, hangs, floods and breaks off in the middle of a line."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporters.device.source import Report, Sample
from exporters.jetson import tegrastats
from exporters.jetson.tegrastats import parse
from exporters.jetson.tegrastats_feed import TegrastatsFeed
from tests.builders.tegrastats import LINES

pytestmark = pytest.mark.real

PATIENCE_SECONDS = 20.0
LINE = next(line.text for line in LINES if line.id == "orin-nano-R36.4.3")
HEAD = f"""#!{sys.executable}
import os, pathlib, sys, time
here = pathlib.Path(__file__).parent
with open(here / "runs", "a") as runs: runs.write(f"{{os.getpid()}} {{' '.join(sys.argv[1:])}}\\n")
run = len((here / "runs").read_text().splitlines())
line = {LINE!r}
def say(text): sys.stdout.write(text); sys.stdout.flush()
"""


class Program:
    """A script in the place of tegrastats, and the feed that runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "tegrastats"
        self.ahead_seconds = 0.0
        self.feed = TegrastatsFeed([str(self.path)], lambda: time.monotonic() + self.ahead_seconds, interval_seconds=0.2)
        self.look = self.feed.source().look

    def write(self, script: str) -> None:
        """Put the script there, for the next start."""
        new = self.folder / "new"
        new.write_text(HEAD + script, encoding="utf-8")
        new.chmod(stat.S_IRWXU)
        new.rename(self.path)

    def runs(self) -> list[tuple[int, str]]:
        """Process ids and arguments of all starts."""
        lines = (self.folder / "runs").read_text(encoding="ascii").splitlines() if (self.folder / "runs").exists() else []
        return [(int(line.split()[0]), line.partition(" ")[2]) for line in lines]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    before = (threading.active_count(), set(os.listdir("/proc/self/fd")))
    made = Program(tmp_path)
    yield made
    made.feed.stop()
    assert [pid for pid, _ in made.runs() if alive(pid)] == []
    assert threading.active_count() == before[0]
    assert set(os.listdir("/proc/self/fd")) == before[1]


def alive(pid: int) -> bool:
    """Whether there is such a process; one that is dead and waited for is none."""
    return Path(f"/proc/{pid}").exists()


def why(report: Report) -> str | None:
    """The reason of the whole line."""
    return next(state.reason for state in report.sensors if state.sensor == "line")


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until it is so."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"after {PATIENCE_SECONDS} s still not: {what}"
        time.sleep(0.02)


def test_a_speaking_program_is_heard_and_ended(program: Program) -> None:
    program.write("while True: say(line); time.sleep(0.1)")
    program.feed.start()
    eventually(lambda: why(program.look()) == "", "the line is heard")
    power = [sample.value for sample in program.look().samples if sample.labels == ("VDD_IN",)]
    assert power == [11.274] and program.runs()[0][1] == "--interval 200"
    program.feed.stop()
    assert not alive(program.runs()[0][0])
    program.feed.stop()


def test_a_line_is_too_old_after_three_intervals(program: Program) -> None:
    program.write("say(line); time.sleep(60)")
    program.feed.start()
    eventually(lambda: why(program.look()) == "", "the line is heard")
    program.ahead_seconds = 3.5 * 0.2
    assert why(program.look()) == "stale" and program.look().samples == []


def test_no_program_is_missing_until_there_is_one(program: Program) -> None:
    program.feed.start()
    eventually(lambda: why(program.look()) == "missing", "the program is missing")
    program.write("while True: say(line); time.sleep(0.1)")
    eventually(lambda: why(program.look()) == "", "the line is heard")


def test_a_program_that_dies_is_started_again_with_growing_pauses(program: Program) -> None:
    program.write("say(line[:200])\nif run == 1: sys.exit(3)\nif run == 2: os.kill(os.getpid(), 9)\nwhile True: say(line); time.sleep(0.1)")
    began = time.monotonic()
    program.feed.start()
    eventually(lambda: why(program.look()) == "failed", "it ended without a line")
    eventually(lambda: why(program.look()) == "unparsable" or len(program.runs()) > 2, "the third start")
    eventually(lambda: why(program.look()) == "", "the line is heard")
    assert len(program.runs()) == 3 and time.monotonic() - began > 1.0 + 2.0 - 0.1


def test_a_program_that_falls_silent_is_ended_and_started_again(program: Program) -> None:
    program.write("if run == 1: say(line[:-1]); time.sleep(60)\nwhile True: say(line); time.sleep(0.1)")
    program.feed.start()
    eventually(lambda: len(program.runs()) == 1, "the first start")
    assert program.look().samples == []
    eventually(lambda: len(program.runs()) == 2 and why(program.look()) == "", "the second start is heard")
    assert not alive(program.runs()[0][0])


def test_a_program_that_leaves_a_child_behind_is_ended_with_it(program: Program) -> None:
    program.write("child = os.fork()\nif child == 0: open(here / 'runs', 'a').write(f'{os.getpid()} child\\n')\ntime.sleep(60)")
    program.feed.start()
    eventually(lambda: len(program.runs()) == 2, "both run")
    program.feed.stop()
    eventually(lambda: not any(alive(pid) for pid, _ in program.runs()), "both have ended")


def test_a_killed_exporter_leaves_no_program_behind(program: Program) -> None:
    program.write("while True: say(line); time.sleep(0.1)")
    imports = "import sys, time; from exporters.jetson.tegrastats_feed import TegrastatsFeed"
    script = f"{imports}; TegrastatsFeed([sys.argv[1]]).start(); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script, str(program.path)], cwd=Path(tegrastats.__file__).parents[2]) as exporter:
        eventually(lambda: bool(program.runs()), "the program runs")
        exporter.kill()
    eventually(lambda: not alive(program.runs()[0][0]), "the program has died of its next line")


@pytest.mark.parametrize("flood", ["'x' * 65536", "'x\\n' * 32768", "'\\n' * 65536"], ids=["one-endless-line", "garbage", "empty-lines"])
def test_a_flood_is_read_slowly_and_says_nothing(program: Program, flood: str) -> None:
    program.write(f"try:\n    while True: say({flood})\nexcept BrokenPipeError: os._exit(0)")
    program.feed.start()
    eventually(lambda: len(program.runs()) == 1, "the program runs")
    before = time.process_time()
    time.sleep(1.0)
    assert time.process_time() - before < 0.2
    assert program.look().samples == [] and why(program.look()) in ("warming_up", "unparsable")


def test_half_lines_and_garbage_never_lie(program: Program) -> None:
    program.write("while True:\n    for cut in range(1, len(line), 7): say(line[:cut] + '\\n'); time.sleep(0.005)")
    program.feed.start()
    eventually(lambda: bool(program.runs()), "the program runs")
    end = time.monotonic() + 1.5
    heard: set[Sample] = set()
    while time.monotonic() < end:
        heard |= set(program.look().samples)
        time.sleep(0.003)
    assert heard and heard <= set(parse(LINE).samples)
