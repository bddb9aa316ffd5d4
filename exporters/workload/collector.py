"""Turns what AI programs hand in into the ai_* families at each scrape, and counts what it cannot accept."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from exporters.contract import ENVIRONMENT_CLASSES
from exporters.device.families import Families
from exporters.device.sensor import FAILED
from exporters.device.usage import Program
from exporters.workload.observation import Observation
from exporters.workload.register import REGISTER_REASONS, Bounds, Register, Surroundings
from exporters.workload.track import Session, Track
from exporters.workload.wire import REASONS, WireError, parse

__all__ = ["CATALOG_ID", "REFUSALS", "Bounds", "Surroundings", "WorkloadCollector"]

OTHER_DEVICE: Final = "other_device"
ODD_ID: Final = "odd_id"
REFUSALS: Final = (*REASONS, *REGISTER_REASONS, OTHER_DEVICE, ODD_ID, FAILED)

CATALOG_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
"""How devices, packages, cameras and purposes are named in a catalogue."""
_PLACEMENT: Final = re.compile(r"([^/@#]*)/([^/@#]*)/([^/@#]*)@([^/@#]*)#[0-9]+")


class WorkloadCollector(Collector):
    """AI programs as this device sees them. Thread safe: datagrams come from one thread, scrapes from others.

    Where ``device`` is told, only its placements are taken, and only ids that a catalogue could hold.
    """

    def __init__(self, surroundings: Surroundings, bounds: Bounds | None = None, device: str | None = None) -> None:
        self._world = surroundings
        self._bounds = bounds or Bounds()
        self._device = device
        self._lock = threading.Lock()
        self._register = Register(surroundings, self._bounds)
        self._refused: Counter[str] = Counter(dict.fromkeys(REFUSALS, 0))
        self._told: tuple[Metric, ...] = ()

    def accept(self, data: bytes, pid: int) -> str:
        """Take one observation from the process that the kernel names (0 where it cannot be seen).

        The answer is "", or the one of REFUSALS for which it was counted and not taken.
        """
        return self._count(lambda: self._take(parse(data, self._world.clock()), pid))

    def take(self, observation: Observation, pid: int) -> str:
        """The same with one that is parsed already."""
        return self._count(lambda: self._take(observation, pid))

    def series(self) -> int:
        """At most so many samples it gives, those of programs included that may come back."""
        with self._lock:
            return len(REFUSALS) + self._register.series()

    def _take(self, observation: Observation, pid: int) -> str:
        with self._lock:
            return self._foreign(observation) or self._register.take(observation, pid)

    def _count(self, take: Callable[[], str]) -> str:
        try:
            refusal = take()
        except WireError as error:
            refusal = error.reason
        except Exception:  # a fault of ours costs this observation, and is seen in its count
            refusal = FAILED
        if refusal:
            with self._lock:
                self._refused[refusal] += 1
                self._told = ()
        return refusal

    def programs(self) -> tuple[Program, ...]:
        """The AI programs that run now, process by process, for whoever measures their CPU time."""
        with self._lock:
            return tuple(
                Program(track.placement, worker, session.process, track.cpu_seconds_of(worker))
                for track in self._register.live_tracks()
                for worker, session in track.workers().items()
            )

    def collect(self) -> Iterator[Metric]:
        """The families of all placements that run or have ended not long ago."""
        page = Families()
        now = self._world.clock()
        with self._lock:
            tracks = self._register.shown_tracks()
            for track in tracks:
                track.write(page, now)
            _write_environment(page, tracks, now - self._bounds.forget_seconds)
            told = self._told = self._told or self._refusals()
        yield from (*page.families(), *told)

    def describe(self) -> Iterator[Metric]:
        """Nothing ahead of time: placements come and go."""
        return iter(())

    def _refusals(self) -> tuple[Metric, ...]:
        """The counts of what was refused: they change seldom, and to write them takes as long as to write a program's."""
        page = Families()
        for reason, count in self._refused.items():
            page.add("ai_observations_refused_total", (reason,), count)
        return tuple(page.families())

    def _foreign(self, new: Observation) -> str:
        """Why it cannot be this device's, where it is known which one this is."""
        if self._device is None:
            return ""
        parts = _PLACEMENT.fullmatch(new.placement)
        if parts is None or not all(CATALOG_ID.fullmatch(id_) for id_ in (*parts.groups(), new.camera)):
            return ODD_ID
        return "" if parts.group(4) == self._device else OTHER_DEVICE


def _write_environment(page: Families, tracks: list[Track], oldest: float) -> None:
    """One class per camera: what was said last, by whichever program; nothing once it was not said again for too long."""
    newest: dict[str, tuple[float, str, float | None]] = {}
    said: list[Session] = [session for track in tracks for session in track.live()]
    for one in (session.newest for session in said):
        seen = one.environment_seen
        if one.environment is not None and seen is not None and seen.at >= max(oldest, newest.get(one.camera, (0.0,))[0]):
            newest[one.camera] = (seen.at, one.environment, seen.confidence)
    for camera, (_, environment, confidence) in sorted(newest.items()):
        for each in ENVIRONMENT_CLASSES:
            page.add("ai_environment_state", (camera, each), int(each == environment))
        page.add("ai_environment_confidence_ratio", (camera,), confidence if environment in ENVIRONMENT_CLASSES else None)
