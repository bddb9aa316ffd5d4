"""Keeps the newest observation of every placement and turns them into the ai_* families at each scrape."""

from __future__ import annotations

import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from exporters.contract import ENVIRONMENT_CLASSES
from exporters.device.families import Families
from exporters.device.processes import ProcessKey
from exporters.device.usage import Program
from exporters.workload.track import Track
from exporters.workload.wire import REASONS, Observation, WireError, parse

SESSION_OVER: Final = "session_over"
OLD_SEQUENCE: Final = "old_sequence"
WENT_BACKWARDS: Final = "went_backwards"
IDENTITY_CHANGED: Final = "identity_changed"
TOO_MANY_PLACEMENTS: Final = "too_many_placements"
TOO_MANY_OF_ONE_SENDER: Final = "too_many_of_one_sender"
OTHER_DEVICE: Final = "other_device"
ODD_ID: Final = "odd_id"
REFUSALS: Final = (
    *REASONS, SESSION_OVER, OLD_SEQUENCE, WENT_BACKWARDS, IDENTITY_CHANGED, TOO_MANY_PLACEMENTS,
    TOO_MANY_OF_ONE_SENDER, OTHER_DEVICE, ODD_ID,
)  # fmt: skip

CATALOG_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
"""How devices, packages, cameras and purposes are named in a catalogue."""
_PLACEMENT: Final = re.compile(r"([^/@#]*)/([^/@#]*)/([^/@#]*)@([^/@#]*)#[0-9]+")

