"""Writes the lab's own files: settings, catalogue, Prometheus and Alertmanager configuration, all in one folder."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from decision_engine.catalog.store import YamlCatalogStore
from decision_engine.catalog.targets import write_targets
from decision_engine.evaluation.fleet import PACKAGE, fleet_document
from decision_engine.lab.addresses import Addresses
from decision_engine.lab.emulated import EmulatedEdge, with_emulated
from decision_engine.lab.tempo import LAB_LIMITS, LENT_CORES
from decision_engine.shipped import shipped
from exporters.simulated.blueprint import PlantBlueprint
from exporters.simulated.stories import LENT_DEVICE_ID, loopback

AI_FRAMES_PER_SECOND = 10
MACHINE_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Stage:
    """Where things lie and listen."""

    directory: Path
    addresses: Addresses
    blueprint: PlantBlueprint
    emulated: tuple[EmulatedEdge, ...] = ()

    @property
    def config_path(self) -> Path:
        """Settings of the engine."""
        return self.directory / "edgeshift.yaml"

    @property
    def catalog_path(self) -> Path:
        """The catalogue."""
        return self.directory / "fleet.yaml"

    @property
    def prometheus_data(self) -> Path:
        """Storage of Prometheus: whoever uses it is this lab's own."""
        return self.directory / "prometheus-data"

    @property
    def processes(self) -> Path:
        """State of the AI processes on this machine."""
        return self.directory / "processes"

    @property
    def socket(self) -> Path:
        """Where AI programs on this machine speak to its exporter."""
        return self.directory / "exporter.sock"

    @property
    def host_address(self) -> str:
        """Scrape target of this machine."""
        return f"{loopback(len(self.blueprint.devices))}:{self.addresses.device_port}"


def write_files(stage: Stage) -> None:
    """Write everything that the lab's parts read."""
    fleet = fleet_document(stage.blueprint, stage.addresses.device_port, this_machine(stage.host_address))
    _dump(stage.catalog_path, with_emulated(fleet, stage.emulated, stage.addresses.device_port))
    _dump(stage.config_path, settings_document(stage))
    catalog, _ = YamlCatalogStore(stage.catalog_path).load()
    write_targets(catalog, stage.directory / "targets.json")
    rules = stage.directory / "rules"
    rules.mkdir(exist_ok=True)
    for name in ("recording.yml", "alerts.yml"):
        (rules / name).write_bytes(shipped(f"prometheus/rules/{name}").read_bytes())
    (stage.directory / "alertmanager.yml").write_bytes(shipped("prometheus/alertmanager.yml").read_bytes())
    _dump(stage.directory / "prometheus.yml", prometheus_document(stage))


def settings_document(stage: Stage) -> dict[str, Any]:
    """The engine's settings: the lab's quicker rhythm, and the line in time, since a fleet that is minutes old has taught nothing yet."""
    url = stage.addresses.url
    command = [sys.executable, "-m", "decision_engine.lab.camera_ai", "--workload", "{workload}", "--camera", "{camera}",
               "--environment-class", "{environment_class}", "--frames-per-second", str(AI_FRAMES_PER_SECOND)]  # fmt: skip
    return {
        "schema": 1,
        "prometheus": {"url": url(stage.addresses.prometheus_port), "timeout_seconds": 2.0},
        "catalog": str(stage.catalog_path),
        "state_directory": str(stage.directory / "state"),
        "service": {"listen": f"127.0.0.1:{stage.addresses.service_port}"},
        **{name: _plain(part) for name, part in asdict(LAB_LIMITS).items() if name != "autonomy"},
        "forecasting": {"method": "regression"},
        "actuators": {
            "simulated": {"url": url(stage.addresses.control_port), "timeout_seconds": 2.0},
            "process": {
                "state_directory": str(stage.processes),
                "commands": {PACKAGE: command},
                "environment": process_environment(stage),
                "stop_grace_seconds": 3.0,
            },
        },
    }


def process_environment(stage: Stage) -> dict[str, str]:
    """What AI programs on this machine find in their environment."""
    from decision_engine.lab.children import python_environment

    return {**python_environment(), "EDGESHIFT_SOCKET": str(stage.socket), "EDGESHIFT_OWNER_PID": str(os.getpid())}


def prometheus_document(stage: Stage) -> dict[str, Any]:
    """The shipped configuration at the lab's rhythm, with targets from a file and the lab's own addresses."""
    document: dict[str, Any] = yaml.safe_load(shipped("prometheus/prometheus.yml").read_text(encoding="utf-8"))
    seconds = f"{LAB_LIMITS.times.scrape_seconds:g}s"
    document["global"] |= {"scrape_interval": seconds, "scrape_timeout": seconds, "evaluation_interval": seconds}
    document["rule_files"] = ["rules/*.yml"]
    document["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{stage.addresses.alertmanager_port}"]}]}]}
    document["scrape_configs"] = [
        {"job_name": "devices", "file_sd_configs": [{"files": ["targets.json"]}]},
        {"job_name": "edgeshift", "static_configs": [{"targets": [f"127.0.0.1:{stage.addresses.service_port}"]}]},
    ]
    return document


def this_machine(address: str) -> dict[str, Any]:
    """This machine as a device of the catalogue, with the cores that it lends."""
    machine = platform.machine()
    return {
        "id": LENT_DEVICE_ID, "address": address, "cores": float(os.cpu_count() or 1),
        "lent_cores": LENT_CORES, "memory_bytes": float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")), "role": "edge",
        "architecture": MACHINE_ARCHITECTURES.get(machine, machine), "kind": "this-machine", "gpu": False,
    }  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _dump(path: Path, document: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
