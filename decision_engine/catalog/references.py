"""What must be true of the catalogue's entries together: nothing twice, and every name that is used is declared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from decision_engine.catalog.mistakes import shown
from decision_engine.catalog.model import Camera, Cluster, Device, Package, Site, Version, Workload

NOUNS: Final = {
    "sites": "a site",
    "clusters": "a cluster",
    "devices": "a device",
    "cameras": "a camera",
    "packages": "a package",
    "versions": "a version",
    "workloads": "a workload",
}
REFERENCES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "clusters": (("site", "sites"),),
    "devices": (("cluster", "clusters"), ("site", "sites")),
    "cameras": (("home", "devices"), ("reachable_from", "devices")),
    "packages": (("precise_for", "packages"),),
    "versions": (("package", "packages"),),
    "workloads": (("package", "packages"), ("camera", "cameras"), ("home", "devices")),
}
"""Per section: which field names an entry of which other section. An empty optional field names nothing."""
REQUIRED: Final = frozenset({"cluster", "home", "package", "camera"})


@dataclass(frozen=True, slots=True)
class Rows:
    """The well-formed entries by section, each with its index in the file; ``broken`` holds the keys of the others.

    A name that belongs to a broken entry counts as declared, so that one mistake is reported once. ``mended`` are the
    broken entries as far as they can be read, with stand-ins for what is wrong in them.
    """

    rows: dict[str, list[tuple[int, Any]]]
    broken: dict[str, set[str]] = field(default_factory=dict)
    mended: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)

    def readable(self, section: str) -> list[tuple[int, Any]]:
        """The entries of a section whose fields can be looked at, in the file's order."""
        return sorted([*self.rows[section], *self.mended.get(section, [])], key=lambda entry: entry[0])

    def known(self, section: str) -> set[str]:
        """Every key of a section."""
        return {key_of(row) for _, row in self.rows[section]} | self.broken.get(section, set())


def key_of(row: Site | Cluster | Device | Camera | Package | Version | Workload) -> str:
    """The name under which an entry is known: its id; a version is ``package/class/version``."""
    if isinstance(row, Version):
        return f"{row.package}/{row.environment_class}/{row.version}"
    return row.id


def mistakes_between(rows: Rows) -> Iterator[str]:
    """Every mistake that shows only when entries are held against each other, as ``path: sentence``."""
    known = {section: rows.known(section) for section in NOUNS}
    for section, references in REFERENCES.items():
        for index, row in rows.readable(section):
            for name, target in references:
                yield from _missing(f"{section}[{index}].{name}", getattr(row, name), known[target], NOUNS[target])
    for section, naming in _NAMINGS:
        yield from _twice(section, rows.rows[section], naming)
    yield from _named_versions(rows.rows["workloads"], known["versions"])
    yield from _unreachable_homes(rows)


def _missing(path: str, value: str | tuple[str, ...], known: Collection[str], noun: str) -> Iterator[str]:
    if isinstance(value, str):
        if value not in known and (value or path.rpartition(".")[2] in REQUIRED):
            yield f"{path}: {shown(value)} is not {noun}"
        return
    yield from (f"{path}[{index}]: {shown(item)} is not {noun}" for index, item in enumerate(value) if item not in known)


Naming = Callable[[Any], list[tuple[str, str, str]]]
"""For one entry: field, name, and in which space of names it must stand once."""


def _own_key(row: Any) -> list[tuple[str, str, str]]:
    return [("", key_of(row), "key")]


def _id_and_aliases(row: Device | Package) -> list[tuple[str, str, str]]:
    return [(".id", row.id, "id"), *((f".aliases[{index}]", alias, "id") for index, alias in enumerate(row.aliases))]


def _device_names(row: Device) -> list[tuple[str, str, str]]:
    node = [(".node", row.node, f"node of {row.cluster}")] if row.node else []
    return [*_id_and_aliases(row), (".address", row.address, "address"), *node]


_NAMINGS: Final[tuple[tuple[str, Naming], ...]] = (
    ("sites", _own_key),
    ("clusters", _own_key),
    ("devices", _device_names),
    ("cameras", _own_key),
    ("packages", _id_and_aliases),
    ("versions", _own_key),
    ("workloads", _own_key),
)


def _twice(section: str, entries: list[tuple[int, Any]], naming: Naming) -> Iterator[str]:
    first: dict[tuple[str, str], str] = {}
    for index, row in entries:
        for name, text, space in naming(row):
            path = f"{section}[{index}]{name}"
            earlier = first.setdefault((space, text), path)
            if earlier is not path:
                yield f"{path}: {shown(text)} stands already at {earlier}"


def _named_versions(workloads: list[tuple[int, Workload]], known: Collection[str]) -> Iterator[str]:
    for index, row in workloads:
        wanted = f"{row.package}/{row.environment_class}/{row.version}"
        if row.version and wanted not in known:
            yield f"workloads[{index}].version: {shown(row.version)} is not a version of {row.package} for class {row.environment_class}"


def _unreachable_homes(rows: Rows) -> Iterator[str]:
    cameras: dict[str, Camera] = {row.id: row for _, row in rows.rows["cameras"]}
    for index, row in rows.rows["workloads"]:
        camera = cameras.get(row.camera)
        if camera and camera.reachable_from and row.home not in {*camera.reachable_from, camera.home}:
            yield f"workloads[{index}].home: {shown(row.home)} is not in reachable_from of camera {shown(row.camera)}"
