"""A small right catalogue as the file has it, and copies of it that differ in what a test is about."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from decision_engine.catalog.document import dump_document

GIBIBYTE = 2**30
TEXT = """\
# our fleet
schema: 1
# where
sites:
  - id: north  # the gate
clusters:
  - {id: edges, actuator: simulated, site: north}

# the machines
devices:
  - id: edge-01  # by the door
    cluster: edges
    address: 10.0.0.1:9750
    cores: 8
    memory_bytes: 16106127360
    aliases: [0x01]
  - id: edge-02
    cluster: edges
    address: 10.0.0.2:9750
    cores: 8
    memory_bytes: 16106127360

# what they see
cameras:
  - {id: cam-01, home: edge-01}
packages:
  - id: detector
versions:
  - {package: detector, environment_class: "01", version: "1.10", artefact: "registry.example/detector:1.10"}
workloads:
  - {package: detector, camera: cam-01, home: edge-01}  # the only one
# the end
"""


def device(identity: str, number: int, **fields: Any) -> dict[str, Any]:
    """A device at an address of its own."""
    return {"id": identity, "cluster": "edges", "address": f"10.0.0.{number}:9750", "cores": 8, "memory_bytes": 16 * GIBIBYTE, **fields}


FLEET: dict[str, Any] = {
    "schema": 1,
    "sites": [{"id": "north"}],
    "clusters": [{"id": "edges", "actuator": "simulated", "site": "north"}],
    "devices": [device("edge-01", 1, aliases=["0x01"]), device("edge-02", 2, node="node-2"), device("edge-03", 3)],
    "cameras": [{"id": "cam-01", "home": "edge-01"}, {"id": "cam-02", "home": "edge-02", "reachable_from": ["edge-02"]}],
    "packages": [{"id": "detector", "aliases": ["0xs1"]}],
    "versions": [{"package": "detector", "environment_class": "01", "version": "1.10", "artefact": "registry.example/detector:1.10"}],
    "workloads": [
        {"package": "detector", "camera": "cam-01", "home": "edge-01"},
        {"package": "detector", "camera": "cam-02", "home": "edge-02", "version": "1.10", "pin": True},
    ],
}


def fleet() -> dict[str, Any]:
    """A copy of the right catalogue, to be changed."""
    return copy.deepcopy(FLEET)


def changed_fleet(section: str, index: int, **fields: Any) -> dict[str, Any]:
    """The right catalogue with some fields of one entry set; a field that is given as ``...`` is taken out."""
    document = fleet()
    row = document[section][index]
    for name, value in fields.items():
        if value is ...:
            del row[name]
        else:
            row[name] = value
    return document


def write_fleet(directory: Path, document: dict[str, Any] | str | None = None) -> Path:
    """Write ``fleet.yaml``."""
    path = directory / "fleet.yaml"
    path.write_text(document if isinstance(document, str) else dump_document(document or fleet()), encoding="utf-8")
    return path
