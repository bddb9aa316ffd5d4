"""What an AI program imports to say how it is doing: one file, standard library only, Python 3.8 or newer.

Copy it beside the program. It hands cumulative totals as small datagrams to the device exporter on the same machine
(the format is described in ``exporters/workload/wire.py``) and never raises nor blocks when nobody listens::

    with Publisher(events=("fire", "fall")) as publisher:   # identity from the environment variables EDGESHIFT_*
        for frame in camera:
            publisher.frame()                               # for every frame received
            with publisher.inference() as inference:        # for every frame analysed, with or without a finding
                inference.confidence = analyse(frame)       # None: nothing was found
            publisher.event("fire", 0.93)

With EDGESHIFT_URL the same observation is posted to the bridge instead; EDGESHIFT_METRICS_PORT opens a page of this
program's own. One publisher per process and placement is enough: its CPU time and memory are the whole process's. Forked
and spawned processes publish as workers of the same placement. See docs/publishing.md.
"""

from __future__ import annotations

import json
import math
import os
import queue
import socket
import threading
import time
import uuid
import warnings
import weakref
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

FORMAT_VERSION = 1
MAX_DATAGRAM_BYTES = 8192
MAX_EVENTS = 32
MAX_EVENT_LETTERS = 64
MAX_EVENT_NAMES_BYTES = 3072  # of all events together: so the totals fit into a datagram whatever the letters are
MAX_STREAMS = 16
MAX_STREAM_LETTERS = 64
MAX_STREAMS_COUNTED = 1024  # of those over the limit; counting distinct ones takes memory
OTHER_STREAMS = "other"
MAX_CLOCK_AHEAD_SECONDS = 60.0
MAX_ENVIRONMENT_AGE_SECONDS = 60.0
POST_SECONDS = 2.0  # a bridge that has not answered by then has this post counted as unsent
PAGE_SECONDS = 2.0  # whoever asks for the own page and says nothing is sent away
CLOSE_SECONDS = 1.0  # how long close() waits for the last post; datagrams need no wait
MAX_TOKEN_BYTES = 4096
MAX_ANSWER_BYTES = 4096
ACCEPTED_CODE = "0000"
DEFAULT_SOCKET = "/run/edgeshift/exporter.sock"
DEFAULT_URL_PATH = "/observations"
LOOPBACK = "127.0.0.1"
UNKNOWN_ENVIRONMENT = "unknown"
ENVIRONMENT_CLASSES = ("01", "02", "03", "04", "05", "06")
# The same edges as exporters/contract.py (a test holds them together): this file must work alone.
LATENCY_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
CONFIDENCE_BUCKETS_RATIO = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
AMBIGUOUS_BAND = (0.4, 0.6)


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
    """Counts what an AI program does and hands the totals to the device exporter, or posts them to the bridge.

    ``workload`` is ``package/camera/purpose``, ``placement`` is ``workload@device#generation``. What is not given comes
    from EDGESHIFT_WORKLOAD, EDGESHIFT_PLACEMENT, EDGESHIFT_CLASS, EDGESHIFT_VERSION, EDGESHIFT_SOCKET, EDGESHIFT_CAMERA,
    EDGESHIFT_URL, EDGESHIFT_TOKEN_FILE and EDGESHIFT_METRICS_PORT. ``events`` are the names that the program may report.
    ``ambiguous`` is the band of confidences (above its lower, up to its upper end) that count as ambiguous.
    ``metrics_port`` is a port on loopback, or ``host:port``. Without workload and placement it warns once and publishes
    nothing. Safe to use from several threads and from signal handlers; after a fork the child begins a session of its own
    at its first call.

    ``sent`` and ``unsent`` count observations, ``shortened`` those that lost detail because they were too long,
    ``failures`` inferences that raised, ``events_refused`` events whose name was over a limit.

    Raises:
        ValueError: an end of ``ambiguous`` is no edge of the confidence histogram.
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
        url: str | None = None,
        token_file: str | None = None,
        ambiguous: tuple[float, float] = AMBIGUOUS_BAND,
        metrics_port: int | str | None = None,
    ) -> None:
        self._given = {name: value for name, value in locals().items() if name != "self"}
        given = {"workload": workload, "placement": placement, "class": environment_class, "version": version, "camera": camera}
        self._identity = {key: value or os.environ.get(f"EDGESHIFT_{key.upper()}", "") for key, value in given.items()}
        self._options = options
        self._events = tuple(events)
        self._band = _band(ambiguous)
        self._page: _Page | None = None
        self._closed = True
        self._begin_anew()
        if not (self._identity["workload"] and self._identity["placement"]):
            warnings.warn("edgeshift: EDGESHIFT_WORKLOAD and EDGESHIFT_PLACEMENT are not set, nothing is published", stacklevel=2)
            return
        url = url or ("" if socket_path else os.environ.get("EDGESHIFT_URL", ""))
        self._background = bool(url) and options.send is None
        try:
            self._send = options.send or (
                _Post(url, token_file or os.environ.get("EDGESHIFT_TOKEN_FILE", ""))
                if url
                else partial(_send_datagram, socket_path or os.environ.get("EDGESHIFT_SOCKET") or DEFAULT_SOCKET)
            )
        except ValueError as error:
            warnings.warn(f"edgeshift: {error}, nothing is published", stacklevel=2)
            return
        self._closed = False
        _survive_forks(self)
        self._start()
        self._page = _open_page(str(metrics_port or os.environ.get("EDGESHIFT_METRICS_PORT", "")), self._text)

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process (multiprocessing by spawn or forkserver) it is another publisher of the same placement."""
        return partial(Publisher, **self._given), ()

    def frame(self, at: float | None = None, stream: str | None = None) -> None:
        """Count one frame received, at Unix time ``at`` (default: now), from one of several video streams."""
        self._change(lambda now: self._tally.frame(_moment(at, now), stream))

    @contextmanager
    def inference(self, stream: str | None = None) -> Iterator[Inference]:
        """Time a block and count one result at its end; a block that raises counts only as one of ``failures``."""
        inference, session, begun = Inference(), self._session, self._options.monotonic()
        try:
            yield inference
        except BaseException:
            with self._lock:
                self.failures += 1
            raise
        if session == self._session or not session:  # else it was forked inside the block: the frame is the parent's
            self.result(self._options.monotonic() - begun, inference.confidence, stream=stream)

    def result(self, latency_seconds: float | None, confidence: float | None, at: float | None = None, stream: str | None = None) -> None:
        """Count one frame analysed to the end, made at ``at`` (default: now).

        ``confidence`` is a ratio in [0, 1]; None where the frame had no finding. A latency that is no finite number
        ≥ 0 s, or a confidence outside [0, 1], is left out of its histogram; the result still counts.
        """
        self._change(lambda now: self._tally.result(latency_seconds, confidence, _moment(at, now), stream))

    def batch(self, confidences: Iterable[float | None], latency_seconds: float | None, stream: str | None = None) -> None:
        """Count the frames of one batch, each analysed in ``latency_seconds``; ``confidences`` as for ``result``."""
        told = tuple(confidences)
        self._change(lambda now: self._tally.batch(told, latency_seconds, now, stream))

    def event(self, name: str, confidence: float, at: float | None = None) -> None:
        """Count one security event, seen at ``at`` (default: now); at most 32 different names are kept."""
        self._change(lambda now: self._tally.event(name, confidence, _moment(at, now)))

    def environment(self, environment_class: str, confidence: float) -> None:
        """Say which class the camera sees: "01" to "06", anything else is unknown.

        Say it at every evaluation, not only when it changes: what is older than a minute is believed no longer.
        """
        self._change(lambda now: self._tally.see(environment_class, confidence, now))

    @property
    def events_refused(self) -> int:
        """Events that could not be counted, because their name was the 33rd or the names were too long together."""
        return self._tally.refused

    def flush(self) -> None:
        """Hand over the totals now."""
        with self._lock:
            if not self._closed:
                self._start()
                self._publish(end=False)

    def close(self) -> None:
        """Hand over the last totals and say goodbye; later calls do nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._page is not None:
                self._page.closed = True
            if not self._session:  # a forked child that has said nothing has nothing to take leave of
                return
            self._publish(end=True)
            self._wakes.put(None)
        if self._background and self._thread is not None and self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)

    def _begin_anew(self) -> None:
        """Forget all that belongs to the process this one was forked from: totals, session, thread, and a lock it may hold."""
        self._lock = threading.RLock()  # re-entrant: a signal handler may call close() in the middle of frame()
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()  # its put() is safe in a signal handler, Event.set() is not
        self._thread: threading.Thread | None = None
        self._tally = _Tally(self._events, self._band)
        self._session = ""
        self._next_due = -math.inf
        self.sent = self.unsent = self.shortened = self.failures = 0
        if self._page is not None:  # the parent goes on serving it
            self._page.leave()
            self._page = None

    def _start(self) -> None:
        """Begin this process's session, unless it has begun: say hello, and go on saying so."""
        if self._session:
            return
        self._session = uuid.uuid4().hex
        if self._options.heartbeat or self._background:
            self._thread = threading.Thread(target=self._beat, name="edgeshift-publisher", daemon=True)
            with suppress(RuntimeError):  # there are too many threads, or the interpreter is ending
                self._thread.start()
        self._publish(end=False)

    def _change(self, change: Callable[[float], object]) -> None:
        if self._closed:
            return
        with self._lock:
            self._start()
            change(self._options.clock())
            if self._options.monotonic() >= self._next_due:
                self._publish(end=False)

    def _publish(self, end: bool) -> None:
        self._next_due = self._options.monotonic() + self._options.interval_seconds
        if not self._background:
            self._count(self._hand_over(self._observation(end)))
        elif self._wakes.empty():
            self._wakes.put(None)

    def _hand_over(self, data: bytes) -> bool:
        try:
            self._send(data)
            return True
        except (OSError, ValueError, RuntimeError):
            return False

    def _count(self, arrived: bool) -> None:
        self.sent += arrived
        self.unsent += not arrived

    def _observation(self, end: bool) -> bytes:
        """The next one in bytes; where it is too long, streams go first, then when and how surely events were seen, never totals."""
        now = self._options.clock()
        # Every attempt takes a number, so that a gap at the receiver counts exactly what never arrived.
        number = self.sent + self.unsent + 1
        head = {"v": FORMAT_VERSION, "session": self._session, "worker": _worker(), "seq": number, "at": now, "end": end}
        body = {**head, "lost": self.unsent, **self._identity, **self._tally.totals(now), **_own_process()}
        data = _encoded(body)
        if len(data) >= MAX_DATAGRAM_BYTES:
            self.shortened += 1
            del body["streams"]
            data = _encoded(body)
        if len(data) >= MAX_DATAGRAM_BYTES:
            body["events"] = {name: {"total": event["total"]} for name, event in body["events"].items()}
            data = _encoded(body)
        return data

    def _beat(self) -> None:
        wakes, seconds = self._wakes, self._options.interval_seconds if self._options.heartbeat else None
        ended = False
        while not ended:
            with suppress(queue.Empty):
                wakes.get(timeout=seconds)
            with self._lock:
                ended = self._closed
                if not self._background:
                    if not ended and self._options.monotonic() >= self._next_due:
                        self._publish(end=False)
                    continue
                data = self._observation(ended)
            arrived = self._hand_over(data)  # the lock is free while the network takes its time
            with self._lock:
                self._count(arrived)

    def _text(self) -> str:
        with self._lock:
            now = self._options.clock()
            told = {**self._tally.totals(now), **_own_process(), "lost": self.unsent}
        return "".join(_page_lines(self._identity, told, now))


