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

from exporters.device.chips import I2C_DRIVERS, Chip, owned
from exporters.device.number import BLANKS, MICROWATTS_PER_WATT, MOST_MICROWATTS, parse_microwatts, whole
from exporters.device.part import Reading, label
from exporters.device.sensor import SWITCHED_OFF, UNPARSABLE, SensorError
from exporters.device.source import Sample, one
from exporters.device.tree import Tree

I2C_DEVICES: Final = "sys/bus/i2c/devices"
_CHANNELS: Final = (1, 2, 3)
"""An INA3221 has three inputs; what its driver numbers from 4 on are shunt voltages and sums."""

_MOST_MILLIVOLTS: Final = 32_760
"""The end of the INA3221's bus voltage register."""

_MOST_MILLIAMPERES: Final = 1_000_000
_MILLIWATTS_PER_WATT: Final = 1e3
_NOT_CONNECTED: Final = "nc"
_SUM: Final = "sum"
_INA238: Final = "ina238"
_THOR_INPUT: Final = "VIN"
_THOR_INPUT_ADDRESSES: Final = ("-0044", "")
"""Thor's INA238 has no label; tegrastats calls its rail VIN."""

_IIO_DEVICE = re.compile(r"iio[:_-]device[0-9]*")
_RAIL_FILE = re.compile(r"(?:rail_name_|in_power)([0-9])(?:_input)?")
_POWER_FILE = re.compile(r"power([0-9]+)_(input|average)")


class Rail(NamedTuple):
    """One rail: its label or "", where it sits (bus address and channel), and how its watts are read."""

    label: str
    place: str
    watts: Callable[[], float]


def parse_milliwatts(text: str) -> float:
    """Read ``in_powerK_input`` of the R32 driver, in mW, as W.

    Raises:
        SensorError: it is no whole number that can be a power.
    """
    return whole(text, 0, MOST_MICROWATTS // 1000) / _MILLIWATTS_PER_WATT


def watts_of(millivolts: str, milliamperes: str) -> float:
    """Multiply an INA3221's ``inK_input`` and ``currK_input``: mV · mA = µW.

    Raises:
        SensorError: one of them is no whole number that the chip can measure, or the current flows backwards.
    """
    return whole(millivolts, 0, _MOST_MILLIVOLTS) * whole(milliamperes, 0, _MOST_MILLIAMPERES) / MICROWATTS_PER_WATT


def power_readings(tree: Tree) -> list[Reading]:
    """Every rail of every monitor, named by its label, or by its place where it has none or shares it with another."""
    rails = [*_iio_rails(tree), *(rail for chip in owned(tree, "power") for rail in _chip_rails(tree, chip))]
    rails = [rail for rail in rails if rail.label.lower() != _NOT_CONNECTED and not rail.label.lower().startswith(_SUM)]
    shared = Counter(rail.label for rail in rails)
    readings = []
    for rail in rails:
        name = rail.label if rail.label and shared[rail.label] == 1 else f"{rail.label or 'rail'}_{rail.place}"
        readings.append(Reading(f"power/{name}", partial(_sample, name, rail.watts)))
    return readings


def _sample(name: str, watts: Callable[[], float]) -> Iterable[Sample]:
    return one("edge_power_watts", watts(), (name,))


def _iio_rails(tree: Tree) -> Iterator[Rail]:
    drivers = [f"{I2C_DRIVERS}/{driver}" for driver in tree.names(I2C_DRIVERS) if driver.startswith("ina3221")]
    for driver in drivers or [I2C_DEVICES]:
        for address in tree.names(driver):
            devices = [name for name in tree.names(f"{driver}/{address}") if _IIO_DEVICE.fullmatch(name)] if "-" in address else []
            for device in devices[:1]:  # the older name of the same folder may stand beside the newer one
                folder = f"{driver}/{address}/{device}"
                files = tree.names(folder)
                for channel in sorted({match[1] for name in files if (match := _RAIL_FILE.fullmatch(name))}):
                    said = label(tree, f"{folder}/rail_name_{channel}")
                    watts = partial(_milliwatts, tree, f"{folder}/in_power{channel}_input")
                    yield Rail(said, f"{address}_{channel}", watts if said or f"rail_name_{channel}" not in files else _unnamed)


def _chip_rails(tree: Tree, chip: Chip) -> Iterator[Rail]:
    """The rails of one hardware monitoring chip, by what kind of monitor its driver, its name or its files say it is."""
    name = label(tree, f"{chip.folder}/name")
    place = chip.address or name or chip.number
    figures = _own_figures(chip) or (["power1_input"] if _INA238 in (chip.driver, name) else [])
    if "ina3221" in (chip.driver, name) or (not figures and _looks_like_ina3221(chip)):
        channels = [channel for channel in _CHANNELS if chip.files & {f"in{channel}_input", f"curr{channel}_input"}]
        # Without any channel the chip is there and its files are not: the first is asked, and is found missing.
        for channel in channels or _CHANNELS[:1]:
            said, watts = label(tree, f"{chip.folder}/in{channel}_label"), partial(_product, tree, chip, channel)
            yield Rail(said, f"{place}_{channel}", watts if said or f"in{channel}_label" not in chip.files else _unnamed)
        return
    for file in figures:
        number = file.removeprefix("power").split("_")[0]
        yield Rail(_figure_label(tree, chip, name, number), f"{place}_{number}", partial(_microwatts, tree, f"{chip.folder}/{file}"))


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


def _microwatts(tree: Tree, path: str) -> float:
    return parse_microwatts(tree.text(path))


def _product(tree: Tree, chip: Chip, channel: int) -> float:
    try:
        return watts_of(tree.text(f"{chip.folder}/in{channel}_input"), tree.text(f"{chip.folder}/curr{channel}_input"))
    except OSError:
        # A channel that its owner switched off answers reads with "no data".
        enable = f"in{channel}_enable"
        if enable in chip.files and tree.text(f"{chip.folder}/{enable}").strip(BLANKS) == "0":
            raise SensorError(SWITCHED_OFF) from None
        raise
