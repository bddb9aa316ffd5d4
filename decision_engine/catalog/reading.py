"""Makes a catalogue of a file's content, or says everything that is wrong with it at once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, asdict, fields
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from decision_engine.catalog.document import DocumentError, as_json
from decision_engine.catalog.mistakes import sentences
from decision_engine.catalog.model import Camera, Catalog, Cluster, Device, Package, Site, Version, Workload
from decision_engine.catalog.references import Rows, key_of, mistakes_between
from decision_engine.catalog.rules import mistakes_in

NOUN_TYPES: Final[dict[str, type[Any]]] = {
    "sites": Site,
    "clusters": Cluster,
    "devices": Device,
    "cameras": Camera,
    "packages": Package,
    "versions": Version,
    "workloads": Workload,
}
SECTIONS: Final = tuple(NOUN_TYPES)
AMPLE: Final = 1e15
"""Stands in for an amount that is missing, so that nothing else is reported because of it."""
DIGEST_CHARACTERS: Final = 12
"""48 bits: two of a fleet's catalogues never share them by chance, and a person can read them out."""


class CatalogError(DocumentError):
    """The catalogue cannot be used; ``errors`` has one line per mistake, with its path."""


class FleetFile(BaseModel):
    """The file's shape: each section a list of mappings, keyed as the nouns of ``decision_engine.catalog.model``."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    schema_version: Literal[1] = Field(alias="schema")
    sites: list[Site] = []
    clusters: list[Cluster] = []
    devices: list[Device] = []
    cameras: list[Camera] = []
    packages: list[Package] = []
    versions: list[Version] = []
    workloads: list[Workload] = []


def catalog_from(document: dict[str, Any], name: str) -> Catalog:
    """The catalogue that a parsed file declares; a section that is empty may be left out.

    Raises:
        CatalogError: anything is wrong, and then everything that is.
    """
    try:
        rows, errors = _well_formed({key: value for key, value in document.items() if value is not None}, name)
    except DocumentError as error:
        raise CatalogError(error.errors) from error
    told = {line.partition(": ")[0] for line in errors}
    own = (
        f"{section}[{index}].{field}: {why}"
        for section in SECTIONS
        for index, row in rows.readable(section)
        for field, why in mistakes_in(row)
    )
    errors.extend(line for line in (*own, *mistakes_between(rows)) if line.partition(": ")[0] not in told)
    if errors:
        raise CatalogError(tuple(errors))
    return Catalog(
        **{section: {row.id: row for _, row in rows.rows[section]} for section in SECTIONS if section != "versions"},
        versions={(row.package, row.environment_class, row.version): row for _, row in rows.rows["versions"]},
    )


def digest(catalog: Catalog) -> str:
    """A short name for what the catalogue says, whatever its order and comments."""
    content = {section: sorted((asdict(row) for row in getattr(catalog, section).values()), key=_as_text) for section in SECTIONS}
    return hashlib.sha256(_as_text(content).encode()).hexdigest()[:DIGEST_CHARACTERS]


def _as_text(content: Any) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _well_formed(document: dict[str, Any], name: str) -> tuple[Rows, list[str]]:
    """The entries of the right shape, and a sentence for each that is not."""
    try:
        file = FleetFile.model_validate_json(as_json(document, name))
        return Rows({section: list(enumerate(getattr(file, section))) for section in SECTIONS}), []
    except ValidationError as error:
        bad = {found["loc"] for found in error.errors(include_url=False)}
        return _sorted_out(document, bad, name), sentences(error, FleetFile)


def _sorted_out(document: dict[str, Any], bad: set[tuple[int | str, ...]], name: str) -> Rows:
    """Keep the good entries, and of the bad ones what can still be checked without their wrong fields."""
    wrong: dict[tuple[int | str, ...], set[int | str]] = {}
    for location in bad:
        wrong.setdefault(location[:2], set()).update(location[2:3])
    good: dict[str, list[tuple[int, Any]]] = {}
    rows = Rows({}, {section: set() for section in SECTIONS}, {section: [] for section in SECTIONS})
    for section in SECTIONS:
        entries = document.get(section, [])
        good[section] = [(i, row) for i, row in enumerate(entries) if (section, i) not in wrong] if isinstance(entries, list) else []
        for _, index in sorted(place for place in wrong if place[0] == section and len(place) > 1 and isinstance(place[1], int)):
            if isinstance(entry := entries[index], dict):
                rows.broken[section].add(raw_key(section, entry))
                left = {key: entry[key] for key in entry if key not in wrong[section, index]}
                rows.mended[section].extend(_mended(section, int(index), left))
    content = as_json({"schema": 1, **{section: [row for _, row in good[section]] for section in SECTIONS}}, name)
    file = FleetFile.model_validate_json(content)
    for section in SECTIONS:
        rows.rows[section] = list(zip((index for index, _ in good[section]), getattr(file, section), strict=True))
    return rows


def _mended(section: str, index: int, entry: dict[str, Any]) -> list[tuple[int, Any]]:
    """The entry without its wrong fields, with stand-ins for those that must be there."""
    required = (field for field in fields(NOUN_TYPES[section]) if field.default is MISSING and field.default_factory is MISSING)
    whole = {**{field.name: AMPLE if field.type == "float" else "" for field in required}, **entry}
    try:
        file = FleetFile.model_validate_json(as_json({"schema": 1, section: [whole]}, section))
    except ValidationError:
        return []
    return [(index, getattr(file, section)[0])]


def raw_key(section: str, row: dict[str, Any]) -> str:
    """The key of an entry as it stands in the file, whatever else may be wrong with it."""
    if section == "versions":
        return f"{row.get('package', '')}/{row.get('environment_class', '')}/{row.get('version', '')}"
    if section == "workloads":
        return f"{row.get('package', '')}/{row.get('camera', '')}/{row.get('purpose', 'main')}"
    return str(row.get("id", ""))


__all__ = ["SECTIONS", "CatalogError", "catalog_from", "digest", "key_of", "raw_key"]
