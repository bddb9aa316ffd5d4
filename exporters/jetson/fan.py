"""Duty and speed of a Jetson's fan.

R32: ``/sys/devices/pwm-fan/cur_pwm`` and ``target_pwm`` (0 to 255) and the tachometer's ``rpm``; from R35 the chips ``pwmfan``
(``pwm1``) and ``pwm_tach`` (``rpm``, or ``fan1_input`` with the kernel's own driver):
https://docs.nvidia.com/jetson/archives/l4t-archived/l4t-3275/Tegra%20Linux%20Driver%20Package%20Development%20Guide/power_management_jetson_xavier.html
https://docs.nvidia.com/jetson/archives/r35.6.0/DeveloperGuide/SD/PlatformPowerAndPerformance/JetsonOrinNanoSeriesJetsonOrinNxSeriesAndJetsonAgxOrinSeries.html
https://www.kernel.org/doc/html/latest/hwmon/pwm-fan.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Final

from exporters.device.chips import Chip, owned
from exporters.device.number import parse_duty, parse_rpm, whole
from exporters.device.part import Reading, label
from exporters.device.sensor import SWITCHED_OFF, SensorError
from exporters.device.source import Sample, one
from exporters.device.tree import Tree

_R32_FOLDERS: Final = ("sys/devices/pwm-fan", "sys/devices/platform/pwm-fan")
_R32_DUTIES: Final = ("target_pwm", "cur_pwm")
"""What the fan is told; the current duty climbs to it within seconds and stands for it where it is not shown."""

_PWM = re.compile(r"pwm([0-9]{1,2})(?:_enable)?")
_FAN_INPUT = re.compile(r"fan([0-9]{1,2})_input")
_SPEEDS: Final = ("rpm", "rpm_measured")


def fan_readings(tree: Tree) -> list[Reading]:
    """Duties and speeds; the first fan is ``fan1`` in both, since two drivers of one fan do not know of each other."""
    chips = owned(tree, "fan")
    duties = [files for chip in chips if (files := _duties(tree, chip))]
    speeds = [files for chip in chips if (files := _speeds(tree, chip))]
    if not duties:
        duties = [{"1": f"{folder}/{file}"} for folder in _R32_FOLDERS for file in _R32_DUTIES if tree.has(f"{folder}/{file}")][:1]
    if not speeds:
        speeds = [{"1": f"{folder}/{_SPEEDS[1]}"} for folder in _R32_FOLDERS if tree.has(f"{folder}/{_SPEEDS[1]}")][:1]
    found = [Reading(f"fan_duty/{fan}", partial(_duty, tree, fan, path)) for fan, path in _numbered(duties)]
    return found + [Reading(f"fan_speed/{fan}", partial(_speed, tree, fan, path)) for fan, path in _numbered(speeds)]


def _numbered(fans: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Names by the number in the file's name; fans of a second chip get the chip's place as well."""
    names = []
    for place, files in enumerate(fans, 1):
        names += [(f"fan{number}" if place == 1 else f"fan{number}_{place}", path) for number, path in sorted(files.items())]
    return names


def _duties(tree: Tree, chip: Chip) -> dict[str, str]:
    numbers = {match[1] for name in chip.files if (match := _PWM.fullmatch(name))}
    if numbers:
        return {number: f"{chip.folder}/pwm{number}" for number in numbers}
    for file in _R32_DUTIES:
        if file in chip.files:
            return {"1": f"{chip.folder}/{file}"}
    # A chip that lost its only file is still a fan's: what is missing is then said to be missing.
    return {"1": f"{chip.folder}/pwm1"} if _bare(chip) and "tach" not in label(tree, f"{chip.folder}/name") else {}


def _speeds(tree: Tree, chip: Chip) -> dict[str, str]:
    inputs = {match[1]: f"{chip.folder}/{name}" for name in chip.files if (match := _FAN_INPUT.fullmatch(name))}
    if inputs:
        return inputs
    for file in _SPEEDS:
        if file in chip.files:
            return {"1": f"{chip.folder}/{file}"}
    return {"1": f"{chip.folder}/{_SPEEDS[0]}"} if _bare(chip) and "tach" in label(tree, f"{chip.folder}/name") else {}


def _bare(chip: Chip) -> bool:
    return not any(name.startswith(("pwm", "fan", "rpm", "cur_", "target_")) for name in chip.files)


def _duty(tree: Tree, fan: str, path: str) -> Iterable[Sample]:
    return one("edge_fan_duty_ratio", parse_duty(tree.text(path)), (fan,))


def _speed(tree: Tree, fan: str, path: str) -> Iterable[Sample]:
    folder, _, file = path.rpartition("/")
    # R32's own driver counts only while it is told to; until then its 0 is no measurement.
    if file == _SPEEDS[1] and whole(tree.text(f"{folder}/tach_enable"), 0, 1) == 0:
        raise SensorError(SWITCHED_OFF)
    return one("edge_fan_speed_rpm", parse_rpm(tree.text(path)), (fan,))
