"""All that the bridge knows: its settings, who sends, what is believed now and what was counted; no socket and no disk here."""

from __future__ import annotations

from typing import Any

from exporters.bridge import meaning, room
from exporters.bridge.identity import Identities
from exporters.bridge.limits import Budgets
from exporters.bridge.observations import Clocks, Observations
from exporters.bridge.posts import METRICS, Post
from exporters.bridge.readings import Readings
from exporters.bridge.refusals import Refusals, Refused
from exporters.bridge.replies import Refusal, Reply, refused
from exporters.bridge.senders import FORGOTTEN_SECONDS, Senders
from exporters.bridge.settings import UNMAPPED_CLUSTER, Settings
from exporters.bridge.totals import Totals

Labels = tuple[str, ...]

TOO_MANY_SERIES = "too_many_series"
"""Counted under /metrics for each part of a device that a page had no room for."""


class Books:
    """What is written down. One thread only: the event loop's."""

    def __init__(self, settings: Settings, clocks: Clocks) -> None:
        self.settings = settings
        self.totals = Totals(settings.limits.versions_of_one)
        self.readings = Readings()
        self.observations = Observations(clocks, settings.limits.series_of_low_trust)
        self.refusals = Refusals()
        self._begin(settings, clocks.monotonic())

    def _begin(self, settings: Settings, monotonic: float) -> None:
        limits = settings.limits
        self.settings = settings
        self.identities = Identities(settings)
        self.senders = Senders(settings.interval_seconds, limits.unmapped_senders)
        self.ais = meaning.Ais(settings)
        self.budgets = Budgets(limits, monotonic)
        self.observations.most_of_low_trust = limits.series_of_low_trust
        self.totals.promise(meaning.promised_events(settings))

    def reload(self, settings: Settings, monotonic: float) -> None:
        """Go on by other settings; of devices that are no longer configured nothing is left."""
        devices: set[Labels] = {(source.destination.cluster, source.destination.device) for source in settings.sources}
        self.readings.keep(devices)
        self.observations.keep(devices)
        self.totals.keep(devices)
        self._begin(settings, monotonic)

    def restore(self, rows: list[list[Any]], entries: list[dict[str, Any]]) -> None:
        """Take over what a state file held, as far as it is still configured.

        Raises:
            ValueError, TypeError, KeyError: something in it is none of ours.
        """
        self.totals.restore(rows)
        for entry in entries:
            self.apply(entry)
        if not self.settings.allow_unmapped:
            self.totals.keep({(source.destination.cluster, source.destination.device) for source in self.settings.sources})
        self.totals.promise(meaning.promised_events(self.settings))

    def apply(self, entry: dict[str, Any]) -> None:
        """Count a result that was kept, with its event: ``at`` is when it arrived, ``seen`` when it was seen (Unix seconds)."""
        confidence, at = float(entry["p"]), float(entry["at"])
        self.totals.tally(tuple(entry["r"])).count(confidence, at)
        self.totals.event(tuple(entry["e"])).count(confidence, float(entry.get("seen", at)))

    def refuse(self, post: Post, refusal: Refusal, who: str) -> Reply:
        """Count and remember a refusal; the answer says it in the path's own style."""
        self.totals.refused[(post.path, refusal.reason.name)] += 1
        detail = self.identities.veiled(refusal.detail)
        self.refusals.add(Refused(post.wall, post.path, who, refusal.reason.name, detail))
        return refused(post.style, Refusal(refusal.reason, detail))

    def left_out(self, observed: dict[Labels, int]) -> frozenset[room.Part]:
        """What a page has no room for, where publishers say so many samples for each device and trust; it is counted."""
        totals, cells = self.totals, self.readings.labels()
        most = self.settings.limits.series - room.own(totals)
        if room.at_most(totals, cells, observed) <= most:  # as nearly always; to look closer takes milliseconds
            return frozenset()
        gone = room.left_out(room.sizes(totals, cells, observed), most)
        if gone:
            totals.refused[(METRICS, TOO_MANY_SERIES)] += len(gone)
        return gone

    def tidy(self, wall: float, monotonic: float) -> None:
        """Forget what is not believed any longer, and unmapped devices that have been silent for an hour."""
        self.readings.sweep(monotonic)
        newest: dict[Labels, float] = {}
        for labels, at in self.totals.last_seen.items():
            if labels[0] == UNMAPPED_CLUSTER:
                newest[labels[:2]] = max(at, newest.get(labels[:2], 0.0))
        gone = {device for device, at in newest.items() if wall - at > FORGOTTEN_SECONDS}
        self.totals.forget(gone)
        self.observations.forget(gone)
