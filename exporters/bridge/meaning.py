"""What a class of C-07 means: by the configured map of its ``ainame`` an environment, a security event or a plain result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from exporters.bridge import payloads
from exporters.bridge.classes import ClassMap, environment
from exporters.bridge.identity import HIGH, LOW, Trust
from exporters.bridge.refusals import shown
from exporters.bridge.replies import UNMAPPED_AI, UNMAPPED_CLASS, Refusal
from exporters.bridge.settings import Ai, Destination, Settings, Source

Labels = tuple[str, ...]

GENERATION: Final = 0
"""Seen through the bridge, not started by us: the engine's own placements begin at 1."""
PURPOSE: Final = "main"


@dataclass(frozen=True, slots=True)
class Read:
    """What one result says beside being one: an event's name or an environment class ("" where it is none); is the latter assumed?"""

    event: str = ""
    environment: str = ""
    assumed: bool = False


class Ais:
    """The configured AIs by the names that senders give them."""

    def __init__(self, settings: Settings) -> None:
        self._by_name: dict[str, list[Ai]] = {}
        for ai in settings.ais:
            self._by_name.setdefault(ai.ainame, []).append(ai)

    def find(self, result: payloads.Result, device: str) -> Ai:
        """The AI that made a result; one that is described for this sid comes before one for any.

        Raises:
            Refusal: nobody has said what its classes mean.
        """
        found = [
            ai
            for ai in self._by_name.get(result.ainame, ())
            if (not ai.sids or result.sid in ai.sids) and (not ai.devices or device in ai.devices)
        ]
        if not found:
            raise Refusal(
                UNMAPPED_AI, f"ainame {shown(result.ainame)} is not described for this device; add an [[ai]] to the configuration"
            )
        return max(found, key=lambda ai: len(ai.sids) > 0)


def read(ai: Ai, word: str, classes: ClassMap) -> Read:
    """What a class means.

    Raises:
        Refusal: the AI's map does not say, or it is no known environment.
    """
    if word in ai.events:
        return Read(event=ai.events[word])
    if word in ai.results:
        return Read()
    if word in ai.environments:
        meaning = environment(word, ClassMap(ai.environments, ai.classes_confirmed), "class")
        return Read(environment=meaning.environment, assumed=meaning.assumed)
    if ai.others == "environment":
        meaning = environment(word, classes, "class")
        return Read(environment=meaning.environment, assumed=meaning.assumed)
    if ai.others == "result":
        return Read()
    raise Refusal(UNMAPPED_CLASS, f"class {shown(word)} of ainame {shown(ai.ainame)} is in none of its tables")


def workload_labels(package: str, destination: Destination) -> Labels:
    """Workload and placement of a package that analyses a device's camera, as labels."""
    workload = f"{package}/{destination.camera}/{PURPOSE}"
    return workload, f"{workload}@{destination.device}#{GENERATION}"


def bridge_labels(destination: Destination, trust: Trust) -> Labels:
    """Cluster, device and trust."""
    return destination.cluster, destination.device, trust


def event_labels(ai: Ai, destination: Destination, trust: Trust, event: str) -> Labels:
    """The series of an event. Its class and version are the configured ones, never those of a post: a series that begins
    with its first event would hide it from ``increase()``."""
    return (*bridge_labels(destination, trust), *workload_labels(ai.package, destination), ai.variant_class, ai.version, event)


def promised_events(settings: Settings) -> set[Labels]:
    """Every event series that may be counted, so that it can stand at 0 from the start."""
    return {
        event_labels(ai, source.destination, trust, event)
        for source in settings.sources
        if source.destination.camera
        for trust in _possible_trust(source, settings)
        for ai in settings.ais
        if not ai.devices or source.destination.device in ai.devices
        for event in ai.events.values()
    }


def _possible_trust(source: Source, settings: Settings) -> Iterator[Trust]:
    by_token = any(token.device in ("", source.destination.device) for token in settings.tokens)
    if source.confirmed or by_token:
        yield HIGH
    if not source.confirmed and not settings.tokens_only:
        yield LOW
