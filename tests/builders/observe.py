"""A fleet, its runtimes' lists and a source of samples in memory, for tests of what is seen."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from decision_engine.catalog.model import Camera, Catalog, Cluster, Device, Package, Version, Workload
from decision_engine.core.limits import Limits, Times
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.signals import Signal, signals_from
from decision_engine.observe.source import PrometheusUnavailable, Samples
from decision_engine.observe.watch import FleetWatch, Look

NOW = 1_700_000_010.0
"""The beginning of a grid cell of 30 s."""
LOOKBACK_SECONDS = 300.0
"""How long an instant query finds a series that says nothing new, as in Prometheus."""
LOADS = ("cpu", "memory", "gpu")


@dataclass(frozen=True)
class Listed:
    """What a runtime lists."""

    workload: str
    device: str
    generation: int = 1
    phase: str = "ready"
    since: float = NOW - 3600.0
    environment_class: str = "01"
    version: str = "1"
    cause: str = ""

    @property
    def placement(self) -> str:
        return f"{self.workload}@{self.device}#{self.generation}"


@dataclass
class World:
    """Samples that were said, by signal and series; a ``Source``. ``trouble`` is raised instead of an answer."""

    said: dict[str, dict[tuple[tuple[str, str], ...], list[tuple[float, float]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    trouble: PrometheusUnavailable | None = None
    asked: list[str] = field(default_factory=list)
    past_asked: list[tuple[str, float, float]] = field(default_factory=list)
    backwards: bool = False

    def say(self, signal: str, at: float, value: float, **labels: str) -> None:
        """One sample of one series."""
        self.said[signal][tuple(sorted(labels.items()))].append((at, value))

    def say_loads(self, at: float, device: str, loads: tuple[float, float, float]) -> None:
        """All three loads of one device."""
        for signal, value in zip(LOADS, loads, strict=True):
            self.say(signal, at, value, device=device)

    def say_costs(self, at: float, placement: str, cores: float, memory_bytes: float) -> None:
        """What one placement takes."""
        self.say("workload_cpu_cores", at, cores, placement=placement)
        self.say("workload_memory_bytes", at, memory_bytes, placement=placement)

    async def ask(self, signal: Signal, at: float, window_seconds: float) -> tuple[Samples, ...]:
        """As ``Source.ask``; samples from the future and without a time are answered too."""
        self.asked.append(signal.name)
        if self.trouble is not None:
            raise self.trouble
        window = window_seconds if signal.kind == "range" else LOOKBACK_SECONDS
        answer = []
        for labels, points in self.said[signal.name].items():
            inside = [point for point in points if not point[0] <= at - window]
            if inside:
                inside = inside if signal.kind == "range" else inside[-1:]
                answer.append(Samples(dict(labels), [t for t, _ in inside], [v for _, v in inside]))
        return tuple(reversed(answer)) if self.backwards else tuple(answer)

    async def past(self, signal: Signal, start: float, end: float, step_seconds: float) -> tuple[Samples, ...]:
        """As ``Source.past``."""
        self.past_asked.append((signal.name, start, end))
        if self.trouble is not None:
            raise self.trouble
        answer = []
        for labels, points in self.said[signal.name].items():
            cells: dict[int, list[float]] = defaultdict(list)
            for at, value in points:
                if start // step_seconds * step_seconds <= at < end // step_seconds * step_seconds:
                    cells[int(at // step_seconds)].append(value)
            if cells:
                means = [sum(values) / len(values) for _, values in sorted(cells.items())]
                answer.append(Samples(dict(labels), [(cell + 0.5) * step_seconds for cell in sorted(cells)], means))
        return tuple(answer)

    async def close(self) -> None:
        """As ``Source.close``."""


def edge(number: int) -> str:
    """The id of an edge."""
    return f"edge-{number:02d}"


def workload_of(number: int) -> str:
    """The id of an edge's workload."""
    return f"detector/cam-{number:02d}/main"


def small_catalog(edges: int = 4, **changes: Any) -> Catalog:
    """Edges with one workload each and an analysis server without a GPU; ``changes`` replace whole tables."""
    devices = {edge(n): Device(edge(n), "farm", f"127.0.1.{n}:9750", cores=8.0, memory_bytes=16e9, gpu=True) for n in range(1, edges + 1)}
    devices["server-01"] = Device("server-01", "rack", "127.0.1.200:9750", 32.0, 64e9, role="analysis", architecture="amd64")
    tables: dict[str, Any] = {
        "clusters": {"farm": Cluster("farm", "simulated", "north"), "rack": Cluster("rack", "simulated", "north")},
        "devices": devices,
        "cameras": {f"cam-{n:02d}": Camera(f"cam-{n:02d}", edge(n)) for n in range(1, edges + 1)},
        "packages": {"detector": Package("detector")},
        "versions": {("detector", "01", "1"): Version("detector", "01", "1", "detector:1", cpu_cores=1.0, memory_bytes=1e9)},
        "workloads": {workload_of(n): Workload("detector", f"cam-{n:02d}", edge(n)) for n in range(1, edges + 1)},
    }
    return Catalog(**{**tables, **changes})


@dataclass
class Watched:
    """A watch over a world, cycle by cycle."""

    catalog: Catalog = field(default_factory=small_catalog)
    limits: Limits = field(default_factory=Limits)
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.index = FleetIndex.of(self.catalog, "v1")
        self.watch = FleetWatch(self.world, edgeshift_signals(self.limits.times), self.limits)

    def listed(self) -> tuple[Listed, ...]:
        """Every workload Ready at home."""
        return tuple(Listed(workload.id, workload.home) for workload in self.catalog.workloads.values())

    def speak(self, at: float, cpu: float = 0.5, cores: float = 0.8) -> None:
        """Everyone says everything once."""
        for device in self.catalog.devices.values():
            for signal, value in zip(LOADS, (cpu, 0.4, 0.3), strict=True):
                if signal != "gpu" or device.gpu:
                    self.world.say(signal, at, value, device=device.id)
        for placement in self.listed():
            self.world.say_costs(at, placement.placement, cores, 2e9)

    async def look(self, now: float, listed: tuple[Listed, ...] | None = None, unreachable: frozenset[str] = frozenset()) -> Look:
        """One look."""
        return await self.watch.look(now, self.index, self.listed() if listed is None else listed, unreachable)


def edgeshift_signals(times: Times | None = None) -> tuple[Signal, ...]:
    """The signals of the edgeshift preset."""
    return signals_from("edgeshift", {}, times or Times())


async def live(watched: Watched, seconds: float, start: float = NOW, **speech: float) -> Look:
    """Run cycle by cycle; everyone speaks half a second before each look."""
    look = None
    for step in range(int(seconds // 5) + 1):
        now = start + 5.0 * step
        watched.speak(now - 0.5, **speech)
        look = await watched.look(now)
    assert look is not None
    return look
