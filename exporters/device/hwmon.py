"""Temperatures, fans and powers of hardware monitoring chips that no other reader has: a PC's, and a Jetson's disk and other chips.

Units and file names: https://www.kernel.org/doc/html/latest/hwmon/sysfs-interface.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, NamedTuple

from exporters.device.channel import Guard, guards, heed
from exporters.device.chips import HWMON, Chip, chips, owner_of
from exporters.device.number import parse_duty, parse_microwatts, parse_rpm
from exporters.device.part import Part, Reading, failing, label, never
from exporters.device.sensor import MISSING, OUT_OF_RANGE, SensorError
from exporters.device.source import Sample, Source, one
from exporters.device.sysfs import parse_celsius
from exporters.device.tree import Tree

THERMAL: Final = "sys/class/thermal"
_FILE = re.compile(r"(?:(temp|fan|power)([0-9]{1,3})_(?:input|average|label))|(?:(pwm)([0-9]{1,3}))")
_NUMBER = re.compile(r"[0-9]+")
_SUPER_IO = re.compile(r"nct6|it8|w83|f71")
"""Chips of a PC's main board that read exactly 0 °C from inputs to which nothing is connected."""


class _Kind(NamedTuple):
    sensor: str
    metric: str
    parse: Callable[[str], float]


class _Meant(NamedTuple):
    metric: str
    whose: str
    parse: Callable[[str], float]
    guards: tuple[Guard, ...]


_KINDS: Final = {
    "temp": _Kind("temperature", "edge_temperature_celsius", parse_celsius),
    "fan": _Kind("fan_speed", "edge_fan_speed_rpm", parse_rpm),
    "pwm": _Kind("fan_duty", "edge_fan_duty_ratio", parse_duty),
    "power": _Kind("power", "edge_power_watts", parse_microwatts),
}


def parse_super_io_celsius(text: str) -> float:
    """Read ``tempN_input`` of a main board's chip, in millidegrees, as °C.

    Raises:
        SensorError: it is no temperature, or exactly 0, which such a chip says of an input that is not connected.
    """
    celsius = parse_celsius(text)
    if celsius == 0:
        raise SensorError(OUT_OF_RANGE)
    return celsius


def hwmon_source(tree: Tree) -> Source:
    """All chips but the power monitors and fans that ``exporters/jetson`` reads, and but those that stand for a thermal zone."""
    return Part("sysfs/hwmon", "hwmon", HWMON, hwmon_readings, never).source(tree)


def hwmon_readings(tree: Tree) -> list[Reading]:
    """What each chip says, as ``chip/label``; chips that share a name get their number as well.

    Every driver names its chip. One that has lost its name may be a zone's, whose temperature is said already, and says nothing.
    """
    numbers, zones = _thermal_zones(tree)
    mine = [chip for chip in chips(tree) if chip.number not in numbers]
    names = {chip: label(tree, f"{chip.folder}/name") for chip in mine}
    found: list[Reading] = []
    for chip in mine:
        name = names[chip]
        if name not in zones and not name.endswith("_thermal"):  # a zone's chip, should the zone's folder be unreadable or not recorded
            readings = _chip_readings(tree, chip, name, chip.told_from_others(name, names.values()))
            found += readings if name else (reading._replace(read=failing(MISSING)) for reading in readings)
    return found


def _chip_readings(tree: Tree, chip: Chip, name: str, unique: str) -> Iterator[Reading]:
    inputs = _inputs(chip)
    if owner_of(tree, chip) != "others":
        # Power monitors and fan chips have their own readers; how warm such a chip is, is said here.
        inputs = {place: file for place, file in inputs.items() if place.startswith("temp")}
    labels = {place: label(tree, f"{chip.folder}/{place}_label") for place in inputs}
    shared = Counter(f"{_NUMBER.sub('', place)}/{said}" for place, said in labels.items())
    for place, file in inputs.items():
        word = _NUMBER.sub("", place)
        kind, said = _KINDS[word], labels[place]
        whose = f"{unique}/{said if said and shared[f'{word}/{said}'] == 1 else place}"
        parse = parse_super_io_celsius if word == "temp" and _SUPER_IO.match(name) else kind.parse
        meant = _Meant(kind.metric, whose, parse, guards(chip, (place,), name))
        yield Reading(f"{kind.sensor}/{whose}", partial(_read, tree, f"{chip.folder}/{file}", meant), chip.folder)


def _inputs(chip: Chip) -> dict[str, str]:
    """File by place (``temp1``, ``pwm2``) in their order; one that only has a label has lost its file, and is asked for it."""
    matches = [match for file in chip.files if (match := _FILE.fullmatch(file))]
    places = sorted({(match[1] or match[3], int(match[2] or match[4])) for match in matches})
    found = {}
    for word, number in places:
        place = f"{word}{number}"
        mean = word == "power" and f"{place}_input" not in chip.files and f"{place}_average" in chip.files
        found[place] = place if word == "pwm" else f"{place}_average" if mean else f"{place}_input"
    return found


def _read(tree: Tree, path: str, meant: _Meant) -> Iterable[Sample]:
    heed(tree, meant.guards)
    return one(meant.metric, meant.parse(tree.text(path)), (meant.whose,))


def _thermal_zones(tree: Tree) -> tuple[set[str], set[str]]:
    """Numbers and names of the chips that the kernel made for thermal zones: each stands in its zone's folder, and has its type as name."""
    zones = [f"{THERMAL}/{zone}" for zone in tree.names(THERMAL) if zone.startswith("thermal_zone")]
    numbers = {name for zone in zones for name in tree.names(zone) if name.startswith("hwmon")}
    return numbers, {kind.replace("-", "_") for zone in zones if (kind := label(tree, f"{zone}/type"))}
