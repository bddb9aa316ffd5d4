"""The one place that joins everything a device can be asked into its sources, in order of preference."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from exporters.device.averaged import Averaged
from exporters.device.collector import DeviceCollector
from exporters.device.disk import disk_source
from exporters.device.hwmon import hwmon_source
from exporters.device.itself import own_source
from exporters.device.machine import Surroundings, machine_source
from exporters.device.recorded import tree_at
from exporters.device.sampler import Sampler
from exporters.device.sensor import STALE
from exporters.device.source import Report, SensorState, Source
from exporters.device.thermal import thermal_source
from exporters.device.tree import Tree
from exporters.device.usage import GpuLoad, HostLoad, LentLoad, Meter, Witness
from exporters.device.window import SAMPLING_SECONDS
from exporters.jetson.gpu import gpu_usage
from exporters.jetson.kind import Kind, kind_of
from exporters.jetson.sources import jetson_sources
from exporters.jetson.tegrastats_feed import RECORDED_PATH, SOURCE_NAME, TegrastatsFeed, recorded_source

OWN_ROOT: Final = Path("/")
"""Where this process sees itself and its machine, whatever tree it reads."""

TEGRASTATS: Final = "tegrastats"
AUTO: Final = "auto"
OFF: Final = "off"
_OLDEST_LINE_SECONDS: Final = 15.0
"""A file that a running tegrastats writes to is newer than this; what is older is no reading of a running machine."""

HOST: Final = "host"
_OF_EACH_CORE: Final = {"cpu_usage": "cpu_core_usage", "cpu_cores": "cpu_online"}
"""Sensors of tegrastats that speak of the host and of each core, and what they are without the host."""

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

    def __init__(self, watch: Watch, tree: Tree | None = None) -> None:
        """``tree``: how the files under the root are read, where it is not as usual. Whatever hangs there costs a second at most."""
        tree = tree or tree_at(watch.root)
        kind = kind_of(tree)
        self._feed = _feed(tree, kind, watch.tegrastats)
        lines, card = _lines(tree, kind, watch, self._feed), _graphics_card(tree, kind)
        meters = _meters(tree, kind, watch)
        # What these say of the GPU is true of a moment only, unless the tree itself is a moment's.
        told = [source for source in (*lines, *card) if kind.is_machine or self._feed is not None]
        self.sampler = Sampler([*meters, *(Averaged(source, watch.window_seconds, time.monotonic) for source in told)])
        loads = self.sampler.sources()
        averaged = {source.name: source for source in loads[len(meters) :]}
        lines, card = ([replace(averaged.get(one.name, one), retells=one.retells) for one in some] for some in (lines, card))
        before = _sources(tree, kind, watch)
        self.collector = DeviceCollector(
            [before[0], *loads[: len(meters)], *before[1:], *lines, hwmon_source(tree), *card, own_source(Tree(OWN_ROOT))]
        )

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


def _meters(tree: Tree, kind: Kind, watch: Watch) -> list[Meter]:
    meters: list[Meter] = [HostLoad(tree, watch.window_seconds, time.monotonic, whole=watch.lent_cores is None)]
    if watch.lent_cores is not None:
        meters.append(LentLoad(watch.lent_cores, watch.window_seconds, time.monotonic, watch.witness))
    if kind.is_jetson:  # each has a GPU, so that to see none is a failure
        meters.append(GpuLoad(partial(gpu_usage, tree), watch.window_seconds, time.monotonic))
    return meters


def _sources(tree: Tree, kind: Kind, watch: Watch) -> list[Source]:
    """What the kernel's files say at the moment of a scrape."""
    ticks = float(os.sysconf("SC_CLK_TCK"))
    surroundings = Surroundings(time.time, ticks, is_live=kind.is_machine, counts_cores=watch.lent_cores is None)
    thermal = thermal_source(tree, time.monotonic, is_expected=kind.is_jetson)
    return [machine_source(tree, surroundings), thermal, *jetson_sources(tree), disk_source(tree)]


def _graphics_card(tree: Tree, kind: Kind) -> list[Source]:
    """NVML speaks of the machine on which it runs, and of no other. A Thor's GPU says its load there only; its zones are sysfs's."""
    if tree.root != OWN_ROOT or (kind.is_jetson and kind.tells_gpu_load):
        return []
    from exporters.device.nvml import nvml_source  # brings ctypes along, for which most boards have no use

    card = nvml_source()
    return [replace(card, retells=kind.is_jetson)] if card else []


def _feed(tree: Tree, kind: Kind, choice: str) -> TegrastatsFeed | None:
    """The program that is to run: the one that was named, or the machine's own where nothing else tells the GPU's load."""
    if choice == OFF:
        return None
    if choice != AUTO:
        return TegrastatsFeed([choice]) if is_program(choice) else None
    program = shutil.which(TEGRASTATS) if tree.root == OWN_ROOT and kind.is_jetson and not kind.tells_gpu_load else None
    return TegrastatsFeed([program]) if program else None


def _lines(tree: Tree, kind: Kind, watch: Watch, feed: TegrastatsFeed | None) -> list[Source]:
    source = feed.source() if feed is not None else _text_of_lines(tree, kind, watch.tegrastats)
    if source is None:
        return []
    return [source if watch.lent_cores is None else _of_cores_only(source)]


def _text_of_lines(tree: Tree, kind: Kind, choice: str) -> Source | None:
    if choice == OFF or (choice == AUTO and (kind.is_machine or not kind.has_lines)):
        return None
    if choice == AUTO:
        return recorded_source(tree, RECORDED_PATH)
    path = Path(choice).absolute()  # named by a person, for this process: its links lead where they lead here
    source = recorded_source(Tree(OWN_ROOT), str(path.relative_to(OWN_ROOT)))
    return _while_fresh(source, path, time.time) if kind.is_machine else source


def _of_cores_only(source: Source) -> Source:
    """What it says, without the load of the host: where some cores are lent, that is no answer to how much of them is in use."""

    def look() -> Report:
        report = source.look()
        samples = [sample for sample in report.samples if sample.labels != (HOST,)]
        return Report(samples, [SensorState(_OF_EACH_CORE.get(state.sensor, state.sensor), state.reason) for state in report.sensors])

    return replace(source, look=look)


def _while_fresh(source: Source, path: Path, clock: Callable[[], float]) -> Source:
    """A text beside a running machine counts only while somebody writes to it."""

    def look() -> Report:
        if clock() - path.stat().st_mtime > _OLDEST_LINE_SECONDS:
            return Report(sensors=[SensorState(SOURCE_NAME, STALE)])
        return source.look()

    return replace(source, look=look)


def is_program(path: str) -> bool:
    """Whether a file may be run, and so is no text."""
    return os.path.isfile(path) and os.access(path, os.X_OK)
