"""The catalogue as columns: ids to rows, and everything about devices and workloads that only an edit changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from decision_engine.catalog.fit import Fit, fits
from decision_engine.catalog.model import Camera, Catalog, Device, Version, Workload
from decision_engine.core.snapshot import Bools, Floats, Ints

ENVIRONMENT_AI_CLASS = "00"
"""The AI that tells the environment; it is never moved or swapped."""
UNKNOWN = float("nan")
VariantKey = tuple[str, str, str]
Key = TypeVar("Key", str, tuple[str, bool], tuple[str, str], tuple[str, str, str])


@dataclass(frozen=True, slots=True)
class FleetIndex:
    """Columns of D devices, W workloads, V variants (package, class, version) and K kinds (architecture, GPU).

    ``scope`` D is the ``scope`` label that a device's CPU load must carry. ``variant`` W is a row of ``fit`` V × K;
    ``pool`` W numbers (package, class), over which costs are pooled. ``declared_cores``, ``declared_memory_bytes`` and
    ``declared_gpu_ratio`` W are the catalogue's word, NaN where it has none; a variant without a declared GPU ratio that
    needs no GPU is declared to take 0 of it. ``reachable`` is as in ``Workloads``.
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
    variant: Ints
    pool: Ints
    camera: tuple[str, ...]
    declared_cores: Floats
    declared_memory_bytes: Floats
    declared_gpu_ratio: Floats
    movable: Bools
    result_by_helper: Bools
    reachable: dict[int, Ints]
    fit: Bools

    @staticmethod
    def of(catalog: Catalog, catalog_version: str = "") -> FleetIndex:
        """Build the columns, once per version of the catalogue; rows are in the order of ids, so no order of files matters."""
        devices = [catalog.devices[id_] for id_ in sorted(catalog.devices)]
        workloads = [catalog.workloads[id_] for id_ in sorted(catalog.workloads)]
        device_row = {device.id: row for row, device in enumerate(devices)}
        site_ids, site = _numbered([_site_of(device, catalog) for device in devices])
        kind_ids, kind = _numbered([(device.architecture, device.gpu) for device in devices])
        variant_keys, variant = _numbered([(w.package, w.environment_class, w.version) for w in workloads])
        _, pool = _numbered([(w.package, w.environment_class) for w in workloads])
        versions = _versions(workloads, catalog)
        declared = np.array([_declared(versions[w.package, w.environment_class, w.version]) for w in workloads]).reshape(-1, 3)
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
            variant=variant,
            pool=pool,
            camera=tuple(workload.camera for workload in workloads),
            declared_cores=declared[:, 0],
            declared_memory_bytes=declared[:, 1],
            declared_gpu_ratio=declared[:, 2],
            movable=np.array([not w.pin and w.environment_class != ENVIRONMENT_AI_CLASS for w in workloads], dtype=bool),
            result_by_helper=np.array([_by_helper(workload, catalog) for workload in workloads], dtype=bool),
            reachable=_reachable(workloads, catalog, device_row),
            fit=_fit_table([versions[key] for key in variant_keys], specimens),
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


def _versions(workloads: list[Workload], catalog: Catalog) -> dict[VariantKey, Version | None]:
    """The declared version behind each distinct variant; looked up once each, since that may search all versions."""
    found: dict[VariantKey, Version | None] = {}
    for workload in workloads:
        key = (workload.package, workload.environment_class, workload.version)
        if key not in found:
            found[key] = catalog.version_of(workload)
    return found


def _declared(version: Version | None) -> tuple[float, float, float]:
    if version is None:
        return UNKNOWN, UNKNOWN, UNKNOWN
    gpu = version.gpu_ratio if version.gpu_ratio is not None else UNKNOWN if version.needs_gpu else 0.0
    return _or_unknown(version.cpu_cores), _or_unknown(version.memory_bytes), gpu


def _or_unknown(value: float | None) -> float:
    return UNKNOWN if value is None else value


def _fit_table(versions: list[Version | None], specimens: list[Device]) -> Bools:
    """V × K: which variant can run on which kind of device at all."""
    fit = np.zeros((len(versions), len(specimens)), dtype=bool)
    for row, version in enumerate(versions):
        fit[row] = [_fits(version, device) for device in specimens]
    return fit


def _fits(version: Version | None, device: Device) -> bool:
    """A variant that nobody declared fits nowhere: there is no artefact to start."""
    return version is not None and isinstance(fits(version, device), Fit)


def _by_helper(workload: Workload, catalog: Catalog) -> bool:
    package = catalog.packages.get(workload.package)
    return package is None or package.result == "helper"


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
