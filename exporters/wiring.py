"""The one place that joins everything a device can be asked into its sources, in order of preference."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from exporters.device.collector import DeviceCollector
from exporters.device.disk import disk_source, is_machine
from exporters.device.hwmon import hwmon_source
from exporters.device.itself import own_source
from exporters.device.machine import Surroundings, machine_source
from exporters.device.sampler import Sampler
from exporters.device.sensor import STALE, SensorError
from exporters.device.source import Report, SensorState, Source
from exporters.device.thermal import thermal_source
from exporters.device.tree import Tree
from exporters.device.usage import GpuLoad, HostLoad, LentLoad, Meter, Witness
from exporters.device.window import SAMPLING_SECONDS
from exporters.jetson.gpu import gpu_usage
from exporters.jetson.identity import is_jetson
from exporters.jetson.sources import jetson_sources
from exporters.jetson.tegrastats_feed import RECORDED_PATH, SOURCE_NAME, TegrastatsFeed, recorded_source

OWN_ROOT: Final = Path("/")
"""Where this process sees itself and its machine, whatever tree it reads."""

TEGRASTATS: Final = "tegrastats"
AUTO: Final = "auto"
OFF: Final = "off"
_OLDEST_LINE_SECONDS: Final = 15.0
"""A file that a running tegrastats writes to is newer than this; what is older is no reading of a running machine."""

_SPARE_SECONDS: Final = 0.1
"""For the second sample to be taken, and for tegrastats to say its first line."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is to be watched, and how.

    ``lent_cores`` None: the whole machine is measured. ``tegrastats``: AUTO, OFF, or the path of a program or of a text
    that holds its lines. ``witness`` None: nobody listens for AI programs.
    """

    root: Path
    window_seconds: float
    lent_cores: float | None = None
    tegrastats: str = AUTO
    witness: Witness | None = None


class Device:
    """Everything that one machine can be asked. Loads are known only once it has started."""

    def __init__(self, watch: Watch) -> None:
        tree = Tree(watch.root)
        self._feed = _feed(tree, watch.tegrastats)
        self.sampler = Sampler(_meters(tree, watch))
        self.collector = DeviceCollector(_sources(tree, watch, self.sampler, self._feed))

    def start(self) -> None:
        """Sample each second from now on, and run tegrastats where it is needed."""
        if self._feed is not None:
            self._feed.start()
        self.sampler.start()

    def warm_up(self) -> None:
        """Start, and wait a second where a load can only be told then."""
        self.start()
        if self._feed is not None or self.sampler.is_warming_up():
            time.sleep(SAMPLING_SECONDS + _SPARE_SECONDS)

    def stop(self) -> None:
        """End all threads and programs that were started."""
        self.sampler.stop()
        if self._feed is not None:
            self._feed.stop()
        self.collector.close()


def _meters(tree: Tree, watch: Watch) -> list[Meter]:
    meters: list[Meter] = [HostLoad(tree, watch.window_seconds, time.monotonic, whole=watch.lent_cores is None)]
    if watch.lent_cores is not None:
        meters.append(LentLoad(watch.lent_cores, watch.window_seconds, time.monotonic, watch.witness))
    if is_jetson(tree):  # each has a GPU, so that to see none is a failure
        meters.append(GpuLoad(partial(gpu_usage, tree), watch.window_seconds, time.monotonic))
    return meters


def _sources(tree: Tree, watch: Watch, sampler: Sampler, feed: TegrastatsFeed | None) -> list[Source]:
    jetson = is_jetson(tree)
    ticks = float(os.sysconf("SC_CLK_TCK"))
    surroundings = Surroundings(time.time, ticks, is_live=is_machine(tree), counts_cores=watch.lent_cores is None)
    sources = [machine_source(tree, surroundings), *sampler.sources(), thermal_source(tree, time.monotonic, is_expected=jetson)]
    sources += jetson_sources(tree)
    sources += [disk_source(tree), *_lines(tree, watch.tegrastats, feed)]
    if not jetson:
        sources.append(hwmon_source(tree))
    if not jetson or _is_without_load(tree):  # a Thor's GPU says its load to NVML only
        sources += _graphics_card(tree)
    return [*sources, own_source(Tree(OWN_ROOT))]


def _graphics_card(tree: Tree) -> list[Source]:
    """NVML speaks of the machine on which it runs, and of no other."""
    if tree.root != OWN_ROOT:
        return []
    from exporters.device.nvml import nvml_source  # brings ctypes along, for which most boards have no use

    card = nvml_source()
    return [card] if card else []


def _feed(tree: Tree, choice: str) -> TegrastatsFeed | None:
    """The program that is to run: the one that was named, or the machine's own where nothing else tells the GPU's load."""
    if choice == OFF:
        return None
    if choice != AUTO:
        return TegrastatsFeed([choice]) if is_program(choice) else None
    program = shutil.which(TEGRASTATS) if tree.root == OWN_ROOT and is_jetson(tree) and _is_without_load(tree) else None
    return TegrastatsFeed([program]) if program else None


def _is_without_load(tree: Tree) -> bool:
    try:
        gpu_usage(tree)
    except (SensorError, OSError, ValueError):
        return True
    return False


def _lines(tree: Tree, choice: str, feed: TegrastatsFeed | None) -> list[Source]:
    if feed is not None:
        return [feed.source()]
    if choice == OFF or (choice == AUTO and is_machine(tree)):
        return []
    path = Path(choice) if choice != AUTO else tree.root / RECORDED_PATH
    if choice == AUTO and not path.is_file():
        return []
    source = recorded_source(Tree(path.parent), path.name)
    return [_while_fresh(source, path, time.time)] if is_machine(tree) else [source]


def _while_fresh(source: Source, path: Path, clock: Callable[[], float]) -> Source:
    """A text beside a running machine counts only while somebody writes to it."""

    def look() -> Report:
        if clock() - path.stat().st_mtime > _OLDEST_LINE_SECONDS:
            return Report(sensors=[SensorState(SOURCE_NAME, STALE)])
        return source.look()

    return Source(source.name, look, source.limit_seconds)


def is_program(path: str) -> bool:
    """Whether a file may be run, and so is no text."""
    return os.path.isfile(path) and os.access(path, os.X_OK)
