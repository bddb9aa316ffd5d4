"""Builds small imaginary fleets, from which a case changes only what it is about."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np

from actuators.api import Actuator
from actuators.simulated import SimulatedActuator
from exporters.simulated.blueprint import PlantBlueprint, PlantDevice, PlantWorkload, Weather
from exporters.simulated.curves import Curves, draw_curves
from exporters.simulated.draws import Draws, make_draws
from exporters.simulated.plant import Plant, PlantInputs

CAM_1, CAM_2 = "detector/cam-01/main", "detector/cam-02/main"
UNIX_OFFSET_SECONDS = 1_700_000_000.0

STILL = Weather(wave_ratio=0.0, noise_ratio=0.0)
"""No wave and no noise: loads are base + workloads + episodes to the last digit."""


def small_blueprint(**changes: Any) -> PlantBlueprint:
    """Two edges with one camera each, an edge without a GPU, an analysis server; a past of 10 min and a story of 2 min."""
    devices = (
        PlantDevice("edge-01", "127.77.9.1"),
        PlantDevice("edge-02", "127.77.9.2"),
        PlantDevice("edge-03", "127.77.9.3", has_gpu=False),
        PlantDevice("analysis-01", "127.77.9.4", cores=32.0, memory_bytes=64.0 * 2**30, role="analysis", base=(0.2, 0.2, 0.2)),
    )
    workloads = (PlantWorkload(CAM_1, "cam-01", "edge-01"), PlantWorkload(CAM_2, "cam-02", "edge-02"))
    blueprint = PlantBlueprint(7, devices, workloads, duration_seconds=120.0, history_seconds=600.0)
    return replace(blueprint, **changes)


def small_plant(**changes: Any) -> Plant:
    """A plant of the small blueprint."""
    return plant_of(small_blueprint(**changes))


def plant_of(blueprint: PlantBlueprint) -> Plant:
    """A new plant of a blueprint whose loads and results, which nothing may change, are drawn once for all tests."""
    return Plant(blueprint, PlantInputs(_curves(blueprint), _draws(blueprint.seed), list(blueprint.faults)))


@cache
def _curves(blueprint: PlantBlueprint) -> Curves:
    curves = draw_curves(blueprint)
    curves.background.flags.writeable = False
    return curves


@cache
def _draws(seed: int) -> Draws:
    return make_draws(seed)


def state_of(plant: Plant) -> dict[str, Any]:
    """Everything that can be seen of a plant, as plain values that compare."""
    columns = {field.name: getattr(plant.columns, field.name).tolist() for field in fields(plant.columns)}
    arrays = {"wanted": plant.wanted_ratio, "celsius": plant.temperature_celsius, "busy": plant.busy_core_seconds}
    return {
        **{name: repr(column) for name, column in columns.items()},
        **{n: a.tobytes() for n, a in arrays.items()},
        "score": plant.score(),
    }


def load_of(plant: Plant, device: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """CPU, memory and GPU of one device."""
    row: np.ndarray[tuple[int], np.dtype[np.float64]] = plant.wanted_ratio[plant.tables.device_row[device]]
    return row


@dataclass
class ImaginaryRuntime:
    """A plant as a runtime for the suite that every actuator must pass; waiting takes imaginary time."""

    plant: Plant
    devices: tuple[str, ...] = ("edge-02", "edge-03")
    workload: str = CAM_1
    unknown_device: str = "edge-99"
    unknown_workload: str = "ghost/cam-01/main"
    waits: int = 40

    async def make(self) -> Actuator:
        return SimulatedActuator(self.plant, UNIX_OFFSET_SECONDS)

    async def wait(self) -> None:
        self.plant.advance(0.5)
