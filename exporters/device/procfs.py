"""Reads the kernel's texts under /proc: pure functions from text to numbers, or a SensorError, never a guess."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from exporters.device.sensor import MISSING, OUT_OF_RANGE, UNPARSABLE, SensorError

CPU_MODES: Final = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""Columns of a cpu line in kernel order. Guest time follows them, but is part of user and nice already."""

IDLE_MODES: Final = ("idle", "iowait")
_LEAST_CPU_COLUMNS = 4
_BYTES_PER_KIB = 1024
_DIGITS = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """CPU time of all cores since boot in clock ticks by mode, and how many cores are online."""

    ticks: Mapping[str, int]
    cores: int

    @property
    def total(self) -> int:
        """All ticks."""
        return sum(self.ticks.values())

    @property
    def busy(self) -> int:
        """Ticks in which a core did something, or was taken away by a hypervisor."""
        return self.total - sum(self.ticks.get(mode, 0) for mode in IDLE_MODES)


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
        SensorError: there is no cpu line, it is not made of numbers, or nothing was ever counted.
    """
    lines = [line.split() for line in text.splitlines() if line.startswith("cpu")]
    total = next((line[1:] for line in lines if line[0] == "cpu"), None)
    if total is None:
        raise SensorError(MISSING)
    if len(total) < _LEAST_CPU_COLUMNS:
        raise SensorError(UNPARSABLE)
    ticks = {mode: _whole(column) for mode, column in zip(CPU_MODES, total, strict=False)}
    cores = sum(1 for line in lines if _DIGITS.fullmatch(line[0][len("cpu") :]))
    if cores == 0 or sum(ticks.values()) == 0:
        raise SensorError(OUT_OF_RANGE)
    return CpuTimes(ticks, cores)


def parse_boot_time(text: str) -> float:
    """Read the Unix time of boot from /proc/stat.

    Raises:
        SensorError: it is not there, or is zero as it is where the kernel hides it.
    """
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "btime":
            seconds = _whole(words[1])
            if seconds == 0:
                raise SensorError(OUT_OF_RANGE)
            return float(seconds)
    raise SensorError(MISSING)


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
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name in ("MemTotal", "MemAvailable"):
            words = rest.split()
            if len(words) != 2 or words[1] != "kB":
                raise SensorError(UNPARSABLE)
            found[name] = _whole(words[0]) * _BYTES_PER_KIB
    if len(found) < len(("MemTotal", "MemAvailable")):
        raise SensorError(MISSING)
    if not 0 <= found["MemAvailable"] <= found["MemTotal"] or found["MemTotal"] == 0:
        raise SensorError(OUT_OF_RANGE)
    return Memory(found["MemTotal"], found["MemAvailable"])


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
    if not _DIGITS.fullmatch(word):
        raise SensorError(UNPARSABLE)
    return int(word)
