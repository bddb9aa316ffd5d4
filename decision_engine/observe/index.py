"""The catalogue as columns: ids to rows, and everything about devices and workloads that only an edit changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from decision_engine.catalog.fit import Fit, fits
from decision_engine.catalog.model import Camera, Catalog, Device, Package, Version, Workload, version_key
from decision_engine.core.snapshot import NOWHERE, Bools, Floats, Ints

ENVIRONMENT_AI_CLASS = "00"
"""The AI that tells the environment; it is never moved or swapped."""
UNKNOWN = float("nan")
VariantKey = tuple[str, str, str]
Key = TypeVar("Key", str, tuple[str, bool], tuple[str, str], tuple[str, str, str])


@dataclass(frozen=True, slots=True)
class FleetIndex:
    """Columns of D devices, W workloads, V variants (package, class, version) and K kinds (architecture, GPU).

    ``scope`` D is the ``scope`` label that a device's CPU load must carry. ``variants`` are all declared builds, ordered by package,
    class and version, ``variant_row`` their rows; ``variant`` W is the declared one (NOWHERE: none); ``fit`` V × K.
    ``pool`` V numbers (package, class), over which costs are pooled. ``declared_cores``, ``declared_memory_bytes`` and
    ``declared_gpu_ratio`` V are the catalogue's word, NaN where it has none; a variant without a declared GPU ratio that
    needs no GPU is declared to take 0 of it. ``camera_home`` holds device rows (NOWHERE: none). ``reachable`` is as in ``Workloads``.
    """

    catalog_version: str
    device_ids: tuple[str, ...]
    device_row: dict[str, int]
    cluster: tuple[str, ...]
    scope: tuple[str, ...]
    is_analysis: Bools
    has_gpu: Bools
    site: Ints
    site_ids: tuple[str, ...]
    kind: Ints
    cores: Floats
    memory_bytes: Floats
    workload_ids: tuple[str, ...]
    workload_row: dict[str, int]
    home: Ints
    package: tuple[str, ...]
    camera: Ints
    camera_ids: tuple[str, ...]
    camera_home: Ints
    camera_row: dict[str, int]
    variant: Ints
    variants: tuple[VariantKey, ...]
    variant_row: dict[VariantKey, int]
    active: Bools
    pool: Ints
    declared_cores: Floats
    declared_memory_bytes: Floats
    declared_gpu_ratio: Floats
    movable: Bools
    version_is_fixed: Bools
    result_by_helper: Bools
    interval_seconds: Floats
    reachable: dict[int, Ints]
    fit: Bools

    @staticmethod
    def of(catalog: Catalog, catalog_version: str = "") -> FleetIndex:
        """Build the columns, once per version of the catalogue; rows are in the order of ids, so no order of files matters."""
        devices = [catalog.devices[id_] for id_ in sorted(catalog.devices)]
        workloads = [catalog.workloads[id_] for id_ in sorted(catalog.workloads)]
        device_row = {device.id: row for row, device in enumerate(devices)}
        camera_row = {id_: row for row, id_ in enumerate(sorted(catalog.cameras))}
        site_ids, site = _numbered([_site_of(device, catalog) for device in devices])
        kind_ids, kind = _numbered([(device.architecture, device.gpu) for device in devices])
        versions = sorted(catalog.versions.values(), key=lambda v: (v.package, v.environment_class, version_key(v.version), v.version))
        variant_row = {(v.package, v.environment_class, v.version): row for row, v in enumerate(versions)}
        _, pool = _numbered([(v.package, v.environment_class) for v in versions])
        declared = np.array([_declared(version) for version in versions]).reshape(-1, 3)
        specimens = [devices[int(np.flatnonzero(kind == number)[0])] for number in range(len(kind_ids))]
        return FleetIndex(
            catalog_version=catalog_version,
            device_ids=tuple(device_row),
            device_row=device_row,
            cluster=tuple(device.cluster for device in devices),
            scope=tuple("host" if device.lent_cores is None else "lent" for device in devices),
            is_analysis=np.array([device.role == "analysis" for device in devices], dtype=bool),
            has_gpu=np.array([device.gpu for device in devices], dtype=bool),
            site=site,
            site_ids=site_ids,
            kind=kind,
            cores=np.array([device.usable_cores for device in devices], dtype=np.float64),
            memory_bytes=np.array([device.memory_bytes for device in devices], dtype=np.float64),
            workload_ids=tuple(workload.id for workload in workloads),
            workload_row={workload.id: row for row, workload in enumerate(workloads)},
            home=np.array([device_row.get(workload.home, -1) for workload in workloads], dtype=np.int64),
            package=tuple(workload.package for workload in workloads),
            camera=np.array([camera_row.get(workload.camera, NOWHERE) for workload in workloads], dtype=np.int64),
            camera_ids=tuple(camera_row),
            camera_home=np.array([device_row.get(catalog.cameras[id_].home, NOWHERE) for id_ in camera_row], dtype=np.int64),
            camera_row=camera_row,
            variant=_declared_rows(workloads, catalog, variant_row),
            variants=tuple(variant_row),
            variant_row=variant_row,
            active=np.array([version.state == "active" for version in versions], dtype=bool),
            pool=pool,
            declared_cores=declared[:, 0],
            declared_memory_bytes=declared[:, 1],
            declared_gpu_ratio=declared[:, 2],
            movable=np.array([not w.pin and w.environment_class != ENVIRONMENT_AI_CLASS for w in workloads], dtype=bool),
            version_is_fixed=np.array([bool(workload.version) for workload in workloads], dtype=bool),
            result_by_helper=np.array([_by_helper(workload, catalog) for workload in workloads], dtype=bool),
            interval_seconds=np.array([_interval(workload, catalog) for workload in workloads], dtype=np.float64),
            reachable=_reachable(workloads, catalog, device_row),
            fit=_fit_table(versions, specimens),
        )


def _numbered(keys: list[Key]) -> tuple[tuple[Key, ...], Ints]:
    """Distinct keys in sorted order, and the number of each given key."""
    distinct = tuple(sorted(set(keys)))
    number = {key: row for row, key in enumerate(distinct)}
    return distinct, np.array([number[key] for key in keys], dtype=np.int64)


def _site_of(device: Device, catalog: Catalog) -> str:
    """A device's own site, else its cluster's."""
    if device.site or device.cluster not in catalog.clusters:
        return device.site
    return catalog.clusters[device.cluster].site


def _declared_rows(workloads: list[Workload], catalog: Catalog, row: dict[VariantKey, int]) -> Ints:
    """The declared build of each workload; looked up once for each that is written alike, since that may search all versions."""
    found: dict[VariantKey, int] = {}
    for workload in workloads:
        key = (workload.package, workload.environment_class, workload.version)
        if key not in found:
            version = catalog.version_of(workload)
            found[key] = NOWHERE if version is None else row[version.package, version.environment_class, version.version]
    return np.array([found[w.package, w.environment_class, w.version] for w in workloads], dtype=np.int64)


def _declared(version: Version) -> tuple[float, float, float]:
    gpu = version.gpu_ratio if version.gpu_ratio is not None else UNKNOWN if version.needs_gpu else 0.0
    return _or_unknown(version.cpu_cores), _or_unknown(version.memory_bytes), gpu


def _or_unknown(value: float | None) -> float:
    return UNKNOWN if value is None else value


def _fit_table(versions: list[Version], specimens: list[Device]) -> Bools:
    """V × K: which variant can run on which kind of device at all."""
    fit = np.zeros((len(versions), len(specimens)), dtype=bool)
    for row, version in enumerate(versions):
        fit[row] = [isinstance(fits(version, device), Fit) for device in specimens]
    return fit


def _by_helper(workload: Workload, catalog: Catalog) -> bool:
    package = catalog.packages.get(workload.package)
    return package is None or package.result == "helper"


def _interval(workload: Workload, catalog: Catalog) -> float:
    package = catalog.packages.get(workload.package)
    return Package(workload.package).result_interval_seconds if package is None else package.result_interval_seconds


def _reachable(workloads: list[Workload], catalog: Catalog, device_row: dict[str, int]) -> dict[int, Ints]:
    """Rows of the devices that reach a workload's camera, only for cameras that not every device reaches.

    Without an explicit list these are the devices of the home's site and every analysis server. A camera's home always
    reaches it. Cameras of one site share one array.
    """
    by_site: dict[str, Ints] = {}
    by_camera = {camera.id: _reaching(camera, catalog, device_row, by_site) for camera in catalog.cameras.values()}
    rows = {row: by_camera.get(workload.camera) for row, workload in enumerate(workloads)}
    return {row: reach for row, reach in rows.items() if reach is not None and len(reach) < len(device_row)}


def _reaching(camera: Camera, catalog: Catalog, device_row: dict[str, int], by_site: dict[str, Ints]) -> Ints | None:
    if camera.reachable_from:
        rows = {device_row[id_] for id_ in (*camera.reachable_from, camera.home) if id_ in device_row}
        return np.array(sorted(rows), dtype=np.int64)
    if camera.home not in catalog.devices:
        return None
    site = _site_of(catalog.devices[camera.home], catalog)
    if site not in by_site:
        near = [row for id_, row in device_row.items() if _in_reach(catalog.devices[id_], site, catalog)]
        by_site[site] = np.array(near, dtype=np.int64)
    return by_site[site]


def _in_reach(device: Device, site: str, catalog: Catalog) -> bool:
    return device.role == "analysis" or _site_of(device, catalog) == site
