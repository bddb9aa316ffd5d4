"""Joins what a device's sources say into one page: each thing is said once, by the preferred source, and every failure has its reason."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from exporters.contract import DEVICE_METRICS
from exporters.device.families import Families
from exporters.device.relay import Answer, Patience, Relay
from exporters.device.source import Source

Numbers = dict[str, dict[tuple[str, ...], float]]
"""Samples by metric name, in the contract's order, and by label values: no series can be there twice."""


class DeviceCollector(Collector):
    """What one machine says, from ``sources`` in order of preference.

    A series is said by the first that knows it. Zones and rails of different parts stand side by side; a source that
    ``retells`` the ones before it adds nothing to a family of which they have said a sample.
    """

    def __init__(
        self, sources: Sequence[Source], monotonic: Callable[[], float] = time.monotonic, patience: Patience | None = None
    ) -> None:
        self._relay = Relay(sources, monotonic, patience)

    def numbers(self) -> Numbers:
        """One look at everything; a hanging source costs its own samples and, the first time, its limit."""
        return join(self._relay.look())

    def collect(self) -> Iterator[Metric]:
        """The same for prometheus_client."""
        page = Families()
        for name, samples in self.numbers().items():
            for labels, value in samples.items():
                page.add(name, labels, value)
        yield from page.families()

    def describe(self) -> Iterator[Metric]:
        """Nothing ahead of time: which sensors there are is known when they are read."""
        return iter(())

    def close(self) -> None:
        """End the reading thread."""
        self._relay.close()


def join(answers: Iterable[Answer]) -> Numbers:
    """The numbers of the page, from what each source said, in order of preference."""
    page: Numbers = {metric.name: {} for metric in DEVICE_METRICS}
    up, took = page["edge_sensor_up"], page["edge_exporter_read_seconds"]
    for source, report, seconds in answers:
        said = {name for name, samples in page.items() if samples} if source.retells else ()
        for name, labels, value in report.samples:
            if name not in said:
                page[name].setdefault(labels, value)
        for sensor, reason in report.sensors:
            up[sensor, source.name, reason] = 0.0 if reason else 1.0
        if seconds is not None and report.sensors:  # what the machine has not is not spoken of
            took[source.name,] = max(0.0, seconds)
    return {name: samples for name, samples in page.items() if samples}
