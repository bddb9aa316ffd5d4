"""The catalogue of a simulated fleet: what a plant's blueprint declares, in the words of ``fleet.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporters.simulated.blueprint import PlantBlueprint, PlantDevice, PlantWorkload

SITE, FLEET_CLUSTER, HOST_CLUSTER = "lab", "lab-fleet", "this-machine"
PACKAGE = "detector"
BOARD = "xavier-nx"


def fleet_document(blueprint: PlantBlueprint, device_port: int, real_machine: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """``fleet.yaml`` for a plant; ``real_machine`` are the fields of a device that takes part with real processes."""
    devices = [_device(device, device_port) for device in blueprint.devices]
    clusters = [{"id": FLEET_CLUSTER, "actuator": "simulated", "site": SITE}]
    if real_machine is not None:
        clusters.append({"id": HOST_CLUSTER, "actuator": "process", "site": SITE})
        devices.append({**real_machine, "cluster": HOST_CLUSTER, "site": SITE})
    known = {device["id"] for device in devices}
    workloads = [workload for workload in blueprint.workloads if workload.home in known]
    return {
        "schema": 1,
        "sites": [{"id": SITE, "name": "the lab on this machine"}],
        "clusters": clusters,
        "devices": devices,
        "cameras": [{"id": workload.camera, "home": workload.home} for workload in workloads],
        "packages": [{"id": PACKAGE, "name": "object detector", "result": "helper"}],
        "versions": [_version(workloads[0])],
        "workloads": [
            {"package": PACKAGE, "camera": w.camera, "home": w.home, "environment_class": w.environment_class} for w in workloads
        ],
    }


def _device(device: PlantDevice, port: int) -> dict[str, Any]:
    return {
        "id": device.id, "cluster": FLEET_CLUSTER, "site": SITE, "address": f"{device.address}:{port}", "cores": device.cores,
        "memory_bytes": device.memory_bytes, "role": device.role, "gpu": device.has_gpu,
        "architecture": "amd64" if device.role == "analysis" else "arm64", "kind": "server" if device.role == "analysis" else BOARD,
    }  # fmt: skip


def _version(workload: PlantWorkload) -> dict[str, Any]:
    return {
        "package": PACKAGE, "environment_class": workload.environment_class, "version": workload.version, "artefact": "camera-ai",
        "artefact_kind": "model", "architectures": ["arm64", "amd64"], "cpu_cores": workload.cost_cores,
        "memory_bytes": workload.cost_memory_bytes, "gpu_ratio": workload.cost_gpu_ratio,
    }  # fmt: skip
