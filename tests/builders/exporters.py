"""Builders for the exporters' tests: a small device tree, a datagram, a collector with hand-turned clocks, and a page read back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from exporters.device.collector import DeviceCollector
from exporters.device.disk import DISK_FILE, disk_source
from exporters.device.machine import Surroundings as MachineSurroundings
from exporters.device.machine import machine_source
from exporters.device.processes import ProcessKey
from exporters.device.sampler import Sampler
from exporters.device.source import Report, Sample, Source
from exporters.device.thermal import thermal_source
from exporters.device.tree import Tree
from exporters.device.usage import HostLoad
from exporters.workload.collector import Bounds, Surroundings, WorkloadCollector

NOW = 1_795_000_000.0
WORKLOAD = "yolo/cam-07/main"
PLACEMENT = "yolo/cam-07/main@edge-07#1"
LABELS = {"workload": WORKLOAD, "placement": PLACEMENT, "class": "01", "version": "1.2"}

STAT = """cpu  9934 10 3571 346867 354 3 42 20 7 0
cpu0 1764 10 1251 177272 16 0 6 10 7 0
cpu1 8170 0 2320 169595 338 3 36 10 0 0
intr 201014 0 0
ctxt 365431
btime 1794990000
processes 8616
"""
MEMINFO = """MemTotal:       16000000 kB
MemFree:         1000000 kB
MemAvailable:    4000000 kB
Buffers:            5124 kB
SwapTotal:       2000000 kB
SwapFree:        1500000 kB
"""
DISK = {"total_bytes": 1000, "free_bytes": 400, "available_bytes": 350}

ZONES: dict[str, dict[str, str]] = {
    "thermal_zone0": {
        "type": "cpu-thermal\n",
        "temp": "48250\n",
        "trip_point_0_type": "critical\n",
        "trip_point_0_temp": "104500\n",
        "trip_point_1_type": "passive\n",
        "trip_point_1_temp": "99000\n",
        "trip_point_2_type": "active\n",
        "trip_point_2_temp": "45000\n",
    },
    "thermal_zone1": {"type": "cv0-thermal\n", "temp": "-256000\n"},
}


def write_tree(root: Path, zones: dict[str, dict[str, str]] | None = None) -> Path:
    """A Jetson's /proc and /sys as far as the exporter reads them; one zone's power is off, as on a real board."""
    files = {"proc/stat": STAT, "proc/meminfo": MEMINFO, "proc/uptime": "10000.50 19000.00\n"}
    files |= {"sys/devices/system/cpu/present": "0-2\n", "sys/devices/system/cpu/online": "0-1\n", DISK_FILE: json.dumps(DISK)}
    for zone, contents in (ZONES if zones is None else zones).items():
        files.update({f"sys/class/thermal/{zone}/{name}": text for name, text in contents.items()})
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return root


def stat(cores: dict[int, tuple[int, int]]) -> str:
    """A /proc/stat with these busy and idle ticks of each core."""
    total = sum(busy for busy, _ in cores.values()), sum(idle for _, idle in cores.values())
    ticks = [("cpu", total), *((f"cpu{core}", times) for core, times in cores.items())]
    lines = [f"{name} {busy} 0 0 {idle} 0 0 0 0 0 0\n" for name, (busy, idle) in ticks]
    return "".join([*lines, "intr 0\n", "btime 1794990000\n"])


class Clock:
    """Seconds that a test turns by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def generic_sources(root: Path, is_live: bool = False) -> list[Source]:
    """What every Linux machine has, read once before, so that its loads warm up."""
    tree = Tree(root)
    sampler = Sampler([HostLoad(tree, 5.0, lambda: 0.0)])
    sampler.sample()
    machine = machine_source(tree, MachineSurroundings(lambda: NOW, 100.0, is_live=is_live))
    return [machine, *sampler.sources(), thermal_source(tree, lambda: 0.0, is_expected=True), disk_source(tree)]


