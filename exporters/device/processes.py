"""Looks at the processes behind AI programs: who lives, and how much CPU time a program and all its children have used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from exporters.device.procfs import ProcessTimes, parse_process
from exporters.device.sensor import SensorError

MAX_PROCESSES: Final = 512
"""More children than this are not looked at: reading them each second would itself be a load."""

ProcessKey = tuple[int, int]
"""Process id and start time in ticks: ids are used again, the pair is not."""


class ProcessTable:
    """A view of ``/proc`` in the namespace in which the kernel names senders' process ids."""

    def __init__(self, proc: Path) -> None:
        self._proc = proc

    def key(self, pid: int) -> ProcessKey | None:
        """Who lives under this id now; None where nobody can be seen."""
        times = self._times(pid)
        return None if times is None else (pid, times.start_ticks)

    def trees(self, roots: Iterable[int]) -> dict[ProcessKey, ProcessTimes]:
        """Every process that can be seen among ``roots`` and their children, each once."""
        found: dict[ProcessKey, ProcessTimes] = {}
        seen: set[int] = set()
        waiting = sorted(set(roots))
        while waiting and len(seen) < MAX_PROCESSES:
            pid = waiting.pop()
            times = None if pid in seen else self._times(pid)
            seen.add(pid)
            if times is not None:
                found[pid, times.start_ticks] = times
                waiting.extend(self._children(pid))
        return found

    def _times(self, pid: int) -> ProcessTimes | None:
        if pid <= 0:
            return None
        try:
            times = parse_process((self._proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace"))
        except (OSError, SensorError):
            return None
        return None if times.state in ("Z", "X") else times

    def _children(self, pid: int) -> list[int]:
        children: list[int] = []
        try:
            threads = list((self._proc / str(pid) / "task").iterdir())
        except OSError:  # it has just ended
            return children
        for thread in threads:
            try:
                children.extend(int(word) for word in (thread / "children").read_text(encoding="ascii").split())
            except (OSError, ValueError):  # the thread has just ended, or this kernel does not list children
                continue
        return children


class CpuAccount:
    """Adds up the CPU time of a changing set of processes, every tick once.

    When a child ends, all it ever used moves into the waited-for time of its parent, at that moment or a little later;
    what was counted while it lived is owed by the parent and not counted again.
    """

    def __init__(self) -> None:
        self._last: Mapping[ProcessKey, ProcessTimes] = {}
        self._owed: dict[ProcessKey, int] = defaultdict(int)
        self.ticks = 0

    def add(self, now: Mapping[ProcessKey, ProcessTimes]) -> None:
        """Look again. A process not seen before counts from now on, unless its parent was seen: then it was born since."""
        keys = {key[0]: key for key in now}
        for key, times in self._last.items():
            if key not in now and times.parent in keys:
                self._owed[keys[times.parent]] += times.own_ticks + times.waited_ticks
        before = {key[0] for key in self._last}
        for key, times in now.items():
            last = self._last.get(key)
            if last is not None:
                self.ticks += max(0, times.own_ticks - last.own_ticks) + self._unpaid(key, times.waited_ticks - last.waited_ticks)
            elif times.parent in before:
                self.ticks += times.own_ticks + times.waited_ticks
        for key in self._owed.keys() - now.keys():
            del self._owed[key]
        self._last = dict(now)

    def _unpaid(self, key: ProcessKey, waited: int) -> int:
        """What of a growth in waited-for time was not counted while the children lived."""
        paid = min(max(0, waited), self._owed[key])
        self._owed[key] -= paid
        return max(0, waited) - paid
