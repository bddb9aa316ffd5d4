"""Finds in a board's tree which file means what, as a reader would: by the kernel's own labels, types and names; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from exporters.emulated.model import Silicon
from exporters.emulated.texts import cores_in, memory_total_bytes

STAT, MEMINFO, UPTIME = "proc/stat", "proc/meminfo", "proc/uptime"
CPU_FOLDER: Final = "sys/devices/system/cpu"
EMC_ACTIVITY: Final = "sys/kernel/actmon_avg_activity/mc_all"
EMC_CLOCKS: Final = ("sys/kernel/debug/bpmp/debug/clk/emc/rate", "sys/kernel/debug/clk/emc/clk_rate")

Place = Literal["cpu", "gpu", "hottest", "board"]
Share = Literal["cpu", "gpu", "both", "rest", "total"]
"""What a rail's power follows."""

_LIMIT_CELSIUS: Final = 95.0
"""Where a tree names no passive trip point of its CPU or GPU."""
_COLDEST_LIMIT_CELSIUS, _HOTTEST_LIMIT_CELSIUS = 70.0, 120.0
"""A trip point outside is switched off, or means something else than the junction."""
_COLDEST_CELSIUS, _HOTTEST_CELSIUS = -55.0, 150.0
_MILLI: Final = 1000.0

_GPU: Final = re.compile(r"gpu|g[pvb]1\db|ga10b|gm20b", re.IGNORECASE)
_CPU: Final = re.compile(r"cpu", re.IGNORECASE)
_HOLDS_CLOCKS: Final = re.compile(r"cpu|gpu|devfreq", re.IGNORECASE)
_TOTAL_RAIL: Final = re.compile(r"VDD_IN|VIN|POM_5V_IN|5V_IN|VDD_5V_IN", re.IGNORECASE)
_ZONE: Final = re.compile(r"(?P<folder>.*/(?P<number>thermal_zone\d+))/temp")
_COOLER: Final = re.compile(r"(?P<folder>.*/cooling_device\d+)/cur_state")
_CURRENT: Final = re.compile(r"(?P<folder>.*)/(?P<kind>curr|in_current)(?P<number>\d+)_input")
_CORE_ONLINE: Final = re.compile(r"sys/devices/system/cpu/cpu(\d+)/online")
_FAN_NAMES: Final = ("pwm1", "cur_pwm", "target_pwm")
_RPM_NAMES: Final = ("fan1_input", "rpm", "rpm_measured")
_SUM: Final = "sum of shunt voltages"
"""What an INA3221's driver calls the input that adds up the others."""

_NEVER_MEASURED: Final = "PMIC-Die"
"""This zone says the same for ever on every board; moving it would give a sense to what has none."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A thermal zone; ``name`` is its type, with its number where another zone has the same."""

    path: str
    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Rail:
    """A supply rail by its label. ``watts`` and ``millivolts`` are what the tree said; ``power_path`` "" where there is no such file."""

    label: str
    share: Share
    watts: float
    millivolts: float
    current_path: str
    power_path: str
    power_per_watt: float


@dataclass(frozen=True, slots=True)
class Cooler:
    """A cooling device by its type, with the highest state that it knows."""

    path: str
    kind: str
    most: int


