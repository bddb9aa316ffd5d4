"""Runs the lab in virtual time inside the test, and keeps what its journal says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decision_engine.core.memory import Record
from decision_engine.execute.journal import Journal
from decision_engine.lab.run import LabRequest
from decision_engine.lab.virtual import run_virtual


@dataclass(frozen=True)
class VirtualRun:
    """The lab's JSON object and its journal, record by record."""

    result: dict[str, Any]
    records: tuple[Record, ...]
    directory: Path


def live_virtually(directory: Path, seed: int = 1, devices: int = 6, seconds: float = 100.0) -> VirtualRun:
    """One story in virtual time."""
    directory.mkdir()
    result = asyncio.run(run_virtual(LabRequest(devices=devices, duration_seconds=seconds, seed=seed, virtual=True, json=True), directory))
    with Journal.open(f"sqlite:///{directory / 'journal.sqlite'}", read_only=True) as journal:
        return VirtualRun(result, tuple(journal.records()), directory)
