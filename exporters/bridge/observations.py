"""Observations of our own publisher that come over HTTP: one collector for each device and trust, as the device's exporter has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import Metric

from exporters.bridge.identity import LOW
from exporters.bridge.replies import BAD_OBSERVATION, INTERNAL, NOT_JSON, TOO_LONG, Reason, Refusal
from exporters.device.sensor import FAILED
from exporters.workload.collector import Bounds, Surroundings, WorkloadCollector
from exporters.workload.observation import Observation
from exporters.workload.wire import WireError, parse

Labels = tuple[str, ...]

_REASONS: Final[dict[str, Reason]] = {"too_long": TOO_LONG, "not_json": NOT_JSON}
_DEVICE: Final = re.compile(r"[^@]*@([^@#]*)#\d+")
_OF_THE_BRIDGE: Final = "#0"
"""A publisher that spoke for it could hide the events that the bridge has counted."""
_NO_PROCESS: Final = 0
"""Nobody can see a process id over HTTP."""
_BOUNDS_OF_LOW_TRUST: Final = Bounds(max_placements=8, max_workers=8)
"""A device runs some AI programs; a stranger that speaks for it may say more than is true."""
_TOO_MANY: Final = "too_many"
"""How the register's reasons begin that may pass; the others say that this observation is never taken."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Unix seconds, and seconds that never jump."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]


def read(body: bytes, wall: float) -> Observation:
    """What a publisher has posted.

    Raises:
        Refusal: it is no observation of ours.
    """
    try:
        observation = parse(body, wall)
    except WireError as error:
        raise Refusal(_REASONS.get(error.reason, BAD_OBSERVATION), f"no observation of ours ({error.reason})") from None
    if observation.placement.endswith(_OF_THE_BRIDGE):
        raise Refusal(BAD_OBSERVATION, "generation 0 is what the bridge itself has seen, events among it; programs that publish begin at 1")
    return observation


def device_of(observation: Observation) -> str:
    """The device whose placement it speaks for."""
    found = _DEVICE.fullmatch(observation.placement)
    return found.group(1) if found else ""


def camera_of(observation: Observation) -> str:
    """The camera that its workload analyses: the middle of ``package/camera/purpose``."""
    return observation.labels[0].split("/")[1]


class Observations:
    """The collectors, by cluster, device and trust; all of trust low together hold about ``most_of_low_trust`` series."""

    def __init__(self, clocks: Clocks, most_of_low_trust: int) -> None:
        self.most_of_low_trust = most_of_low_trust
        self._clocks = clocks
        self._collectors: dict[Labels, WorkloadCollector] = {}
        self._low: dict[Labels, int] = {}
        self._held = 0

    def accept(self, bridge: Labels, observation: Observation) -> None:
        """Take one, if it can follow what its program said before.

        Raises:
            Refusal: it cannot, or there is no room; it is counted in ai_observations_refused_total too.
        """
        collector = self._collectors.get(bridge)
        if collector is None:
            if bridge[2] == LOW and not self._has_room():
                raise _not_taken("too_many_placements")
            collector = self._collectors[bridge] = self._new(bridge)
        reason = collector.take(observation, _NO_PROCESS)
        if bridge[2] == LOW:
            before, self._low[bridge] = self._low.get(bridge, 0), collector.series()
            self._held += self._low[bridge] - before
        if reason:
            raise _not_taken(reason)

    def _new(self, bridge: Labels) -> WorkloadCollector:
        world = Surroundings(self._clocks.wall, self._clocks.monotonic, lambda pid: None)
        if bridge[2] != LOW:
            return WorkloadCollector(world, device=bridge[1])
        world = Surroundings(world.clock, world.monotonic, world.process, self._has_room)
        return WorkloadCollector(world, _BOUNDS_OF_LOW_TRUST, device=bridge[1])

    def _has_room(self) -> bool:
        return self._held < self.most_of_low_trust

    def keep(self, devices: set[Labels]) -> None:
        """Forget all devices but these (cluster, device)."""
        self._drop([bridge for bridge in self._collectors if bridge[:2] not in devices])

    def forget(self, devices: set[Labels]) -> None:
        """Forget these (cluster, device)."""
        self._drop([bridge for bridge in self._collectors if bridge[:2] in devices])

    def _drop(self, bridges: list[Labels]) -> None:
        for bridge in bridges:
            del self._collectors[bridge]
            self._held -= self._low.pop(bridge, 0)

    def families(self) -> Iterator[tuple[Labels, list[Metric]]]:
        """What each device's AI programs say, with the bridge's labels of the device."""
        for bridge, collector in list(self._collectors.items()):
            yield bridge, list(collector.collect())


def _not_taken(reason: str) -> Refusal:
    if reason == FAILED:
        return Refusal(INTERNAL, "this could not be answered")
    if reason.startswith(_TOO_MANY):
        return Refusal(Reason(reason, "9999", 429, "기타 오류"), f"there is no room for it now ({reason})")
    return Refusal(Reason(reason, "0019", 409, "잘못된 코드 값"), f"the observation was not taken ({reason})")
