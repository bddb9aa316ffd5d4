"""Temperatures and throttle limits of the kernel's thermal zones; what seldom changes is read once a minute only.

Layout: https://docs.kernel.org/driver-api/thermal/sysfs-api.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from exporters.device.sensor import MISSING, OUT_OF_RANGE, SWITCHED_OFF, SensorError, reason_of
from exporters.device.source import Report, Sample, SensorState, Source, one
from exporters.device.sysfs import parse_celsius, parse_zone_type, throttle_limit_celsius, zone_names
from exporters.device.tree import Tree

THERMAL: Final = "sys/class/thermal"
MOST_ZONES: Final = 64
"""A board has about ten; a tree with thousands must not become thousands of series, so only the first are read, and that is said."""

_REREAD_SECONDS: Final = 60.0
_ZONE: Final = re.compile(r"thermal_zone[0-9]+")
_TRIP: Final = re.compile(r"trip_point_([0-9]+)_(?:type|temp)")


@dataclass(frozen=True, slots=True)
class _Zone:
    """What is remembered of a zone: its name, its limit, why either is not known, and when its folder had last changed."""

    name: str
    namelessness: str
    limit: float | None
    problem: str
    changed: int


class Thermal:
    """All thermal zones of a tree. A zone without passive trip points has no throttle limit, and nothing is said of one."""

    def __init__(self, tree: Tree, monotonic: Callable[[], float], is_expected: bool) -> None:
        self._tree = tree
        self._monotonic = monotonic
        self._is_expected = is_expected
        self._zones: dict[str, _Zone] = {}
        self._read_at = -float("inf")

    def look(self) -> Report:
        """``temperature/<zone>`` and ``temperature_limit/<zone>``; where zones are expected and there is none, ``temperature``."""
        report = Report()
        folders = [name for name in self._tree.names(THERMAL) if _ZONE.fullmatch(name)]
        if not folders and self._is_expected:
            report.sensors.append(SensorState("temperature", MISSING))
        if len(folders) > MOST_ZONES:
            report.sensors.append(SensorState("temperature", OUT_OF_RANGE))
            folders = folders[:MOST_ZONES]
        self._remember(folders)
        for folder in folders:
            zone = self._zones[folder]
            report.sensor(f"temperature/{zone.name}", partial(self._temperature, folder, zone))
            if zone.problem:
                report.sensors.append(SensorState(f"temperature_limit/{zone.name}", zone.problem))
            elif zone.limit is not None:
                limit = partial(one, "edge_temperature_limit_celsius", zone.limit, (zone.name,))
                report.sensor(f"temperature_limit/{zone.name}", limit)
        return report

    def _temperature(self, folder: str, zone: _Zone) -> tuple[Sample, ...]:
        if zone.namelessness:
            raise SensorError(zone.namelessness)
        try:
            text = self._tree.text(f"{THERMAL}/{folder}/temp")
        except BlockingIOError as error:  # "try again": how NVIDIA's driver says that a zone is gated
            raise SensorError(SWITCHED_OFF) from error
        return one("edge_temperature_celsius", parse_celsius(text, zone.name), (zone.name,))

    def _remember(self, folders: list[str]) -> None:
        """Read names and limits again: a minute later, or where a folder has come, gone or changed."""
        now = self._monotonic()
        changed = {folder: self._tree.changed(f"{THERMAL}/{folder}") for folder in folders}
        if now - self._read_at < _REREAD_SECONDS and changed == {folder: zone.changed for folder, zone in self._zones.items()}:
            return
        types, reasons = dict.fromkeys(folders, ""), dict.fromkeys(folders, "")
        for folder in folders:
            try:
                types[folder] = parse_zone_type(self._tree.text(f"{THERMAL}/{folder}/type"))
            except (OSError, SensorError, ValueError) as error:
                reasons[folder] = reason_of(error)
        names = zone_names(types)
        self._zones = {folder: self._zone(folder, names[folder], reasons[folder], changed[folder]) for folder in folders}
        self._read_at = -float("inf") if any(reasons.values()) else now

    def _zone(self, folder: str, name: str, namelessness: str, changed: int) -> _Zone:
        try:
            limit = throttle_limit_celsius(self._trips(folder))
        except (OSError, SensorError, ValueError) as error:
            return _Zone(name, namelessness, None, namelessness or reason_of(error), changed)
        return _Zone(name, namelessness, limit, namelessness, changed)

    def _trips(self, folder: str) -> list[tuple[str, str]]:
        """Type and temperature of each trip point. One of which either is gone raises: the lowest is not known then."""
        where = f"{THERMAL}/{folder}"
        numbers = {match[1] for name in self._tree.names(where) if (match := _TRIP.fullmatch(name))}
        trips = []
        for number in sorted(numbers):
            prefix = f"{where}/trip_point_{number}"
            trips.append((self._tree.text(f"{prefix}_type"), self._tree.text(f"{prefix}_temp")))
        return trips


def thermal_source(tree: Tree, monotonic: Callable[[], float], is_expected: bool) -> Source:
    """The thermal zones of a tree; ``is_expected``: each machine of this kind has some, so that to see none is a failure."""
    return Source("sysfs/thermal", Thermal(tree, monotonic, is_expected).look)
