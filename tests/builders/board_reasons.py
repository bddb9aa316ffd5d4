"""Which sensor stands for a sample, and whether that one, and no other, says why the sample is lost."""

from __future__ import annotations

import re
from typing import Final

from tests.builders.board_looks import Key, Look

_SENSORS: Final[tuple[tuple[str, str], ...]] = (
    ("edge_temperature_celsius", "temperature"),
    ("edge_temperature_limit_celsius", "temperature_limit"),
    ("edge_power_watts", "power"),
    ("edge_fan_duty_ratio", "fan_duty"),
    ("edge_fan_speed_rpm", "fan_speed"),
    ("edge_throttling_ratio", "throttling"),
    ("edge_over_current_events_total", "over_current"),
    ("edge_cpu_usage_ratio", "cpu_usage"),
    ("edge_cpu_core_usage_ratio", "cpu_core_usage"),
    ("edge_cpu_core_online", "cpu_online"),
    ("edge_cpu_seconds_total", "cpu_seconds"),
    ("edge_cpu_cores", "cpu_cores"),
    ("edge_memory_.*", "memory"),
    ("edge_swap_.*", "swap"),
    ("edge_gpu_usage_ratio", "gpu_usage"),
    ("edge_gpu_frequency_hertz", "gpu_frequency"),
    ("edge_gpu_memory_.*", "gpu_memory"),
    ("edge_emc_usage_ratio", "emc_usage"),
    ("edge_emc_frequency_hertz", "emc_frequency"),
    ("edge_disk_.*", "disk"),
    ("edge_power_mode_info", "power_mode"),
    ("edge_boot_timestamp_seconds", "boot_time"),
    ("edge_board_info", "board"),
)
_ONE_OF_MANY: Final = frozenset({"temperature", "temperature_limit", "power", "fan_duty", "fan_speed", "throttling", "over_current"})
_WHOLE_PARTS: Final = {"fan_duty": "fan", "fan_speed": "fan"}
"""The sensor that stands for a part of which nothing is found, where it is not called as its samples are."""


def kind_of(key: Key) -> str:
    """The sensor's name up to the name of the thing that it measures."""
    return next(sensor for metric, sensor in _SENSORS if re.fullmatch(metric, key[0]))


def sensor_of(key: Key) -> str:
    """The sensor of a sample: ``temperature/CPU-therm``, ``memory``."""
    kind = kind_of(key)
    return f"{kind}/{key[1][0]}" if kind in _ONE_OF_MANY else kind


def says_why(before: Look, now: Look, key: Key) -> bool:
    """Whether this sample's own sensor fell silent: under its name, under a new one, or with its part or source as a whole."""
    kind, wanted = kind_of(key), sensor_of(key)
    for (sensor, source), reason in now.silent.items():
        if before.silent.get((sensor, source)) == reason:
            continue
        if sensor in (wanted, kind, _WHOLE_PARTS.get(kind)):
            return True
        if sensor in (source, "hwmon") and (wanted, source) in before.states:
            return True
        # A thing that lost its name is called by its place.
        if sensor.startswith(f"{kind}/") and (sensor, source) not in before.states and (wanted, source) not in now.states:
            return True
    return False
