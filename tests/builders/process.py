"""Builders for the process actuator: orders, settings, and a small program that does as it is told."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

from actuators.api import Action, Verb, split_placement
from actuators.process import ProcessSettings

DEVICE = "edge-01"
PLACEMENT = f"yolo/cam-07/main@{DEVICE}#1"

LONGEST_LIFE_SECONDS = 20
"""Test programs end by themselves after this long, whatever happens to the test."""

PROGRAM = textwrap.dedent(
    """
    import os, signal, subprocess, sys, time
    def stay():
        time.sleep({life})
    def ready():
        with open(os.environ["EDGESHIFT_READY_FILE"], "w"): pass
    with open({started!r}, "a") as file:
        print(os.getpid(), file=file)
    {body}
    """
)

READY_AND_STAY = "ready(); stay()"


def order(verb: Verb = Verb.START, placement: str = PLACEMENT, order_id: str = "order-1", environment_class: str = "01") -> Action:
    """One order for a placement; a placement that is no placement's name is ordered all the same."""
    try:
        workload, device, _ = split_placement(placement)
    except ValueError:
        workload, device = "yolo/cam-07/main", DEVICE
    return Action(order_id, verb, placement, workload, device, environment_class=environment_class, version="1.0")


def settings_for(directory: Path, body: str = READY_AND_STAY, **changed: Any) -> ProcessSettings:
    """Settings under ``directory`` whose package ``yolo`` is a Python program with this body; ``changed`` fields on top."""
    program = directory / "program.py"
    program.write_text(PROGRAM.format(life=LONGEST_LIFE_SECONDS, started=str(started_file(directory)), body=body), encoding="utf-8")
    command = (sys.executable, "-I", "-S", str(program), "{workload}", "{camera}")
    return replace(ProcessSettings(directory / "state", (DEVICE,), {"yolo": command}), **changed)


def started_file(directory: Path) -> Path:
    """Where every start of the test program leaves its process id, one a line."""
    return directory / "started"


def started_pids(directory: Path) -> list[int]:
    """Process ids of all starts so far."""
    path = started_file(directory)
    return [int(line) for line in path.read_text(encoding="utf-8").split()] if path.exists() else []
