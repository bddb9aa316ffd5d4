"""A right settings file, and copies of it that differ in what a test is about."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from decision_engine.catalog.document import dump_document

MINIMAL: dict[str, Any] = {
    "schema": 1,
    "prometheus": {"url": "http://127.0.0.1:9090"},
    "catalog": "fleet.yaml",
    "state_directory": "state",
}


def settings_with(path: str, value: Any) -> dict[str, Any]:
    """The smallest right document with one value set, at a path such as ``times.scrape_seconds``; ``...`` takes it out."""
    document = copy.deepcopy(MINIMAL)
    *sections, name = path.split(".")
    place = document
    for section in sections:
        place = place.setdefault(section, {})
    if value is ...:
        del place[name]
    else:
        place[name] = value
    return document


def write_settings(directory: Path, document: dict[str, Any] | str | None = None) -> Path:
    """Write ``edgeshift.yaml``."""
    path = directory / "edgeshift.yaml"
    path.write_text(document if isinstance(document, str) else dump_document(document or MINIMAL), encoding="utf-8")
    return path


def write_private(path: Path, text: str, mode: int = 0o600) -> Path:
    """Write a file that only its owner may read, unless another mode is given."""
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path
