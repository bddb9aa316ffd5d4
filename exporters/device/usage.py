"""Measures CPU load once a second in a thread: of the whole machine, or of AI programs against the cores that are lent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from exporters.device.processes import CpuAccount, ProcessKey, ProcessTable
from exporters.device.procfs import parse_cpu
from exporters.device.sensor import NOT_LISTENING, WARMING_UP, SensorError, reason_of
from exporters.device.window import SAMPLING_SECONDS, RatioWindow

_STOP_SECONDS: Final = 5.0
"""A sample takes milliseconds; a thread that has not ended by then hangs in a dead file system and is left behind."""


@dataclass(frozen=True, slots=True)
class Program:
    """One AI program that runs now: its process where that can be seen, and the CPU seconds it says itself, in its session."""

    placement: str
    session: str
    process: ProcessKey | None
    cpu_seconds: float


class CpuLoad(Protocol):
    """What a load is measured against, and two sums whose growth makes the ratio."""

    scope: str

    def cores(self) -> float:
        """Cores that the ratio is measured against; raises SensorError where unknown."""
        ...

    def sums(self, now: float) -> tuple[float, float]:
        """CPU time used and CPU time there was, since any fixed moment; raises SensorError or OSError where unknown."""
        ...


class HostLoad:
    """All cores of the machine, from /proc/stat under ``root``."""

    scope = "host"

    def __init__(self, root: Path) -> None:
        self._stat = root / "proc" / "stat"

    def cores(self) -> float:
        """Cores online."""
        return float(parse_cpu(self._stat.read_text(encoding="ascii")).cores)

    def sums(self, now: float) -> tuple[float, float]:
        """Busy and all ticks since boot."""
        times = parse_cpu(self._stat.read_text(encoding="ascii"))
        return float(times.busy), float(times.total)


@dataclass(frozen=True, slots=True)
class Witness:
    """How AI programs are watched: which ones run, their processes, and how many ticks a CPU second has."""

    programs: Callable[[], Iterable[Program]]
    table: ProcessTable
    ticks_per_second: float


class LentLoad:
    """AI programs against ``cores`` lent; without any program this is truly 0. Above 1 they take more than was lent.

    A program is measured at its process and its children; one whose process cannot be seen (another pid namespace) by
    the CPU seconds it says itself. ``witness`` None means that nobody listens for programs: then nothing is known.
    """

    scope = "lent"

    def __init__(self, cores: float, witness: Witness | None) -> None:
        self._cores = cores
        self._witness = witness
        self._account = CpuAccount()
        self._said_last: dict[tuple[str, str], float] = {}
        self._said_seconds = 0.0

    def cores(self) -> float:
        """Cores lent."""
        return self._cores

    def sums(self, now: float) -> tuple[float, float]:
        """CPU seconds of AI programs since the first look, and what the lent cores could have given by ``now``."""
        if self._witness is None:
            raise SensorError(NOT_LISTENING)
        programs = tuple(self._witness.programs())
        self._account.add(self._witness.table.trees(program.process[0] for program in programs if program.process))
        said = {(program.placement, program.session): program.cpu_seconds for program in programs if program.process is None}
        self._said_seconds += sum(max(0.0, seconds - self._said_last.get(key, seconds)) for key, seconds in said.items())
        self._said_last = said
        return self._account.ticks / self._witness.ticks_per_second + self._said_seconds, now * self._cores


class UsageSampler:
    """Keeps the trailing window of one load filled; ``sample`` is one look, ``start`` looks each second until ``stop``."""

    def __init__(self, load: CpuLoad, window_seconds: float, monotonic: Callable[[], float]) -> None:
        self.load = load
        self._window = RatioWindow(window_seconds)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._problem = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cpu-usage", daemon=True)

    def sample(self) -> None:
        """Look once; what went wrong is kept as the reason until a look succeeds."""
        now = self._monotonic()
        try:
            part, whole = self.load.sums(now)
        except Exception as error:  # the thread must outlive whatever a sensor does
            with self._lock:
                self._problem = reason_of(error)
            return
        with self._lock:
            self._problem = ""
            self._window.add(now, part, whole)

    def ratio(self) -> float:
        """The load over the trailing window.

        Raises:
            SensorError: there is no window of at least 1 s yet, or sampling fails.
        """
        with self._lock:
            ratio = self._window.ratio(self._monotonic())
            if self._problem or ratio is None:
                raise SensorError(self._problem or WARMING_UP)
            return ratio

    def start(self) -> None:
        """Take the first look now and the others in a thread."""
        self.sample()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(SAMPLING_SECONDS):
            self.sample()
