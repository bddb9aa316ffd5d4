"""Observations of our own publisher that come over HTTP: one collector for each device and trust, as the device's exporter has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import Metric

from exporters.bridge.replies import BAD_OBSERVATION, NOT_JSON, TOO_LONG, Reason, Refusal
from exporters.workload.collector import Surroundings, WorkloadCollector
from exporters.workload.wire import WireError, parse

Labels = tuple[str, ...]

_REASONS: Final[dict[str, Reason]] = {"too_long": TOO_LONG, "not_json": NOT_JSON}
_DEVICE: Final = re.compile(r"[^@]*@([^@#]*)#\d+")
_NO_PROCESS: Final = 0
"""Nobody can see a process id over HTTP."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Unix seconds, and seconds that never jump."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]


def device_of(body: bytes, wall: float) -> str:
    """The device whose placement an observation speaks for.

    Raises:
        Refusal: it is no observation of ours.
    """
    try:
        observation = parse(body, wall)
    except WireError as error:
        raise Refusal(_REASONS.get(error.reason, BAD_OBSERVATION), f"no observation of ours ({error.reason})") from None
    found = _DEVICE.fullmatch(observation.placement)
    return found.group(1) if found else ""


class Observations:
    """The collectors, by cluster, device and trust."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._collectors: dict[Labels, WorkloadCollector] = {}

    def accept(self, bridge: Labels, body: bytes) -> None:
        """Take one that ``device_of`` has read; what is old or goes backwards is counted in ai_observations_refused_total."""
        collector = self._collectors.get(bridge)
        if collector is None:
            world = Surroundings(self._clocks.wall, self._clocks.monotonic, lambda pid: None)
            collector = self._collectors[bridge] = WorkloadCollector(world, device=bridge[1])
        collector.accept(body, _NO_PROCESS)

    def keep(self, devices: set[Labels]) -> None:
        """Forget all devices but these (cluster, device)."""
        for bridge in [bridge for bridge in self._collectors if bridge[:2] not in devices]:
            del self._collectors[bridge]

    def forget(self, devices: set[Labels]) -> None:
        """Forget these (cluster, device)."""
        for bridge in [bridge for bridge in self._collectors if bridge[:2] in devices]:
            del self._collectors[bridge]

    def families(self) -> Iterator[tuple[Labels, list[Metric]]]:
        """What each device's AI programs say, with the bridge's labels of the device."""
        for bridge, collector in list(self._collectors.items()):
            yield bridge, list(collector.collect())
