"""The scrape targets that the catalogue makes, in the form of Prometheus' http_sd and file_sd."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

from decision_engine.catalog.model import Catalog
from decision_engine.catalog.writing import write_atomically


class TargetGroup(TypedDict):
    """One device: its address as the only target, and the labels that nobody but the catalogue gives."""

    targets: list[str]
    labels: dict[str, str]


def scrape_targets(catalog: Catalog) -> list[TargetGroup]:
    """One group per device, in the order of their ids; labels are ``device`` and ``cluster``."""
    return [
        {"targets": [device.address], "labels": {"device": device.id, "cluster": device.cluster}}
        for _, device in sorted(catalog.devices.items())
    ]


def write_targets(catalog: Catalog, path: Path) -> None:
    """Write the targets for file_sd; a file that says the same already is left alone.

    Raises:
        OSError: it cannot be written; the old content stands then.
    """
    text = json.dumps(scrape_targets(catalog), indent=2, ensure_ascii=False) + "\n"
    if path.is_file() and path.read_bytes() == text.encode():
        return
    write_atomically(path, text)