class Inference:
    """One frame under analysis. Set ``confidence`` (a ratio in [0, 1]), or call ``found`` or ``empty``; without a word it is empty."""

    confidence: float | None = None

    def found(self, confidence: float) -> None:
        """There is a finding this sure; of several the surest counts."""
        before = _number(self.confidence, 1.0)
        self.confidence = confidence if before is None else max(before, _number(confidence, 1.0) or 0.0)

    def empty(self) -> None:
        """There is no finding."""
        self.confidence = None


class _Tally:
    """The totals of one session; times are Unix seconds."""

    def __init__(self, events: Sequence[str], band: range) -> None:
        self.frames = self.results = self.empty = self.ambiguous = self.refused = 0
        self.last: dict[str, float] = {}
        self.latency = _no_values(LATENCY_BUCKETS_SECONDS)
        self.confidence = _no_values(CONFIDENCE_BUCKETS_RATIO)
        self.events: dict[str, dict[str, Any]] = {}
        self.environment: dict[str, Any] | None = None
        self.streams: dict[str, list[Any]] = {}  # frames, results, last result
        self._over_limit: set[str] = set()
        self._band = band
        self._event_names_bytes = 0
        for event in events:
            self._event(_name(event, MAX_EVENT_LETTERS))

    def frame(self, at: float, stream: Any) -> None:
        self.frames += 1
        self.last["last_frame"] = max(at, self.last.get("last_frame", 0.0))
        if stream is not None:
            self._stream(stream)[0] += 1

    def result(self, latency_seconds: Any, confidence: Any, at: float, stream: Any) -> None:
        self.results += 1
        self.last["last_result"] = max(at, self.last.get("last_result", 0.0))
        _observe(self.latency, LATENCY_BUCKETS_SECONDS, _number(latency_seconds, math.inf))
        self.ambiguous += _observe(self.confidence, CONFIDENCE_BUCKETS_RATIO, _number(confidence, 1.0)) in self._band
        self.empty += confidence is None
        if stream is not None:
            counted = self._stream(stream)
            counted[1] += 1
            counted[2] = max(at, counted[2] or 0.0)

    def batch(self, confidences: Sequence[Any], latency_seconds: Any, at: float, stream: Any) -> None:
        for confidence in confidences:
            self.result(latency_seconds, confidence, at, stream)

    def event(self, name: Any, confidence: Any, at: float) -> None:
        event = self._event(_name(name, MAX_EVENT_LETTERS))
        if event is None:
            self.refused += 1
            return
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
            "empty": self.empty,
            "ambiguous": self.ambiguous,
            **{name: min(at, now) for name, at in self.last.items()},
            "latency": {**self.latency, "counts": list(self.latency["counts"])},
            "confidence": {**self.confidence, "counts": list(self.confidence["counts"])},
            "events": events,
            "streams": {name: [frames, results, last and min(last, now)] for name, (frames, results, last) in self.streams.items()},
            "streams_over_limit": len(self._over_limit),
            **({"environment": seen} if seen else {}),
        }

    def _event(self, name: str) -> dict[str, Any] | None:
        """The event of this name; None where one more would be too many, or too long together with the others."""
        if name not in self.events:
            grown = self._event_names_bytes + len(_encoded(name))
            if len(self.events) >= MAX_EVENTS or grown > MAX_EVENT_NAMES_BYTES:
                return None
            self._event_names_bytes = grown
            self.events[name] = {"total": 0}
        return self.events[name]

    def _stream(self, stream: Any) -> list[Any]:
        """The stream of this name; from the 17th on they are counted together."""
        counted = self.streams.get(stream) if isinstance(stream, str) else None
        if counted is not None:
            return counted
        name = _name(stream, MAX_STREAM_LETTERS)
        if name not in self.streams and name != OTHER_STREAMS and len(self.streams) - (OTHER_STREAMS in self.streams) >= MAX_STREAMS:
            if len(self._over_limit) < MAX_STREAMS_COUNTED:
                self._over_limit.add(name)
            name = OTHER_STREAMS
        return self.streams.setdefault(name, [0, 0, None])


