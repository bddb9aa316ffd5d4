"""What an AI program imports to say how it is doing: one file, standard library only, Python 3.8 or newer.

Copy it beside the program. It hands cumulative totals as small datagrams to the device exporter on the same machine
(the format is described in ``exporters/workload/wire.py``) and never raises nor blocks when nobody listens::

    publisher = Publisher(events=("fire", "fall"))     # identity from the environment variables EDGESHIFT_*
    publisher.frame()                                  # for every frame received
    publisher.result(latency_seconds, confidence)      # for every frame analysed, with or without a finding
    publisher.event("fire", 0.93)
    publisher.close()

One publisher per process: the CPU time and memory it reports are the whole process's.
"""

from __future__ import annotations

import json
import math
import os
import socket
import threading
import time
import uuid
import warnings
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

FORMAT_VERSION = 1
MAX_DATAGRAM_BYTES = 8192
MAX_EVENTS = 32
MAX_EVENT_LETTERS = 64
MAX_CLOCK_AHEAD_SECONDS = 60.0
DEFAULT_SOCKET = "/run/edgeshift/exporter.sock"
UNKNOWN_ENVIRONMENT = "unknown"
ENVIRONMENT_CLASSES = ("01", "02", "03", "04", "05", "06")
# The same edges as exporters/contract.py (a test holds them together): this file must work alone.
LATENCY_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
CONFIDENCE_BUCKETS_RATIO = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Options:
    """How a publisher works.

    ``interval_seconds`` is the shortest time between two datagrams; with ``heartbeat`` a daemon thread sends one each
    interval even when no frame arrives; ``clock`` gives Unix seconds, ``monotonic`` seconds that never jump; ``send``
    replaces the socket (it raises OSError when nobody listens).
    """

    interval_seconds: float = 1.0
    heartbeat: bool = True
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    send: Callable[[bytes], None] | None = None


class Publisher:
    """Counts what an AI program does and hands the totals to the device exporter.

    ``workload`` is ``package/camera/purpose``, ``placement`` is ``workload@device#generation``. What is not given comes
    from EDGESHIFT_WORKLOAD, EDGESHIFT_PLACEMENT, EDGESHIFT_CLASS, EDGESHIFT_VERSION, EDGESHIFT_SOCKET and
    EDGESHIFT_CAMERA. ``events`` are the names that the program may report. Without workload and placement it warns
    once and publishes nothing. ``sent`` and ``unsent`` count datagrams. A forked child publishes nothing: make the
    publisher in the process that does the work. Safe to use from several threads and from signal handlers.
    """

    def __init__(  # noqa: PLR0913 - flat on purpose: integrators write this call by hand
        self,
        workload: str = "",
        placement: str = "",
        environment_class: str = "",
        version: str = "",
        socket_path: str | None = None,
        camera: str | None = None,
        events: Sequence[str] = (),
        options: Options = Options(),
    ) -> None:
        given = {"workload": workload, "placement": placement, "class": environment_class, "version": version, "camera": camera}
        self._identity = {key: value or os.environ.get(f"EDGESHIFT_{key.upper()}", "") for key, value in given.items()}
        self._options = options
        self._send = options.send or partial(_send_datagram, socket_path or os.environ.get("EDGESHIFT_SOCKET") or DEFAULT_SOCKET)
        self._tally = _Tally(events)
        self._session = uuid.uuid4().hex
        self._pid = os.getpid()
        self._lock = threading.RLock()  # re-entrant: a signal handler may call close() in the middle of frame()
        self._next_due = -math.inf
        self._closed = threading.Event()
        self.sent = 0
        self.unsent = 0
        if not (self._identity["workload"] and self._identity["placement"]):
            self._closed.set()
            warnings.warn("edgeshift: EDGESHIFT_WORKLOAD and EDGESHIFT_PLACEMENT are not set, nothing is published", stacklevel=2)
            return
        self.flush()
        if options.heartbeat:
            threading.Thread(target=self._beat, name="edgeshift-publisher", daemon=True).start()

    def frame(self, at: float | None = None) -> None:
        """Count one frame received, at Unix time ``at`` (default: now)."""
        self._change(lambda now: self._tally.frame(_moment(at, now)))

    def result(self, latency_seconds: float | None, confidence: float | None, at: float | None = None) -> None:
        """Count one frame analysed to the end, made at ``at`` (default: now).

        ``confidence`` is a ratio in [0, 1]; None where the frame had no finding. A latency that is no finite number
        ≥ 0 s, or a confidence outside [0, 1], is left out of its histogram; the result still counts.
        """
        self._change(lambda now: self._tally.result(latency_seconds, confidence, _moment(at, now)))

    def event(self, name: str, confidence: float, at: float | None = None) -> None:
        """Count one security event, seen at ``at`` (default: now); at most 32 different names are kept."""
        self._change(lambda now: self._tally.event(name, confidence, _moment(at, now)))

    def environment(self, environment_class: str, confidence: float) -> None:
        """Say which class the camera sees: "01" to "06", anything else is unknown.

        Say it at every evaluation, not only when it changes: what is older than a minute is believed no longer.
        """
        self._change(lambda now: self._tally.see(environment_class, confidence, now))

    def flush(self) -> None:
        """Hand over the totals now."""
        if not self._closed.is_set() and os.getpid() == self._pid:
            with self._lock:
                self._publish(end=False)

    def close(self) -> None:
        """Hand over the last totals and say goodbye; later calls do nothing."""
        if self._closed.is_set() or os.getpid() != self._pid:
            return
        with self._lock:
            self._closed.set()
            self._publish(end=True)

    def _change(self, change: Callable[[float], None]) -> None:
        # The process is asked for before the lock: in a forked child the lock may be held by a thread that is not there.
        if self._closed.is_set() or os.getpid() != self._pid:
            return
        with self._lock:
            change(self._options.clock())
            self._publish_when_due()

    def _publish_when_due(self) -> None:
        if self._options.monotonic() >= self._next_due:
            self._publish(end=False)

    def _publish(self, end: bool) -> None:
        now = self._options.clock()
        # Every attempt takes a number, so that a gap at the receiver counts exactly what never arrived.
        number = self.sent + self.unsent + 1
        head = {"v": FORMAT_VERSION, "session": self._session, "seq": number, "at": now, "end": end, "lost": self.unsent}
        body = {**head, **self._identity, **self._tally.totals(now), **_own_process()}
        self._next_due = self._options.monotonic() + self._options.interval_seconds
        try:
            datagram = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            if len(datagram) >= MAX_DATAGRAM_BYTES:
                raise OSError("datagram too long")
            self._send(datagram)
            self.sent += 1
        except (OSError, ValueError):
            self.unsent += 1

    def _beat(self) -> None:
        while not self._closed.wait(self._options.interval_seconds):
            with self._lock:
                if not self._closed.is_set():
                    self._publish_when_due()


