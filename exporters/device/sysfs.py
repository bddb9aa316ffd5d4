"""Reads the kernel's texts under /sys/class/thermal: pure functions from text to degrees, or a SensorError, never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from exporters.device.sensor import MISSING, OUT_OF_RANGE, UNPARSABLE, SensorError

COLDEST_CELSIUS: Final = -55.0
"""Below this no silicon is specified to run: Jetsons say -256 °C for a zone whose power is off."""

HOTTEST_CELSIUS: Final = 150.0
"""Above this no silicon runs."""

COLDEST_LIMIT_CELSIUS: Final = 20.0
"""A throttle point below room temperature is a trip point that is switched off (0, -273.2 or -274 °C)."""

_MILLI = 1000.0
_MILLIDEGREES = re.compile(r"-?[0-9]{1,9}")
_THROTTLE_TRIP = "passive"
_ZONE_NAME_LETTERS = 64


def parse_celsius(text: str) -> float:
    """Read a ``temp`` or ``trip_point_N_temp`` file, in millidegrees, as °C.

    Raises:
        SensorError: it is empty, no whole number, or colder or hotter than any silicon runs.
    """
    celsius = _celsius(text)
    if not COLDEST_CELSIUS <= celsius <= HOTTEST_CELSIUS:
        raise SensorError(OUT_OF_RANGE)
    return celsius


def throttle_limit_celsius(trips: Iterable[tuple[str, str]]) -> float:
    """Where a zone begins to throttle: its lowest passive trip point, from (type, temperature) file contents.

    Active trips start fans, hot and critical ones switch off: neither is where throttling begins. A trip point that
    is switched off or cannot be read is passed over.

    Raises:
        SensorError: no passive trip point has a believable temperature.
    """
    limits = []
    for kind, text in trips:
        if kind.strip() != _THROTTLE_TRIP:
            continue
        try:
            celsius = _celsius(text)
        except SensorError:
            continue
        if COLDEST_LIMIT_CELSIUS <= celsius <= HOTTEST_CELSIUS:
            limits.append(celsius)
    if not limits:
        raise SensorError(MISSING)
    return min(limits)


def zone_names(types: Mapping[str, str]) -> dict[str, str]:
    """Name each zone directory by its ``type`` file; where two zones share a type, all of them get their number as well."""
    named = {zone: _printable(kind) or zone for zone, kind in types.items()}
    shared = list(named.values())
    unique = {zone: name if shared.count(name) == 1 else f"{name}_{zone.removeprefix('thermal_zone')}" for zone, name in named.items()}
    # A type that looks like another one with a number would still collide; directories never do.
    return unique if len(set(unique.values())) == len(unique) else {zone: zone for zone in unique}


def _printable(kind: str) -> str:
    return "".join(letter for letter in kind.strip() if letter.isprintable())[:_ZONE_NAME_LETTERS]


def _celsius(text: str) -> float:
    word = text.strip()
    if not word:
        raise SensorError(MISSING)
    if not _MILLIDEGREES.fullmatch(word):
        raise SensorError(UNPARSABLE)
    return int(word) / _MILLI
