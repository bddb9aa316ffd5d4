"""Which power mode (nvpmodel) is in force: its number from the tool's status file and its name from the tool's configuration.

Guide:
https://docs.nvidia.com/jetson/archives/r35.6.0/DeveloperGuide/SD/PlatformPowerAndPerformance/JetsonOrinNanoSeriesJetsonOrinNxSeriesAndJetsonAgxOrinSeries.html
The status file reads ``pmode:0002``, with ``fmode:quiet`` behind it where the release sets a fan mode as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from exporters.device.number import BLANKS
from exporters.device.part import Reading
from exporters.device.sensor import MISSING, OUT_OF_RANGE, UNPARSABLE, SensorError
from exporters.device.source import Sample, one
from exporters.device.tree import Tree
from exporters.jetson.identity import is_jetson

STATUS_FOLDER: Final = "var/lib/nvpmodel"
STATUS: Final = f"{STATUS_FOLDER}/status"
CONFIGURATION: Final = "etc/nvpmodel.conf"

_STATUS = re.compile(r"pmode:([0-9]{4})(?:\s+fmode:[A-Za-z0-9_-]{1,32})?")
_MODEL = re.compile(r"<\s*POWER_MODEL\s+ID=([0-9]{1,4})\s+NAME=([A-Za-z0-9_.+-]{1,64})\s*>")


def parse_mode(text: str) -> int:
    """Read nvpmodel's status file: the number of the mode.

    Raises:
        SensorError: it does not say a mode.
    """
    word = text.strip(BLANKS)
    if not word:
        raise SensorError(MISSING)
    match = _STATUS.fullmatch(word)
    if match is None:
        raise SensorError(UNPARSABLE)
    return int(match[1])


def parse_mode_names(text: str) -> dict[int, str]:
    """Read the names of all modes from nvpmodel's configuration; comments begin with ``#``."""
    lines = (line.strip(BLANKS) for line in text.splitlines())
    return {int(match[1]): match[2] for line in lines if (match := _MODEL.fullmatch(line))}


def power_mode_readings(tree: Tree) -> list[Reading]:
    """The mode, wherever nvpmodel has been and on every Jetson."""
    if not tree.has(STATUS_FOLDER) and not is_jetson(tree):
        return []
    try:
        names = parse_mode_names(tree.text(CONFIGURATION))
    except (OSError, ValueError, SensorError):
        names = {}
    return [Reading("power_mode", partial(_mode, tree, names))]


def _mode(tree: Tree, names: Mapping[int, str]) -> Iterable[Sample]:
    mode = parse_mode(tree.text(STATUS))
    if names and mode not in names:
        raise SensorError(OUT_OF_RANGE)
    return one("edge_power_mode_info", 1.0, (str(mode), names.get(mode, "")))
