"""Turns a blueprint's devices and workloads into columns once, and prices what runs with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporters.simulated.blueprint import RESOURCES, PlantBlueprint, PlantBuild, PlantWorkload
from exporters.simulated.columns import Columns, PlantPhase

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tables:
    """Columns of D devices and W workloads, and where each name stands; ``camera`` numbers cameras as ScoreBook does.

    The costs and ``start_fails`` have W + B rows: the workloads' own, for packages without builds, and those of the builds.
    """

    device_row: dict[str, int]
    workload_row: dict[str, int]
    build_row: dict[tuple[str, str, str], int]
    built_packages: frozenset[str]
    start_fails: tuple[str, ...]
    cores: Floats
    memory_bytes: Floats
    gpu_factor: Floats
    cost_cores: Floats
    cost_memory_bytes: Floats
    cost_gpu_ratio: Floats
    frames_per_second: Floats
    camera: Ints

    def row_of_build(self, workload: PlantWorkload, environment_class: str, version: str) -> int | None:
        """The row of costs of a workload as this build; None: builds of its package are listed, and this is none of them."""
        if workload.package not in self.built_packages:
            return self.workload_row[workload.id]
        return self.build_row.get((workload.package, environment_class, version))

    def costs(self, columns: Columns) -> Floats:
        """What placements add to each device's load, D × R: memory from the first moment, CPU and GPU once Ready."""
        devices, device, build = len(self.cores), columns.device, columns.build
        there = columns.phase != PlantPhase.FAILED
        ready = columns.phase == PlantPhase.READY
        cost = np.empty((devices, len(RESOURCES)))
        cost[:, 0] = np.bincount(device, self.cost_cores[build] * ready, devices) / self.cores
        cost[:, 1] = np.bincount(device, self.cost_memory_bytes[build] * there, devices) / self.memory_bytes
        cost[:, 2] = np.bincount(device, self.cost_gpu_ratio[build] * ready, devices) * self.gpu_factor
        return cost


def make_tables(blueprint: PlantBlueprint, cameras: tuple[str, ...]) -> Tables:
    """Columns of a blueprint; ``cameras`` gives the cameras' numbers."""
    devices, workloads = blueprint.devices, blueprint.workloads
    number = {camera: row for row, camera in enumerate(cameras)}
    priced: tuple[PlantWorkload | PlantBuild, ...] = (*workloads, *blueprint.builds)
    return Tables(
        device_row={device.id: row for row, device in enumerate(devices)},
        workload_row={workload.id: row for row, workload in enumerate(workloads)},
        build_row={build.key: row for row, build in enumerate(blueprint.builds, start=len(workloads))},
        built_packages=frozenset(build.package for build in blueprint.builds),
        start_fails=(*("" for _ in workloads), *(build.start_fails for build in blueprint.builds)),
        cores=np.array([device.cores for device in devices]),
        memory_bytes=np.array([device.memory_bytes for device in devices]),
        gpu_factor=np.array([device.gpu_factor for device in devices]),
        cost_cores=np.array([one.cost_cores for one in priced]),
        cost_memory_bytes=np.array([one.cost_memory_bytes for one in priced]),
        cost_gpu_ratio=np.array([one.cost_gpu_ratio for one in priced]),
        frames_per_second=np.array([workload.frames_per_second for workload in workloads]),
        camera=np.array([number[workload.camera] for workload in workloads], dtype=np.int64),
    )
