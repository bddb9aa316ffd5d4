"""What can only be told over a time: load of the machine and each core, of AI programs against lent cores, and of the GPU."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from exporters.device.cores import CoreGrowth
from exporters.device.processes import CpuAccount, ProcessKey, ProcessTable
from exporters.device.procfs import CoreTimes, parse_cpu
from exporters.device.sensor import NO_CHANGE, NOT_LISTENING, OUT_OF_RANGE, WARMING_UP, SensorError
from exporters.device.source import Report, Sample, SensorState, one
from exporters.device.tree import Tree
from exporters.device.window import MeanWindow, RatioWindow, growth

EARLIER_STAT: Final = "edgeshift/earlier/proc/stat"
"""In a recorded tree: /proc/stat as it stood some seconds before the rest was recorded."""


@dataclass(frozen=True, slots=True)
class Program:
    """One AI program that runs now: its process where that can be seen, and the CPU seconds it says itself, in its session."""

    placement: str
    session: str
    process: ProcessKey | None
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Witness:
    """How AI programs are watched: which ones run, their processes, and how many ticks a CPU second has."""

    programs: Callable[[], Iterable[Program]]
    table: ProcessTable
    ticks_per_second: float


class Meter(Protocol):
    """Something that is looked at each second and asked at each scrape, from different threads."""

    name: str
    """Of the source that it looks at."""

    def sample(self) -> None:
        """Look once; raises SensorError or OSError where nothing can be seen."""
        ...

    def tell(self, problem: str) -> Report:
        """The load over the window; ``problem`` is why the last look failed, or ""."""
        ...


class HostLoad:
    """All cores and each core of the machine, from proc/stat.

    The sum is made over the cores that are online, and begins again when that set changes: the kernel's own sum jumps then,
    because idle time is counted differently for a core that is offline. What falls in a counter by a little does not count, as
    idle and iowait may; a window begins again with a counter. Where a tree does not move, the load is what it was between
    ``EARLIER_STAT`` and the tree, if it holds that.
    """

    name = "procfs/usage"

    def __init__(self, tree: Tree, window_seconds: float, monotonic: Callable[[], float], whole: bool = True) -> None:
        """``whole``: say the load of all cores together too, and not of each core only."""
        self._tree = tree
        self._seconds = window_seconds
        self._monotonic = monotonic
        self._whole = whole
        self._lock = threading.Lock()
        self._total = RatioWindow(window_seconds)
        self._cores: dict[int, RatioWindow] = {}
        self._growth = CoreGrowth()
        self._last: dict[int, CoreTimes] = {}
        self._earlier: dict[int, CoreTimes] | None = None

    def sample(self) -> None:
        """Look once at the counters of all cores."""
        cores = dict(parse_cpu(self._tree.text("proc/stat")).cores)
        earlier = self._read_earlier() if self._earlier is None else self._earlier
        now = self._monotonic()
        with self._lock:
            self._earlier = earlier
            again = self._growth.add(cores)
            if again or cores.keys() != self._last.keys():
                kept = {core: window for core, window in self._cores.items() if core in cores and core not in again}
                self._total = RatioWindow(self._seconds)
                self._cores = {core: kept.get(core) or RatioWindow(self._seconds) for core in cores}
            self._last = cores
            grown = {core: _busy_and_total(self._growth.of(core)) for core in cores}
            self._total.add(now, *_sums(grown.values()))
            for core, sums in grown.items():
                self._cores[core].add(now, *sums)

    def tell(self, problem: str) -> Report:
        """``cpu_usage`` and ``cpu_core_usage``, and by its own name each core that has no load to tell."""
        report = Report()
        with self._lock:
            now = self._monotonic()
            if self._whole:
                report.sensor("cpu_usage", lambda: one("edge_cpu_usage_ratio", self._of_all(now, problem), ("host",)))
            report.sensor("cpu_core_usage", lambda: self._of_each(now, problem, report.sensors))
        return report

    def _of_all(self, now: float, problem: str) -> float:
        if problem:
            raise SensorError(problem)
        ratio = self._ratio(self._total, now, self._last.keys())
        if ratio > 1:
            raise SensorError(OUT_OF_RANGE)
        return ratio

    def _of_each(self, now: float, problem: str, states: list[SensorState]) -> Iterator[Sample]:
        if problem or not self._cores:
            raise SensorError(problem or WARMING_UP)
        reasons: dict[int, str] = {}
        for core, window in self._cores.items():
            try:
                ratio = self._ratio(window, now, {core})
                if ratio > 1:
                    raise SensorError(OUT_OF_RANGE)
            except SensorError as error:
                reasons[core] = error.reason
                continue
            yield Sample("edge_cpu_core_usage_ratio", (str(core),), ratio)
        if len(reasons) == len(self._cores):
            raise SensorError(next(iter(reasons.values())))
        states.extend(SensorState(f"cpu_core_usage/{core}", reason) for core, reason in reasons.items())

    def _ratio(self, window: RatioWindow, now: float, cores: Iterable[int]) -> float:
        try:
            return window.ratio(now)
        except SensorError as error:
            if error.reason not in (NO_CHANGE, WARMING_UP) or not self._earlier:
                raise
            both = {core: self._last[core] for core in cores if core in self._earlier}
            since = CoreGrowth()
            since.add({core: self._earlier[core] for core in both})
            if since.add(both):
                raise SensorError(OUT_OF_RANGE) from error
            return growth(0, 0, *_sums(_busy_and_total(since.of(core)) for core in both))

    def _read_earlier(self) -> dict[int, CoreTimes]:
        try:
            return dict(parse_cpu(self._tree.text(EARLIER_STAT)).cores)
        except (SensorError, OSError, ValueError):
            return {}


class LentLoad:
    """AI programs against ``cores`` lent; without any program this is truly 0. Above 1 they take more than was lent.

    A program is measured at its process and its children; one whose process cannot be seen (another pid namespace) by
    the CPU seconds it says itself. ``witness`` None means that nobody listens for programs: then nothing is known.
    """

    name = "procfs/lent"

    def __init__(self, cores: float, window_seconds: float, monotonic: Callable[[], float], witness: Witness | None) -> None:
        self._cores = cores
        self._witness = witness
        self._monotonic = monotonic
        self._window = RatioWindow(window_seconds)
        self._lock = threading.Lock()
        self._account = CpuAccount()
        self._said_last: dict[tuple[str, str], float] = {}
        self._said_seconds = 0.0

    def sample(self) -> None:
        """Look once at all programs: CPU seconds since the first look, and what the lent cores could have given."""
        if self._witness is None:
            raise SensorError(NOT_LISTENING)
        programs = tuple(self._witness.programs())
        self._account.add(self._witness.table.trees(program.process[0] for program in programs if program.process))
        said = {(program.placement, program.session): program.cpu_seconds for program in programs if program.process is None}
        self._said_seconds += sum(max(0.0, seconds - self._said_last.get(key, seconds)) for key, seconds in said.items())
        self._said_last = said
        now = self._monotonic()
        with self._lock:
            self._window.add(now, self._account.ticks / self._witness.ticks_per_second + self._said_seconds, now * self._cores)

    def tell(self, problem: str) -> Report:
        """``cpu_usage`` and ``cpu_cores``, as scope ``lent``."""
        report = Report()
        report.sensor("cpu_cores", lambda: one("edge_cpu_cores", self._cores, ("lent",)))
        report.sensor("cpu_usage", lambda: one("edge_cpu_usage_ratio", self._ratio(problem), ("lent",)))
        return report

    def _ratio(self, problem: str) -> float:
        if problem:
            raise SensorError(problem)
        with self._lock:
            return self._window.ratio(self._monotonic())


class GpuLoad:
    """The GPU's load by ``read``, which raises SensorError or OSError; the mean of what it said, since each answer is of a moment."""

    name = "sysfs/gpu_usage"

    def __init__(self, read: Callable[[], float], window_seconds: float, monotonic: Callable[[], float]) -> None:
        self._read = read
        self._monotonic = monotonic
        self._window = MeanWindow(window_seconds)
        self._lock = threading.Lock()

    def sample(self) -> None:
        """Look once."""
        load = self._read()
        if not 0 <= load <= 1:
            raise SensorError(OUT_OF_RANGE)
        with self._lock:
            self._window.add(self._monotonic(), load)

    def tell(self, problem: str) -> Report:
        """``gpu_usage``."""
        report = Report()
        report.sensor("gpu_usage", lambda: one("edge_gpu_usage_ratio", self._mean(problem)))
        return report

    def _mean(self, problem: str) -> float:
        if problem:
            raise SensorError(problem)
        with self._lock:
            return self._window.mean(self._monotonic())


def _busy_and_total(times: CoreTimes) -> tuple[int, int]:
    return times.busy, times.total


def _sums(cores: Iterable[tuple[int, int]]) -> tuple[int, int]:
    each = tuple(cores)
    return sum(busy for busy, _ in each), sum(total for _, total in each)
