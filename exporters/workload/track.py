"""One placement over the restarts of its AI program: totals that never fall, and what was seen last."""

from __future__ import annotations

from collections.abc import Mapping
from operator import add, ge

from exporters.device.families import Families
from exporters.device.processes import ProcessKey
from exporters.workload.wire import Distribution, Observation, Sighting, Totals


class Track:
    """The newest observation of one placement, on top of the totals of its finished sessions.

    ``arrived`` is when it was heard last, on a clock that never jumps; ``process`` who said it, where that can be seen.
    Finished sessions are remembered as long as this exporter runs: when it restarts too, counters begin again at the
    running session's totals, which Prometheus sees as a counter reset.
    """

    def __init__(self, first: Observation) -> None:
        self.newest = first
        self.arrived = 0.0
        self.process: ProcessKey | None = None
        self._finished = Totals()
        # Before the first one that reached us, only the program itself can know what was lost.
        self._lost = first.lost
        self._last_frame = first.last_frame
        self._last_result = first.last_result
        self._sightings: dict[str, Sighting] = dict(first.sightings)

    def may_become(self, new: Observation) -> bool:
        """Whether no total of a newer observation of the same session falls."""
        return new.lost >= self.newest.lost and _never_falls(self.newest.totals, new.totals)

    def update(self, new: Observation) -> None:
        """Take a newer observation of the same session; a gap in the numbers is what never arrived."""
        self._lost += new.seq - self.newest.seq - 1
        self._see(new)

    def restart(self, new: Observation) -> None:
        """Take the first observation of another session: the AI program was started again."""
        self._lost += new.lost
        if new.labels == self.newest.labels:
            self._finished = _together(self._finished, self.newest.totals, tuple(new.totals.events))
        else:  # another variant or version makes other series, which begin at their own totals
            self._finished, self._lost = Totals(), new.lost
        self._see(new)

    def write(self, page: Families) -> None:
        """Add all series of this placement but the environment, which belongs to the camera."""
        labels, totals = self.newest.labels, _together(self._finished, self.newest.totals, tuple(self.newest.totals.events))
        page.add("ai_frames_total", labels, totals.frames)
        page.add("ai_results_total", labels, totals.results)
        page.add_histogram("ai_inference_latency_seconds", labels, totals.latency.counts, totals.latency.sum)
        page.add_histogram("ai_confidence_ratio", labels, totals.confidence.counts, totals.confidence.sum)
        page.add("ai_last_frame_timestamp_seconds", labels, self._last_frame)
        page.add("ai_last_result_timestamp_seconds", labels, self._last_result)
        page.add("ai_process_cpu_seconds_total", labels, totals.cpu_seconds)
        page.add("ai_process_resident_memory_bytes", labels, self.newest.resident_bytes)
        page.add("ai_observations_lost_total", labels, self._lost)
        for event, total in sorted(totals.events.items()):
            seen = self._sightings.get(event)
            page.add("ai_events_total", (*labels, event), total)
            page.add("ai_event_last_timestamp_seconds", (*labels, event), seen.at if seen else None)
            page.add("ai_event_confidence_ratio", (*labels, event), seen.confidence if seen else None)

    def _see(self, new: Observation) -> None:
        self.newest = new
        self._last_frame = new.last_frame if new.last_frame is not None else self._last_frame
        self._last_result = new.last_result if new.last_result is not None else self._last_result
        kept = {event: seen for event, seen in self._sightings.items() if event in new.totals.events}
        self._sightings = {**kept, **new.sightings}


def _together(finished: Totals, running: Totals, events: tuple[str, ...]) -> Totals:
    """The sum of both, of the events named only: what a restarted program reports no longer ends with its session."""
    return Totals(
        frames=finished.frames + running.frames,
        results=finished.results + running.results,
        latency=_sum(finished.latency, running.latency),
        confidence=_sum(finished.confidence, running.confidence),
        cpu_seconds=finished.cpu_seconds + running.cpu_seconds,
        events={event: finished.events.get(event, 0) + running.events.get(event, 0) for event in events},
    )


def _sum(one: Distribution, other: Distribution) -> Distribution:
    return Distribution(tuple(map(add, one.counts, other.counts)), one.sum + other.sum)


def _never_falls(old: Totals, new: Totals) -> bool:
    return (
        new.frames >= old.frames
        and new.results >= old.results
        and new.cpu_seconds >= old.cpu_seconds
        and _covers(new.latency, old.latency)
        and _covers(new.confidence, old.confidence)
        and _events_cover(new.events, old.events)
    )


def _covers(new: Distribution, old: Distribution) -> bool:
    return all(map(ge, new.counts, old.counts)) and new.sum >= old.sum


def _events_cover(new: Mapping[str, int], old: Mapping[str, int]) -> bool:
    return all(new.get(event, -1) >= total for event, total in old.items())