@dataclass(frozen=True, slots=True)
class GpuClock:
    """A GPU's clock: the files that tell it and the steps that it knows, in hertz."""

    paths: tuple[str, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All that moves on a board; ``files`` are the texts of its tree as they were, ``emc_hertz`` 0 where no memory clock is told."""

    files: Mapping[str, str]
    silicon: Silicon
    memory_bytes: int
    zones: tuple[Zone, ...]
    coolers: tuple[Cooler, ...]
    rails: tuple[Rail, ...]
    fans: tuple[str, ...]
    fan_states: tuple[Cooler, ...]
    tachometers: tuple[str, ...]
    gpu_loads: tuple[str, ...]
    gpu_states: tuple[str, ...]
    emc_hertz: int
    gpu_clocks: tuple[GpuClock, ...]
    core_switches: Mapping[int, str]


def layout_of(files: Mapping[str, str]) -> Layout:
    """Find everything in a tree's texts by path; what is not there stays empty."""
    zones = tuple(_zones(files))
    coolers = tuple(_coolers(files))
    named = {path: path.rpartition("/")[2] for path in files}
    return Layout(
        files=files,
        silicon=Silicon(_cores(files), _limit(files, zones)),
        memory_bytes=memory_total_bytes(files.get(MEMINFO, "")),
        zones=zones,
        coolers=tuple(one for one in coolers if "fan" not in one.kind.lower() and _HOLDS_CLOCKS.search(one.kind)),
        rails=tuple(_rails(files)),
        fans=tuple(path for path, name in named.items() if name in _FAN_NAMES),
        fan_states=tuple(one for one in coolers if "fan" in one.kind.lower()),
        tachometers=tuple(path for path, name in named.items() if name in _RPM_NAMES and _turns(files, path)),
        gpu_loads=tuple(path for path, name in named.items() if name == "load" and _GPU.search(path)),
        gpu_states=tuple(path for path, name in named.items() if name == "runtime_status" and _GPU.search(path)),
        emc_hertz=next((int(files[path]) for path in EMC_CLOCKS if files.get(path, "").strip().isdecimal()), 0),
        gpu_clocks=tuple(_gpu_clocks(files)),
        core_switches={int(match[1]): path for path in files if (match := _CORE_ONLINE.fullmatch(path))},
    )


def _turns(files: Mapping[str, str], path: str) -> bool:
    """Whether a tachometer is connected; an R32 board says of its own that it has none."""
    return files.get(path.rpartition("/")[0] + "/tach_enable", "1").strip() != "0"


def _cores(files: Mapping[str, str]) -> tuple[int, ...]:
    online = cores_in(files.get(f"{CPU_FOLDER}/online", ""))
    told = (line.split(maxsplit=1)[0][3:] for line in files.get(STAT, "").splitlines() if line.startswith("cpu"))
    in_stat = tuple(int(number) for number in told if number.isdecimal())
    return tuple(core for core in in_stat if not online or core in online)


def _zones(files: Mapping[str, str]) -> Iterable[Zone]:
    found = [(match, files[f"{match['folder']}/type"].strip()) for path in files
             if (match := _ZONE.fullmatch(path)) and f"{match['folder']}/type" in files]  # fmt: skip
    kinds = [kind for _, kind in found]
    for match, kind in found:
        text = files[match[0]].strip()
        if kind == _NEVER_MEASURED or not _is_warm(text):
            continue
        number = match["number"].removeprefix("thermal_zone")
        yield Zone(match[0], kind if kinds.count(kind) == 1 else f"{kind}_{number}", _place(kind))


def _is_warm(text: str) -> bool:
    """Whether a zone tells a temperature at all: -256 °C is that of a part without power."""
    return text.removeprefix("-").isdecimal() and _COLDEST_CELSIUS <= int(text) / _MILLI <= _HOTTEST_CELSIUS


def _place(kind: str) -> Place:
    if kind.lower().startswith("tj"):
        return "hottest"
    return "gpu" if _GPU.search(kind) else "cpu" if _CPU.search(kind) else "board"


def _limit(files: Mapping[str, str], zones: Iterable[Zone]) -> float:
    """The lowest passive trip point of the CPU's and GPU's zones."""
    limits = []
    for zone in zones:
        folder = zone.path.rpartition("/")[0]
        for path, text in files.items():
            if zone.place != "board" and path.startswith(f"{folder}/trip_point_") and path.endswith("_type") and text.strip() == "passive":
                limit = files.get(path.removesuffix("type") + "temp", "").strip()
                if limit.isdecimal() and _COLDEST_LIMIT_CELSIUS <= int(limit) / _MILLI <= _HOTTEST_LIMIT_CELSIUS:
                    limits.append(int(limit) / _MILLI)
    return min(limits, default=_LIMIT_CELSIUS)


def _coolers(files: Mapping[str, str]) -> Iterable[Cooler]:
    for path in files:
        if match := _COOLER.fullmatch(path):
            kind, most = (files.get(f"{match['folder']}/{name}", "").strip() for name in ("type", "max_state"))
            if most.isdecimal() and int(most) > 0:
                yield Cooler(path, kind, int(most))


def _rails(files: Mapping[str, str]) -> Iterable[Rail]:
    for path in files:
        if not (match := _CURRENT.fullmatch(path)):
            continue
        folder, number, is_iio = match["folder"], match["number"], match["kind"] == "in_current"
        volts = f"{folder}/in_voltage{number}_input" if is_iio else f"{folder}/in{number}_input"
        labels = (f"{folder}/rail_name_{number}",) if is_iio else (f"{folder}/in{number}_label", f"{folder}/curr{number}_label")
        power = f"{folder}/in_power{number}_input" if is_iio else f"{folder}/power{number}_input"
        label = next((files[one].strip() for one in labels if one in files), "")
        current, millivolts = files[path].strip(), files.get(volts, "").strip()
        if label and label != _SUM and current.isdecimal() and millivolts.isdecimal() and int(current) * int(millivolts) > 0:
            watts = int(current) * int(millivolts) / _MILLI / _MILLI
            # The iio driver tells milliwatts, hwmon microwatts: https://docs.kernel.org/hwmon/sysfs-interface.html
            per_watt = _MILLI if is_iio else _MILLI * _MILLI
            yield Rail(label, _share(label), watts, float(millivolts), path, power if power in files else "", per_watt)


def _share(label: str) -> Share:
    if _TOTAL_RAIL.fullmatch(label):
        return "total"
    has_cpu, has_gpu = bool(_CPU.search(label)), bool(_GPU.search(label))
    return "both" if has_cpu and has_gpu else "cpu" if has_cpu else "gpu" if has_gpu else "rest"


def _gpu_clocks(files: Mapping[str, str]) -> Iterable[GpuClock]:
    for path in files:
        folder, _, name = path.rpartition("/")
        if name != "cur_freq" or not _GPU.search(folder):
            continue
        told = " ".join(files.get(f"{folder}/{one}", "") for one in ("available_frequencies", "min_freq", "max_freq"))
        steps = sorted({int(word) for word in (*told.split(), files[path].strip()) if word.isdecimal() and int(word) > 0})
        paths = tuple(one for one in (path, f"{folder}/target_freq") if one in files)
        if steps:
            yield GpuClock(paths, tuple(steps))