def _no_values(bounds: tuple[float, ...]) -> dict[str, Any]:
    """A histogram as on the wire: the sum of its values, and counts by bucket; the last one is above all bounds."""
    return {"sum": 0.0, "counts": [0] * (len(bounds) + 1)}


def _observe(histogram: dict[str, Any], bounds: tuple[float, ...], value: float | None) -> int:
    """Count a value; the answer is its bucket, -1 where there is none."""
    if value is None:
        return -1
    bucket = bisect_left(bounds, value)
    histogram["counts"][bucket] += 1
    histogram["sum"] += value
    return bucket


def _band(ends: tuple[float, float]) -> range:
    """The buckets between the two ends."""
    try:
        low, high = (CONFIDENCE_BUCKETS_RATIO.index(end) for end in ends)
    except (TypeError, ValueError):
        low = high = 0
    if low >= high:
        edges = ", ".join(f"{edge:g}" for edge in CONFIDENCE_BUCKETS_RATIO)
        raise ValueError(f"The ambiguous band {ends!r} must be two different edges of the confidence histogram, the lower first: {edges}.")
    return range(low + 1, high + 1)


def _number(value: Any, at_most: float) -> float | None:
    """A finite number in [0, at_most], or None: what cannot be understood is left out, never guessed."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0.0 <= number <= at_most and number < math.inf else None


def _name(given: Any, letters: int) -> str:
    return "".join(letter for letter in str(given) if letter.isprintable())[:letters] or "unnamed"


def _moment(at: Any, now: float) -> float:
    """``at`` where it is a believable time, else ``now``: milliseconds by mistake would silence a program for good."""
    moment = None if at is None else _number(at, now + MAX_CLOCK_AHEAD_SECONDS)
    return now if moment is None else min(moment, now)


def _encoded(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _send_datagram(path: str, datagram: bytes) -> None:
    """Hand over one datagram or raise OSError at once; the address is looked up each time, so the exporter may come and go."""
    if len(datagram) >= MAX_DATAGRAM_BYTES:
        raise OSError("datagram too long")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.setblocking(False)
        door.sendto(datagram, path)


class _Post:
    """Posts one observation to the bridge. Redirects and proxies are not followed: the token goes to this host and no other."""

    def __init__(self, url: str, token_file: str) -> None:
        from http import client  # only programs that post need it
        from urllib.parse import urlsplit

        usable = False
        with suppress(ValueError):
            parts = urlsplit(url)
            host, port, usable = parts.hostname or "", parts.port, parts.scheme in ("http", "https") and not parts.username
        if not (usable and host):  # what was given is not shown: it may hold a password
            raise ValueError("the URL to post to is not of the form http://host:6432/observations, without a password in it")
        kind = client.HTTPSConnection if parts.scheme == "https" else client.HTTPConnection
        self._connect = partial(kind, host, port, timeout=POST_SECONDS)
        self._broken = client.HTTPException
        self._path = (parts.path.rstrip("/") or DEFAULT_URL_PATH) + (parts.query and f"?{parts.query}")
        self._token_file = token_file

    def __call__(self, body: bytes) -> None:
        """Raises OSError or ValueError unless the bridge has said in time that it took it; neither is shown to anybody."""
        connection = self._connect()
        guard = threading.Timer(POST_SECONDS, _cut, (connection,))  # the connection's time-out is for each byte, this is for all
        guard.daemon = True
        try:
            headers = {"Content-Type": "application/json", "Connection": "close", **self._credentials()}
            guard.start()
            connection.request("POST", self._path, body, headers)
            answer = connection.getresponse()
            said = answer.read(MAX_ANSWER_BYTES)
        except self._broken:
            raise OSError("the bridge's answer cannot be read") from None
        finally:
            guard.cancel()
            connection.close()
        if answer.status // 100 != 2 or not _is_accepted(said):
            raise OSError(f"the bridge answered {answer.status} and has not taken it")

    def _credentials(self) -> dict[str, str]:
        """Read anew each time, so that a token may be exchanged; without it nothing is posted."""
        if not self._token_file:
            return {}
        with open(self._token_file, encoding="ascii") as file:
            return {"Authorization": f"Bearer {file.read(MAX_TOKEN_BYTES).strip()}"}


def _is_accepted(said: bytes) -> bool:
    """Whether the bridge says that it took an observation; a login's or a proxy's page says no such thing."""
    answer = json.loads(said.decode("utf-8"))
    return isinstance(answer, dict) and answer.get("code") == ACCEPTED_CODE


def _cut(connection: Any) -> None:
    with suppress(OSError, AttributeError):  # it has just ended by itself
        connection.sock.shutdown(socket.SHUT_RDWR)


def _own_process() -> dict[str, Any]:
    times = os.times()
    waited = times.children_user + times.children_system
    said = {"cpu_seconds": times.user + times.system + waited, "waited_cpu_seconds": waited}
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return {**said, "resident_bytes": int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")}
    except (OSError, ValueError, IndexError):
        return said


_PUBLISHERS: weakref.WeakSet[Publisher] = weakref.WeakSet()
_PROCESS: dict[str, str] = {}  # this process's id as a worker; process ids mean nothing outside their container


def _worker() -> str:
    return _PROCESS.setdefault("worker", uuid.uuid4().hex)


def _survive_forks(publisher: Publisher) -> None:
    if not _PUBLISHERS and "watched" not in _PROCESS and hasattr(os, "register_at_fork"):
        _PROCESS["watched"] = "yes"
        os.register_at_fork(after_in_child=_forked)
    _PUBLISHERS.add(publisher)


def _forked() -> None:
    _PROCESS.pop("worker", None)
    for publisher in list(_PUBLISHERS):
        publisher._begin_anew()


# An own page, only where it is asked for: family, kind, where its value stands in what is told, and its meaning.

_FAMILIES = """\
ai_frames_total counter frames Frames that the AI program received
ai_results_total counter results Frames analysed to the end; a frame without a finding is a result
ai_results_empty_total counter empty Results without a finding
ai_results_ambiguous_total counter ambiguous Results whose confidence lies within the ambiguous band of the program \
(0.40 to 0.60 unless it says otherwise)
ai_inference_latency_seconds histogram latency Time from frame to result
ai_confidence_ratio histogram confidence Confidence of each result
ai_last_frame_timestamp_seconds gauge last_frame When the newest frame was received, Unix time
ai_last_result_timestamp_seconds gauge last_result When the newest result was made, Unix time
ai_process_cpu_seconds_total counter cpu_seconds CPU time used by the AI program
ai_process_resident_memory_bytes gauge resident_bytes Resident memory of the AI program
ai_workers gauge workers Processes that publish for the placement now
ai_stream_frames_total counter streams.0 Frames that the AI program received, by video stream; \
streams over the limit are counted together as other
ai_stream_results_total counter streams.1 Frames analysed to the end, by video stream
ai_stream_last_result_timestamp_seconds gauge streams.2 When a stream's newest result was made, Unix time
ai_streams_over_limit gauge streams_over_limit Video streams that are counted as other, because there are too many to name
ai_environment_state gauge environment.state 1 for the environment class seen by the camera, 0 for the others
ai_environment_confidence_ratio gauge environment.confidence Confidence of the environment class seen by the camera
ai_events_total counter events.total Security events seen; starts at 0 for every event the program may report
ai_event_last_timestamp_seconds gauge events.at When the event was last seen, Unix time
ai_event_confidence_ratio gauge events.confidence Confidence of the event last seen
ai_observations_lost_total counter lost Observations that never arrived, by gaps in the program's sequence numbers
"""


def _page_lines(identity: dict[str, str], told: dict[str, Any], now: float) -> Iterator[str]:
    """Prometheus' text format, with the same families as the device exporter gives."""
    # Who makes results and counts no frames, in all or by stream, has not received none.
    frames = told["frames"] or (None if told["results"] else 0)
    streams = {name: {"0": count or None, "1": results, "2": last} for name, (count, results, last) in told["streams"].items()}
    told = {**told, "frames": frames, "streams": streams, "workers": 1}
    for name, kind, key, meaning in (line.split(" ", 3) for line in _FAMILIES.splitlines()):
        known = [sample for sample in _samples(identity, told, key, now) if sample[2] is not None]
        if known:
            yield f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"
        for suffix, labels, value in known:
            yield f"{name}{suffix}{{{','.join(map(_label, labels, labels.values()))}}} {float(value)!r}\n"


