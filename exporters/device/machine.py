"""What every Linux machine says of itself in /proc and /sys: cores, CPU time, memory, swap, and when it was started."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from typing import Final

from exporters.device.cores import CpuTotals
from exporters.device.procfs import EARLIEST_BOOT_SECONDS, CpuTimes, parse_boot_time, parse_cpu, parse_memory, parse_swap, parse_uptime
from exporters.device.sensor import MISSING, OUT_OF_RANGE, UNPARSABLE, SensorError
from exporters.device.source import Report, Sample, Source, one
from exporters.device.tree import Tree

CPU_FOLDER: Final = "sys/devices/system/cpu"
_MOST_CORES: Final = 8192
"""NR_CPUS of the largest kernels."""

_RANGE: Final = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")
_CLOCK_SLACK_SECONDS: Final = 60.0
"""The clock may be set back a little after boot; a machine that was started later than this from now was not."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the tree does not say.

    ``clock`` gives Unix seconds now. ``is_live``: the tree is of a machine that runs now, so that its uptime and our clock
    belong together. ``counts_cores``: the load is measured against all cores, so their number is said here.
    """

    clock: Callable[[], float]
    ticks_per_second: float
    is_live: bool
    counts_cores: bool = True


class Machine:
    """The readings of /proc; each file is read once per look. CPU seconds are summed up from look to look, since the kernel's may fall."""

    def __init__(self, tree: Tree, surroundings: Surroundings) -> None:
        self._tree = tree
        self._world = surroundings
        self._totals = CpuTotals()

    def look(self) -> Report:
        """``cpu_cores``, ``cpu_seconds``, ``cpu_online``, ``memory``, ``swap`` and ``boot_time``."""
        report = Report()
        text, cpu = self._read_once()
        if self._world.counts_cores:
            report.sensor("cpu_cores", lambda: one("edge_cpu_cores", float(len(cpu().cores)), ("host",)))
        report.sensor(
            "cpu_seconds",
            lambda: (
                Sample("edge_cpu_seconds_total", (mode,), ticks / self._world.ticks_per_second)
                for mode, ticks in self._totals.add(cpu()).items()
            ),
        )
        report.sensor("cpu_online", lambda: _cores_online(self._tree, cpu))
        report.sensor("memory", lambda: _memory(text("proc/meminfo")))
        report.sensor("swap", lambda: _swap(text("proc/meminfo")))
        report.sensor("boot_time", lambda: one("edge_boot_timestamp_seconds", self._boot(text)))
        return report

    def _read_once(self) -> tuple[Callable[[str], str], Callable[[], CpuTimes]]:
        """Any file's text, and the CPU times in one; an error is not kept: then it is read again, and fails again."""
        # functools.cache takes longer to make a cache, once a look, than these take to be used.
        texts: dict[str, str] = {}
        times: list[CpuTimes] = []

        def text(path: str) -> str:
            if path not in texts:
                texts[path] = self._tree.text(path)
            return texts[path]

        def cpu() -> CpuTimes:
            if not times:
                times.append(parse_cpu(text("proc/stat")))
            return times[0]

        return text, cpu

    def _boot(self, text: Callable[[str], str]) -> float:
        now = self._world.clock()
        try:
            booted = parse_boot_time(text("proc/stat"))
        except (SensorError, OSError, ValueError):
            if not self._world.is_live:
                raise
            # To the second: the clock and the uptime are not read at the same instant, and boot does not move.
            booted = float(round(now - parse_uptime(text("proc/uptime"))))
        if not EARLIEST_BOOT_SECONDS <= booted <= now + _CLOCK_SLACK_SECONDS:
            raise SensorError(OUT_OF_RANGE)
        return booted


def machine_source(tree: Tree, surroundings: Surroundings) -> Source:
    """Everything that /proc says, and which cores are online."""
    return Source("procfs", Machine(tree, surroundings).look)


def parse_cores(text: str) -> frozenset[int]:
    """Read a list of cores such as ``0-3,6`` (https://docs.kernel.org/admin-guide/cputopology.html).

    Raises:
        SensorError: it is empty, no such list, or has a core beyond all kernels.
    """
    cores: set[int] = set()
    words = text.strip()
    if not words:
        raise SensorError(MISSING)
    for word in words.split(","):
        ends = _RANGE.fullmatch(word)
        if ends is None:
            raise SensorError(UNPARSABLE)
        first, last = int(ends[1]), int(ends[2] or ends[1])
        if not first <= last < _MOST_CORES or first in cores:
            raise SensorError(OUT_OF_RANGE)
        cores.update(range(first, last + 1))
    return frozenset(cores)


def _cores_online(tree: Tree, cpu: Callable[[], CpuTimes]) -> Iterator[Sample]:
    present, online = parse_cores(tree.text(f"{CPU_FOLDER}/present")), parse_cores(tree.text(f"{CPU_FOLDER}/online"))
    try:
        counted: Set[int] = cpu().cores.keys()
    except (SensorError, OSError, ValueError):
        counted = online  # whatever is wrong there is said there
    if not online <= present or counted != online:
        raise SensorError(OUT_OF_RANGE)
    for core in sorted(present):
        yield Sample("edge_cpu_core_online", (str(core),), float(core in online))


def _memory(text: str) -> tuple[Sample, ...]:
    memory = parse_memory(text)
    return (
        Sample("edge_memory_usage_ratio", (), 1.0 - memory.available_bytes / memory.total_bytes),
        Sample("edge_memory_total_bytes", (), memory.total_bytes),
        Sample("edge_memory_available_bytes", (), memory.available_bytes),
    )


def _swap(text: str) -> tuple[Sample, ...]:
    total, used = parse_swap(text)
    return Sample("edge_swap_total_bytes", (), total), Sample("edge_swap_used_bytes", (), used)
