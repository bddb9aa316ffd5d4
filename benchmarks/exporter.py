"""What our exporter costs a device that Prometheus scrapes once a second, against Debian's node_exporter beside it in the same run."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import BenchmarkError
from tests.builders.exporter_bench import DidNotStart, Scraped, busy_cores, running_board, running_node_exporter, running_ours

BOARD = "orin-nx"
COMPARABLE = ("cpu", "cpufreq", "filesystem", "hwmon", "loadavg", "meminfo", "stat", "thermal_zone")
"""Collectors of node_exporter that tell what our exporter tells of any Linux machine."""
ONLY_THESE = ("--collector.disable-defaults", *(f"--collector.{name}" for name in COMPARABLE))

IN_MEMORY = Path("/dev/shm")
"""Where the emulated tree lies if there is such a place: sysfs lies in memory too, and no disk notes that it was read."""
SETTLING_SECONDS = 3
"""What is read once a minute, and written once, is no part of a scrape."""
ROUNDS = 3
"""Of these the quietest counts for each exporter: whoever else uses the machine can only add to what is measured."""
RESTING_SECONDS = 5.0
SECONDS = 20
BUSY_SECONDS = 24
LOOP_SECONDS = 60.0
"""The busy loops outlive the measurement, and end by themselves should it be killed."""
PROMISED_SERIES = 80
PERCENTILE = 0.95
MILLISECONDS, MEGABYTES, PERCENT = 1e3, 1e-6, 100.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one exporter took, and how many series its page has.

    ``scrape_cpu_seconds`` is what a scrape adds to an exporter that nobody asks; ``core_ratio`` of one core is what all of it
    takes at one scrape a second. ``idle_seconds`` and ``busy_seconds`` are the p95 of a scrape, without and with a loop on
    every core.
    """

    series: int
    scrape_cpu_seconds: float
    core_ratio: float
    resident_bytes: float
    idle_seconds: float
    busy_seconds: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: which field of a cost, what it is called, and what we promise of it in ``unit``."""

    field: str
    meaning: str
    unit: str
    factor: float
    promised: float


FIGURES = (
    Figure("scrape_cpu_seconds", "CPU for a scrape", "ms", MILLISECONDS, 1.5),
    Figure("core_ratio", "all CPU at a scrape a second", "% of a core", PERCENT, 0.2),
    Figure("resident_bytes", "memory", "MB", MEGABYTES, 30.0),
    Figure("idle_seconds", "scrape p95", "ms", MILLISECONDS, 10.0),
    Figure("busy_seconds", "scrape p95 while every core is busy", "ms", MILLISECONDS, 100.0),
)


def rows() -> list[dict[str, object]]:
    """CPU time, memory and waiting of four exporters that are scraped in turn within each second.

    Raises:
        BenchmarkError: node_exporter is not installed, or ours takes more than it promises.
    """
    try:
        with tempfile.TemporaryDirectory() as place, running(Path(place)) as exporters:
            costs = measured(exporters)
    except DidNotStart as error:
        raise BenchmarkError(f"benchmarks.exporter: {error}") from error
    print(f"  the comparable set of node_exporter: {', '.join(COMPARABLE)}")
    keep_the_promise(nearest(costs["machine"], costs["board"]))
    machine = f"this machine's {costs['machine'].series} series, instead of node_exporter's {costs['comparable'].series} comparable ones"
    board = f"an Orin NX's {costs['board'].series} series, instead of the {costs['default'].series} that node_exporter has here by default"
    return [
        *(row(figure, machine, costs["machine"], costs["comparable"]) for figure in FIGURES),
        *(row(figure, board, costs["board"], costs["default"]) for figure in FIGURES),
    ]


@contextmanager
def running(place: Path) -> Iterator[dict[str, Scraped]]:
    """Ours for this machine and for an emulated board, node_exporter with its comparable collectors and as it comes."""
    with ExitStack() as stack:
        memory = IN_MEMORY if IN_MEMORY.is_dir() else place
        tree = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=memory))) / "board"
        stack.enter_context(running_board(BOARD, tree))
        yield {
            "machine": stack.enter_context(running_ours(place / "machine.sock")),
            "comparable": stack.enter_context(running_node_exporter(ONLY_THESE)),
            "board": stack.enter_context(running_ours(place / "board.sock", ("--root", str(tree)))),
            "default": stack.enter_context(running_node_exporter()),
        }


def measured(exporters: Mapping[str, Scraped]) -> dict[str, Cost]:
    """Rounds of rest and of scrapes, then scrapes beside busy loops: all exporters in the same seconds, so that noise wrongs none."""
    each = list(exporters.values())
    series = [exporter.series() for exporter in each]
    scrape_in_turn(each, SETTLING_SECONDS)
    rounds = [one_round(each) for _ in range(ROUNDS)]
    resident = [exporter.resident_bytes() for exporter in each]
    with busy_cores(LOOP_SECONDS):
        busy = [percentile(took) for took in scrape_in_turn(each, BUSY_SECONDS)]
    costs = {}
    for place, name in enumerate(exporters):
        added, in_all, idle = (min(figures) for figures in zip(*(one[place] for one in rounds), strict=True))
        costs[name] = Cost(series[place], added, in_all, resident[place], idle, busy[place])
    return costs


def one_round(exporters: Sequence[Scraped]) -> list[tuple[float, float, float]]:
    """For each exporter: CPU seconds that a scrape adds, CPU seconds of a second with one scrape in it, and the p95 of scrapes."""
    began = [exporter.cpu_seconds() for exporter in exporters]
    time.sleep(RESTING_SECONDS)
    rested = [exporter.cpu_seconds() for exporter in exporters]
    took = scrape_in_turn(exporters, SECONDS)
    scraped = [exporter.cpu_seconds() for exporter in exporters]
    found = []
    for place, seconds in enumerate(took):
        in_all = (scraped[place] - rested[place]) / SECONDS
        found.append((in_all - (rested[place] - began[place]) / RESTING_SECONDS, in_all, percentile(seconds)))
    return found


def scrape_in_turn(exporters: Sequence[Scraped], seconds: int) -> list[list[float]]:
    """Each exporter once a second, evenly spread over it, so that none waits for another; how long their scrapes took."""
    begun = time.monotonic()
    before = [len(exporter.took) for exporter in exporters]
    for turn in range(seconds * len(exporters)):
        time.sleep(max(0.0, begun + turn / len(exporters) - time.monotonic()))
        exporters[turn % len(exporters)].scrape()
    time.sleep(max(0.0, begun + seconds - time.monotonic()))
    return [exporter.took[start:] for exporter, start in zip(exporters, before, strict=True)]


def percentile(seconds: Sequence[float]) -> float:
    """The scrape than which one in twenty takes longer."""
    return sorted(seconds)[math.ceil(PERCENTILE * len(seconds)) - 1]


def nearest(*costs: Cost) -> Cost:
    """The one of our pages that is nearest in size to the page of which something is promised."""
    return min(costs, key=lambda cost: abs(cost.series - PROMISED_SERIES))


def keep_the_promise(cost: Cost) -> None:
    """What is promised must hold.

    Raises:
        BenchmarkError: it does not.
    """
    for figure in FIGURES:
        value = getattr(cost, figure.field) * figure.factor
        if value >= figure.promised:
            found = (
                f"{figure.meaning} of our exporter with {cost.series} series is {value:.3g} {figure.unit}, promised are {figure.promised:g}"
            )
            raise BenchmarkError(f"benchmarks.exporter: {found}; try when the machine is idle")


def row(figure: Figure, what: str, ours: Cost, alternative: Cost) -> dict[str, object]:
    """One row of the table."""
    mine, theirs = (getattr(cost, figure.field) * figure.factor for cost in (ours, alternative))
    return {"name": f"{figure.meaning}, {what}", "ours": mine, "alternative": theirs, "ratio": theirs / mine, "unit": figure.unit}