def page_of(*sources: Source) -> Page:
    """The page of these sources, in this order of preference."""
    collector = DeviceCollector(sources)
    try:
        return Page(collector)
    finally:
        collector.close()


def saying(name: str, *samples: tuple[str, tuple[str, ...], float]) -> Source:
    """A source whose every look says these samples, each by a sensor of its metric's name."""

    def look() -> Report:
        report = Report()
        for sample in samples:
            report.sensor(sample[0], lambda sample=sample: [Sample(*sample)])  # type: ignore[misc]  # bound now
        return report

    return Source(name, look)


def process_line(parent: int, own: int, waited: int, start: int, state: str = "S") -> str:
    """One /proc/<pid>/stat line with a name that tries to mislead; own and waited-for ticks, start in ticks."""
    return f"7 (a) R 1 (b c) {state} {parent} 0 0 0 -1 0 0 0 0 0 {own} 0 {waited} 0 20 0 1 0 {start} 0 0\n"


def body(**changes: Any) -> dict[str, Any]:
    """A datagram's content: half a second into a session, one frame, one result, one event declared."""
    latency, confidence = [0] * 11, [0] * 11
    latency[3] = confidence[4] = 1
    return {
        "v": 1, "session": "a" * 32, "seq": 1, "at": NOW, "end": False, "lost": 0,
        "workload": WORKLOAD, "placement": PLACEMENT, "class": "01", "version": "1.2", "camera": "cam-07",
        "frames": 1, "results": 1, "last_frame": NOW - 0.2, "last_result": NOW - 0.1,
        "latency": {"sum": 0.04, "counts": latency}, "confidence": {"sum": 0.45, "counts": confidence},
        "events": {"fire": {"total": 0}}, "cpu_seconds": 1.5, "resident_bytes": 1000,
    } | changes  # fmt: skip


def datagram(**changes: Any) -> bytes:
    """The same as bytes."""
    return json.dumps(body(**changes)).encode()


class World:
    """Clocks that a test turns by hand, and processes that it lets live and die."""

    def __init__(self) -> None:
        self.now = NOW
        self.elapsed = 0.0
        self.processes: dict[int, ProcessKey] = {}

    def pass_seconds(self, seconds: float) -> None:
        """Let both clocks run on."""
        self.now += seconds
        self.elapsed += seconds

    def collector(self, bounds: Bounds | None = None) -> WorkloadCollector:
        """A collector that lives in this world."""
        return WorkloadCollector(Surroundings(lambda: self.now, lambda: self.elapsed, self.process), bounds)

    def process(self, pid: int) -> ProcessKey | None:
        """Who lives under this id now."""
        return self.processes.get(pid)


class Page:
    """What a scrape would read, through the real text format."""

    def __init__(self, *collectors: Any) -> None:
        registry = CollectorRegistry(auto_describe=False)
        for collector in collectors:
            registry.register(collector)
        self.text = generate_latest(registry).decode()
        self.families: list[Metric] = list(text_string_to_metric_families(self.text))

    def value(self, name: str, **labels: str) -> float | None:
        """The one sample of this name whose labels include these; None where there is none."""
        found = [s.value for f in self.families for s in f.samples if s.name == name and labels.items() <= s.labels.items()]
        if len(found) > 1:
            raise AssertionError(f"{name} {labels} is not one sample but {len(found)}")
        return found[0] if found else None

    def names(self) -> set[str]:
        """The promised metrics that have a sample."""
        return {f"{family.name}_total" if family.type == "counter" else family.name for family in self.families}

    def reason(self, sensor: str) -> str | None:
        """Why a sensor gave nothing; None where it answered."""
        samples: Iterable[Any] = (
            s for f in self.families for s in f.samples if s.name == "edge_sensor_up" and s.labels["sensor"] == sensor
        )
        for sample in samples:
            if (sample.value == 1) != (sample.labels["reason"] == ""):
                raise AssertionError(f"{sample} contradicts itself")
            return sample.labels["reason"] or None
        raise AssertionError(f"no sensor {sensor}")
