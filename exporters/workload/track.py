"""One placement over all its workers and their restarts: who publishes now, what all said together, what was seen last."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from exporters.contract import CONFIDENCE_BUCKETS_RATIO, ENVIRONMENT_CLASSES, LATENCY_BUCKETS_SECONDS
from exporters.device.families import Families
from exporters.device.processes import ProcessKey
from exporters.workload.ledger import Ledger, worker_of
from exporters.workload.observation import Observation, Sighting, Stream
from exporters.workload.wire import MAX_AHEAD_SECONDS

_SINGLE_FAMILIES: Final = 11
_SERIES_WITHOUT_NAMES: Final = (
    _SINGLE_FAMILIES + len(LATENCY_BUCKETS_SECONDS) + len(CONFIDENCE_BUCKETS_RATIO) + 2 * len(("+Inf", "count", "sum"))
    + len(ENVIRONMENT_CLASSES) + len(("confidence",))
)  # fmt: skip
_SERIES_OF_A_NAME: Final = 3
"""Of each stream and each event."""


class Session:
    """One life of one publisher, as far as it was heard.

    ``arrived`` is when it was heard last, on a clock that never jumps; ``pid`` who said it (0: not visible) and
    ``process`` the same where it could be looked up; ``live`` until it ends, its process is gone or it is silent too long.
    ``alone`` until another process publishes for the same placement beside it.
    """

    def __init__(self, first: Observation) -> None:
        self.newest = first
        self.arrived = 0.0
        self.pid = 0
        self.process: ProcessKey | None = None
        self.live = False
        self.alone = True
        self.last_frame = first.last_frame
        self.last_result = first.last_result
        self.streams: dict[str, Stream] = dict(first.streams or {})
        self.sightings: dict[str, Sighting | None] = {}
        self._sight(first, {})

    @property
    def worker(self) -> str:
        """The process behind it."""
        return worker_of(self.newest)

    @property
    def cut(self) -> bool:
        """Whether its newest observation had no room for the streams."""
        return self.newest.streams_over_limit is not None and self.newest.streams is None

    def may_become(self, new: Observation) -> bool:
        """Whether no total of a newer observation of the same session falls."""
        streams = new.streams is None or all(
            name in new.streams and new.streams[name].frames >= old.frames and new.streams[name].results >= old.results
            for name, old in self.streams.items()
        )
        return streams and new.lost >= self.newest.lost and new.totals.cover(self.newest.totals)

    def update(self, new: Observation) -> None:
        """Take a newer observation."""
        self._sight(new, self.newest.totals.events)
        self.newest = new
        self.last_frame = new.last_frame if new.last_frame is not None else self.last_frame
        self.last_result = new.last_result if new.last_result is not None else self.last_result
        self.streams = self.streams if new.streams is None else dict(new.streams)

    def _sight(self, new: Observation, before: Mapping[str, int]) -> None:
        """When events were seen last. One that was counted without a time (there was no room) makes the time unknown: None."""
        for event, total in new.totals.events.items():
            if event in new.sightings:
                self.sightings[event] = new.sightings[event]
            elif total > before.get(event, 0):
                self.sightings[event] = None


class Track:
    """All sessions that carry the same labels. Those that ended stay in the sums; those that may come back are remembered."""

    def __init__(self, labels: tuple[str, str, str, str]) -> None:
        self.labels = labels
        self.sessions: dict[str, Session] = {}
        self.heard = -math.inf
        """When it was heard last, on a clock that never jumps."""
        self._last: list[Session] = []
        self._ledger = Ledger()
        self._past = Past()

    @property
    def placement(self) -> str:
        """``workload@device#generation``."""
        return self.labels[1]

    @property
    def series(self) -> int:
        """At most so many samples it makes, its camera's environment included."""
        return _SERIES_WITHOUT_NAMES + _SERIES_OF_A_NAME * (len(self._ledger.streams) + len(self._ledger.totals.events))

    def live(self) -> list[Session]:
        """Sessions that publish now."""
        return [session for session in self.sessions.values() if session.live]

    def speakers(self) -> list[Session]:
        """Those whose word counts: the sessions that publish now, else those that may come back, else the one that ended last."""
        return self.live() or list(self.sessions.values()) or self._last

    def workers(self) -> dict[str, Session]:
        """Processes that publish now, each by the session heard last."""
        return {session.worker: session for session in sorted(self.live(), key=lambda session: session.arrived)}

    def take(self, new: Observation) -> Session:
        """Count an observation that is known to follow; the answer is its session."""
        session = self.sessions.get(new.session)
        others = [other for other in self.live() if other.worker != worker_of(new)]
        if session is None:
            session = self.sessions[new.session] = Session(new)
            old, streams = None, {}
            for other in self.sessions.values():
                other.alone = other.alone and other.worker == session.worker
        else:
            old, streams = session.newest, session.streams
            session.update(new)
        session.alone = session.alone and not others
        self._ledger.grow(old, new, session.alone)
        self._ledger.grow_streams(streams, new)
        return session

    def drop(self, session: str) -> None:
        """It will not come back: only what it counted and saw is kept."""
        if session in self.sessions:
            self._last = [self.sessions.pop(session)]
            self._past.add(self._last[0], self._ledger)

    def cpu_seconds_of(self, worker: str) -> float:
        """What one process has used since it was first heard of."""
        return self._ledger.cpu.seconds_of(worker)

    def write(self, page: Families, now: float) -> None:
        """Add all series of this placement but the environment, which belongs to the camera; ``now`` is Unix seconds."""
        labels, sums, speakers = self.labels, self._ledger.totals, self.speakers()
        # A program that makes results without counting frames has not received none.
        page.add("ai_frames_total", labels, sums.frames if sums.frames or not sums.results else None)
        page.add("ai_results_total", labels, sums.results)
        # A sum in which one of several did not say its part would be too small.
        page.add("ai_results_empty_total", labels, None if any(one.newest.totals.empty is None for one in speakers) else sums.empty)
        unsaid = any(one.newest.totals.ambiguous is None for one in speakers)
        page.add("ai_results_ambiguous_total", labels, None if unsaid else sums.ambiguous)
        page.add_histogram("ai_inference_latency_seconds", labels, sums.latency.counts, sums.latency.sum)
        page.add_histogram("ai_confidence_ratio", labels, sums.confidence.counts, sums.confidence.sum)
        everyone: list[Session | Past] = [*self.sessions.values(), self._past]
        page.add("ai_last_frame_timestamp_seconds", labels, _latest((one.last_frame for one in everyone), now))
        page.add("ai_last_result_timestamp_seconds", labels, _latest((one.last_result for one in everyone), now))
        page.add("ai_process_cpu_seconds_total", labels, self._ledger.cpu.total_seconds)
        page.add("ai_process_resident_memory_bytes", labels, _all_or_none(one.newest.resident_bytes for one in self.workers().values()))
        page.add("ai_workers", labels, len(self.workers()))
        page.add("ai_observations_lost_total", labels, self._ledger.lost)
        self._write_streams(page, speakers, now)
        self._write_events(page, now)

    def _write_streams(self, page: Families, speakers: list[Session], now: float) -> None:
        heard = list(self.sessions.values()) or self._last
        unnamed = [one.newest.streams_over_limit for one in heard if one.newest.streams_over_limit is not None]
        if not unnamed:
            return
        # Streams that two workers did not name may be the same ones, so this is what there are at least.
        page.add("ai_streams_over_limit", self.labels, max(*unnamed, self._past.streams_over_limit, self._ledger.streams_over_limit))
        if any(session.cut for session in speakers):  # what it counted since is not known by stream
            return
        newest: dict[str, list[float | None]] = {}
        everyone: list[Session | Past] = [*self.sessions.values(), self._past]
        for one in everyone:
            for name, stream in one.streams.items():
                newest.setdefault(self._ledger.shown_stream(name), []).append(stream.last_result)
        for name, sums in sorted(self._ledger.streams.items()):
            labels = (*self.labels, name)
            page.add("ai_stream_frames_total", labels, sums.frames or None)
            page.add("ai_stream_results_total", labels, sums.results)
            page.add("ai_stream_last_result_timestamp_seconds", labels, _latest(newest.get(name, ()), now))

    def _write_events(self, page: Families, now: float) -> None:
        everyone: list[Session | Past] = [*self.sessions.values(), self._past]
        for event, total in sorted(self._ledger.totals.events.items()):
            told = [one.sightings[event] for one in everyone if event in one.sightings]
            known = [seen for seen in told if seen is not None and seen.at <= now + MAX_AHEAD_SECONDS]
            last = max(known, key=lambda seen: seen.at) if known and None not in told else None
            page.add("ai_events_total", (*self.labels, event), total)
            page.add("ai_event_last_timestamp_seconds", (*self.labels, event), last.at if last else None)
            page.add("ai_event_confidence_ratio", (*self.labels, event), last.confidence if last else None)