def _samples(identity: dict[str, str], told: dict[str, Any], key: str, now: float) -> Iterator[tuple[str, dict[str, str], Any]]:
    """What one family holds: the name's ending, labels, and value; None is what is not known and not said."""
    own = {name: identity[name] for name in ("workload", "placement", "class", "version")}
    group, _, part = key.partition(".")
    if group == "environment":
        camera = {"camera": identity["camera"] or identity["workload"].split("/")[1]}
        seen = told.get("environment", {"at": -math.inf})
        recent = seen["at"] >= now - MAX_ENVIRONMENT_AGE_SECONDS
        if recent and part == "state":
            yield from (("", {**camera, "environment": each}, each == seen["class"]) for each in ENVIRONMENT_CLASSES)
        elif recent and seen["class"] in ENVIRONMENT_CLASSES:
            yield "", camera, seen["confidence"]
    elif part:
        yield from (("", {**own, group[:-1]: name}, each.get(part)) for name, each in sorted(told[group].items()))
    elif key in ("latency", "confidence"):
        counts = list(accumulate(told[key]["counts"]))
        bounds = [*map(str, LATENCY_BUCKETS_SECONDS if key == "latency" else CONFIDENCE_BUCKETS_RATIO), "+Inf"]
        yield from (("_bucket", {**own, "le": bound}, count) for bound, count in zip(bounds, counts))  # noqa: B905 - Python 3.8
        yield "_count", own, counts[-1]
        yield "_sum", own, told[key]["sum"]
    else:
        yield "", own, told.get(key)


