"""Builds of AIs: each costs what it costs, some never start, those that are not there are refused, and failures have causes."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters.simulated.backfill import write_backfill
from exporters.simulated.blueprint import CPU, GPU, MEMORY, Fault, PlantBlueprint, PlantBuild
from exporters.simulated.curves import home_costs
from exporters.simulated.page import device_page
from exporters.simulated.plant import Plant, PlantPlacement
from tests.builders.plant import CAM_1, STILL, UNIX_OFFSET_SECONDS, load_of, small_blueprint

SUN = PlantBuild("detector", "01", "01", cost_cores=1.6, cost_memory_bytes=900e6, cost_gpu_ratio=0.10)
RAIN = PlantBuild("detector", "02", "01", cost_cores=2.4, cost_memory_bytes=1200e6, cost_gpu_ratio=0.20)
NO_IMAGE = PlantBuild("detector", "03", "01", 1.0, 600e6, 0.1, start_fails="image_pull")
CRASHES = PlantBuild("detector", "01", "02", 1.0, 600e6, 0.1, start_fails="crash")

HOME, NEXT = f"{CAM_1}@edge-01#1", f"{CAM_1}@edge-01#2"
EDGE_BYTES = 15.0 * 2**30


def blueprint(**changes: Any) -> PlantBlueprint:
    return small_blueprint(**{"weather": STILL, "builds": (SUN, RAIN, NO_IMAGE, CRASHES), "history_seconds": 60.0, **changes})


def placement(plant: Plant, name: str) -> PlantPlacement:
    (found,) = [row for row in plant.placements() if row.placement == name]
    return found


def test_a_placement_costs_what_its_build_costs() -> None:
    plant = Plant(blueprint())
    assert load_of(plant, "edge-01") - [0.4, 0.4, 0.3] == pytest.approx([0.2, 900e6 / EDGE_BYTES, 0.1], abs=1e-6)
    assert plant.apply("start", NEXT, environment_class="02", version="01").outcome == "accepted"
    plant.advance(10.0)
    assert load_of(plant, "edge-01") - [0.4, 0.4, 0.3] == pytest.approx([0.5, 2100e6 / EDGE_BYTES, 0.3], abs=1e-6)
    plant.apply("stop", HOME)
    plant.advance(1.0)
    assert load_of(plant, "edge-01") - [0.4, 0.4, 0.3] == pytest.approx([0.3, 1200e6 / EDGE_BYTES, 0.2], abs=1e-6)
    row = plant.columns.row_of(NEXT)
    assert row is not None
    used = plant.columns.cpu_seconds[row]
    plant.advance(10.0)
    assert plant.columns.cpu_seconds[row] - used == pytest.approx(24.0)
    assert (placement(plant, NEXT).environment_class, placement(plant, NEXT).version) == ("02", "01")


def test_the_past_knows_the_costs_of_builds_too(tmp_path: Any) -> None:
    plant = Plant(blueprint())
    assert home_costs(plant.blueprint)[0] == pytest.approx([0.2, 900e6 / EDGE_BYTES, 0.1])
    write_backfill(plant, tmp_path / "past.txt", UNIX_OFFSET_SECONDS, {"edge-01": {"device": "edge-01"}})
    past = (tmp_path / "past.txt").read_text(encoding="utf-8")
    families = {family.name: family for family in text_string_to_metric_families(device_page(plant, "edge-01", UNIX_OFFSET_SECONDS))}
    assert families["ai_process_resident_memory_bytes"].samples[0].value == 900e6
    assert families["ai_process_cpu_seconds"].samples[0].value == pytest.approx(60.0 * 1.6)
    assert " 900000000.0 " in past
    assert f" {55.0 * 1.6} " in past


def test_without_a_list_of_builds_everything_is_there_at_the_workloads_own_cost() -> None:
    plant = Plant(blueprint(builds=(PlantBuild("tracker", "01", "01", 9.0, 9e9, 0.9),)))
    assert plant.apply("start", NEXT, environment_class="06", version="99").outcome == "accepted"
    plant.advance(10.0)
    added = load_of(plant, "edge-01") - [0.4, 0.4, 0.3]
    assert (added[CPU], added[MEMORY], added[GPU]) == pytest.approx((0.2, 1200e6 / EDGE_BYTES, 0.16), abs=1e-6)


@pytest.mark.parametrize("details", [{"environment_class": "05"}, {"version": "09"}, {"environment_class": "02", "version": "02"}])
def test_a_build_that_is_not_there_is_refused_with_those_that_are(details: dict[str, str]) -> None:
    plant = Plant(blueprint())
    answer = plant.apply("start", NEXT, **details)
    assert answer.outcome == "refused"
    assert "/".join((details.get("environment_class", "01"), details.get("version", "01"))) in answer.detail
    assert "01/01, 02/01, 03/01, 01/02" in answer.detail
    assert answer.detail.endswith(".")
    assert [row.placement for row in plant.placements() if row.workload == CAM_1] == [HOME]


@pytest.mark.parametrize(("build", "cause"), [(NO_IMAGE, "image_pull"), (CRASHES, "crash")], ids=["image", "crash"])
def test_a_build_that_never_starts_fails_with_its_cause_every_time_and_harms_nothing_else(build: PlantBuild, cause: str) -> None:
    plant = Plant(blueprint())
    for order in ("first", "second"):
        plant.apply("start", NEXT, environment_class=build.environment_class, version=build.version, order=order)
        assert (placement(plant, NEXT).phase, placement(plant, NEXT).cause) == ("starting", "")
        plant.advance(10.0)
        failed = placement(plant, NEXT)
        assert (failed.phase, failed.cause) == ("failed", cause)
        assert failed.detail.endswith(".")
    assert placement(plant, HOME).phase == "ready"
    assert plant.score().longest_gap_seconds["cam-01"] == 0.0


def test_the_version_before_starts_where_the_new_one_crashes() -> None:
    plant = Plant(blueprint())
    plant.apply("start", NEXT, version="02")
    plant.advance(10.0)
    plant.apply("stop", NEXT)
    assert plant.apply("start", f"{CAM_1}@edge-01#3", version="01").outcome == "accepted"
    plant.advance(10.0)
    assert placement(plant, f"{CAM_1}@edge-01#3").phase == "ready"


def test_faults_have_causes_too_and_a_new_start_forgets_them() -> None:
    faults = (Fault("crash", HOME, 5.0, 6.0), Fault("start_fails", "edge-02"))
    plant = Plant(blueprint(faults=faults))
    plant.apply("start", f"{CAM_1}@edge-02#2")
    plant.advance(10.0)
    assert placement(plant, HOME).cause == "crash"
    assert placement(plant, f"{CAM_1}@edge-02#2").cause == "image_pull"
    plant.apply("start", HOME, order="repair")
    plant.advance(10.0)
    assert (placement(plant, HOME).phase, placement(plant, HOME).cause, placement(plant, HOME).detail) == ("ready", "", "")


@pytest.mark.parametrize(
    ("builds", "says"),
    [
        ((SUN, SUN), "detector/01/01"),
        ((RAIN,), "no listed build"),
        ((SUN, PlantBuild("detector", "02", "01", -1.0, 600e6, 0.1)), "at least 0"),
        ((SUN, PlantBuild("detector", "02", "01", 1.0, 600e6, 0.1, "bad_luck")), "bad_luck"),  # type: ignore[arg-type]
    ],
    ids=["twice", "own build missing", "negative cost", "unknown cause"],
)
def test_a_list_of_builds_that_contradicts_itself_is_refused(builds: tuple[PlantBuild, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        blueprint(builds=builds)
