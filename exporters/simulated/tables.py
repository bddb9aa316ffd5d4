"""Turns a blueprint's devices and workloads into columns once, and prices what runs with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporters.simulated.blueprint import RESOURCES, PlantBlueprint
from exporters.simulated.columns import Columns, PlantPhase

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tables:
    """Columns of D devices and W workloads, and where each name stands; ``camera`` numbers cameras as ScoreBook does."""

    device_row: dict[str, int]
    workload_row: dict[str, int]
    cores: Floats
    memory_bytes: Floats
    gpu_factor: Floats
    cost_cores: Floats
    cost_memory_bytes: Floats
    cost_gpu_ratio: Floats
    frames_per_second: Floats
    camera: Ints

    def costs(self, columns: Columns) -> Floats:
        """What placements add to each device's load, D × R: memory from the first moment, CPU and GPU once Ready."""
        devices, device, workload = len(self.cores), columns.device, columns.workload
        there = columns.phase != PlantPhase.FAILED
        ready = columns.phase == PlantPhase.READY
        cost = np.empty((devices, len(RESOURCES)))
        cost[:, 0] = np.bincount(device, self.cost_cores[workload] * ready, devices) / self.cores
        cost[:, 1] = np.bincount(device, self.cost_memory_bytes[workload] * there, devices) / self.memory_bytes
        cost[:, 2] = np.bincount(device, self.cost_gpu_ratio[workload] * ready, devices) * self.gpu_factor
        return cost


def make_tables(blueprint: PlantBlueprint, cameras: tuple[str, ...]) -> Tables:
    """Columns of a blueprint; ``cameras`` gives the cameras' numbers."""
    devices, workloads = blueprint.devices, blueprint.workloads
    number = {camera: row for row, camera in enumerate(cameras)}
    return Tables(
        device_row={device.id: row for row, device in enumerate(devices)},
        workload_row={workload.id: row for row, workload in enumerate(workloads)},
        cores=np.array([device.cores for device in devices]),
        memory_bytes=np.array([device.memory_bytes for device in devices]),
        gpu_factor=np.array([device.gpu_factor for device in devices]),
        cost_cores=np.array([workload.cost_cores for workload in workloads]),
        cost_memory_bytes=np.array([workload.cost_memory_bytes for workload in workloads]),
        cost_gpu_ratio=np.array([workload.cost_gpu_ratio for workload in workloads]),
        frames_per_second=np.array([workload.frames_per_second for workload in workloads]),
        camera=np.array([number[workload.camera] for workload in workloads], dtype=np.int64),
    )
