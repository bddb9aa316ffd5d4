"""How far cooling devices hold clocks back, and how often hardware throttled because of over-current.

Cooling devices: https://www.kernel.org/doc/html/latest/driver-api/thermal/sysfs-api.html; which ones a Jetson has (``cpufreq-``,
``devfreq-``, ``cpu-throttle-alert``, on R32 ``cpu-balanced``, ``gpu-balanced``, ``tegra-heavy``) in the thermal chapters of
https://docs.nvidia.com/jetson/archives/r35.6.0/DeveloperGuide/SD/PlatformPowerAndPerformance/JetsonOrinNanoSeriesJetsonOrinNxSeriesAndJetsonAgxOrinSeries.html
Over-current: chip ``soctherm_oc``, ``ocN_event_cnt`` from Orin on (same guide), ``ocN_irq_cnt`` on TX2 and Xavier (NVIDIA's
driver tegra-oc-event of L4T R32 and R35).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Final

from exporters.device.chips import owned
from exporters.device.number import whole
from exporters.device.part import Reading, failing, label
from exporters.device.sensor import MISSING, OUT_OF_RANGE, SensorError
from exporters.device.source import Sample, one
from exporters.device.tree import Tree

THERMAL: Final = "sys/class/thermal"
_COOLER = re.compile(r"cooling_device[0-9]{1,6}")
_HOLDS_CLOCKS = re.compile(
    r".*(?:cpufreq|devfreq|throttle|alert|balanced|tegra-heavy|[cg]pu|(?<![a-z])(?:emc|dla|pva|vic)(?![a-z])).*", re.IGNORECASE
)
_HOLDS_NONE = re.compile(r".*(?:fan|pwm|shutdown|hot-surface).*", re.IGNORECASE)
"""Fans are told to turn, shutdown is no clock, and a hot surface is a warning to hands."""

_MOST_STATES: Final = 10_000
_MOST_EVENTS: Final = 2**32 - 1
"""The counters are 32 bits wide."""

_ALARM_FILE = re.compile(r"(oc[0-9]{1,2})_.*")
_COUNTERS: Final = ("event_cnt", "irq_cnt")


def parse_state(text: str) -> int:
    """Read a ``cur_state`` or ``max_state`` file.

    Raises:
        SensorError: it is no whole number from 0 on; some drivers say -1 for a device that is off.
    """
    return whole(text, 0, _MOST_STATES)


def parse_events(text: str) -> float:
    """Read an over-current counter, events since boot.

    Raises:
        SensorError: it is no whole number of 32 bits.
    """
    return float(whole(text, 0, _MOST_EVENTS))


def throttling_readings(tree: Tree) -> list[Reading]:
    """The cooling devices that hold clocks back, by their type; those that share one get their number as well."""
    folders = sorted((name for name in tree.names(THERMAL) if _COOLER.fullmatch(name)), key=lambda name: (len(name), name))
    types = {folder: label(tree, f"{THERMAL}/{folder}/type") for folder in folders}
    shared = Counter(types.values())
    found = []
    for folder, kind in types.items():
        if not kind:
            # It may be a fan: what cannot be named is not said to throttle.
            found.append(Reading(f"throttling/{folder}", failing(MISSING), f"{THERMAL}/{folder}"))
        elif _HOLDS_CLOCKS.fullmatch(kind) and not _HOLDS_NONE.fullmatch(kind):
            name = kind if shared[kind] == 1 else f"{kind}_{folder.removeprefix('cooling_device')}"
            read = partial(_held_back, tree, name, f"{THERMAL}/{folder}")
            found.append(Reading(f"throttling/{name}", read, f"{THERMAL}/{folder}"))
    return found


def over_current_readings(tree: Tree) -> list[Reading]:
    """The counters of the chip that hears over-current alarms."""
    found = []
    for chip in owned(tree, "over_current"):
        alarms = sorted({match[1] for name in chip.files if (match := _ALARM_FILE.fullmatch(name))})
        for alarm in alarms:
            # Each alarm has other files beside its counter, so that a counter that is lost is missed.
            counter = next((kind for kind in _COUNTERS if f"{alarm}_{kind}" in chip.files), _COUNTERS[0])
            read = partial(_events, tree, alarm, f"{chip.folder}/{alarm}_{counter}")
            found.append(Reading(f"over_current/{alarm}", read, chip.folder))
        if not alarms:
            found.append(Reading("over_current", failing(MISSING), chip.folder))
    return found


def _held_back(tree: Tree, name: str, folder: str) -> Iterable[Sample]:
    now = parse_state(tree.text(f"{folder}/cur_state"))
    # 0 of whatever there is: the other file is read only when it matters, which halves the work on a cool board.
    if now == 0:
        return one("edge_throttling_ratio", 0.0, (name,))
    most = parse_state(tree.text(f"{folder}/max_state"))
    if most < now:
        raise SensorError(OUT_OF_RANGE)
    return one("edge_throttling_ratio", now / most, (name,))


def _events(tree: Tree, counter: str, path: str) -> Iterable[Sample]:
    return one("edge_over_current_events_total", parse_events(tree.text(path)), (counter,))
