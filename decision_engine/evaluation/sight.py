"""Watches cameras and the do-nothing twin from outside the engine: gaps between results, and when limits were passed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from exporters.simulated.plant import Plant

LEAD_LOOKS_BACK_SECONDS = 60.0
"""A move ordered this long after the twin had passed its limit was late, with a negative lead; older crossings are another story."""


@dataclass(slots=True)
class CameraWatch:
    """Longest time between two results of each camera, less the nominal one, after its first result.

    Results come from the plant and from AI programs on this machine alike; a result counts with the time at which it was
    made. What one observation misses between two looks makes a gap look longer, never shorter.
    """

    nominal_seconds: dict[str, float]
    last: dict[str, float] = field(default_factory=dict)
    longest: dict[str, float] = field(default_factory=dict)

    def saw(self, camera: str, result_at: float) -> None:
        """The newest result of a camera, in any unit of seconds that all calls share."""
        before = self.last.get(camera)
        if before is not None and result_at > before:
            gap = result_at - before - self.nominal_seconds.get(camera, 0.0)
            self.longest[camera] = max(self.longest.get(camera, 0.0), gap)
        self.last[camera] = max(result_at, before if before is not None else result_at)

    def worst(self, now: float) -> float | None:
        """The longest gap of any camera, the ones going on now included; None before any result."""
        open_gaps = [now - last - self.nominal_seconds.get(camera, 0.0) for camera, last in self.last.items()]
        return max([0.0, *self.longest.values(), *open_gaps]) if self.last else None


@dataclass(slots=True)
class TwinWatch:
    """Story times at which each device of the do-nothing twin passed a limit from below."""

    crossings: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _over: set[str] = field(default_factory=set)

    def look(self, twin: Plant) -> None:
        """Note who is over a limit now."""
        loads = twin.load_ratio
        for row, device in enumerate(twin.device_ids):
            over = any(load >= limit for load, limit in zip(loads[row], twin.blueprint.limits, strict=True))
            if over and device not in self._over:
                self.crossings[device].append(twin.time)
            (self._over.add if over else self._over.discard)(device)

    def first_crossing(self, device: str, ordered_at: float) -> float | None:
        """The twin's crossing that an action ordered then was about: the next one, or one shortly before."""
        times = self.crossings.get(device, [])
        later = [at for at in times if at >= ordered_at]
        earlier = [at for at in times if ordered_at - LEAD_LOOKS_BACK_SECONDS <= at < ordered_at]
        return later[0] if later else (earlier[-1] if earlier else None)


def plant_results(plant: Plant) -> dict[str, float]:
    """The newest result of each camera that the plant analyses, story seconds."""
    columns = plant.columns
    names = [workload.camera for workload in plant.blueprint.workloads]
    newest: dict[str, float] = {}
    for workload, at in zip(columns.workload.tolist(), columns.last_result.tolist(), strict=True):
        if at == at:  # NaN: no result yet
            camera = names[workload]
            newest[camera] = max(newest.get(camera, at), at)
    return newest
