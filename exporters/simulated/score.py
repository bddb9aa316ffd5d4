"""Keeps the plant's own account of what went wrong: overloaded device-seconds and the longest time each camera was blind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporters.simulated.blueprint import PlantBlueprint

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PlantScore:
    """The account at story time ``at``.

    ``overload_seconds`` are device-seconds with any resource at or over its limit; ``first_crossing_seconds`` the story
    time of the first (None: never); ``longest_gap_seconds`` per camera the longest time between two results beyond the
    nominal interval, the one going on now included (None: no result yet).
    """

    at: float
    overload_seconds: float
    overload_seconds_by_device: dict[str, float]
    first_crossing_seconds: dict[str, float | None]
    longest_gap_seconds: dict[str, float | None]


class ScoreBook:
    """Adds up tick by tick. ``cameras`` are the cameras' ids; ``nominal_seconds`` (per camera) their usual interval."""

    def __init__(self, blueprint: PlantBlueprint) -> None:
        self._devices = tuple(device.id for device in blueprint.devices)
        self._limits = np.array(blueprint.limits)
        self._over = np.zeros(len(self._devices))
        self._first = np.full(len(self._devices), np.nan)
        interval: dict[str, float] = {}
        for workload in blueprint.workloads:
            interval[workload.camera] = max(interval.get(workload.camera, 0.0), 1.0 / workload.frames_per_second)
        self.cameras = tuple(interval)
        self._nominal = np.array(list(interval.values()))
        self._gap = np.zeros(len(interval))
        self._last = np.full(len(interval), np.nan)

    def load(self, totals: Floats, from_seconds: float, seconds: float) -> None:
        """Account for D × R loads over one tick."""
        over = np.any(totals >= self._limits, axis=1)
        self._over += over * seconds
        self._first = np.where(over & np.isnan(self._first), from_seconds, self._first)

    def results(self, cameras: Ints, first: Floats, last: Floats) -> None:
        """Account for one tick's results: for each placement that made some, its camera and the first and last time."""
        earliest = np.full(len(self._gap), np.inf)
        np.minimum.at(earliest, cameras, first)
        latest = np.full(len(self._gap), -np.inf)
        np.maximum.at(latest, cameras, last)
        seen = np.isfinite(earliest)
        gap = np.where(seen, earliest - self._last - self._nominal, np.nan)
        self._gap = np.fmax(self._gap, gap)
        self._last = np.where(seen, np.fmax(self._last, latest), self._last)

    def score(self, at: float) -> PlantScore:
        """The account so far."""
        gap = np.fmax(self._gap, at - self._last - self._nominal)
        known = ~np.isnan(self._last)
        # Rounded to the millisecond: what is left below it are the last bits of sums.
        gaps = {camera: round(float(gap[k]), 3) if known[k] else None for k, camera in enumerate(self.cameras)}
        first = {device: None if np.isnan(self._first[d]) else float(self._first[d]) for d, device in enumerate(self._devices)}
        by_device = {device: float(self._over[d]) for d, device in enumerate(self._devices)}
        return PlantScore(at, float(self._over.sum()), by_device, first, gaps)
