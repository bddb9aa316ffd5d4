"""Power by supply rail, from INA3221 monitors in both layouts of L4T and from any other power monitor's own figure.

R32 (``ina3221x``): ``iio:deviceN/rail_name_K`` and ``in_powerK_input`` in mW,
https://docs.nvidia.com/jetson/archives/l4t-archived/l4t-3275/Tegra%20Linux%20Driver%20Package%20Development%20Guide/power_management_jetson_xavier.html
From R35 (``hwmon``): ``inK_input`` in mV times ``currK_input`` in mA, K 1 to 3; inputs 4 to 7 are shunt voltages and their sum,
https://www.kernel.org/doc/html/latest/hwmon/ina3221.html
https://docs.nvidia.com/jetson/archives/r35.6.0/DeveloperGuide/SD/PlatformPowerAndPerformance/JetsonOrinNanoSeriesJetsonOrinNxSeriesAndJetsonAgxOrinSeries.html
Thor's input (INA238): ``power1_input`` in µW, https://www.kernel.org/doc/html/latest/hwmon/ina238.html, which measures VIN,
https://forums.developer.nvidia.com/t/question-about-power-monitor-with-additional-load-on-jetson-thor/366461
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, NamedTuple

from exporters.device.channel import Guard, guards, heed
from exporters.device.chips import I2C_ADDRESS, I2C_DRIVERS, Chip, owned
from exporters.device.number import MICROWATTS_PER_WATT, MOST_MICROWATTS, measured, parse_microwatts
from exporters.device.part import Reading, label
from exporters.device.sensor import UNPARSABLE, SensorError
from exporters.device.source import Sample, one
from exporters.device.tree import Tree

I2C_DEVICES: Final = "sys/bus/i2c/devices"
_CHANNELS: Final = (1, 2, 3)
"""An INA3221 has three inputs; what its driver numbers from 4 on are shunt voltages and sums."""

_MOST_MILLIVOLTS: Final = 26_000
"""What an INA3221 can measure; its register would go on to 32,760, where it stands when it is full:
https://www.ti.com/product/INA3221."""

_MOST_MILLIAMPERES: Final = 163_840
"""The chip's 163.84 mV over the smallest resistor that a Jetson has, 1 mΩ."""

_MILLIWATTS_PER_WATT: Final = 1e3
_NOT_CONNECTED: Final = "nc"
_SUM: Final = "sum of shunt voltages"
"""What the driver calls the input that adds up the others: https://www.kernel.org/doc/html/latest/hwmon/ina3221.html."""

_INA238: Final = "ina238"
_THOR_INPUT: Final = "VIN"
_THOR_INPUT_ADDRESSES: Final = ("-0044", "")
"""Thor's INA238 has no label; tegrastats calls its rail VIN."""

_IIO_DRIVER = re.compile(r"ina3221[a-z]{0,2}")
_IIO_DEVICE = re.compile(r"iio[:_-]device[0-9]*")
_RAIL_FILE = re.compile(r"(?:rail_name_|in_power)([0-9])(?:_input)?")
_POWER_FILE = re.compile(r"power([0-9]+)_(input|average)")


class Rail(NamedTuple):
    """One rail: its label or "", where it sits (bus address and channel), how its watts are read, and its chip's folder."""

    label: str
    place: str
    watts: Callable[[], float]
    folder: str


