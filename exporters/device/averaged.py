"""Looks at a whole source each second for its GPU load, which is a moment's there, and says that as the mean over the window."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from exporters.device.sensor import STALE, WARMING_UP, SensorError
from exporters.device.source import Report, Sample, SensorState, Source
from exporters.device.window import MeanWindow

GPU_USAGE: Final = "edge_gpu_usage_ratio"


class Averaged:
    """A meter over ``source``: its newest report, in which the GPU's load is the mean of what was seen. One thread at a time looks."""

    def __init__(self, source: Source, window_seconds: float, monotonic: Callable[[], float]) -> None:
        self.name = source.name
        self._look = source.look
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._window = MeanWindow(window_seconds)
        self._fresh = MeanWindow(window_seconds)
        self._newest: Report | None = None

    def sample(self) -> None:
        """Look once; raises what the source raises."""
        report = self._look()
        now = self._monotonic()
        with self._lock:
            self._newest = report
            self._fresh.add(now, now)
            for sample in report.samples:
                if sample.name == GPU_USAGE:
                    self._window.add(now, sample.value)

    def tell(self, problem: str) -> Report:
        """What the source said last; where it cannot be asked any more, its sensors with that reason."""
        with self._lock:
            newest, now = self._newest, self._monotonic()
            if newest is None:
                return Report(sensors=[SensorState(self.name, problem or WARMING_UP)])
            if problem or self._is_stale(now):
                return Report(sensors=[SensorState(state.sensor, state.reason or problem or STALE) for state in newest.sensors])
            return Report([self._averaged(sample, now) for sample in newest.samples], list(newest.sensors))

    def _averaged(self, sample: Sample, now: float) -> Sample:
        return sample._replace(value=self._window.mean(now)) if sample.name == GPU_USAGE else sample

    def _is_stale(self, now: float) -> bool:
        try:
            self._fresh.mean(now)
        except SensorError:
            return True
        return False