class _Tally:
    """The totals of one session; times are Unix seconds."""

    def __init__(self, events: Sequence[str]) -> None:
        self.frames = 0
        self.results = 0
        self.last: dict[str, float] = {}
        self.latency = _empty(LATENCY_BUCKETS_SECONDS)
        self.confidence = _empty(CONFIDENCE_BUCKETS_RATIO)
        self.events: dict[str, dict[str, Any]] = {_name(event): {"total": 0} for event in list(events)[:MAX_EVENTS]}
        self.environment: dict[str, Any] | None = None

    def frame(self, at: float) -> None:
        self.frames += 1
        self.last["last_frame"] = max(at, self.last.get("last_frame", 0.0))

    def result(self, latency_seconds: Any, confidence: Any, at: float) -> None:
        self.results += 1
        self.last["last_result"] = max(at, self.last.get("last_result", 0.0))
        _observe(self.latency, LATENCY_BUCKETS_SECONDS, _number(latency_seconds, math.inf))
        _observe(self.confidence, CONFIDENCE_BUCKETS_RATIO, _number(confidence, 1.0))

    def event(self, name: Any, confidence: Any, at: float) -> None:
        name = _name(name)
        if name not in self.events and len(self.events) >= MAX_EVENTS:
            return
        event = self.events.setdefault(name, {"total": 0})
        event["total"] += 1
        if at >= event.get("at", 0.0):
            event.update(at=at, confidence=_number(confidence, 1.0))

    def see(self, environment_class: Any, confidence: Any, now: float) -> None:
        known = environment_class if environment_class in ENVIRONMENT_CLASSES else UNKNOWN_ENVIRONMENT
        self.environment = {"class": known, "confidence": _number(confidence, 1.0), "at": now}

    def totals(self, now: float) -> dict[str, Any]:
        """As they stand on the wire. A clock set back leaves times in the future: they are brought back to ``now``."""
        events = {name: {**event, "at": min(event["at"], now)} if "at" in event else event for name, event in self.events.items()}
        seen = self.environment and {**self.environment, "at": min(self.environment["at"], now)}
        return {
            "frames": self.frames,
            "results": self.results,
            **{name: min(at, now) for name, at in self.last.items()},
            "latency": self.latency,
            "confidence": self.confidence,
            "events": events,
            **({"environment": seen} if seen else {}),
        }


def _empty(bounds: tuple[float, ...]) -> dict[str, Any]:
    """A histogram as on the wire: the sum of its values, and counts by bucket; the last one is above all bounds."""
    return {"sum": 0.0, "counts": [0] * (len(bounds) + 1)}


def _observe(histogram: dict[str, Any], bounds: tuple[float, ...], value: float | None) -> None:
    if value is not None:
        histogram["counts"][bisect_left(bounds, value)] += 1
        histogram["sum"] += value


def _number(value: Any, at_most: float) -> float | None:
    """A finite number in [0, at_most], or None: what cannot be understood is left out, never guessed."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0.0 <= number <= at_most and number < math.inf else None


def _name(event: Any) -> str:
    return "".join(letter for letter in str(event) if letter.isprintable())[:MAX_EVENT_LETTERS] or "unnamed"


def _moment(at: Any, now: float) -> float:
    """``at`` where it is a believable time, else ``now``: milliseconds by mistake would silence a program for good."""
    moment = _number(at, now + MAX_CLOCK_AHEAD_SECONDS)
    return now if moment is None else min(moment, now)


def _send_datagram(path: str, datagram: bytes) -> None:
    """Hand over one datagram or raise OSError at once; the address is looked up each time, so the exporter may come and go."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.setblocking(False)
        door.sendto(datagram, path)


def _own_process() -> dict[str, Any]:
    times = os.times()
    cpu_seconds = times.user + times.system + times.children_user + times.children_system
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return {"cpu_seconds": cpu_seconds, "resident_bytes": int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")}
    except (OSError, ValueError, IndexError):
        return {"cpu_seconds": cpu_seconds}
