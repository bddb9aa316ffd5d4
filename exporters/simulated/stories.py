"""Builds the story that the lab tells: a calm fleet of edges, an analysis server, and one edge that will be overloaded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from exporters.simulated.blueprint import CPU, RESOURCES, Episode, PlantBlueprint, PlantDevice, PlantWorkload, Ratios
from exporters.simulated.curves import home_costs

STORY_STREAM = 21

LENT_DEVICE_ID = "host-01"
"""The real machine that takes part beside the imaginary ones."""

ANALYSIS_DEVICE_ID = "analysis-01"
ANALYSIS_CORES, ANALYSIS_MEMORY_BYTES, ANALYSIS_GPU_FACTOR = 32.0, 64.0 * 2**30, 0.2
ANALYSIS_BASE: Ratios = (0.20, 0.20, 0.20)

EDGE_CORES, EDGE_MEMORY_BYTES = 4.0, 7.5 * 2**30
"""A Jetson Xavier NX 8 GB in its four-core mode: small enough that one small workload matters to it."""

WORKLOAD_CORES = 0.4
"""About what a light detector takes of one core, so that the real machine can lend room for one as well."""

EDGE_TOTAL_RATIO = (0.50, 0.62)
EDGE_MEMORY_RATIO = (0.40, 0.55)
EDGE_GPU_RATIO = (0.25, 0.40)
"""Totals of the edges with their own workloads: room for two guests below 0.85 even on the fullest."""

CROWDED_EDGE = 3
CROWDED_TOTAL_RATIO = 0.60
PEAK_TOTAL_RATIO = 0.89
EPISODE_STARTS_SECONDS, EPISODE_RISE_SECONDS, EPISODE_HOLD_SECONDS, EPISODE_FALL_SECONDS = 14.0, 40.0, 10.0, 8.0
"""From 0.60 to 0.89 in 40 s: 0.85 is passed near t = 45 s, and without one workload of 0.10 it never is."""

MOST_EDGES = 250 * 250


def default_story(devices: int, duration_seconds: float, seed: int, lent_device: bool) -> PlantBlueprint:
    """A blueprint of ``devices`` edges (edge-01 …) and analysis-01, with one overload on edge-03 or the last edge.

    With ``lent_device`` there is one more workload, whose home is the real machine LENT_DEVICE_ID: the plant runs it
    only when told to.

    Raises:
        ValueError: fewer than one edge, or more than there are loopback addresses for.
    """
    if not 1 <= devices <= MOST_EDGES:
        raise ValueError(f"A story needs between 1 and {MOST_EDGES} edges; {devices} were asked for.")
    rng = np.random.default_rng([seed, STORY_STREAM])
    edges = [f"edge-{number:02d}" for number in range(1, devices + 1)]
    crowded = edges[min(CROWDED_EDGE, devices) - 1]
    homes = [home for number, home in enumerate(edges, start=1) for _ in range(2 if number % CROWDED_EDGE == 0 else 1)]
    if lent_device:
        homes.append(LENT_DEVICE_ID)
    workloads = tuple(_detector(f"cam-{number:02d}", home) for number, home in enumerate(homes, start=1))
    machines = [PlantDevice(name, loopback(number), EDGE_CORES, EDGE_MEMORY_BYTES) for number, name in enumerate(edges)]
    server = PlantDevice(
        ANALYSIS_DEVICE_ID, loopback(devices), ANALYSIS_CORES, ANALYSIS_MEMORY_BYTES,
        role="analysis", base=ANALYSIS_BASE, gpu_factor=ANALYSIS_GPU_FACTOR,
    )  # fmt: skip
    bare = PlantBlueprint(seed, (*machines, server), workloads, duration_seconds)
    cost = home_costs(bare)
    lowest, highest = np.transpose([EDGE_TOTAL_RATIO, EDGE_MEMORY_RATIO, EDGE_GPU_RATIO])
    totals = rng.uniform(lowest, highest, (devices, len(RESOURCES)))
    totals[edges.index(crowded), CPU] = CROWDED_TOTAL_RATIO
    placed = tuple(_with_base(machine, totals[row] - cost[row]) for row, machine in enumerate(machines))
    return PlantBlueprint(seed, (*placed, server), workloads, duration_seconds, episodes=(_overload(crowded),))


def loopback(number: int) -> str:
    """The own loopback address of the ``number``-th machine (from 0), apart from 127.0.0.1, which belongs to everybody."""
    return f"127.77.{number // 250}.{number % 250 + 1}"


def _overload(device: str) -> Episode:
    height = PEAK_TOTAL_RATIO - CROWDED_TOTAL_RATIO
    return Episode(device, EPISODE_STARTS_SECONDS, EPISODE_RISE_SECONDS, EPISODE_HOLD_SECONDS, EPISODE_FALL_SECONDS, height)


def _detector(camera: str, home: str) -> PlantWorkload:
    return PlantWorkload(id=f"detector/{camera}/main", camera=camera, home=home, cost_cores=WORKLOAD_CORES)


def _with_base(machine: PlantDevice, base: np.ndarray[tuple[int], np.dtype[np.float64]]) -> PlantDevice:
    cpu, memory, gpu = (float(ratio) for ratio in base)
    return replace(machine, base=(cpu, memory, gpu))
