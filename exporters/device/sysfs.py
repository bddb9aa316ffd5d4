"""Reads the kernel's texts under /sys/class/thermal: pure functions from text to degrees, or a SensorError, never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from exporters.contract import COLDEST_CELSIUS, COLDEST_LIMIT_CELSIUS, HOTTEST_CELSIUS
from exporters.device.number import FULL_REGISTERS
from exporters.device.sensor import MISSING, NO_SENSOR, OUT_OF_RANGE, SWITCHED_OFF, UNPARSABLE, SensorError

_MILLI = 1000.0
_MILLIDEGREES = re.compile(r"(?!-0)-?[0-9]{1,9}")
NO_POWER_CELSIUS: Final = -256.0
"""What Jetsons say of a zone whose power is off, in files and in tegrastats' lines alike."""

PMIC: Final = "PMIC"
PMIC_STAGES_CELSIUS: Final = frozenset({50.0, 100.0, 120.0, 140.0})
"""A Jetson's power chip has no thermometer, only two alarms, at 120 and 140 °C; below them its driver says a constant: 100, on
newer releases 50. https://forums.developer.nvidia.com/t/what-does-each-temperature-zone-mean-ao-pll-thermal/121300 and
https://github.com/torvalds/linux/blob/master/drivers/thermal/max77620_thermal.c."""

NO_MILLIDEGREES: Final = frozenset({-1, 255}) | FULL_REGISTERS
"""No temperatures but what was to be one: the word for an error, and a register with all its bits set that nobody multiplied.
The steps of a Jetson's sensors (0.5 °C; 1/32 °C, as in 43.281; 1/16 °C for its board sensors) meet none of them. Exactly 0 is
said: outdoors in winter a board passes it, and a zone without power says -256 or "try again" instead."""

FULL_SCALE_CELSIUS: Final = 127.0
"""Where a signed 8-bit register ends, whatever fraction stands behind it: what LM86, LM90, TMP451 and their kin say of a diode that
is open (https://e2e.ti.com/support/sensors-group/sensors/f/sensors-forum/890111/lm86-sometimes-get-temperature-127-degree-c-from-rthb).
A Jetson switches itself off at 105 °C at most."""

THROTTLE_TRIP: Final = "passive"
TRIP_KINDS: Final = frozenset({"active", "passive", "hot", "critical"})
"""All that the kernel knows: https://docs.kernel.org/driver-api/thermal/sysfs-api.html."""

_NAME = re.compile(r"(?!(?:0x[0-9a-f]+|nan|inf|[0-9][0-9_.]*(?:e[0-9]+)?)$)[a-z0-9][ -~]{0,63}", re.IGNORECASE)
"""A number where a name should stand is damage."""


def believable(celsius: float, zone: str = "") -> float:
    """Give back a temperature that a zone of this name can have: the one place that knows the words for none.

    Raises:
        SensorError: it is the word for no power, one of NO_MILLIDEGREES, from 127 to below 128 °C, a power chip's constant, or
            colder or hotter than any silicon runs.
    """
    if celsius == NO_POWER_CELSIUS:
        raise SensorError(SWITCHED_OFF)
    full = FULL_SCALE_CELSIUS <= celsius < FULL_SCALE_CELSIUS + 1.0
    if celsius in PMIC_STAGES_CELSIUS and zone.upper().startswith(PMIC):
        raise SensorError(NO_SENSOR)
    if full or round(celsius * _MILLI) in NO_MILLIDEGREES or not COLDEST_CELSIUS <= celsius <= HOTTEST_CELSIUS:
        raise SensorError(OUT_OF_RANGE)
    return celsius


def parse_celsius(text: str, zone: str = "") -> float:
    """Read the ``temp`` file of a zone of this name, in millidegrees, as °C.

    Raises:
        SensorError: it is empty, no whole number, or nothing that is ``believable``.
    """
    return believable(_celsius(text), zone)


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
    return min(believable(celsius) for celsius in limits)


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
