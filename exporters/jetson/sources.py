"""The parts of sysfs and procfs that are read on a Jetson; each that can hang alone is a source of its own."""

from __future__ import annotations

from typing import Final

from exporters.device.chips import HWMON
from exporters.device.part import Part, never
from exporters.device.source import Source
from exporters.device.tree import Tree
from exporters.jetson.emc import emc_readings
from exporters.jetson.fan import fan_readings
from exporters.jetson.gpu import DEVFREQ, gpu_readings
from exporters.jetson.identity import DEVICE_TREE, is_jetson
from exporters.jetson.power import power_readings
from exporters.jetson.power_mode import STATUS_FOLDER, power_mode_readings
from exporters.jetson.release import identity_readings
from exporters.jetson.throttling import THERMAL, over_current_readings, throttling_readings

PARTS: Final = (
    Part("sysfs/gpu", "gpu_frequency", DEVFREQ, gpu_readings, is_jetson),
    Part("sysfs/emc", "emc_frequency", DEVFREQ, emc_readings, is_jetson),
    Part("sysfs/power", "power", HWMON, power_readings, is_jetson),
    Part("sysfs/fan", "fan", HWMON, fan_readings, is_jetson),
    Part("sysfs/throttling", "throttling", THERMAL, throttling_readings, is_jetson),
    Part("sysfs/over_current", "over_current", HWMON, over_current_readings, never),  # a Nano has none
    Part("power_mode", "power_mode", STATUS_FOLDER, power_mode_readings, is_jetson),
    Part("identity", "board", DEVICE_TREE, identity_readings, is_jetson),
)


def jetson_sources(tree: Tree) -> tuple[Source, ...]:
    """All parts, on whatever machine: what is there is read; what a Jetson must have and has not is said to be missing."""
    return tuple(part.source(tree) for part in PARTS)
