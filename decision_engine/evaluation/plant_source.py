"""Answers the engine's signals from a plant in the same process, as Prometheus would after scraping it at its rhythm."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from decision_engine.core.limits import Times
from decision_engine.core.snapshot import Floats
from decision_engine.observe.signals import RATE_WINDOW_SCRAPES, Signal
from decision_engine.observe.source import Samples
from exporters.simulated.blueprint import CPU, GPU, MEMORY
from exporters.simulated.columns import PlantPhase, ambiguous
from exporters.simulated.curves import home_costs
from exporters.simulated.plant import Plant
from exporters.simulated.sky import SeenEnvironment

KEPT_SECONDS = 310.0
"""A little more than the longest window that a reader asks for."""
LOADS = {"cpu": CPU, "memory": MEMORY, "gpu": GPU}
NEWEST = {"last_result": "last_result", "last_frame": "last_frame", "workload_memory_bytes": "memory_bytes"}
RATES = {"workload_cpu_cores": ("cpu_seconds", ""), "confidence": ("confidence_sum", "observed"), "ambiguous": ("ambiguous", "observed")}
"""Of each signal by placement what a scrape keeps for it: a value, or a counter and the counter that it is divided by."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one scrape of all devices brought, at Unix time ``at``."""

    at: float
    loads: Floats
    headroom_kelvin: Floats
    silent: frozenset[str]
    placements: dict[str, dict[str, float]]
    environments: tuple[SeenEnvironment, ...]


