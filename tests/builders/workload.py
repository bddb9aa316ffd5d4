"""Builders for AI workloads: an outlet in place of the socket, and programs of several workers as they speak on the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from exporters.workload.collector import REFUSALS
from exporters.workload.publish import Options, Publisher
from exporters.workload.wire import Observation, parse
from tests.builders.exporters import NOW, PLACEMENT, WORKLOAD, Page, body


class Outlet:
    """Takes the place of the socket: keeps what is sent, or refuses it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.now = NOW
        self.away = False
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> None:
        if self.away:
            raise ConnectionRefusedError
        self.sent.append(data)

    def publisher(self, **changes: Any) -> Publisher:
        options = Options(heartbeat=False, clock=lambda: self.now, monotonic=lambda: self.seconds, send=self.send)
        given: dict[str, Any] = {"workload": WORKLOAD, "placement": PLACEMENT, "environment_class": "01", "version": "1.2"}
        return Publisher(**{**given, "events": ("fire",), "options": options, **changes})

    @property
    def last(self) -> Observation:
        return parse(self.sent[-1], self.now)


def refused(page: Page) -> dict[str, float]:
    """What was refused, by reason."""
    counts = {reason: page.value("ai_observations_refused_total", reason=reason) for reason in REFUSALS}
    return {reason: count for reason, count in counts.items() if count}


@dataclass
class Worker:
    """One process of a program: each ``say`` is its next observation, with totals that only grow."""

    number: int
    life: int = 0
    totals: dict[str, Any] = field(default_factory=lambda: {"frames": 0, "results": 0, "empty": 0, "ambiguous": 0, "cpu_seconds": 0.0})
    seq: int = 0

    @property
    def session(self) -> str:
        return f"{self.number:016x}{self.life:016x}"

    def say(self, more: int = 0, **changes: Any) -> bytes:
        """Count so many more frames, each with an empty result in 0.25 s, and say so."""
        self.seq += 1
        self.totals["frames"] += more
        self.totals["results"] += more
        self.totals["empty"] += more
        counts = [0] * 11
        counts[5] = self.totals["results"]
        told = {
            **self.totals,
            "latency": {"sum": 0.1 * self.totals["results"], "counts": counts},
            "confidence": {"sum": 0.0, "counts": [0] * 11},
            "events": {"fire": {"total": 0}},
            "streams": {},
            "streams_over_limit": 0,
        }
        return json.dumps(body(session=self.session, seq=self.seq, **{"worker": f"{self.number:032x}", **told, **changes})).encode()

    def restart(self) -> None:
        """Another session of the same process: its counts begin again, its CPU time goes on."""
        self.life += 1
        self.seq = 0
        self.totals.update(frames=0, results=0, empty=0, ambiguous=0)