def parse_milliwatts(text: str) -> float:
    """Read ``in_powerK_input`` of the R32 driver, in mW, as W.

    Raises:
        SensorError: it is no whole number that can be a power.
    """
    return measured(text, 0, MOST_MICROWATTS // 1000) / _MILLIWATTS_PER_WATT


def watts_of(millivolts: str, milliamperes: str) -> float:
    """Multiply an INA3221's ``inK_input`` and ``currK_input``: mV · mA = µW.

    Raises:
        SensorError: one of them is no whole number that the chip can measure, or the current flows backwards.
    """
    return measured(millivolts, 0, _MOST_MILLIVOLTS) * measured(milliamperes, 0, _MOST_MILLIAMPERES) / MICROWATTS_PER_WATT


def power_readings(tree: Tree) -> list[Reading]:
    """Every rail of every monitor, named by its label, or by its place where it has none or shares it with another."""
    names = {chip: label(tree, f"{chip.folder}/name") for chip in owned(tree, "power")}
    rails = list(_iio_rails(tree))
    for chip, chip_name in names.items():
        rails += _chip_rails(tree, chip, chip_name, chip.address or chip.told_from_others(chip_name, names.values()))
    rails = [rail for rail in rails if rail.label.lower() not in (_NOT_CONNECTED, _SUM)]
    shared = Counter(rail.label for rail in rails)
    readings = []
    for rail in rails:
        name = rail.label if rail.label and shared[rail.label] == 1 else f"{rail.label or 'rail'}_{rail.place}"
        readings.append(Reading(f"power/{name}", partial(_sample, name, rail.watts), rail.folder))
    return readings


def _sample(name: str, watts: Callable[[], float]) -> Iterable[Sample]:
    return one("edge_power_watts", watts(), (name,))


def _iio_rails(tree: Tree) -> Iterator[Rail]:
    drivers = [f"{I2C_DRIVERS}/{driver}" for driver in tree.names(I2C_DRIVERS) if _IIO_DRIVER.fullmatch(driver)]
    for driver in drivers or [I2C_DEVICES]:
        for address in tree.names(driver):
            if not I2C_ADDRESS.fullmatch(address):
                continue
            devices = [name for name in tree.names(f"{driver}/{address}") if _IIO_DEVICE.fullmatch(name)]
            for device in devices[:1]:  # the older name of the same folder may stand beside the newer one
                folder = f"{driver}/{address}/{device}"
                files = tree.names(folder)
                for channel in sorted({match[1] for name in files if (match := _RAIL_FILE.fullmatch(name))}):
                    said = label(tree, f"{folder}/rail_name_{channel}")
                    watts = partial(_milliwatts, tree, f"{folder}/in_power{channel}_input")
                    yield Rail(said, f"{address}_{channel}", watts if said or f"rail_name_{channel}" not in files else _unnamed, folder)


def _chip_rails(tree: Tree, chip: Chip, name: str, place: str) -> Iterator[Rail]:
    """The rails of one hardware monitoring chip, by what kind of monitor its driver, its name or its files say it is."""
    figures = _own_figures(chip) or (["power1_input"] if _INA238 in (chip.driver, name) else [])
    if "ina3221" in (chip.driver, name) or (not figures and _looks_like_ina3221(chip)):
        channels = [channel for channel in _CHANNELS if chip.files & {f"in{channel}_input", f"curr{channel}_input"}]
        # Without any channel the chip is there and its files are not: the first is asked, and is found missing.
        for channel in channels or _CHANNELS[:1]:
            said, watts = label(tree, f"{chip.folder}/in{channel}_label"), _product(tree, chip, channel)
            known = said or f"in{channel}_label" not in chip.files
            yield Rail(said, f"{place}_{channel}", watts if known else _unnamed, chip.folder)
        return
    for file in figures:
        number = file.removeprefix("power").split("_")[0]
        watts = partial(_microwatts, tree, f"{chip.folder}/{file}", guards(chip, (f"power{number}",), name))
        yield Rail(_figure_label(tree, chip, name, number), f"{place}_{number}", watts, chip.folder)


def _figure_label(tree: Tree, chip: Chip, name: str, number: str) -> str:
    """What a power is called: by its own label, its voltage's, the chip's, or tegrastats."""
    for file in (f"power{number}_label", f"in{number}_label", "label"):
        said = label(tree, f"{chip.folder}/{file}") if file in chip.files else ""
        if said:
            return said
    return _THOR_INPUT if _INA238 in (chip.driver, name) and chip.address.endswith(_THOR_INPUT_ADDRESSES) else ""


def _own_figures(chip: Chip) -> list[str]:
    """Files of powers that the chip says itself; the mean only where there is no figure of now."""
    found = {match[1]: match[2] for name in sorted(chip.files) if (match := _POWER_FILE.fullmatch(name))}
    return [f"power{number}_{kind}" for number, kind in sorted(found.items(), key=lambda entry: int(entry[0]))]


def _looks_like_ina3221(chip: Chip) -> bool:
    """Whether a chip whose name was lost has what no other driver has: labels of voltages, but none of currents, for three inputs."""
    pairs = [n for n in _CHANNELS if {f"in{n}_label", f"in{n}_input", f"curr{n}_input"} <= chip.files]
    return "shunt1_resistor" in chip.files or (bool(pairs) and not chip.files & {"in0_input", "curr1_label"})


def _unnamed() -> float:
    """Of a rail whose label is there and cannot be read: it may be that of an input without a rail."""
    raise SensorError(UNPARSABLE)


def _milliwatts(tree: Tree, path: str) -> float:
    return parse_milliwatts(tree.text(path))


def _microwatts(tree: Tree, path: str, asked: tuple[Guard, ...]) -> float:
    heed(tree, asked)
    return parse_microwatts(tree.text(path))


def _product(tree: Tree, chip: Chip, channel: int) -> Callable[[], float]:
    volts, amperes = f"{chip.folder}/in{channel}_input", f"{chip.folder}/curr{channel}_input"
    asked = guards(chip, (f"in{channel}", f"curr{channel}"))

    def read() -> float:
        heed(tree, asked)
        return watts_of(tree.text(volts), tree.text(amperes))

    return read
