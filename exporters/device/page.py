"""The exporter's one page: the device's numbers and those of its AI programs, in the format that the scraper asks for."""

from __future__ import annotations

from typing import Final

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from exporters.device.collector import DeviceCollector
from exporters.device.exposition import OPENMETRICS, PLAIN_TEXT, Writer, wants_openmetrics
from exporters.device.sensor import reason_of

WORKLOADS: Final = ("workloads", "socket")
"""Sensor and source under which AI programs are named, should their numbers not be told."""


class DevicePage:
    """Writes the page anew each time that it is asked for; any thread may ask."""

    def __init__(self, device: DeviceCollector, workloads: Collector | None = None) -> None:
        self._device = device
        self._workloads = workloads
        self._plain, self._openmetrics = Writer(openmetrics=False), Writer(openmetrics=True)

    def __call__(self, accept: str = "") -> tuple[str, bytes]:
        """Content type and bytes of the page, for a scraper with this Accept header."""
        numbers = self._device.numbers()
        families: list[Family] = []
        if self._workloads is not None:
            try:
                families = list(self._workloads.collect())
            except Exception as error:  # AI programs must not take the device's own numbers with them
                numbers.setdefault("edge_sensor_up", {})[*WORKLOADS, reason_of(error)] = 0.0
        if wants_openmetrics(accept):
            return OPENMETRICS, self._openmetrics.page(numbers, families)
        return PLAIN_TEXT, self._plain.page(numbers, families)
