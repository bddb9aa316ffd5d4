"""What only grows: results, events and the bridge's own counters; they outlive a silent sender and, in the state file, a restart."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from math import floor
from typing import Any, Final

from exporters.bridge.rows import COUNTERS, UNKNOWN, fits
from exporters.contract import CONFIDENCE_BUCKETS_RATIO
from exporters.workload.observation import is_ambiguous

Labels = tuple[str, ...]

OTHER_VERSION: Final = "other"


@dataclass(slots=True)
class Tally:
    """The results of one placement: how many, how many of them ambiguous, their confidence by bucket, and when the last one came."""

    results: int = 0
    ambiguous: int = 0
    counts: list[int] = field(default_factory=lambda: [0] * (len(CONFIDENCE_BUCKETS_RATIO) + 1))
    sum: float = 0.0
    last: float = 0.0

    @property
    def counted(self) -> int:
        """How many in all."""
        return self.results

    def count(self, confidence: float, at: float) -> None:
        """One more result."""
        self.results += 1
        self.ambiguous += is_ambiguous(confidence)
        self.counts[bisect_left(CONFIDENCE_BUCKETS_RATIO, confidence)] += 1
        self.sum += confidence
        self.last = at


@dataclass(slots=True)
class EventTally:
    """How often an event was seen, when last and how surely; the last two mean nothing while the total is 0."""

    total: int = 0
    last: float = 0.0
    confidence: float = 0.0

    @property
    def counted(self) -> int:
        """How many in all."""
        return self.total

    def count(self, confidence: float, at: float) -> None:
        """One more event."""
        self.total += 1
        if at >= self.last:
            self.last, self.confidence = at, confidence


class Totals:
    """All counters. Keys of ``results`` and ``events`` begin with cluster, device and trust."""

    def __init__(self, most_versions: int) -> None:
        self.most_versions = most_versions
        self.results: dict[Labels, Tally] = {}
        self.events: dict[Labels, EventTally] = {}
        self.assumed: Counter[Labels] = Counter()
        self.last_seen: dict[Labels, float] = {}
        self.posts: Counter[Labels] = Counter()
        self.refused: Counter[Labels] = Counter()
        self.forwarded: Counter[Labels] = Counter()
        self._versions: dict[Labels, set[Labels]] = {}

    def named(self, placement: Labels, variant: Labels) -> Labels:
        """Class and version as labels of one placement (cluster … placement); over the limit a variant is called other."""
        known = self._versions.setdefault(placement, set())
        if variant not in known:
            if len(known) >= self.most_versions:
                return (OTHER_VERSION, OTHER_VERSION)
            known.add(variant)
        return variant

    def event(self, labels: Labels) -> EventTally:
        """One series of events; those that are promised exist already."""
        return self.events.setdefault(labels, EventTally())

    def tally(self, labels: Labels) -> Tally:
        """The results of one series; a new one begins at 0."""
        found = self.results.get(labels)
        if found is None:
            found = self.results[labels] = Tally()
        return found

    def forget(self, devices: Collection[Labels]) -> None:
        """Forget when these (cluster, device) were seen; they have no other totals."""
        for labels in [labels for labels in self.last_seen if labels[:2] in devices]:
            del self.last_seen[labels]

    def promise(self, events: Collection[Labels]) -> None:
        """These events exist, at 0 until they are seen. One that was seen stays while it is promised with any trust; all others go."""
        known = {_but_trust(labels) for labels in events}
        for labels, event in list(self.events.items()):
            if labels not in events and not (event.total and _but_trust(labels) in known):
                del self.events[labels]
        for labels in events:
            self.events.setdefault(labels, EventTally())

    def keep(self, devices: Collection[Labels]) -> None:
        """Forget everything of devices that are not among these (cluster, device)."""
        for table in (self.results, self.assumed, self.last_seen, self._versions):
            for labels in [labels for labels in table if labels[:2] not in devices]:
                del table[labels]

    def rows(self) -> Iterator[list[Any]]:
        """As they stand in the state file: the name of a table, the labels, and the numbers."""
        for labels, tally in self.results.items():
            yield ["results", labels, tally.results, tally.ambiguous, list(tally.counts), tally.sum, tally.last]
        for labels, event in self.events.items():
            if event.total:
                yield ["events", labels, event.total, event.last, event.confidence]
        for name in COUNTERS:
            for labels, number in getattr(self, name).items():
                yield [name, labels, number]

    def restore(self, rows: Collection[list[Any]]) -> None:
        """Take over what a state file held.

        Raises:
            ValueError: a row is none of ours.
        """
        for row in rows:
            if not fits(row):
                raise ValueError("a row is none of ours")
            name, labels, *numbers = row
            key = tuple(labels)
            if name == "results":
                results, ambiguous, counts, total, last = numbers
                self.results[key] = Tally(results, ambiguous, list(counts), float(total), float(last))
                self.named(key[:5], key[5:])
            elif name == "events":
                total, last, confidence = numbers
                self.events[key] = EventTally(total, float(last), float(confidence))
            else:
                getattr(self, name)[key] = float(numbers[0]) if name == "last_seen" else numbers[0]

    def settle(self, now: float, back_seconds: float) -> None:
        """The clock was set back by so many seconds: what it called the future was so much earlier, and no later than now.

        In whole seconds, as senders say them: how far it was set back is known to some microseconds only.
        """
        tables: tuple[Collection[Tally | EventTally], ...] = (self.results.values(), self.events.values())
        for tallies in tables:
            for tally in tallies:
                if tally.last > now:
                    tally.last = min(now, float(floor(tally.last - back_seconds)))
        for labels, at in self.last_seen.items():
            if at > now:
                self.last_seen[labels] = min(now, float(floor(at - back_seconds)))

    def date(self, now: float) -> None:
        """Where ``past`` has forgotten when something was counted, and nothing was since: no later than now."""
        tables: tuple[Collection[Tally | EventTally], ...] = (self.results.values(), self.events.values())
        for tallies in tables:
            for tally in tallies:
                if tally.last == UNKNOWN and tally.counted:
                    tally.last = now


def _but_trust(labels: Labels) -> Labels:
    return (*labels[:2], *labels[3:])