class Past:
    """What sessions that ended saw last."""

    def __init__(self) -> None:
        self.last_frame: float | None = None
        self.last_result: float | None = None
        self.streams: dict[str, Stream] = {}
        self.sightings: dict[str, Sighting | None] = {}
        self.streams_over_limit = 0

    def add(self, ended: Session, ledger: Ledger) -> None:
        """Keep the newest of both."""
        self.last_frame = _newer(self.last_frame, ended.last_frame)
        self.last_result = _newer(self.last_result, ended.last_result)
        self.streams_over_limit = max(self.streams_over_limit, ended.newest.streams_over_limit or 0)
        for name, stream in ended.streams.items():
            shown = ledger.shown_stream(name)
            self.streams[shown] = Stream(0, 0, _newer(self.streams.get(shown, stream).last_result, stream.last_result))
        for event, seen in ended.sightings.items():
            before = self.sightings.get(event)
            # An unknown time cannot be compared: it gives way to the next that is known.
            self.sightings[event] = seen if seen is None or before is None or seen.at >= before.at else before


def _newer(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)


def _latest(moments: Iterable[float | None], now: float) -> float | None:
    """The newest; what lies ahead of a clock that was set back is none."""
    return max((moment for moment in moments if moment is not None and moment <= now + MAX_AHEAD_SECONDS), default=None)


def _all_or_none(parts: Iterable[float | None]) -> float | None:
    """The sum where there are parts and every one is known."""
    known = list(parts)
    return None if None in known or not known else sum(part for part in known if part is not None)
