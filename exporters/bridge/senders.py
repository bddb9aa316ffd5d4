"""Who sends what: every sender with its paths, how often it posts, and whether it is silent by its own measure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median_high
from typing import Final

from exporters.bridge.identity import HIGH, LOW, Who
from exporters.bridge.posts import Post
from exporters.bridge.replies import TOO_MANY_SENDERS, Refusal

SILENT_INTERVALS: Final = 3
SHORTEST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 300.0
_REMEMBERED_GAPS: Final = 15
_ENOUGH_GAPS: Final = 3
"""From so many on their median says more than the configured interval."""
FORGOTTEN_SECONDS: Final = 3600.0
"""An unmapped sender that was silent for an hour makes room for another."""


@dataclass(slots=True)
class Beat:
    """One sender on one path: Unix seconds of its first and last post, and the gaps between its posts.

    Posts within a second are one beat: the AIs of a device post together, each once per interval.
    """

    first_seen: float
    last_seen: float
    heard: float
    posts: int = 0
    refused: int = 0
    clock_ahead_seconds: float | None = None
    _beat: float = field(default=-1.0)
    _learned: float | None = None
    _gaps: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_GAPS))

    def hear(self, now: float, monotonic: float) -> None:
        """A post has come."""
        self.posts += 1
        self.last_seen, self.heard = now, monotonic
        if self._beat < 0 or monotonic - self._beat >= SHORTEST_SECONDS:
            if self._beat >= 0:
                self._gaps.append(monotonic - self._beat)
                if len(self._gaps) >= _ENOUGH_GAPS:
                    self._learned = min(max(median_high(self._gaps), SHORTEST_SECONDS), LONGEST_SECONDS)
            self._beat = monotonic

    def interval(self, default: float) -> float:
        """Seconds between its posts: the (upper) median of the last gaps, between 1 and 300; ``default`` before three are known."""
        return default if self._learned is None else self._learned


@dataclass(slots=True)
class Sender:
    """One sender as it was heard last, from where, and its paths."""

    who: Who
    address: str
    paths: dict[str, Beat] = field(default_factory=dict)

    @property
    def heard(self) -> float:
        """When it was heard last, on the clock that never jumps."""
        return max((beat.heard for beat in self.paths.values()), default=0.0)


class Senders:
    """All senders by their keys; those that are mapped always have a place, of the others a bounded number."""

    def __init__(self, default_interval_seconds: float, most_unmapped: int) -> None:
        self.default_interval_seconds = default_interval_seconds
        self._most_unmapped = most_unmapped
        self._mapped: dict[tuple[str, ...], Sender] = {}
        self._unmapped: dict[tuple[str, ...], Sender] = {}

    def hear(self, who: Who, post: Post) -> Beat:
        """Note a post.

        Raises:
            Refusal: it is one unmapped sender too many.
        """
        place = self._mapped if who.mapped else self._unmapped
        sender = place.get(who.key)
        if sender is None:
            if not who.mapped and not self._has_room(post.monotonic):
                raise Refusal(TOO_MANY_SENDERS, f"{self._most_unmapped} senders that nobody has mapped are listed already")
            sender = place[who.key] = Sender(who, post.address)
        sender.who, sender.address = who, post.address
        beat = sender.paths.get(post.path)
        if beat is None:
            beat = sender.paths[post.path] = Beat(post.wall, post.wall, post.monotonic)
        beat.hear(post.wall, post.monotonic)
        return beat

    def lasting(self, beat: Beat) -> float:
        """How many seconds what was said on this path is believed."""
        return SILENT_INTERVALS * beat.interval(self.default_interval_seconds)

    def heard_now(self, monotonic: float) -> dict[str, int]:
        """How many are not silent, by trust."""
        counts: dict[str, int] = {HIGH: 0, LOW: 0}
        for sender in self.everybody():
            if any(monotonic - beat.heard <= self.lasting(beat) for beat in sender.paths.values()):
                counts[sender.who.trust] += 1
        return counts

    def everybody(self) -> list[Sender]:
        """All of them, those that are mapped first."""
        return [*self._mapped.values(), *self._unmapped.values()]

    def _has_room(self, monotonic: float) -> bool:
        if len(self._unmapped) < self._most_unmapped:
            return True
        oldest = min(self._unmapped.values(), key=lambda sender: sender.heard)
        if monotonic - oldest.heard < FORGOTTEN_SECONDS:
            return False
        del self._unmapped[oldest.who.key]
        return True

    def listed(self, sender: Sender, monotonic: float) -> dict[str, object]:
        """Everything that is known of one, for JSON."""
        destination = sender.who.source.destination if sender.who.source else None
        return {
            "sender": sender.who.label,
            "device": destination.device if destination else None,
            "cluster": destination.cluster if destination else None,
            "camera": (destination.camera or None) if destination else None,
            "mapped": sender.who.mapped,
            "trust": sender.who.trust,
            "address": sender.address,
            "paths": {
                path: {
                    "posts": beat.posts,
                    "refused": beat.refused,
                    "first_seen": beat.first_seen,
                    "last_seen": beat.last_seen,
                    "interval_seconds": round(beat.interval(self.default_interval_seconds), 3),
                    "silent": monotonic - beat.heard > self.lasting(beat),
                    "clock_ahead_seconds": beat.clock_ahead_seconds,
                }
                for path, beat in sender.paths.items()
            },
        }
