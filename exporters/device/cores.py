"""Adds up how the kernel's counters of CPU time grow, core by core, so that what falls or jumps in them never shows.

Idle and iowait may fall a little at any time (https://docs.kernel.org/filesystems/proc.html, section 1.7), and a core's idle
time may begin again or jump when it goes offline and comes back; Prometheus takes every fall of a counter for a restart.
node_exporter guards itself in the same way (https://github.com/prometheus/node_exporter/issues/1903 and its pull request 2067).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from exporters.device.procfs import CPU_MODES, CoreTimes, CpuTimes

MOST_BACK_TICKS: Final = 300
"""Three seconds, at the 100 ticks a second of every kernel for these processors. A fall by less is inaccuracy, and the counter grows
again once it is made up for; after a longer one it has begun again."""


class CoreGrowth:
    """What each core was seen to use, in ticks by mode. While a core is offline nothing is seen of it."""

    def __init__(self) -> None:
        self._highest: dict[int, list[int]] = {}
        self._grown: dict[int, list[int]] = {}

    def add(self, cores: Mapping[int, CoreTimes]) -> frozenset[int]:
        """Look again; the answer is the cores of which a counter began again, so that not all is known since the last look."""
        again = frozenset(core for core, times in cores.items() if self._begins_again(core, times.columns))
        if len(self._highest) != len(cores):
            self._highest = {core: highest for core, highest in self._highest.items() if core in cores}
        return again

    def of(self, core: int) -> CoreTimes:
        """The sums of a core that was seen."""
        return CoreTimes(tuple(self._grown[core]))

    def of_all(self) -> list[int]:
        """The sums of all cores together by mode, those that are offline now among them."""
        return [sum(ticks) for ticks in zip(*self._grown.values(), strict=True)]

    def _begins_again(self, core: int, columns: tuple[int, ...]) -> bool:
        highest, again = self._highest.get(core), False
        grown = self._grown.setdefault(core, [0] * len(CPU_MODES))
        if highest is None or len(highest) != len(columns):
            self._highest[core] = list(columns)
            return False
        for mode, now in enumerate(columns):
            growth = now - highest[mode]
            if growth > 0:
                grown[mode] += growth
            elif growth >= -MOST_BACK_TICKS:
                continue
            else:
                again = True
            highest[mode] = now
        return again


class CpuTotals:
    """Ticks of all cores since boot by mode: what the kernel said first, and what each core was seen to use since then."""

    def __init__(self) -> None:
        self._newest: Mapping[str, int] = {}
        self._first: Mapping[str, int] = {}
        self._growth = CoreGrowth()

    def add(self, cpu: CpuTimes) -> dict[str, int]:
        """Look again; no sum falls, unless the machine was started anew: then its whole user time, which no core takes along, fell."""
        user = CPU_MODES[0]
        if not self._first or cpu.ticks[user] < self._newest[user] - MOST_BACK_TICKS:
            self._first, self._growth = cpu.ticks, CoreGrowth()
        self._newest = cpu.ticks
        self._growth.add(cpu.cores)
        return {
            mode: self._first.get(mode, 0) + grown
            for mode, grown in zip(CPU_MODES, self._growth.of_all(), strict=True)
            if mode in cpu.ticks
        }
