"""Runs an emulated board and a real exporter over it as two processes, and keeps what both said, with times."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]
RUN = "import sys; from exporters.cli import main; sys.exit(main(sys.argv[1:]))"
PATIENCE_SECONDS = 15.0
LOOK_SECONDS = 0.1
LOOKS_PER_SCRAPE = 5

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Scrape:
    """One page: samples by name and sorted labels, and when it was asked for."""

    at: float
    samples: dict[tuple[str, Labels], float]

    def value(self, name: str, **labels: str) -> float | None:
        """The one sample with exactly these labels."""
        return self.samples.get((name, tuple(sorted(labels.items()))))

    def by(self, name: str, label: str) -> dict[str, float]:
        """All samples of a name, by the value of one label."""
        return {dict(labels)[label]: value for (found, labels), value in self.samples.items() if found == name}

    def reasons(self, sensor: str) -> set[str]:
        """Why a sensor, or any of a kind that begins so, gave nothing."""
        return {
            dict(labels)["reason"]
            for (name, labels), value in self.samples.items()
            if name == "edge_sensor_up" and value == 0 and dict(labels)["sensor"].startswith(sensor)
        }


@dataclass
class Timeline:
    """What was looked at while a story ran."""

    scrapes: list[Scrape] = field(default_factory=list)
    truths: list[dict[str, Any]] = field(default_factory=list)

    def told_between(self, begin: float, end: float, ask: Callable[[dict[str, Any]], float | None]) -> list[float]:
        """What the truth said within a span of Unix time; nothing where it once said that there is no such number."""
        told = [ask(truth) for truth in self.truths if begin <= truth["at_unix_seconds"] <= end]
        return [] if None in told else [value for value in told if value is not None]


class Running:
    """An exporter over an emulated tree; the emulator can be killed and started again."""

    def __init__(self, folder: Path, board: str) -> None:
        self.root, self.board = folder / "board", board
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._folder = folder
        self._children: list[subprocess.Popen[bytes]] = []
        self.emulator: subprocess.Popen[bytes] | None = None

    def emulate(self, *words: str) -> None:
        """Start the emulator and wait until its tree is whole."""
        truth = self.root / "edgeshift/truth.json"
        before = truth.stat().st_mtime_ns if truth.exists() else 0
        self.emulator = self._start("exporter", "emulate", "--board", self.board, "--root", str(self.root), *words)
        _until(lambda: truth.exists() and truth.stat().st_mtime_ns > before, self.emulator)

    def export(self) -> None:
        """Start the exporter and wait until it answers."""
        words = ["--root", str(self.root), "--listen", f"127.0.0.1:{self.port}", "--socket", str(self._folder / "ai.sock")]
        process = self._start("exporter", *words, "--window-seconds", "1")
        _until(self._answers, process)

    def truth(self) -> dict[str, Any]:
        """What the model says now."""
        told: dict[str, Any] = json.loads((self.root / "edgeshift/truth.json").read_text(encoding="utf-8"))
        return told

    def scrape(self) -> Scrape:
        """The exporter's page now."""
        at = time.time()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5.0) as answer:
            text = answer.read().decode()
        samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text) for sample in family.samples
        }  # fmt: skip
        return Scrape(at, samples)

    def watch(self, seen: Timeline, story_seconds: float) -> None:
        """Look at truth and page until the story has come this far."""
        deadline, look = time.monotonic() + 2 * PATIENCE_SECONDS, 0
        while not seen.truths or seen.truths[-1]["story_seconds"] < story_seconds:
            assert time.monotonic() < deadline, "the story does not go on"
            seen.truths.append(self.truth())
            if look % LOOKS_PER_SCRAPE == 0:
                seen.scrapes.append(self.scrape())
            look += 1
            time.sleep(LOOK_SECONDS)

    def kill_emulator(self) -> None:
        """As a crash would."""
        assert self.emulator is not None
        self.emulator.kill()
        self.emulator.wait()

    def end_emulator(self) -> int:
        """SIGTERM; the exit code."""
        assert self.emulator is not None
        self.emulator.send_signal(signal.SIGTERM)
        return self.emulator.wait(PATIENCE_SECONDS)

    def stop(self) -> None:
        """End what is left."""
        for child in self._children:
            child.kill()
            child.communicate()

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, "-c", RUN, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._children.append(child)
        return child

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def running(folder: Path, board: str) -> Iterator[Running]:
    """A board's two processes, ended in any case."""
    both = Running(folder, board)
    try:
        yield both
    finally:
        both.stop()


def _until(true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if process.poll() is not None and process.stderr is not None:
            raise AssertionError(process.stderr.read().decode())
        assert time.monotonic() < deadline, "a process did not become ready"
        time.sleep(0.05)
