"""The nouns of the catalogue: sites, clusters, devices, cameras, packages, versions and workloads, as declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["edge", "analysis"]
RESOURCES = ("cpu", "memory", "gpu")
"""Planned resources, in the order of every resource axis."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place whose devices share fate: one switch, one power line."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A group of devices served by one actuator."""

    id: str
    actuator: str
    site: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """One machine. ``address`` is its scrape target ``host:port``; ``kind`` its board.

    ``cores`` are what loads are measured against; where the owner lends only some, ``lent_cores`` says how many and
    replaces ``cores``.
    """

    id: str
    cluster: str
    address: str
    cores: float
    memory_bytes: float
    site: str = ""
    role: Role = "edge"
    architecture: str = "arm64"
    kind: str = ""
    gpu: bool = False
    lent_cores: float | None = None
    aliases: tuple[str, ...] = ()
    name_ko: str = ""
    name_en: str = ""
    node: str = ""
    latitude: float | None = None
    longitude: float | None = None

    @property
    def usable_cores(self) -> float:
        """Cores that this device's load and costs are measured against."""
        return self.cores if self.lent_cores is None else self.lent_cores


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera. An empty ``reachable_from`` means every device of its home's site and every analysis server."""

    id: str
    home: str
    url_secret: str = ""
    reachable_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """One AI package. ``result`` says what counts as its result: ``helper`` or ``none`` (Ready for 10 s counts).

    ``result_interval_seconds`` is how often it gives one at least; it is silent after three of them.
    """

    id: str
    name: str = ""
    aliases: tuple[str, ...] = ()
    filename: str = ""
    copyright: str = ""
    description: str = ""
    result: Literal["helper", "none"] = "helper"
    precise_for: str = ""
    result_interval_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Version:
    """One build of a package for one environment class, with what it is expected to cost until that is measured."""

    package: str
    environment_class: str
    version: str
    artefact: str
    artefact_kind: Literal["image", "model"] = "image"
    digest: str = ""
    architectures: tuple[str, ...] = ("arm64", "amd64")
    needs_gpu: bool = False
    cpu_cores: float | None = None
    memory_bytes: float | None = None
    gpu_ratio: float | None = None
    state: Literal["active", "retired"] = "active"


@dataclass(frozen=True, slots=True)
class Workload:
    """One package analysing one camera, with the device where it belongs."""

    package: str
    camera: str
    home: str
    purpose: Literal["main", "precise", "focus"] = "main"
    environment_class: str = "01"
    version: str = ""
    pin: bool = False

    @property
    def id(self) -> str:
        """``package/camera/purpose``."""
        return f"{self.package}/{self.camera}/{self.purpose}"


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that is declared, each table keyed by id; ``versions`` by (package, class, version)."""

    sites: dict[str, Site] = field(default_factory=dict)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    cameras: dict[str, Camera] = field(default_factory=dict)
    packages: dict[str, Package] = field(default_factory=dict)
    versions: dict[tuple[str, str, str], Version] = field(default_factory=dict)
    workloads: dict[str, Workload] = field(default_factory=dict)

    def version_of(self, workload: Workload) -> Version | None:
        """The declared version of a workload; with none named, the newest active one of its package and class."""
        if workload.version:
            return self.versions.get((workload.package, workload.environment_class, workload.version))
        named = [
            v
            for (package, klass, _), v in self.versions.items()
            if package == workload.package and klass == workload.environment_class and v.state == "active"
        ]
        return max(named, key=lambda v: version_key(v.version), default=None)


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Order versions as people mean them: "02" before "10", "1.9" before "1.10", letters after numbers."""
    parts = version.replace("-", ".").split(".")
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
