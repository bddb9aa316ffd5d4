"""The one walk over hardware monitoring chips that decides whose each chip is, by the files that it has.

The listing of a chip's folder is enough: its ``name`` file can be damaged or hang, and is read only by the owner.
Sources: https://www.kernel.org/doc/html/latest/hwmon/sysfs-interface.html and the drivers' own pages beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from exporters.device.part import label
from exporters.device.tree import Tree

HWMON: Final = "sys/class/hwmon"
I2C_DRIVERS: Final = "sys/bus/i2c/drivers"
MOST_CHIPS: Final = 64

Owner = Literal["power", "fan", "over_current", "others"]

_CHIP = re.compile(r"hwmon([0-9]{1,6})")
MONITOR_DRIVER = re.compile(r"ina[0-9]{3}[a-z0-9]{0,8}")
I2C_ADDRESS = re.compile(r"[0-9a-f]+-[0-9a-f]{4}")
"""As the kernel names a chip on a bus: ``1-0040``. It may become a label, so that nothing else is taken for one."""

_OVER_CURRENT = re.compile(r"oc[0-9]+_[a-z_]+")
_FAN = re.compile(r"pwm[0-9].*|fan[0-9].*|rpm|rpm_measured|cur_pwm|target_pwm")
_POWER = re.compile(r"power[0-9]+_(?:input|average)|curr[0-9]+_.*|shunt.*")
_OTHER = re.compile(r"(?:temp|in)[0-9].*")
_DEVICE_FOLDERS: Final = (
    "sys/devices/generic_pwm_tachometer/hwmon",
    "sys/devices/platform/generic_pwm_tachometer/hwmon",
    "sys/devices/pwm-fan/hwmon",
    "sys/devices/platform/pwm-fan/hwmon",
    "sys/devices/platform/soctherm-oc-event/hwmon",
)
"""Where L4T R32 and R35 have these chips themselves; a recorded tree may lack the links of sys/class/hwmon."""

_BY_NAME: Final[tuple[tuple[str, Owner], ...]] = (("tach", "fan"), ("fan", "fan"), ("ina", "power"), ("soctherm_oc", "over_current"))


class Chip(NamedTuple):
    """One folder of a monitoring chip, its files, and where it sits: driver and address on the i2c bus, or "" and ""."""

    folder: str
    files: frozenset[str]
    driver: str
    address: str

    @property
    def number(self) -> str:
        """``hwmon3``."""
        return self.folder.rsplit("/", 1)[-1]

    def told_from_others(self, name: str, names: Iterable[str]) -> str:
        """This chip's name, or its driver's number as well where several of ``names`` are the same; its number where it has none."""
        if not name:
            return self.number
        return name if sum(1 for other in names if other == name) == 1 else f"{name}_{self.number.removeprefix('hwmon')}"


def chips(tree: Tree) -> list[Chip]:
    """All chips by their number; each once, however many paths lead to it, and at most MOST_CHIPS."""
    on_bus = {number: (driver, address, folder) for number, driver, address, folder in _monitors_on_i2c(tree)}
    folders = {number: folder for number, (_, _, folder) in on_bus.items()}
    for parent in (*_DEVICE_FOLDERS, HWMON):
        folders |= {number: f"{parent}/{number}" for number in tree.names(parent) if _CHIP.fullmatch(number)}
    numbers = sorted(folders, key=lambda number: int(number.removeprefix("hwmon")))[:MOST_CHIPS]
    found = []
    for number in numbers:
        driver, address, _ = on_bus.get(number, ("", "", ""))
        found.append(Chip(folders[number], _files(tree, folders[number]), driver, address))
    return found


def _files(tree: Tree, folder: str) -> frozenset[str]:
    try:
        return frozenset(tree.names(folder))
    except OSError:
        # A folder that may not be listed takes no other chip with it.
        return frozenset()


def owned(tree: Tree, owner: Owner) -> list[Chip]:
    """The chips of one owner; every chip has exactly one."""
    return [chip for chip in chips(tree) if owner_of(tree, chip) == owner]


def owner_of(tree: Tree, chip: Chip) -> Owner:
    """Who reads a chip's power and fans. Temperatures of all of them are read by ``exporters/device/hwmon.py``."""
    fan = any(_FAN.fullmatch(name) for name in chip.files)
    power = any(_POWER.fullmatch(name) for name in chip.files)
    other = any(_OTHER.fullmatch(name) for name in chip.files)
    if any(_OVER_CURRENT.fullmatch(name) for name in chip.files):
        return "over_current"
    if (power or chip.driver) and not fan:  # a chip that its driver tells to be a power monitor stays one when its files are lost
        return "power"
    if fan and not power and not other:
        return "fan"
    if fan or power or other:
        return "others"
    # A chip without any number has lost its files: its name tells who must report that.
    name = label(tree, f"{chip.folder}/name")
    return next((owner for word, owner in _BY_NAME if word in name), "others")


def _monitors_on_i2c(tree: Tree) -> list[tuple[str, str, str, str]]:
    """Power monitors (INA3221 and its kin) by their bus address: (hwmonN, driver, address, folder)."""
    found = []
    for driver in tree.names(I2C_DRIVERS):
        if not MONITOR_DRIVER.fullmatch(driver):
            continue
        for address in tree.names(f"{I2C_DRIVERS}/{driver}"):
            folder = f"{I2C_DRIVERS}/{driver}/{address}/hwmon"
            if I2C_ADDRESS.fullmatch(address):
                found += [(number, driver, address, f"{folder}/{number}") for number in tree.names(folder) if _CHIP.fullmatch(number)]
    return found
