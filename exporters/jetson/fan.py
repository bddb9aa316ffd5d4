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
from typing import Final, NamedTuple

from exporters.device.channel import Guard, guards, heed
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


class _File(NamedTuple):
    """Where a fan's number stands, and what must be asked before it is believed."""

    folder: str
    name: str
    guards: tuple[Guard, ...] = ()


def fan_readings(tree: Tree) -> list[Reading]:
    """Duties and speeds; the first fan is ``fan1`` in both, since two drivers of one fan do not know of each other."""
    chips = owned(tree, "fan")
    duties = [files for chip in chips if (files := _duties(tree, chip))]
    speeds = [files for chip in chips if (files := _speeds(tree, chip))]
    if not duties:
        duties = [{"1": _File(folder, file)} for folder in _R32_FOLDERS for file in _R32_DUTIES if tree.has(f"{folder}/{file}")][:1]
    if not speeds:
        speeds = [{"1": _File(folder, _SPEEDS[1])} for folder in _R32_FOLDERS if tree.has(f"{folder}/{_SPEEDS[1]}")][:1]
    found = [Reading(f"fan_duty/{fan}", partial(_duty, tree, fan, file), file.folder) for fan, file in _numbered(duties)]
    return found + [Reading(f"fan_speed/{fan}", partial(_speed, tree, fan, file), file.folder) for fan, file in _numbered(speeds)]


def _numbered(fans: list[dict[str, _File]]) -> list[tuple[str, _File]]:
    """Names by the number in the file's name; fans of a second chip get the chip's place as well."""
    names = []
    for place, files in enumerate(fans, 1):
        names += [(f"fan{number}" if place == 1 else f"fan{number}_{place}", file) for number, file in sorted(files.items())]
    return names


def _duties(tree: Tree, chip: Chip) -> dict[str, _File]:
    numbers = {match[1] for name in chip.files if (match := _PWM.fullmatch(name))}
    if numbers:
        return {number: _File(chip.folder, f"pwm{number}", guards(chip, (f"pwm{number}",))) for number in numbers}
    for file in _R32_DUTIES:
        if file in chip.files:
            return {"1": _File(chip.folder, file)}
    # A chip that lost its only file is still a fan's: what is missing is then said to be missing.
    return {"1": _File(chip.folder, "pwm1")} if _bare(chip) and "tach" not in label(tree, f"{chip.folder}/name") else {}


def _speeds(tree: Tree, chip: Chip) -> dict[str, _File]:
    numbers = {match[1] for name in chip.files if (match := _FAN_INPUT.fullmatch(name))}
    if numbers:
        return {number: _File(chip.folder, f"fan{number}_input", guards(chip, (f"fan{number}",))) for number in numbers}
    for file in _SPEEDS:
        if file in chip.files:
            return {"1": _File(chip.folder, file)}
    return {"1": _File(chip.folder, _SPEEDS[0])} if _bare(chip) and "tach" in label(tree, f"{chip.folder}/name") else {}


def _bare(chip: Chip) -> bool:
    return not any(name.startswith(("pwm", "fan", "rpm", "cur_", "target_")) for name in chip.files)


def _duty(tree: Tree, fan: str, file: _File) -> Iterable[Sample]:
    heed(tree, file.guards)
    return one("edge_fan_duty_ratio", parse_duty(tree.text(f"{file.folder}/{file.name}")), (fan,))


def _speed(tree: Tree, fan: str, file: _File) -> Iterable[Sample]:
    # R32's own driver counts only while it is told to; until then its 0 is no measurement.
    if file.name == _SPEEDS[1] and whole(tree.text(f"{file.folder}/tach_enable"), 0, 1) == 0:
        raise SensorError(SWITCHED_OFF)
    heed(tree, file.guards)
    return one("edge_fan_speed_rpm", parse_rpm(tree.text(f"{file.folder}/{file.name}")), (fan,))
