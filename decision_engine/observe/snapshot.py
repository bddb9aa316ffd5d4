"""Joins catalogue, readings, history and observed placements into the one snapshot of a cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.limits import Limits
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import Bools, Cameras, Devices, Floats, Outlook, Placements, Snapshot, Variants, Workloads
from decision_engine.observe.cameras import CONFIDENCE, ENVIRONMENT, class_words
from decision_engine.observe.columns import ELSEWHERE
from decision_engine.observe.costs import WorkloadCosts
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.placements import PlacementRows
from decision_engine.observe.readings import Readings

GPU: Final = RESOURCES.index("gpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """All that was seen at one moment.

    ``known`` D says whose runtime answered; ``over_seconds`` D × R comes from raw samples; ``costs`` are what one
    placement of each workload is expected to take.
    """

    index: FleetIndex
    readings: Readings
    placements: PlacementRows
    known: Bools
    over_seconds: Floats
    costs: WorkloadCosts


@dataclass(frozen=True, slots=True)
class Learned:
    """What the journal and the forecaster's state say about themselves: how long a move takes, and which model this is."""

    move_seconds_p95: float
    model_digest: str = ""


def assemble(sight: Sight, outlook: Outlook | None, limits: Limits, learned: Learned) -> Snapshot:
    """The snapshot. Pure: the same arguments give the same bytes."""
    index = sight.index
    return Snapshot(
        now=sight.readings.now,
        blind=sight.readings.blind,
        catalog_version=index.catalog_version,
        devices=_devices(sight),
        variants=_variants(index, sight.costs),
        cameras=_cameras(sight),
        workloads=_workloads(index, sight.costs),
        placements=_placements(sight.placements, sight.readings),
        outlook=outlook,
        site_ids=index.site_ids,
        resource_limits=np.array(limits.overload.ratios),
        move_seconds_p95=learned.move_seconds_p95,
        model_digest=learned.model_digest,
    )


def answering(index: FleetIndex, unreachable: frozenset[str]) -> Bools:
    """D: False for the devices of clusters whose runtime did not answer."""
    return np.array([cluster not in unreachable for cluster in index.cluster], dtype=bool)


def _devices(sight: Sight) -> Devices:
    index, readings = sight.index, sight.readings
    columns = [readings.device_column(resource, len(index.device_ids)) for resource in RESOURCES]
    load, load_at = np.stack([c.value for c in columns], axis=1), np.stack([c.at for c in columns], axis=1)
    quality, over_seconds = np.stack([c.quality for c in columns], axis=1), sight.over_seconds.copy()
    # What nobody asks for is not judged: with a preset that knows no GPU, devices are planned by CPU and memory alone.
    without = ~index.has_gpu if RESOURCES[GPU] in readings.devices else np.ones_like(index.has_gpu)
    load[without, GPU], load_at[without, GPU], over_seconds[without, GPU] = np.nan, np.nan, 0.0
    quality[without, GPU] = int(Quality.NOT_APPLICABLE)
    thermal = readings.device_column("thermal_headroom", len(index.device_ids))
    return Devices(
        ids=index.device_ids,
        is_analysis=index.is_analysis,
        site=index.site,
        kind=index.kind,
        cores=index.cores,
        memory_bytes=index.memory_bytes,
        load=load,
        load_at=load_at,
        quality=quality,
        over_seconds=over_seconds,
        thermal_headroom_kelvin=np.where(thermal.fresh, thermal.value, np.nan),
        thermal_at=np.where(thermal.fresh, thermal.at, np.nan),
        thermal_lost=(thermal.quality == int(Quality.STALE)) | (thermal.quality == int(Quality.NOT_A_NUMBER)),
        placements_known=sight.known,
    )


def _variants(index: FleetIndex, costs: WorkloadCosts) -> Variants:
    return Variants(
        package=tuple(key[0] for key in index.variants),
        environment_class=tuple(key[1] for key in index.variants),
        version=tuple(key[2] for key in index.variants),
        active=index.active,
        fit=index.fit,
        cost_cores=costs.by_variant[:, 0],
        cost_memory_bytes=costs.by_variant[:, 1],
        cost_gpu_ratio=costs.by_variant[:, 2],
    )


def _cameras(sight: Sight) -> Cameras:
    """What each camera sees. A class that was said too long ago is still told, with its time; a confidence is not."""
    ids = sight.index.camera_ids
    seen = sight.readings.camera_column(ENVIRONMENT, len(ids))
    confidence = sight.readings.camera_column(CONFIDENCE, len(ids))
    return Cameras(
        ids=ids,
        environment_class=class_words(seen.value),
        environment_confidence=np.where(confidence.fresh, confidence.value, np.nan),
        environment_at=seen.at,
        environment_fresh=seen.fresh,
    )


def _workloads(index: FleetIndex, costs: WorkloadCosts) -> Workloads:
    return Workloads(
        ids=index.workload_ids,
        home=index.home,
        package=index.package,
        variant=index.variant,
        camera=index.camera,
        cost_cores=costs.cores,
        cost_memory_bytes=costs.memory_bytes,
        cost_gpu_ratio=costs.gpu_ratio,
        cost_measured=costs.measured,
        movable=index.movable,
        version_is_fixed=index.version_is_fixed,
        result_by_helper=index.result_by_helper,
        interval_seconds=index.interval_seconds,
        reachable=index.reachable,
    )


def _placements(listed: PlacementRows, readings: Readings) -> Placements:
    result = _seen(listed, readings, "last_result", only_fresh=False)
    return Placements(
        ids=listed.ids,
        workload=listed.workload,
        device=listed.device,
        variant=listed.variant,
        generation=listed.generation,
        phase=listed.phase,
        since=listed.since,
        last_result_at=np.where(result > 0, result, np.nan),  # a program that has had no result yet may say 0
        last_frame_at=_seen(listed, readings, "last_frame", only_fresh=False),
        told_at=_told(listed, readings, "last_frame"),
        confidence=_seen(listed, readings, "confidence", only_fresh=True),
        cause=listed.cause,
    )


def _told(listed: PlacementRows, readings: Readings, signal: str) -> Floats:
    """When each listed placement was last heard of a signal (P); NaN never."""
    found = readings.placement_column(signal)
    row = np.array([found.row.get(id_, ELSEWHERE) for id_ in listed.ids], dtype=np.int64)
    return np.append(found.column.at, np.nan)[row]


def _seen(listed: PlacementRows, readings: Readings, signal: str, only_fresh: bool) -> Floats:
    """One signal's values for the listed placements. The time of a last result stays true however old its sample is."""
    found = readings.placement_column(signal)
    row = np.array([found.row.get(id_, ELSEWHERE) for id_ in listed.ids], dtype=np.int64)
    there = row >= 0
    value = np.where(found.column.fresh, found.column.value, np.nan) if only_fresh else found.column.value
    answer = np.full(len(row), np.nan)
    answer[there] = value[row[there]]
    return answer
