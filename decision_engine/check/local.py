"""What can be checked without asking anybody: the catalogue, the tokens and the state directory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from decision_engine.catalog.model import Catalog
from decision_engine.catalog.store import CatalogError, YamlCatalogStore
from decision_engine.check.line import CheckLine, few
from decision_engine.config import ConfigError, Settings, load_tokens

EXAMPLE_SETTINGS: Final = "docs/examples/edgeshift.example.yaml"
EXAMPLE_CATALOGUE: Final = "docs/examples/fleet.example.yaml"


def how_to_have(path: Path, example: str) -> str:
    """What to do about a file that is wrong, or that is not there at all."""
    return f"mend {path}" if path.exists() else f"copy {example} of the sources to {path} and change what differs, or name the right file"


def check_catalog(settings: Settings) -> tuple[Catalog | None, list[CheckLine]]:
    """The catalogue, and a line per mistake in it; None when it cannot be used."""
    try:
        catalog, version = YamlCatalogStore(settings.catalog).load()
    except CatalogError as error:
        advice = how_to_have(settings.catalog, EXAMPLE_CATALOGUE) + "; the engine keeps out of a catalogue with any mistake in it"
        return None, [CheckLine(False, "catalogue", line, advice) for line in error.errors]
    counts = f"{len(catalog.devices)} devices, {len(catalog.cameras)} cameras and {len(catalog.workloads)} workloads"
    lines = [CheckLine(bool(catalog.devices), "catalogue", f"{counts}, version {version}", "" if catalog.devices else "add devices to it")]
    return catalog, [*lines, *_unserved(settings, catalog), *_unversioned(catalog)]


def _unserved(settings: Settings, catalog: Catalog) -> list[CheckLine]:
    """Clusters whose actuator the settings do not have."""
    configured = {name for name in ("simulated", "process") if getattr(settings.actuators, name) is not None}
    return [
        CheckLine(
            False,
            "catalogue",
            f"cluster {cluster.id} is served by the actuator {cluster.actuator}, which the settings do not have",
            f"add actuators.{cluster.actuator} to {settings.path.name}, or correct the cluster",
        )
        for cluster in catalog.clusters.values()
        if cluster.actuator not in configured
    ]


def _unversioned(catalog: Catalog) -> list[CheckLine]:
    """Workloads of which no build exists, so that they can be started nowhere."""
    bare = [workload.id for workload in catalog.workloads.values() if catalog.version_of(workload) is None]
    if not bare:
        return []
    advice = "add a version of their package and class that is active; until then they cannot be moved"
    return [CheckLine(False, "catalogue", f"{len(bare)} workloads have no active version: {few(bare)}", advice)]


def check_tokens(settings: Settings) -> list[CheckLine]:
    """Who may ask the service."""
    service = settings.service
    if service.tokens_file is None:
        return [CheckLine(True, "tokens", f"none are asked for, because {service.listen} can be reached from this machine only")]
    try:
        tokens = load_tokens(service.tokens_file)
    except ConfigError as error:
        return [CheckLine(False, "tokens", line, "mend the tokens file; the service does not start without it") for line in error.errors]
    return [CheckLine(True, "tokens", few([f"{token.name} ({token.role})" for token in tokens]))]


def check_state_directory(settings: Settings) -> list[CheckLine]:
    """Whether the journal, the recorder and the forecaster can write what they must not forget."""
    directory = settings.state_directory
    advice = f"make it, and give it to the user who runs edgeshift: install -d -o USER {directory}"
    if directory.is_dir():
        try:
            with tempfile.TemporaryFile(dir=directory):
                return [CheckLine(True, "state directory", f"{directory} can be written")]
        except OSError as error:
            return [CheckLine(False, "state directory", f"{directory} cannot be written: {error.strerror}", advice)]
    if directory.exists():
        return [CheckLine(False, "state directory", f"{directory} is not a folder", "name a folder as state_directory")]
    parent = _nearest(directory)
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return [CheckLine(True, "state directory", f"{directory} will be made at the first start")]
    return [CheckLine(False, "state directory", f"{directory} is not there and cannot be made in {parent}", advice)]


def _nearest(path: Path) -> Path:
    """The nearest folder above that exists."""
    return next(parent for parent in path.parents if parent.exists())
