"""One accepted observation of an AI program as values: what was counted, what was seen when, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import ge
from typing import Final, NamedTuple

from exporters.contract import CONFIDENCE_BUCKETS_RATIO, LATENCY_BUCKETS_SECONDS


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram's totals: observations per bucket (not summed up; the last one lies above all bounds) and the sum of their values."""

    counts: tuple[int, ...]
    sum: float

    def covers(self, old: Distribution) -> bool:
        """Whether nothing is less than it was."""
        return all(map(ge, self.counts, old.counts)) and self.sum >= old.sum


AMBIGUOUS_BAND_RATIO: Final = (0.4, 0.6)
"""Edges of the confidence histogram, as everywhere where a value on an edge belongs to the bucket below it."""


def is_ambiguous(confidence: float) -> bool:
    """Whether a confidence (a ratio) counts in ``ai_results_ambiguous_total``: above the band's lower, up to its upper end.

    The publisher's file counts the same by buckets; a test holds both together.
    """
    low, high = AMBIGUOUS_BAND_RATIO
    return low < confidence <= high


NO_LATENCY = Distribution((0,) * (len(LATENCY_BUCKETS_SECONDS) + 1), 0.0)
NO_CONFIDENCE = Distribution((0,) * (len(CONFIDENCE_BUCKETS_RATIO) + 1), 0.0)


@dataclass(frozen=True, slots=True)
class Sighting:
    """When something was seen (Unix seconds) and how sure the program was (ratio; None where it did not say)."""

    at: float
    confidence: float | None


class Stream(NamedTuple):
    """Totals of one video stream, and when its newest result was made (Unix seconds; None before the first)."""

    frames: int
    results: int
    last_result: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """All that only grows within a session: counts, histograms and CPU time in seconds.

    ``empty`` and ``ambiguous`` are results; None from a program that does not count them. ``waited_cpu_seconds`` is the
    part of ``cpu_seconds`` that children used which the process has waited for.
    """

    frames: int = 0
    results: int = 0
    empty: int | None = None
    ambiguous: int | None = None
    latency: Distribution = NO_LATENCY
    confidence: Distribution = NO_CONFIDENCE
    cpu_seconds: float = 0.0
    waited_cpu_seconds: float = 0.0
    events: Mapping[str, int] = field(default_factory=dict)

    def cover(self, old: Totals) -> bool:
        """Whether nothing is less than it was, and nothing that was said is said no longer."""
        return (
            self.frames >= old.frames
            and self.results >= old.results
            and _known_covers(self.empty, old.empty)
            and _known_covers(self.ambiguous, old.ambiguous)
            and self.cpu_seconds >= old.cpu_seconds
            and self.waited_cpu_seconds >= old.waited_cpu_seconds
            and self.latency.covers(old.latency)
            and self.confidence.covers(old.confidence)
            and all(self.events.get(event, -1) >= total for event, total in old.events.items())
        )


def _known_covers(new: int | None, old: int | None) -> bool:
    return old is None or (new is not None and new >= old)


@dataclass(frozen=True, slots=True)
class Observation:
    """One accepted datagram; times are Unix seconds, None is what the program has not seen yet.

    ``labels`` are workload, placement, class and version in the order of the contract. ``worker`` is "" from a program
    that does not name its processes. ``streams`` is None where nothing is said of them, which a program that says
    ``streams_over_limit`` does only where there was no room. ``environment`` is the class, or "unknown";
    ``environment_seen`` when and how surely.
    """

    session: str
    worker: str
    seq: int
    at: float
    end: bool
    lost: int
    labels: tuple[str, str, str, str]
    camera: str
    totals: Totals
    last_frame: float | None
    last_result: float | None
    sightings: Mapping[str, Sighting]
    streams: Mapping[str, Stream] | None
    streams_over_limit: int | None
    environment: str | None
    environment_seen: Sighting | None
    resident_bytes: float | None

    @property
    def placement(self) -> str:
        """``workload@device#generation``."""
        return self.labels[1]
