"""The camera AI as a real process of the process actuator: it starts fast, publishes, and ends when told or orphaned."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from actuators.api import Outcome, Phase, Verb
from actuators.process import ProcessActuator, ProcessSettings
from tests.builders.process import DEVICE, PLACEMENT, order

ROOT = Path(__file__).parents[2]
READY_WITHIN_SECONDS = 12.0
"""On an idle core it takes under 2 s; the machine that tests may be busy."""

COMMAND = (sys.executable, "-m", "decision_engine.lab.camera_ai", "--environment-class", "{environment_class}", "--scene", "02")


@dataclass
class Edge:
    """This machine as an edge: an actuator, and the socket on which a device exporter would listen."""

    actuator: ProcessActuator
    listener: socket.socket

    def phase(self) -> Phase | None:
        """The program's phase; None when there is none. A failure shows its reason."""
        found = asyncio.run(self.actuator.placements())
        assert not found or found[0].phase is not Phase.FAILED, found[0].detail
        return found[0].phase if found else None

    def start(self, environment_class: str) -> None:
        """Start the program and wait until it is ready."""
        receipt = asyncio.run(self.actuator.act(order(environment_class=environment_class)))
        assert receipt.outcome is Outcome.ACCEPTED, receipt.detail
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while self.phase() is not Phase.READY:
            assert time.monotonic() < deadline, "it did not become ready in time"
            time.sleep(0.02)

    def heard_until(self, results: int) -> dict[str, Any]:
        """Datagrams until one counts so many results; the last one."""
        while True:
            heard: dict[str, Any] = json.loads(self.listener.recv(65536))
            if heard["results"] >= results:
                return heard


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for the lab."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


@pytest.fixture
def edge(tmp_path: Path, owner: subprocess.Popen[bytes]) -> Iterator[Edge]:
    """An edge on which nothing runs afterwards."""
    path = str(tmp_path / "s")
    environment = {"EDGESHIFT_SOCKET": path, "PYTHONPATH": str(ROOT)}
    settings = ProcessSettings(tmp_path / "state", (DEVICE,), {"yolo": COMMAND}, environment, owner_pid=owner.pid)
    actuator = ProcessActuator(settings)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(READY_WITHIN_SECONDS)
        yield Edge(actuator, listener)
    assert asyncio.run(actuator.stop_all()) == ()


def test_it_publishes_who_it_is_and_what_it_sees_and_ends_when_told(edge: Edge) -> None:
    edge.start("02")
    ready_at = time.monotonic()
    first = edge.heard_until(results=1)
    assert time.monotonic() - ready_at < 2.0
    assert (first["workload"], first["placement"], first["class"], first["camera"]) == ("yolo/cam-07/main", PLACEMENT, "02", "cam-07")
    later = edge.heard_until(results=5)
    assert later["environment"]["class"] == "02"
    assert later["confidence"]["sum"] / later["results"] > 0.75
    stopped_at = time.monotonic()
    asyncio.run(edge.actuator.act(order(Verb.STOP)))
    while edge.phase() is not None:
        time.sleep(0.01)
    assert time.monotonic() - stopped_at < 2.0
    assert edge.heard_until(results=5)["session"] == later["session"]


def test_a_variant_for_other_weather_is_less_sure(edge: Edge) -> None:
    edge.start("04")
    heard = edge.heard_until(results=5)
    assert heard["environment"]["class"] == "02"
    assert heard["confidence"]["sum"] / heard["results"] < 0.65


def test_it_ends_by_itself_when_its_owner_is_killed(edge: Edge, owner: subprocess.Popen[bytes]) -> None:
    edge.start("02")
    owner.kill()
    deadline = time.monotonic() + 2.0
    while (found := asyncio.run(edge.actuator.placements())) and found[0].phase is not Phase.FAILED:
        assert time.monotonic() < deadline, "it outlived its owner"
        time.sleep(0.02)
    assert "ended by itself after it was ready" in found[0].detail


def test_it_ends_at_once_while_it_still_imports_or_trains(edge: Edge) -> None:
    for number, pause_seconds in enumerate((0.1, 0.6, 1.2)):
        asyncio.run(edge.actuator.act(order(order_id=f"order-{number}")))
        time.sleep(pause_seconds)
        stopped_at = time.monotonic()
        asyncio.run(edge.actuator.act(order(Verb.STOP)))
        while edge.phase() is not None:
            time.sleep(0.01)
        assert time.monotonic() - stopped_at < 2.0