class PlantSource:
    """A Source over a plant; story time + ``unix_offset_seconds`` is Unix time. ``scrape`` must be called at every scrape."""

    def __init__(self, plant: Plant, unix_offset_seconds: float, times: Times) -> None:
        self._plant = plant
        self._offset = unix_offset_seconds
        self._times = times
        self._scrapes: deque[Scrape] = deque(maxlen=int(KEPT_SECONDS / times.scrape_seconds))
        self._limits_celsius = np.array([device.throttle_celsius for device in plant.blueprint.devices])

    def scrape(self) -> None:
        """Take down what every device says now."""
        plant = self._plant
        silent = frozenset(device for device in plant.device_ids if plant.silent(device))
        headroom = self._limits_celsius - plant.temperature_celsius
        environments = tuple(seen for seen in plant.environments() if seen.home not in silent)
        at, loads = plant.time + self._offset, plant.load_ratio.copy()
        self._scrapes.append(Scrape(at, loads, headroom, silent, self._placements(silent), environments))

    async def ask(self, signal: Signal, at: float, window_seconds: float) -> tuple[Samples, ...]:
        """The samples of the last ``window_seconds`` (kind range), or the newest value (kind instant)."""
        if signal.name in LOADS:
            column = LOADS[signal.name]
            return self._by_device(at, window_seconds, lambda scrape, row: float(scrape.loads[row, column]))
        if signal.name == "thermal_headroom":
            return self._by_device(at, self._times.scrape_seconds, lambda scrape, row: float(scrape.headroom_kelvin[row]))
        if signal.name in RATES:
            return self._rates(*RATES[signal.name], at)
        if signal.name in ("environment", "environment_confidence"):
            return self._environments(signal.name, at)
        return self._newest(NEWEST[signal.name], at) if signal.name in NEWEST else ()

    async def past(self, signal: Signal, start: float, end: float, step_seconds: float) -> tuple[Samples, ...]:
        """The plant's past before the story, one mean for each step; workloads were at home all the time."""
        blueprint, curves = self._plant.blueprint, self._plant.inputs.curves
        ticks = max(round(step_seconds / blueprint.tick_seconds), 1)
        steps = curves.history_ticks // ticks
        first = curves.history_ticks - steps * ticks
        times: Floats = self._offset - (np.arange(steps, dtype=np.float64)[::-1] + 0.5) * step_seconds
        inside = (times >= start) & (times < end)
        totals = np.minimum(curves.background[first : curves.history_ticks] + home_costs(blueprint), 1.0)
        means = totals.reshape(steps, ticks, *totals.shape[1:]).mean(axis=1)[inside]
        if signal.name in LOADS:
            return tuple(
                Samples({"device": device}, times[inside], means[:, row, LOADS[signal.name]])
                for row, device in enumerate(self._plant.device_ids)
            )
        per_workload = {"workload_cpu_cores": "cost_cores", "workload_memory_bytes": "cost_memory_bytes"}.get(signal.name)
        if per_workload is None:
            return ()
        return tuple(
            Samples({"device": workload.home}, times[inside], np.full(int(inside.sum()), getattr(build, per_workload)))
            for workload, build in zip(blueprint.workloads, blueprint.home_builds(), strict=True)
            if workload.home in self._plant.tables.device_row
        )

    async def close(self) -> None:
        """Nothing to give back."""

    def _placements(self, silent: frozenset[str]) -> dict[str, dict[str, float]]:
        c, t = self._plant.columns, self._plant.tables
        unsure, observed = ambiguous(c.confidence_counts), c.confidence_counts.sum(axis=1)
        rows = [row for row in range(len(c)) if c.phase[row] == PlantPhase.READY and self._plant.device_ids[c.device[row]] not in silent]
        return {
            str(c.placement[row]): {
                "cpu_seconds": float(c.cpu_seconds[row]),
                "memory_bytes": float(t.cost_memory_bytes[c.build[row]]),
                "observed": float(observed[row]),
                "ambiguous": float(unsure[row]),
                "confidence_sum": float(c.confidence_sum[row]),
                "last_result": float(c.last_result[row]) + self._offset,
                "last_frame": float(c.last_frame[row]) + self._offset,
            }
            for row in rows
        }

    def _by_device(self, at: float, window_seconds: float, value: Callable[[Scrape, int], float]) -> tuple[Samples, ...]:
        inside = [scrape for scrape in self._scrapes if at - window_seconds < scrape.at <= at]
        answer = []
        for row, device in enumerate(self._plant.device_ids):
            seen = [scrape for scrape in inside if device not in scrape.silent]
            if seen:
                answer.append(Samples({"device": device}, [scrape.at for scrape in seen], [value(scrape, row) for scrape in seen]))
        return tuple(answer)

    def _last_scrape(self, at: float) -> Scrape | None:
        return next((scrape for scrape in reversed(self._scrapes) if scrape.at <= at), None)

    def _newest(self, field: str, at: float) -> tuple[Samples, ...]:
        newest = self._last_scrape(at)
        if newest is None:
            return ()
        known = [(name, values[field]) for name, values in newest.placements.items() if not np.isnan(values[field])]
        return tuple(Samples({"placement": name}, [newest.at], [value]) for name, value in known)

    def _environments(self, name: str, at: float) -> tuple[Samples, ...]:
        """By camera: the class seen, which is 1, or the confidence of it."""
        newest = self._last_scrape(at)
        if newest is None:
            return ()
        if name == "environment_confidence":
            return tuple(Samples({"camera": seen.camera}, [newest.at], [seen.confidence]) for seen in newest.environments)
        return tuple(
            Samples({"camera": seen.camera, "environment": seen.environment_class}, [newest.at], [1.0]) for seen in newest.environments
        )

    def _rates(self, field: str, over: str, at: float) -> tuple[Samples, ...]:
        """Growth per second of a counter over the rate window, or per growth of another counter."""
        window = RATE_WINDOW_SCRAPES * self._times.scrape_seconds
        inside = [scrape for scrape in self._scrapes if at - window <= scrape.at <= at]
        answer = []
        for name in inside[-1].placements if inside else ():
            seen = _since_restart([scrape for scrape in inside if name in scrape.placements], name)
            first, last = seen[0], seen[-1]
            per = last.placements[name][over] - first.placements[name][over] if over else last.at - first.at
            if per > 0:
                grown = last.placements[name][field] - first.placements[name][field]
                answer.append(Samples({"placement": name}, [last.at], [grown / per]))
        return tuple(answer)


def _since_restart(scrapes: Sequence[Scrape], name: str) -> Sequence[Scrape]:
    """The scrapes since a placement's counters began again at 0, after it had failed and was started under the same name."""
    began = 0
    for number, (before, after) in enumerate(pairwise(scrapes), start=1):
        if after.placements[name]["cpu_seconds"] < before.placements[name]["cpu_seconds"]:
            began = number
    return scrapes[began:]
