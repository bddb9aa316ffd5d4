"""Runs `edgeshift serve` and its sister commands as processes of their own, on loopback, never longer than a test."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from decision_engine.evaluation.fleet import fleet_document
from exporters.simulated.stories import default_story
from tests.builders.prometheus_process import free_port, within

ROOT = Path(__file__).parents[2]
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
STARTED_WITHIN_SECONDS = 30.0
NOBODY = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Ended:
    """What a process left."""

    code: int
    out: str
    err: str


@dataclass
class Serving:
    """A running engine with its service."""

    process: subprocess.Popen[bytes]
    url: str
    log_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        try:
            with NO_PROXY.open(f"{self.url}{path}", timeout=5.0) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def answers(self) -> bool:
        try:
            return self.get("/healthz")[0] == 200
        except (urllib.error.URLError, OSError):
            return False

    def ended(self, within_seconds: float) -> int:
        """Wait for the end; its exit code."""
        return self.process.wait(timeout=within_seconds)


def write_settings(directory: Path, **changes: Any) -> Path:
    """Settings at a quick rhythm and a small catalogue, for a Prometheus that is not there; sections can be replaced."""
    directory.mkdir(parents=True, exist_ok=True)
    catalog = directory / "fleet.yaml"
    if not catalog.exists():
        catalog.write_text(yaml.safe_dump(fleet_document(default_story(3, 60.0, 1, lent_device=False), 9750)), encoding="utf-8")
    document = {
        "schema": 1,
        "prometheus": {"url": NOBODY, "timeout_seconds": 1.0},
        "catalog": "fleet.yaml",
        "state_directory": "state",
        "service": {"listen": f"127.0.0.1:{free_port()}"},
        "actuators": {"simulated": {"url": NOBODY, "timeout_seconds": 1.0}},
        "times": {"scrape_seconds": 0.5, "cycle_seconds": 0.5, "grid_seconds": 3.0, "history_hours": 0.1},
    }
    path = directory / "edgeshift.yaml"
    path.write_text(yaml.safe_dump({**document, **changes}), encoding="utf-8")
    return path


@contextmanager
def serving(config: Path) -> Iterator[Serving]:
    """Start an engine, wait until it answers, and end it afterwards."""
    listen = yaml.safe_load(config.read_text(encoding="utf-8"))["service"]["listen"]
    log_path = config.with_suffix(".log")
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command("serve", "--config", str(config)), cwd=config.parent, env=environment(), stdout=log, stderr=log,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  one system call and no lock, so threads do no harm
        )  # fmt: skip
    running = Serving(process, f"http://{listen}", log_path)
    try:
        assert within(STARTED_WITHIN_SECONDS, lambda: process.poll() is not None or running.answers()), running.log
        assert process.poll() is None, running.log
        yield running
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(timeout=5.0)


def edgeshift(*words: str, seconds: float = STARTED_WITHIN_SECONDS) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(command(*words), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=seconds, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "decision_engine.entry", *words]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "EDGESHIFT_CONFIG"}
    return {**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _die_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
