"""The catalogue as columns: what fits where, what may move, and which devices reach a camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from decision_engine.catalog.model import Catalog, Version, Workload
from decision_engine.core.snapshot import NOWHERE
from decision_engine.observe.index import FleetIndex
from tests.builders.observe import edge, small_catalog, workload_of


def test_columns_are_aligned_with_ids() -> None:
    catalog = small_catalog(2)
    catalog.devices[edge(2)] = replace(catalog.devices[edge(2)], lent_cores=3.0, site="south")
    index = FleetIndex.of(catalog, "v7")
    assert index.catalog_version == "v7"
    assert index.device_ids == (edge(1), edge(2), "server-01")
    assert index.scope == ("host", "lent", "host")
    assert index.cores.tolist() == [8.0, 3.0, 32.0]
    assert index.is_analysis.tolist() == [False, False, True]
    assert index.has_gpu.tolist() == [True, True, False]
    assert [index.site_ids[number] for number in index.site] == ["north", "south", "north"]
    assert [index.device_ids[row] for row in index.home] == [edge(1), edge(2)]
    assert index.workload_ids == (workload_of(1), workload_of(2))


def test_the_order_of_the_files_changes_nothing() -> None:
    catalog = small_catalog(3)
    turned = replace(catalog, devices=dict(reversed(catalog.devices.items())), workloads=dict(reversed(catalog.workloads.items())))
    one, other = FleetIndex.of(catalog), FleetIndex.of(turned)
    assert one.device_ids == other.device_ids
    np.testing.assert_array_equal(one.home, other.home)


@pytest.mark.parametrize(
    ("version", "edge_fits", "server_fits"),
    [
        pytest.param(Version("detector", "01", "1", "x"), True, True, id="any"),
        pytest.param(Version("detector", "01", "1", "x", architectures=("arm64",)), True, False, id="other-architecture"),
        pytest.param(Version("detector", "01", "1", "x", needs_gpu=True), True, False, id="needs-gpu"),
    ],
)
def test_fit_is_per_variant_and_kind(version: Version, edge_fits: bool, server_fits: bool) -> None:
    index = FleetIndex.of(small_catalog(2, versions={("detector", "01", "1"): version}))
    row = index.variant[0]
    assert index.fit.shape == (1, 2)
    assert bool(index.fit[row, index.kind[index.device_row[edge(1)]]]) is edge_fits
    assert bool(index.fit[row, index.kind[index.device_row["server-01"]]]) is server_fits


@pytest.mark.parametrize(
    ("version", "gpu"),
    [
        pytest.param(Version("detector", "01", "1", "x", gpu_ratio=0.2), 0.2, id="declared"),
        pytest.param(Version("detector", "01", "1", "x"), 0.0, id="needs-none"),
        pytest.param(Version("detector", "01", "1", "x", needs_gpu=True), np.nan, id="needs-some-nobody-knows"),
    ],
)
def test_declared_gpu(version: Version, gpu: float) -> None:
    index = FleetIndex.of(small_catalog(1, versions={("detector", "01", "1"): version}))
    np.testing.assert_array_equal(index.declared_gpu_ratio, [gpu])


def test_a_workload_whose_build_nobody_declared_has_none() -> None:
    index = FleetIndex.of(small_catalog(2, versions={}))
    assert index.variant.tolist() == [NOWHERE, NOWHERE]
    assert index.fit.shape == (0, 2)


def test_builds_are_ordered_as_people_count() -> None:
    versions = {("detector", "01", number): Version("detector", "01", number, "x") for number in ("10", "9", "02", "1.10", "1.9")}
    index = FleetIndex.of(small_catalog(1, versions=versions))
    assert [version for _, _, version in index.variants] == ["1.9", "1.10", "02", "9", "10"]
    assert index.variants[index.variant[0]] == ("detector", "01", "10"), "a workload without a version runs the newest"


@pytest.mark.parametrize(
    ("workload", "movable"),
    [
        pytest.param(Workload("detector", "cam-01", edge(1)), True, id="plain"),
        pytest.param(Workload("detector", "cam-01", edge(1), pin=True), False, id="pinned"),
        pytest.param(Workload("detector", "cam-01", edge(1), environment_class="00"), False, id="environment-ai"),
    ],
)
def test_movable(workload: Workload, movable: bool) -> None:
    assert FleetIndex.of(small_catalog(1, workloads={workload.id: workload})).movable.tolist() == [movable]


def test_a_camera_without_a_list_is_reached_from_its_site_and_by_analysis_servers() -> None:
    catalog = small_catalog(3)
    assert FleetIndex.of(catalog).reachable == {}
    catalog.devices[edge(3)] = replace(catalog.devices[edge(3)], site="south")
    index = FleetIndex.of(catalog)
    names = {index.workload_ids[row]: [index.device_ids[d] for d in reach] for row, reach in index.reachable.items()}
    assert names[workload_of(1)] == [edge(1), edge(2), "server-01"]
    assert names[workload_of(3)] == [edge(3), "server-01"]


def test_a_camera_with_a_list_is_reached_from_there_and_from_home() -> None:
    catalog = small_catalog(3)
    catalog.cameras["cam-01"] = replace(catalog.cameras["cam-01"], reachable_from=(edge(2), "gone"))
    index = FleetIndex.of(catalog)
    assert {row: reach.tolist() for row, reach in index.reachable.items()} == {0: [0, 1]}


def test_an_empty_catalogue_is_a_fleet_of_none() -> None:
    index = FleetIndex.of(Catalog())
    assert index.device_ids == ()
    assert index.fit.shape == (0, 0)
