"""Writes what one imaginary device says when it is scraped: the contract's names, labels and kinds, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exporters.contract import ENVIRONMENT_CLASSES, WORKLOAD_LABELS
from exporters.simulated.blueprint import CPU, GPU, MEMORY, PlantDevice
from exporters.simulated.columns import PlantPhase, ambiguous, whole
from exporters.simulated.exposition import head, histogram, labels_text, sample
from exporters.simulated.plant import Plant
from exporters.simulated.sky import SeenEnvironment

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

ZONE = 'zone="tj-thermal"'
"""The zone in which an Orin reports its hottest junction; throttling follows it."""

HOST = 'scope="host"'


@dataclass(frozen=True, slots=True)
class Sensors:
    """What a device's sensors answer now: ratios, degrees, and core-seconds busy and idle since boot."""

    load: tuple[float, float, float]
    celsius: float
    busy_core_seconds: float
    up_seconds: float


def device_page(plant: Plant, device: str, unix_offset_seconds: float) -> str:
    """The /metrics text of one device now; story time + ``unix_offset_seconds`` is Unix time.

    Raises:
        KeyError: the plant has no such device.
    """
    row = plant.tables.device_row[device]
    cpu, memory, gpu = (float(ratio) for ratio in plant.load_ratio[row])
    sensors = Sensors(
        load=(cpu, memory, gpu),
        celsius=float(plant.temperature_celsius[row]),
        busy_core_seconds=float(plant.busy_core_seconds[row]),
        up_seconds=plant.time + plant.blueprint.history_seconds,
    )
    boot = unix_offset_seconds - plant.blueprint.history_seconds
    machine = _machine(plant.blueprint.devices[row], sensors, boot)
    return machine + _environments(plant.environments(device)) + _workloads(plant, row, unix_offset_seconds)


def _machine(device: PlantDevice, sensors: Sensors, boot: float) -> str:
    load = sensors.load
    idle = max(device.cores * sensors.up_seconds - sensors.busy_core_seconds, 0.0)
    families: list[tuple[str, tuple[tuple[str, float], ...]]] = [
        ("edge_cpu_usage_ratio", ((HOST, load[CPU]),)),
        ("edge_cpu_seconds_total", (('mode="user"', sensors.busy_core_seconds), ('mode="idle"', idle))),
        ("edge_cpu_cores", ((HOST, device.cores),)),
        ("edge_memory_usage_ratio", (("", load[MEMORY]),)),
        ("edge_memory_total_bytes", (("", device.memory_bytes),)),
        ("edge_memory_available_bytes", (("", device.memory_bytes * (1.0 - load[MEMORY])),)),
        ("edge_gpu_usage_ratio", (("", load[GPU]),) if device.has_gpu else ()),
        ("edge_disk_usage_ratio", (('mountpoint="/"', device.disk_usage_ratio),)),
        ("edge_temperature_celsius", ((ZONE, sensors.celsius),)),
        ("edge_temperature_limit_celsius", ((ZONE, device.throttle_celsius),)),
        ("edge_boot_timestamp_seconds", (("", boot),)),
        ("edge_sensor_up", tuple((f'sensor="{sensor}",source="simulated",reason=""', 1.0) for sensor in _sensors(device))),
    ]
    return "".join(head(name) + "".join(sample(name, labels, value) for labels, value in lines) for name, lines in families if lines)


def _sensors(device: PlantDevice) -> tuple[str, ...]:
    return ("cpu", "memory", *(("gpu",) if device.has_gpu else ()), "disk", "temperature")


def _environments(seen: tuple[SeenEnvironment, ...]) -> str:
    """What the cameras of this home see; a camera is spoken of here, wherever it is analysed."""
    if not seen:
        return ""
    state, confidence = "ai_environment_state", "ai_environment_confidence_ratio"
    states = (
        sample(state, labels_text({"camera": one.camera, "environment": each}), float(each == one.environment_class))
        for one in seen
        for each in ENVIRONMENT_CLASSES
    )
    sure = (sample(confidence, labels_text({"camera": one.camera}), one.confidence) for one in seen)
    return "".join((head(state), *states, head(confidence), *sure))


def _workloads(plant: Plant, device: int, offset: float) -> str:
    """The series of the placements that are Ready here: a program that is still starting has not said anything yet."""
    c = plant.columns
    rows = [int(row) for row in np.flatnonzero((c.device == device) & (c.phase == PlantPhase.READY))]
    if not rows:
        return ""
    labels = {row: _identity(plant, row) for row in rows}
    memory = plant.tables.cost_memory_bytes
    frames, results, unsure = whole(c.frames), whole(c.results), ambiguous(c.confidence_counts)

    def family(name: str, value: Callable[[int], float]) -> str:
        known = [(labels[row], number) for row in rows if not math.isnan(number := value(row))]
        return head(name) + "".join(sample(name, label, number) for label, number in known) if known else ""

    latency, confidence = "ai_inference_latency_seconds", "ai_confidence_ratio"
    return "".join(
        (
            family("ai_frames_total", lambda row: float(frames[row])),
            family("ai_results_total", lambda row: float(results[row])),
            family("ai_results_ambiguous_total", lambda row: float(unsure[row])),
            head(latency),
            *(histogram(latency, labels[row], c.latency_counts[row].tolist(), float(c.latency_seconds[row])) for row in rows),
            head(confidence),
            *(histogram(confidence, labels[row], c.confidence_counts[row].tolist(), float(c.confidence_sum[row])) for row in rows),
            family("ai_last_frame_timestamp_seconds", lambda row: float(c.last_frame[row]) + offset),
            family("ai_last_result_timestamp_seconds", lambda row: float(c.last_result[row]) + offset),
            family("ai_process_cpu_seconds_total", lambda row: float(c.cpu_seconds[row])),
            family("ai_process_resident_memory_bytes", lambda row: float(memory[c.build[row]])),
            family("ai_observations_lost_total", lambda _: 0.0),
        )
    )


def _identity(plant: Plant, row: int) -> str:
    c = plant.columns
    workload = plant.blueprint.workloads[c.workload[row]].id
    values = (workload, str(c.placement[row]), str(c.environment_class[row]), str(c.version[row]))
    return labels_text(dict(zip(WORKLOAD_LABELS, values, strict=True)))
