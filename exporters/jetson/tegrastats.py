"""Reads one line of NVIDIA's tegrastats program: what it says in the contract's words, and nothing that it does not say.

A line is ``[date time] RAM … [SWAP …] CPU […] …`` and a list of engines, temperatures and supply rails after that, which
differs by board and release (tests/exporters/boards/constructed/*.tegrastats.toml, each line with its public source). Fields:
https://docs.nvidia.com/jetson/archives/l4t-archived/l4t-325/Tegra%20Linux%20Driver%20Package%20Development%20Guide/AppendixTegraStats.html

Damage never makes a number: a line must begin with its date or with RAM, each field must be whole with its unit, a field
beside a word that is not understood does not count (that may be half of its name or of its value), a clock, which has no unit,
counts only if another field follows, and what is there twice does not count at all. Not to be seen by anyone: a digit or a
letter that turned into another one, and two halves of two lines that fit together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from exporters.device.sensor import ELSEWHERE, MISSING, NOT_PERMITTED, OUT_OF_RANGE, SWITCHED_OFF, UNPARSABLE, SensorError
from exporters.device.source import Report, Sample, SensorState, one
from exporters.device.sysfs import believable

LINE_SENSOR: Final = "line"
"""Whether the line as a whole was there and understood."""

_BYTES_PER_MEBIBYTE: Final = 1 << 20
"""What tegrastats calls MB: a Nano with 4059252 kB of memory has 3964MB."""

_HERTZ_PER_MEGAHERTZ: Final = 1e6
_MILLI: Final = 1000.0
_PERCENT: Final = 100.0

_NOT_CONNECTED: Final = "NC"
"""The name of a measuring channel that no rail is connected to; it says 0."""

_LONGEST_NAME: Final = 32
_BEGIN: Final = re.compile(r"(?:[0-9]{2}-[0-9]{2}-[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} )?(?=RAM )")
_NAME: Final = rf"[A-Za-z][A-Za-z0-9_]{{0,{_LONGEST_NAME - 1}}}"
_WHOLE: Final = "[0-9]{1,9}"
_CLOCK: Final = rf"@(?:{_WHOLE}|\[{_WHOLE}(?:,{_WHOLE})*\])"
_DEGREES: Final = r"-?[0-9]{1,3}(?:\.[0-9]{1,3})?C"
_CORE: Final = rf"(?:off|{_WHOLE}%(?:@{_WHOLE})?)"

_FIELD: Final = re.compile(
    rf"""(?:
      RAM\ (?P<ram_used>{_WHOLE})/(?P<ram>{_WHOLE})MB(?:\ \(lfb\ {_WHOLE}x{_WHOLE}[kM]B\))?
    | SWAP\ (?P<swap_used>{_WHOLE})/(?P<swap>{_WHOLE})MB(?:\ \(cached\ {_WHOLE}MB\))?
    | IRAM\ {_WHOLE}/{_WHOLE}kB\ ?\(lfb\ {_WHOLE}kB\)
    | CPU\ \[(?P<cores>{_CORE}(?:,\ ?{_CORE})*)\](?:@{_WHOLE})?
    | EMC_FREQ\ (?P<emc>(?:{_WHOLE}%)?(?:@{_WHOLE})?)(?<!\ )
    | GR3D_FREQ\ (?P<gpu>(?:{_WHOLE}%)?(?:{_CLOCK})?)(?<!\ )
    | MTS\ fg\ {_WHOLE}%\ bg\ {_WHOLE}%
    | (?:GR3D2|VIC|APE|MSENC|NVENC|NVDEC|NVJPG|NVDLA|PVA|OFA|SE)[0-9]?(?:_FREQ|_LOAD)?\ (?:off
        | {_WHOLE}%? | (?:{_WHOLE}%|\[{_WHOLE}%(?:,{_WHOLE}%)*\])?{_CLOCK})
    | (?P<zone>{_NAME})@(?P<celsius>{_DEGREES})(?:/{_DEGREES})?
    | (?!(?:RAM|SWAP|IRAM)\ )(?P<rail>{_NAME})\ (?P<milliwatts>{_WHOLE})(?:mW(?:/{_WHOLE}mW){{1,2}}|/{_WHOLE})
    )(?=\ |\Z)""",
    re.VERBOSE,
)
"""One field. Power is now/average[/peak], temperature now[/peak]: the first number is the one that is said."""

_SENSORS_OF: Final = {
    "RAM": ("memory",),
    "SWAP": ("swap",),
    "CPU": ("cpu_usage", "cpu_cores"),
    "EMC_FREQ": ("emc_usage", "emc_frequency"),
    "GR3D_FREQ": ("gpu_usage", "gpu_frequency"),
}
"""What is lost when a field with this name is there and cannot be understood."""

Read = Callable[[], Iterable[Sample]]


def parse(line: str) -> Report:
    """What one line says, sensor by sensor; never raises.

    Of memory only its size is said: what tegrastats counts as used is not what /proc/meminfo counts as unavailable.
    A line that does not end with a newline was cut: its last word may be half a number and counts for nothing.
    """
    report = Report()
    text = line.removesuffix("\n").removesuffix("\r") if line.endswith("\n") else line[: line.rfind(" ") + 1]
    begin = _BEGIN.match(text)
    # A second RAM inside is the next line, run into this one.
    if begin is None or text.count("RAM") - text.count(" IRAM ") != 1:
        report.sensors.append(SensorState(LINE_SENSOR, UNPARSABLE))
        return report
    readings, unknown = _fields(text.rstrip(" "), begin.end())
    for name, reads in readings.items():
        report.sensor(name, reads[0] if len(reads) == 1 else _twice)
    for word in unknown:
        known = {state.sensor for state in report.sensors}
        report.sensors += (SensorState(name, UNPARSABLE) for name in _SENSORS_OF.get(word, ()) if name not in known)
    report.sensors.append(SensorState(LINE_SENSOR, UNPARSABLE if unknown else ""))
    return report


def _fields(text: str, position: int) -> tuple[dict[str, list[Read]], list[str]]:
    """What each sensor can be read from, and the words that are no field."""
    words: list[re.Match[str] | str] = []
    while position < len(text):
        field = _FIELD.match(text, position)
        end = field.end() if field else (text.find(" ", position) + 1 or len(text) + 1) - 1
        if end > position:
            words.append(field or text[position:end])
        position = end + 1
    words = _rails_last(words)
    readings: dict[str, list[Read]] = {}
    for before, word, after in zip([None, *words], words, [*words[1:], None], strict=False):
        if isinstance(word, str) or isinstance(before, str) or isinstance(after, str):
            continue
        for name, read in _readings(word, last=after is None):
            readings.setdefault(name, []).append(read)
    return readings, [word for word in words if isinstance(word, str)]


def _rails_last(words: list[re.Match[str] | str]) -> list[re.Match[str] | str]:
    """The same, but a rail counts for nothing where a field of another kind follows: in every form the rails end the line."""
    kinds = ["" if isinstance(word, str) else word.lastgroup for word in words]
    last = max((place for place, kind in enumerate(kinds) if kind not in ("", "milliwatts")), default=-1)
    return [word[0] if kinds[place] == "milliwatts" and place < last else word for place, word in enumerate(words)]


def _readings(field: re.Match[str], last: bool) -> list[tuple[str, Read]]:
    """The sensors of one field. If it is the ``last`` one, its clock may be half of one."""
    said = field.groupdict()
    match field.lastgroup:
        case "ram":
            return [("memory", partial(_memory, int(said["ram_used"]), int(said["ram"])))]
        case "swap":
            return [("swap", partial(_swap, int(said["swap_used"]), int(said["swap"])))]
        case "cores":
            cores = said["cores"].replace(" ", "").split(",")
            return [("cpu_usage", partial(_cpu_usage, cores)), ("cpu_cores", partial(_cpu_cores, cores))]
        case "emc":
            load, clocks = _load_and_clocks(said["emc"])
            return [("emc_usage", partial(_emc_usage, load, clocks)), ("emc_frequency", partial(_emc_frequency, clocks, not last))]
        case "gpu":
            load, clocks = _load_and_clocks(said["gpu"])
            whole = not last or said["gpu"].endswith("]")
            return [("gpu_usage", partial(_gpu_usage, load)), ("gpu_frequency", partial(_gpu_frequency, load, clocks, whole))]
        case "celsius":
            return [(f"temperature/{said['zone']}", partial(_temperature, said["zone"], float(said["celsius"][:-1])))]
        case "milliwatts" if said["rail"] != _NOT_CONNECTED:
            return [(f"power/{said['rail']}", partial(_power, said["rail"], int(said["milliwatts"])))]
    return []


def _load_and_clocks(words: str) -> tuple[int | None, list[int]]:
    """``12%@[900,0]`` as 12 and [900, 0]; either may be absent."""
    load, _, clocks = words.rpartition("%") if "%" in words else ("", "", words)
    return int(load) if load else None, [int(clock) for clock in clocks.strip("@[]").split(",") if clock]


def _twice() -> Iterable[Sample]:
    raise SensorError(UNPARSABLE)


def _memory(used: int, total: int) -> Iterable[Sample]:
    if not 0 < used <= total:
        raise SensorError(OUT_OF_RANGE)
    return one("edge_memory_total_bytes", float(total * _BYTES_PER_MEBIBYTE))


def _swap(used: int, total: int) -> Iterable[Sample]:
    if used > total:
        raise SensorError(OUT_OF_RANGE)
    yield Sample("edge_swap_total_bytes", (), float(total * _BYTES_PER_MEBIBYTE))
    yield Sample("edge_swap_used_bytes", (), float(used * _BYTES_PER_MEBIBYTE))


def _cpu_usage(cores: list[str]) -> Iterable[Sample]:
    loads = {str(core): int(words.partition("%")[0]) / _PERCENT for core, words in enumerate(cores) if words != "off"}
    if not loads or max(loads.values()) > 1.0:
        raise SensorError(OUT_OF_RANGE)
    yield Sample("edge_cpu_usage_ratio", ("host",), sum(loads.values()) / len(loads))
    for core, load in loads.items():
        yield Sample("edge_cpu_core_usage_ratio", (core,), load)


def _cpu_cores(cores: list[str]) -> Iterable[Sample]:
    online = [float(words != "off") for words in cores]
    if not any(online):
        raise SensorError(OUT_OF_RANGE)
    yield Sample("edge_cpu_cores", ("host",), sum(online))
    for core, state in enumerate(online):
        yield Sample("edge_cpu_core_online", (str(core),), state)


def _emc_usage(load: int | None, clocks: list[int]) -> Iterable[Sample]:
    if load is None:
        raise SensorError(MISSING)
    if load == 0 and not any(clocks):
        # Without root the counters are out of reach, and tegrastats prints this same "0%" whatever the load is.
        raise SensorError(NOT_PERMITTED)
    return one("edge_emc_usage_ratio", load / _PERCENT)


def _emc_frequency(clocks: list[int], whole: bool) -> Iterable[Sample]:
    if clocks and not whole:
        raise SensorError(UNPARSABLE)
    if not any(clocks):  # memory always has a clock: 0 is one that only root may read
        raise SensorError(NOT_PERMITTED)
    return one("edge_emc_frequency_hertz", clocks[0] * _HERTZ_PER_MEGAHERTZ)


def _gpu_usage(load: int | None) -> Iterable[Sample]:
    if load is None:  # a Thor prints the clocks alone, and tells its load to NVML
        raise SensorError(ELSEWHERE)
    return one("edge_gpu_usage_ratio", load / _PERCENT)


def _gpu_frequency(load: int | None, clocks: list[int], whole: bool) -> Iterable[Sample]:
    """The fastest of the GPU's clusters (Orin has two, Thor three, and an idle one may stand still)."""
    if clocks and not whole:
        raise SensorError(UNPARSABLE)
    if not clocks:  # without root it prints the load alone
        raise SensorError(NOT_PERMITTED)
    if not any(clocks):
        raise SensorError(OUT_OF_RANGE if load else SWITCHED_OFF)
    return one("edge_gpu_frequency_hertz", max(clocks) * _HERTZ_PER_MEGAHERTZ)


def _temperature(zone: str, celsius: float) -> Iterable[Sample]:
    return one("edge_temperature_celsius", believable(celsius, zone), (zone,))


def _power(rail: str, milliwatts: int) -> Iterable[Sample]:
    return one("edge_power_watts", milliwatts / _MILLI, (rail,))
