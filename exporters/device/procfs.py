"""Reads the kernel's texts under /proc: pure functions from text to numbers, or a SensorError, never a guess."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from exporters.device.sensor import MISSING, OUT_OF_RANGE, UNPARSABLE, SensorError

CPU_MODES: Final = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""Columns of a cpu line in kernel order. Guest time follows them, but is part of user and nice already."""

_FIRST_IDLE_COLUMN: Final = CPU_MODES.index("idle")
_LAST_IDLE_COLUMN: Final = CPU_MODES.index("iowait")
_LEAST_CPU_COLUMNS = 4
_BYTES_PER_KIB = 1024

EARLIEST_BOOT_SECONDS: Final = 1_483_228_800
"""2017, when the oldest of these boards came out: boards without a battery begin in 1970, until they are told the time."""

_MOST_DIGITS: Final = 19
"""Of a number in 64 bits."""


class CoreTimes(NamedTuple):
    """CPU time of one core since boot in clock ticks, by mode; an old kernel has fewer columns than CPU_MODES."""

    columns: tuple[int, ...]

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.columns)

    @property
    def busy(self) -> int:
        """In use, or taken away by a hypervisor."""
        return sum(self.columns) - sum(self.columns[_FIRST_IDLE_COLUMN : _LAST_IDLE_COLUMN + 1])


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """CPU time of all cores since boot in clock ticks by mode, and of each core that is online by its number."""

    ticks: Mapping[str, int]
    cores: Mapping[int, CoreTimes]


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of the machine and what new programs may have of it without swapping, in bytes."""

    total_bytes: int
    available_bytes: int


@dataclass(frozen=True, slots=True)
class ProcessTimes:
    """One process: its parent, when it started and its CPU time, own and of children it has waited for, in clock ticks."""

    parent: int
    state: str
    own_ticks: int
    waited_ticks: int
    start_ticks: int


def parse_cpu(text: str) -> CpuTimes:
    """Read the cpu lines of /proc/stat.

    Raises:
        SensorError: there is no cpu line, one is not made of numbers or comes twice, or nothing was ever counted.
    """
    found: dict[str, list[int]] = {}
    whole = False
    for line in text.splitlines():
        if not line.startswith("cpu"):
            if found:
                whole = " " in line
                break  # the cpu lines stand together, and on a big machine the line of interrupts is very long
            continue
        name, *columns = line.split()
        if len(columns) < _LEAST_CPU_COLUMNS or name in found:
            raise SensorError(UNPARSABLE)
        found[name] = [_whole(column) for column in columns[: len(CPU_MODES)]]
    if "cpu" not in found:
        raise SensorError(MISSING)
    if not whole:  # other lines follow in every kernel: without them the text was cut, and so may be its last number
        raise SensorError(UNPARSABLE)
    ticks = dict(zip(CPU_MODES, found.pop("cpu"), strict=False))
    cores = {_whole(name.removeprefix("cpu")): CoreTimes(tuple(columns)) for name, columns in found.items()}
    if not cores or sum(ticks.values()) == 0:
        raise SensorError(OUT_OF_RANGE)
    return CpuTimes(ticks, cores)


def parse_boot_time(text: str) -> float:
    """Read the Unix time of boot from /proc/stat.

    Raises:
        SensorError: it is not there, or so long ago (0 where the kernel hides it) that the clock was never set.
    """
    _, label, rest = f"\n{text}".partition("\nbtime ")
    if not label:
        raise SensorError(MISSING)
    seconds = _whole(rest.partition("\n")[0].strip())
    if seconds < EARLIEST_BOOT_SECONDS:
        raise SensorError(OUT_OF_RANGE)
    return float(seconds)


def parse_uptime(text: str) -> float:
    """Read the seconds since boot from /proc/uptime.

    Raises:
        SensorError: it is empty, no number, or not above zero.
    """
    words = text.split()
    if not words:
        raise SensorError(MISSING)
    try:
        seconds = float(words[0])
    except ValueError as error:
        raise SensorError(UNPARSABLE) from error
    if not 0 < seconds < math.inf:
        raise SensorError(OUT_OF_RANGE)
    return seconds


def parse_memory(text: str) -> Memory:
    """Read /proc/meminfo.

    Raises:
        SensorError: a line is missing or no number, there is no memory at all, or more is available than there is.
    """
    total, available = _sizes(text, "MemTotal", "MemAvailable")
    if available > total or total == 0:
        raise SensorError(OUT_OF_RANGE)
    return Memory(total, available)


def parse_swap(text: str) -> tuple[int, int]:
    """Read all and used swap space from /proc/meminfo, in bytes; a machine without any truly has 0.

    Raises:
        SensorError: a line is missing or no number, or more is free than there is.
    """
    total, free = _sizes(text, "SwapTotal", "SwapFree")
    if free > total:
        raise SensorError(OUT_OF_RANGE)
    return total, total - free


def _sizes(text: str, *names: str) -> list[int]:
    """The sizes on the lines of these names, in bytes."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name in names:
            words = rest.split()
            if len(words) != 2 or words[1] != "kB" or name in found:
                raise SensorError(UNPARSABLE)
            found[name] = _whole(words[0]) * _BYTES_PER_KIB
    if len(found) < len(names):
        raise SensorError(MISSING)
    return [found[name] for name in names]


def parse_process(text: str) -> ProcessTimes:
    """Read /proc/<pid>/stat. A program may put anything into its name, so what counts begins after the last bracket.

    Raises:
        SensorError: it is not such a line.
    """
    words = text.rpartition(")")[2].split()
    # Field numbers as in proc(5), where the state is field 3 and the first word here.
    state, parent, utime, stime, cutime, cstime, starttime = 3, 4, 14, 15, 16, 17, 22
    if len(words) <= starttime - state:
        raise SensorError(UNPARSABLE)

    def field(number: int) -> int:
        return _whole(words[number - state])

    return ProcessTimes(field(parent), words[0], field(utime) + field(stime), field(cutime) + field(cstime), field(starttime))


def _whole(word: str) -> int:
    # A regular expression takes twice the time, and a look reads a hundred such words; isdecimal() alone takes any script's digits.
    if not (word.isascii() and word.isdecimal() and len(word) <= _MOST_DIGITS):
        raise SensorError(UNPARSABLE)
    return int(word)
