"""One look at a board in memory through every source that the exporter has for it, with clocks that a test holds."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import count
from typing import Final, NamedTuple

from exporters.device.disk import disk_source
from exporters.device.hwmon import hwmon_source
from exporters.device.machine import Surroundings, machine_source
from exporters.device.sensor import reason_of
from exporters.device.source import Report, Source
from exporters.device.thermal import thermal_source
from exporters.device.tree import Tree
from exporters.device.usage import GpuLoad, HostLoad, Meter
from exporters.jetson.gpu import gpu_usage
from exporters.jetson.identity import is_jetson
from exporters.jetson.sources import jetson_sources
from tests.builders.boards import NOW, TICKS_PER_SECOND

WINDOW_SECONDS: Final = 5.0

Key = tuple[str, tuple[str, ...]]
"""Metric name and label values."""


class Look(NamedTuple):
    """What was said: numbers, and for each (sensor, source) the reason why it said none, or ""."""

    samples: dict[Key, float]
    states: dict[tuple[str, str], str]

    @property
    def silent(self) -> dict[tuple[str, str], str]:
        """Sensors that said why they say nothing."""
        return {sensor: reason for sensor, reason in self.states.items() if reason}


def sources(tree: Tree) -> list[Source]:
    """As ``exporters/wiring.py`` joins them for a recorded tree (a test holds both against each other)."""
    clock = count()

    def monotonic() -> float:
        return next(clock) / 1000.0

    meters: list[Meter] = [HostLoad(tree, WINDOW_SECONDS, monotonic)]
    jetson = is_jetson(tree)
    if jetson:
        meters.append(GpuLoad(partial(gpu_usage, tree), WINDOW_SECONDS, monotonic))
    return [
        machine_source(tree, Surroundings(lambda: NOW, TICKS_PER_SECOND, is_live=False)),
        *(Source(meter.name, partial(_sample_and_tell, meter)) for meter in meters),
        thermal_source(tree, monotonic, is_expected=jetson),
        *jetson_sources(tree),
        disk_source(tree),
        hwmon_source(tree),
    ]


def look(asked: Iterable[Source]) -> Look:
    """Ask each source once; one that breaks as a whole is its own sensor, as in the relay."""
    samples: dict[Key, float] = {}
    states: dict[tuple[str, str], str] = {}
    for source in asked:
        try:
            report = source.look()
        except Exception as error:  # the relay catches it too
            states[source.name, source.name] = reason_of(error)
            continue
        for sample in report.samples:
            if samples.setdefault((sample.name, sample.labels), sample.value) != sample.value:
                raise AssertionError(f"{source.name} says {sample} twice")
        states.update({(state.sensor, source.name): state.reason for state in report.sensors})
    return Look(samples, states)


def _sample_and_tell(meter: Meter) -> Report:
    try:
        meter.sample()
    except Exception as error:  # as the sampler keeps it
        return meter.tell(reason_of(error))
    return meter.tell("")
