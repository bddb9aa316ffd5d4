"""Runs `edgeshift lab` as a person would, as its own process, and reads its one JSON object."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
GRACE_SECONDS = 60.0


@dataclass(frozen=True)
class LabOutcome:
    """What a lab left: its exit code, its JSON object, and what it told on standard error."""

    code: int
    result: dict[str, Any]
    told: str


def lab_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "decision_engine.entry", "lab", "--headless", "--json", *arguments]


def lab_environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def run_lab(*arguments: str, seconds: float) -> LabOutcome:
    """Run to the end; a lab that hangs is killed and fails the test."""
    done = subprocess.run(  # noqa: PLW1510
        lab_command(*arguments), cwd=ROOT, env=lab_environment(), capture_output=True, text=True, timeout=seconds + GRACE_SECONDS
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    assert lines, f"the lab printed no JSON; exit code {done.returncode}\n{done.stderr}"
    return LabOutcome(done.returncode, json.loads(lines[-1]), done.stderr)


def processes_of(directory: Path) -> list[str]:
    """Command lines of processes that still name this folder or were started for it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (entry / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(directory) in command or (f"EDGESHIFT_SOCKET={directory}" in environment):
            found.append(command)
    return found
