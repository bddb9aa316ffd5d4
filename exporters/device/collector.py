"""Walks a device's /proc and /sys at each scrape; a sensor that fails gives no sample and a reason, and drops no other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from exporters.device.families import Families
from exporters.device.procfs import parse_boot_time, parse_cpu, parse_memory, parse_uptime
from exporters.device.sensor import MISSING, OUT_OF_RANGE, SensorError, reason_of
from exporters.device.sysfs import parse_celsius, throttle_limit_celsius, zone_names
from exporters.device.usage import UsageSampler

THERMAL: Final = Path("sys/class/thermal")
ROOT_MOUNTPOINT: Final = "/"
_MAX_SYSTEM_FILE_BYTES: Final = 1 << 20
"""/proc/stat of a machine with 256 cores and all its interrupts is far below this."""

_MAX_TRIP_POINTS: Final = 16


class DeviceCollector(Collector):
    """What one machine says, read under ``root``; ``clock`` gives Unix seconds and is asked only where the kernel hides the boot time."""

    def __init__(self, root: Path, sampler: UsageSampler, clock: Callable[[], float], ticks_per_second: float) -> None:
        self._root = root
        self._sampler = sampler
        self._clock = clock
        self._ticks_per_second = ticks_per_second

    def collect(self) -> Iterator[Metric]:
        """All families that have a sample; ``edge_sensor_up`` says why others have none."""
        page = Families()
        sensors: dict[str, Callable[[Families], None]] = {
            "cpu_usage": self._cpu_usage,
            "cpu_cores": self._cpu_cores,
            "cpu_seconds": self._cpu_seconds,
            "memory": self._memory,
            "disk": self._disk,
            "boot_time": self._boot_time,
            "temperature": self._temperatures,
        }
        for name, read in sensors.items():
            _guarded(page, name, read)
        yield from page.families()

    def describe(self) -> Iterator[Metric]:
        """Nothing ahead of time: which sensors there are is known when they are read."""
        return iter(())

    def _cpu_usage(self, page: Families) -> None:
        page.add("edge_cpu_usage_ratio", (self._sampler.load.scope,), self._sampler.ratio())

    def _cpu_cores(self, page: Families) -> None:
        page.add("edge_cpu_cores", (self._sampler.load.scope,), self._sampler.load.cores())

    def _cpu_seconds(self, page: Families) -> None:
        for mode, ticks in parse_cpu(self._text("proc/stat")).ticks.items():
            page.add("edge_cpu_seconds_total", (mode,), ticks / self._ticks_per_second)

    def _memory(self, page: Families) -> None:
        memory = parse_memory(self._text("proc/meminfo"))
        page.add("edge_memory_usage_ratio", (), 1.0 - memory.available_bytes / memory.total_bytes)
        page.add("edge_memory_total_bytes", (), memory.total_bytes)
        page.add("edge_memory_available_bytes", (), memory.available_bytes)

    def _disk(self, page: Families) -> None:
        system = os.statvfs(self._root)
        used = system.f_blocks - system.f_bfree
        # What is kept for the administrator counts neither as used nor as room, as in df(1).
        if system.f_blocks <= 0 or used < 0 or used + system.f_bavail <= 0:
            raise SensorError(OUT_OF_RANGE)
        page.add("edge_disk_usage_ratio", (ROOT_MOUNTPOINT,), used / (used + system.f_bavail))

    def _boot_time(self, page: Families) -> None:
        try:
            booted = parse_boot_time(self._text("proc/stat"))
        except (SensorError, OSError):
            # To the second: the clock and the uptime are not read at the same instant, and boot does not move.
            booted = float(round(self._clock() - parse_uptime(self._text("proc/uptime"))))
        page.add("edge_boot_timestamp_seconds", (), booted)

    def _temperatures(self, page: Families) -> None:
        zones = sorted(path for path in (self._root / THERMAL).iterdir() if path.name.startswith("thermal_zone"))
        if not zones:
            raise SensorError(MISSING)
        names = zone_names({zone.name: _text_or_empty(zone / "type") for zone in zones})
        for zone in zones:
            name = names[zone.name]
            _guarded(page, f"temperature/{name}", partial(_zone, zone, name))
            _guarded(page, f"temperature_limit/{name}", partial(_limit, zone, name))

    def _text(self, path: str) -> str:
        return _text(self._root / path)


def _guarded(page: Families, sensor: str, read: Callable[[Families], None]) -> None:
    try:
        read(page)
        page.add("edge_sensor_up", (sensor, ""), 1)
    except Exception as error:  # one broken sensor, of whatever kind, must not take the page from the others
        page.add("edge_sensor_up", (sensor, reason_of(error)), 0)


def _zone(zone: Path, name: str, page: Families) -> None:
    page.add("edge_temperature_celsius", (name,), parse_celsius(_text(zone / "temp")))


def _limit(zone: Path, name: str, page: Families) -> None:
    trips = []
    for number in range(_MAX_TRIP_POINTS):
        kind = _text_or_empty(zone / f"trip_point_{number}_type")
        if not kind:
            break
        trips.append((kind, _text_or_empty(zone / f"trip_point_{number}_temp")))
    page.add("edge_temperature_limit_celsius", (name,), throttle_limit_celsius(trips))


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MAX_SYSTEM_FILE_BYTES).decode("ascii")


def _text_or_empty(path: Path) -> str:
    try:
        return _text(path)
    except (OSError, ValueError):
        return ""
