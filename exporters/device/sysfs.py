"""Reads the kernel's texts under /sys/class/thermal: pure functions from text to degrees, or a SensorError, never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from exporters.contract import COLDEST_CELSIUS, COLDEST_LIMIT_CELSIUS, HOTTEST_CELSIUS
from exporters.device.sensor import MISSING, OUT_OF_RANGE, SWITCHED_OFF, UNPARSABLE, SensorError

_MILLI = 1000.0
_MILLIDEGREES = re.compile(r"-?[0-9]{1,9}")
NO_POWER_CELSIUS: Final = -256.0
"""What Jetsons say of a zone whose power is off."""

THROTTLE_TRIP: Final = "passive"
TRIP_KINDS: Final = frozenset({"active", "passive", "hot", "critical"})
"""All that the kernel knows: https://docs.kernel.org/driver-api/thermal/sysfs-api.html."""

_NAME = re.compile(r"(?!(?:0x[0-9a-f]+|nan|inf|[0-9][0-9_.]*(?:e[0-9]+)?)$)[a-z0-9][ -~]{0,63}", re.IGNORECASE)
"""A number where a name should stand is damage."""


def parse_celsius(text: str) -> float:
    """Read a ``temp`` or ``trip_point_N_temp`` file, in millidegrees, as °C.

    Raises:
        SensorError: it is empty, no whole number, the word for no power, or colder or hotter than any silicon runs.
    """
    celsius = _celsius(text)
    if celsius == NO_POWER_CELSIUS:
        raise SensorError(SWITCHED_OFF)
    if not COLDEST_CELSIUS <= celsius <= HOTTEST_CELSIUS:
        raise SensorError(OUT_OF_RANGE)
    return celsius


def throttle_limit_celsius(trips: Iterable[tuple[str, str]]) -> float | None:
    """Where a zone begins to throttle: its lowest passive trip point, from (type, temperature) file contents.

    Active trips start fans, hot and critical ones switch off: neither is where throttling begins. A trip point that
    is switched off is passed over. None: the zone has no passive trip points.

    Raises:
        SensorError: a trip's type or a passive trip's temperature cannot be believed, so that the lowest is not known; or all
            of them are switched off.
    """
    kinds = [(kind.strip(" \t\n"), text) for kind, text in trips]
    if not TRIP_KINDS.issuperset(kind for kind, _ in kinds):
        raise SensorError(UNPARSABLE)
    temperatures = [_celsius(text) for kind, text in kinds if kind == THROTTLE_TRIP]
    if not temperatures:
        return None
    limits = [celsius for celsius in temperatures if celsius >= COLDEST_LIMIT_CELSIUS]
    if not limits:
        raise SensorError(SWITCHED_OFF)
    if max(limits) > HOTTEST_CELSIUS:
        raise SensorError(OUT_OF_RANGE)
    return min(limits)


def parse_zone_type(text: str) -> str:
    """Read a zone's ``type`` file: what the zone is called.

    Raises:
        SensorError: it is empty, too long, or no name that a driver gives.
    """
    name = text.strip(" \t\n")
    if not name:
        raise SensorError(MISSING)
    if not _NAME.fullmatch(name):
        raise SensorError(UNPARSABLE)
    return name


def zone_names(types: Mapping[str, str]) -> dict[str, str]:
    """Name each zone directory by its type ("": by the directory); where two zones share a type, all of them get their number as well."""
    named = {zone: kind or zone for zone, kind in types.items()}
    shared = list(named.values())
    unique = {zone: name if shared.count(name) == 1 else f"{name}_{zone.removeprefix('thermal_zone')}" for zone, name in named.items()}
    # A type that looks like another one with a number would still collide; directories never do.
    return unique if len(set(unique.values())) == len(unique) else {zone: zone for zone in unique}


def _celsius(text: str) -> float:
    word = text.strip(" \t\n")
    if not word:
        raise SensorError(MISSING)
    if not _MILLIDEGREES.fullmatch(word):
        raise SensorError(UNPARSABLE)
    return int(word) / _MILLI
