"""Writes the plant's past as OpenMetrics text with timestamps, so that Prometheus can begin with a history.

``promtool tsdb create-blocks-from openmetrics FILE DIRECTORY`` turns the file into blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.contract import BY_NAME, WORKLOAD_LABELS
from exporters.simulated.blueprint import GPU, RESOURCES, PlantBlueprint, PlantBuild, PlantWorkload
from exporters.simulated.curves import Curves, home_costs
from exporters.simulated.exposition import labels_text
from exporters.simulated.naming import placement_name
from exporters.simulated.plant import Plant

Floats = NDArray[np.float64]
Labels = Mapping[str, Mapping[str, str]]

STEP_SECONDS = 5.0
"""The house's scrape interval: rules and forecasts see the past as if it had been scraped."""

TOLERANCE_TICKS = 1e-6
"""A grid time that is a tick's beginning but for its last bits belongs to that tick."""

LOAD_FAMILIES: tuple[tuple[str, dict[str, str]], ...] = (
    ("edge_cpu_usage_ratio", {"scope": "host"}),
    ("edge_memory_usage_ratio", {}),
    ("edge_gpu_usage_ratio", {}),
)
"""In the order of RESOURCES, with the labels that the device itself says."""


def write_backfill(
    plant: Plant, path: Path, unix_offset_seconds: float, labels_by_device: Labels, step_seconds: float = STEP_SECONDS
) -> int:
    """Write the past [−history, 0) every ``step_seconds``; answers the number of samples.

    ``labels_by_device`` holds, for each device to be written, what scraping would add (``device``, ``cluster``, ``job``,
    ``instance``); story time + ``unix_offset_seconds`` is Unix time.

    Raises:
        ValueError: labels for a device that the plant does not have, or a step that is no length of time.
        OSError: the file cannot be written.
    """
    if not step_seconds > 0:
        raise ValueError(f"The step of a backfill must be above 0 s; it is {step_seconds:g} s.")
    if strangers := sorted(set(labels_by_device) - set(plant.device_ids)):
        raise ValueError(f"Labels were given for {', '.join(strangers)}, which the plant does not have.")
    samples = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for lines in _families(plant.blueprint, plant.inputs.curves, labels_by_device, _Past(plant, unix_offset_seconds, step_seconds)):
            file.writelines(lines)
            samples += sum(not line.startswith("#") for line in lines)
        file.write("# EOF\n")
    return samples


class _Past:
    """The grid of the backfill: rows of the curves, story times, and timestamps as they are written."""

    def __init__(self, plant: Plant, unix_offset_seconds: float, step_seconds: float) -> None:
        curves, tick = plant.inputs.curves, plant.blueprint.tick_seconds
        past = curves.history_ticks * tick
        self.since_boot: Floats = np.arange(0.0, past - tick / 2.0, step_seconds)
        self.rows = np.minimum((self.since_boot / tick + TOLERANCE_TICKS).astype(np.int64), curves.history_ticks - 1)
        self.stamps = [f"{second:.3f}" for second in (self.since_boot - past + unix_offset_seconds).tolist()]

    def lines(self, name: str, labels: Mapping[str, str], values: Floats) -> list[str]:
        """One series; values to six digits after the point, as many as a scrape of a load is worth."""
        series = f"{name}{{{labels_text(labels)}}}"
        return [f"{series} {value} {stamp}\n" for value, stamp in zip(np.round(values, 6).tolist(), self.stamps, strict=True)]


def _families(blueprint: PlantBlueprint, curves: Curves, labels: Labels, past: _Past) -> Iterator[list[str]]:
    """Lines family by family, contiguous as OpenMetrics demands."""
    totals = np.minimum(curves.background[past.rows] + home_costs(blueprint), 1.0)
    for resource, (name, own) in enumerate(LOAD_FAMILIES[: len(RESOURCES)]):
        yield _head(name)
        for row, device in enumerate(blueprint.devices):
            if device.id in labels and (resource != GPU or device.has_gpu):
                yield past.lines(name, {**own, **labels[device.id]}, totals[:, row, resource])
    pairs = zip(blueprint.workloads, blueprint.home_builds(), strict=True)
    residents = [(workload, build) for workload, build in pairs if workload.home in labels]
    yield from _workload_families(residents, labels, past)


def _workload_families(
    residents: Sequence[tuple[PlantWorkload, PlantBuild | PlantWorkload]], labels: Labels, past: _Past
) -> Iterator[list[str]]:
    yield _head("ai_process_cpu_seconds_total")
    for workload, build in residents:
        identity = {**_identity(workload), **labels[workload.home]}
        yield past.lines("ai_process_cpu_seconds_total", identity, past.since_boot * build.cost_cores)
    yield _head("ai_process_resident_memory_bytes")
    for workload, build in residents:
        identity = {**_identity(workload), **labels[workload.home]}
        yield past.lines("ai_process_resident_memory_bytes", identity, np.full(len(past.stamps), build.cost_memory_bytes))


def _identity(workload: PlantWorkload) -> dict[str, str]:
    values = (workload.id, placement_name(workload.id, workload.home, 1), workload.environment_class, workload.version)
    return dict(zip(WORKLOAD_LABELS, values, strict=True))


def _head(name: str) -> list[str]:
    metric = BY_NAME[name]
    family = name.removesuffix("_total") if metric.kind == "counter" else name
    return [f"# HELP {family} {metric.meaning}\n", f"# TYPE {family} {metric.kind}\n"]
