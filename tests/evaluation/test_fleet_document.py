"""The catalogue of an imaginary fleet: every build is declared, with its costs, and the whole is a catalogue that loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from decision_engine.catalog.model import Catalog
from decision_engine.catalog.store import YamlCatalogStore
from decision_engine.evaluation.fleet import fleet_document
from exporters.simulated.blueprint import PlantBlueprint, PlantWorkload
from exporters.simulated.stories import default_story
from exporters.simulated.tales import TALES, update_story, weather_story
from tests.builders.plant import small_blueprint


def catalog_of(blueprint: PlantBlueprint, directory: Path) -> Catalog:
    path = directory / "fleet.yaml"
    path.write_text(yaml.safe_dump(fleet_document(blueprint, 9750)), encoding="utf-8")
    catalog, _ = YamlCatalogStore(path).load()
    return catalog


@pytest.mark.parametrize("tale", TALES.values(), ids=TALES)
def test_every_build_of_a_tale_is_declared_with_its_costs(tale: Callable[[int], PlantBlueprint], tmp_path: Path) -> None:
    blueprint = tale(1)
    catalog = catalog_of(blueprint, tmp_path)
    assert {
        key: (version.cpu_cores, version.memory_bytes, version.gpu_ratio, version.state) for key, version in catalog.versions.items()
    } == {build.key: (build.cost_cores, build.cost_memory_bytes, build.cost_gpu_ratio, "active") for build in blueprint.builds}


def test_without_a_list_the_builds_are_those_that_workloads_begin_with(tmp_path: Path) -> None:
    workloads = (
        PlantWorkload("detector/cam-01/main", "cam-01", "edge-01", cost_cores=0.5),
        PlantWorkload("detector/cam-02/main", "cam-02", "edge-02", environment_class="02"),
        PlantWorkload("tracker/cam-03/main", "cam-03", "edge-02"),
        PlantWorkload("detector/cam-04/main", "cam-04", "edge-03"),
    )
    catalog = catalog_of(small_blueprint(workloads=workloads), tmp_path)
    assert set(catalog.versions) == {("detector", "01", "01"), ("detector", "02", "01"), ("tracker", "01", "01")}
    assert catalog.versions["detector", "01", "01"].cpu_cores == 0.5
    assert set(catalog.workloads) == {workload.id for workload in workloads}


def test_the_default_story_declares_one_build(tmp_path: Path) -> None:
    assert set(catalog_of(default_story(4, 60.0, 1, lent_device=False), tmp_path).versions) == {("detector", "01", "01")}


def test_the_newest_version_is_what_a_workload_should_run_and_its_class_the_first_one(tmp_path: Path) -> None:
    for tale, version in ((update_story, "02"), (weather_story, "01")):
        catalog = catalog_of(tale(1), tmp_path)
        wanted = [catalog.version_of(workload) for workload in catalog.workloads.values()]
        assert {(one.environment_class, one.version) for one in wanted if one is not None} == {("01", version)}