def _label(name: str, text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return f'{name}="{escaped}"'


class _Page:
    """Serves one text at /metrics, one request after the other, until ``closed``."""

    def __init__(self, host: str, port: int, text: Callable[[], str]) -> None:
        from http.server import BaseHTTPRequestHandler  # only programs with a page of their own need it
        from socketserver import TCPServer

        class Handler(BaseHTTPRequestHandler):
            timeout = PAGE_SECONDS

            def do_GET(self) -> None:
                body = text().encode("utf-8", "replace")
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: a line for each scrape would bury what matters."""

        class Server(TCPServer):
            allow_reuse_address = True
            timeout = 0.5  # how often it looks whether it should end

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Whoever hung up in the middle harms nobody."""

        self.closed = False
        self._server = Server((host, port), Handler)
        self.port = self._server.server_address[1]
        self.leave = self._server.server_close
        threading.Thread(target=self._run, name="edgeshift-metrics", daemon=True).start()

    def _run(self) -> None:
        while not self.closed:
            self._server.handle_request()
        self._server.server_close()


def _open_page(where: str, text: Callable[[], str]) -> _Page | None:
    host, _, port = where.rpartition(":")
    try:
        return _Page(host or LOOPBACK, int(port), text) if where else None
    except (OSError, ValueError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "it is not of the form PORT or HOST:PORT"
        warnings.warn(f"edgeshift: cannot serve /metrics at {where}: {why}; the program goes on without", stacklevel=3)
        return None
