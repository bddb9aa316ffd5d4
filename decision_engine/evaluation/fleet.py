"""The catalogue of a simulated fleet: what a plant's blueprint declares, in the words of ``fleet.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporters.simulated.blueprint import PlantBlueprint, PlantBuild, PlantDevice

SITE, FLEET_CLUSTER, HOST_CLUSTER = "lab", "lab-fleet", "this-machine"
PACKAGE = "detector"
NAMES = {PACKAGE: "object detector"}
BOARD = "xavier-nx"


def fleet_document(blueprint: PlantBlueprint, device_port: int, real_machine: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """``fleet.yaml`` for a plant; ``real_machine`` are the fields of a device that takes part with real processes."""
    devices = [_device(device, device_port) for device in blueprint.devices]
    clusters = [{"id": FLEET_CLUSTER, "actuator": "simulated", "site": SITE}]
    if real_machine is not None:
        clusters.append({"id": HOST_CLUSTER, "actuator": "process", "site": SITE})
        devices.append({**real_machine, "cluster": HOST_CLUSTER, "site": SITE})
    known = {device["id"] for device in devices}
    workloads, builds = [workload for workload in blueprint.workloads if workload.home in known], _builds(blueprint)
    return {
        "schema": 1,
        "sites": [{"id": SITE, "name": "the lab on this machine"}],
        "clusters": clusters,
        "devices": devices,
        "cameras": [{"id": workload.camera, "home": workload.home} for workload in workloads],
        "packages": [{"id": id_, "name": NAMES.get(id_, id_), "result": "helper"} for id_ in dict.fromkeys(b.package for b in builds)],
        "versions": [_version(build) for build in builds],
        "workloads": [
            {"package": w.package, "camera": w.camera, "home": w.home, "environment_class": w.environment_class} for w in workloads
        ],
    }


def _device(device: PlantDevice, port: int) -> dict[str, Any]:
    return {
        "id": device.id, "cluster": FLEET_CLUSTER, "site": SITE, "address": f"{device.address}:{port}", "cores": device.cores,
        "memory_bytes": device.memory_bytes, "role": device.role, "gpu": device.has_gpu,
        "architecture": "amd64" if device.role == "analysis" else "arm64", "kind": "server" if device.role == "analysis" else BOARD,
    }  # fmt: skip


def _builds(blueprint: PlantBlueprint) -> tuple[PlantBuild, ...]:
    """Every build that there is: the listed ones, and of packages without a list those that workloads begin with."""
    listed = {build.package for build in blueprint.builds}
    own: dict[tuple[str, str, str], PlantBuild] = {}
    for w in blueprint.workloads:
        build = PlantBuild(w.package, w.environment_class, w.version, w.cost_cores, w.cost_memory_bytes, w.cost_gpu_ratio)
        if w.package not in listed:
            own.setdefault(build.key, build)
    return (*blueprint.builds, *own.values())


def _version(build: PlantBuild) -> dict[str, Any]:
    return {
        "package": build.package, "environment_class": build.environment_class, "version": build.version, "artefact": "camera-ai",
        "artefact_kind": "model", "architectures": ["arm64", "amd64"], "cpu_cores": build.cost_cores,
        "memory_bytes": build.cost_memory_bytes, "gpu_ratio": build.cost_gpu_ratio, "state": "active",
    }  # fmt: skip