_REMEMBERED_SESSIONS: Final = 1024
"""Ended sessions whose stragglers are recognised; a straggler is late by milliseconds, not by a thousand restarts."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many placements are kept, and after how many silent seconds one is forgotten, as is an environment not said again.

    ``max_of_one_sender``: a program runs one placement, a server of several models a few; one that speaks for more has lost
    its way, and shall not take the places of others. A sender that cannot be seen (process id 0, from another container) is
    no single one, so only ``max_placements`` bounds those.
    """

    max_placements: int = 64
    max_of_one_sender: int = 8
    forget_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the collector may know of the world: Unix seconds, seconds that never jump, and who lives under a process id."""

    clock: Callable[[], float]
    monotonic: Callable[[], float]
    process: Callable[[int], ProcessKey | None]


class WorkloadCollector(Collector):
    """AI programs as this device sees them. Thread safe: datagrams come from one thread, scrapes from others.

    Where ``device`` is told, only its placements are taken, and only ids that a catalogue could hold.
    """

    def __init__(self, surroundings: Surroundings, bounds: Bounds | None = None, device: str | None = None) -> None:
        self._world = surroundings
        self._bounds = bounds or Bounds()
        self._device = device
        self._lock = threading.Lock()
        self._tracks: dict[str, Track] = {}
        self._senders: dict[str, int] = {}  # the process id that spoke last for each placement, whether or not it can be looked up
        self._over: OrderedDict[str, None] = OrderedDict()
        self._refused: Counter[str] = Counter(dict.fromkeys(REFUSALS, 0))

    def accept(self, data: bytes, pid: int) -> None:
        """Take one datagram from the process that the kernel names (0 where it cannot be seen); a refused one is counted."""
        try:
            observation = parse(data, self._world.clock())
        except WireError as error:
            self._refuse(error.reason)
            return
        with self._lock:
            refusal = self._take(observation, pid)
        if refusal:
            self._refuse(refusal)

    def programs(self) -> tuple[Program, ...]:
        """The AI programs that run now, for whoever measures their CPU time."""
        with self._lock:
            self._sweep()
            return tuple(
                Program(name, track.newest.session, track.process, track.newest.totals.cpu_seconds) for name, track in self._tracks.items()
            )

    def collect(self) -> Iterator[Metric]:
        """The families of all placements that have not ended."""
        page = Families()
        with self._lock:
            self._sweep()
            for name in sorted(self._tracks):
                self._tracks[name].write(page)
            self._write_environment(page)
            for reason, count in self._refused.items():
                page.add("ai_observations_refused_total", (reason,), count)
        yield from page.families()

    def describe(self) -> Iterator[Metric]:
        """Nothing ahead of time: placements come and go."""
        return iter(())

    def _refuse(self, reason: str) -> None:
        with self._lock:
            self._refused[reason] += 1

    def _take(self, observation: Observation, pid: int) -> str:
        """Keep the observation, or say why not."""
        if observation.session in self._over:
            return SESSION_OVER
        track = self._tracks.get(observation.placement)
        refusal = self._foreign(observation) or self._judge(track, observation, pid)
        if refusal:
            return refusal
        track = self._tracks.get(observation.placement)  # again: judging may have swept it away
        if observation.end:
            self._end(observation.placement, observation.session)
            return ""
        if track is None:
            track = self._tracks[observation.placement] = Track(observation)
        elif track.newest.session != observation.session:
            self._remember_over(track.newest.session)
            track.restart(observation)
            track.process = None
        else:
            track.update(observation)
        self._senders[observation.placement] = pid
        track.arrived = self._world.monotonic()
        if track.process is None or track.process[0] != pid:
            track.process = self._world.process(pid)
        return ""

    def _foreign(self, new: Observation) -> str:
        """Why it cannot be this device's, where it is known which one this is."""
        if self._device is None:
            return ""
        parts = _PLACEMENT.fullmatch(new.placement)
        if parts is None or not all(CATALOG_ID.fullmatch(id_) for id_ in (*parts.groups(), new.camera)):
            return ODD_ID
        return "" if parts.group(4) == self._device else OTHER_DEVICE

    def _judge(self, track: Track | None, new: Observation, pid: int) -> str:
        if self._senders.get(new.placement) != pid and self._speaks_for_enough(pid):
            return TOO_MANY_OF_ONE_SENDER
        if track is None:
            return "" if self._has_room() else TOO_MANY_PLACEMENTS
        if track.newest.session != new.session:
            return ""
        if new.seq <= track.newest.seq:
            return OLD_SEQUENCE
        if new.labels != track.newest.labels:
            return IDENTITY_CHANGED
        return "" if track.may_become(new) else WENT_BACKWARDS

    def _speaks_for_enough(self, pid: int) -> bool:
        if pid <= 0:
            return False
        self._sweep()
        return sum(sender == pid for sender in self._senders.values()) >= self._bounds.max_of_one_sender

    def _has_room(self) -> bool:
        """Whether one more may come; when it is full, the longest silent one of those whose sender is dead goes first."""
        self._sweep()
        if len(self._tracks) < self._bounds.max_placements:
            return True
        dead = [name for name, pid in self._senders.items() if pid > 0 and self._world.process(pid) is None]
        if not dead:
            return False
        self._drop(min(dead, key=lambda name: self._tracks[name].arrived))
        return True

    def _drop(self, placement: str) -> None:
        del self._tracks[placement]
        del self._senders[placement]

    def _sweep(self) -> None:
        """Drop placements that ended without a goodbye: the process is gone or another one, or nothing was heard for too long."""
        now = self._world.monotonic()
        for name, track in list(self._tracks.items()):
            gone = track.process is not None and self._world.process(track.process[0]) != track.process
            if gone or now - track.arrived > self._bounds.forget_seconds:
                self._drop(name)

    def _end(self, placement: str, session: str) -> None:
        self._remember_over(session)
        if placement in self._tracks and self._tracks[placement].newest.session == session:
            self._drop(placement)

    def _remember_over(self, session: str) -> None:
        self._over[session] = None
        if len(self._over) > _REMEMBERED_SESSIONS:
            self._over.popitem(last=False)

    def _write_environment(self, page: Families) -> None:
        """One class per camera: what was said last, by whichever placement; nothing once it was not said again for too long."""
        oldest = self._world.clock() - self._bounds.forget_seconds
        newest: dict[str, tuple[float, str, float | None]] = {}
        for track in self._tracks.values():
            said, seen = track.newest.environment, track.newest.environment_seen
            if said is not None and seen is not None and seen.at >= max(oldest, newest.get(track.newest.camera, (0.0,))[0]):
                newest[track.newest.camera] = (seen.at, said, seen.confidence)
        for camera, (_, said, confidence) in sorted(newest.items()):
            for environment in ENVIRONMENT_CLASSES:
                page.add("ai_environment_state", (camera, environment), int(environment == said))
            page.add("ai_environment_confidence_ratio", (camera,), confidence if said in ENVIRONMENT_CLASSES else None)
