"""What cameras see: classes that change at fixed times, AIs that are less sure under the wrong sky, and pages that say so."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from exporters.contract import BY_NAME, CONFIDENCE_BUCKETS_RATIO, ENVIRONMENT_CLASSES
from exporters.simulated.blueprint import EnvironmentChange, Fault, PlantWorkload
from exporters.simulated.columns import ambiguous
from exporters.simulated.draws import FITTING, MISFIT, TABLE, make_draws
from exporters.simulated.page import device_page
from exporters.simulated.plant import Plant
from tests.builders.plant import CAM_1, UNIX_OFFSET_SECONDS, small_blueprint

HOME, GUEST = f"{CAM_1}@edge-01#1", f"{CAM_1}@edge-02#2"
CHANGES = (EnvironmentChange("cam-01", 20.0, "02", 0.7), EnvironmentChange("cam-01", 50.0, "01"))


def plant_of(**changes: Any) -> Plant:
    return Plant(small_blueprint(**{"environment_changes": CHANGES, "history_seconds": 60.0, **changes}))


def seen_by(plant: Plant, camera: str) -> tuple[str, float]:
    (found,) = [(seen.environment_class, seen.confidence) for seen in plant.environments() if seen.camera == camera]
    return found


def families(plant: Plant, device: str) -> dict[str, Metric]:
    parsed = text_string_to_metric_families(device_page(plant, device, UNIX_OFFSET_SECONDS))
    return {family.name + ("_total" if family.type == "counter" else ""): family for family in parsed}


def unsure_of(plant: Plant, placement: str, seconds: float) -> tuple[float, float]:
    """Mean confidence and share of ambiguous results of a placement over the next seconds."""
    row = plant.columns.row_of(placement)
    assert row is not None
    c = plant.columns
    counts, total = c.confidence_counts[row].copy(), float(c.confidence_sum[row])
    plant.advance(seconds)
    new = c.confidence_counts[row] - counts
    return (float(c.confidence_sum[row]) - total) / int(new.sum()), int(ambiguous(new)) / int(new.sum())


def test_a_camera_sees_its_workloads_class_until_it_changes() -> None:
    plant = plant_of()
    story = []
    for _ in range(4):
        story.append((plant.time, seen_by(plant, "cam-01")))
        plant.advance(20.0)
    assert story == [(0.0, ("01", 0.9)), (20.0, ("02", 0.7)), (40.0, ("02", 0.7)), (60.0, ("01", 0.9))]
    assert seen_by(plant, "cam-02") == ("01", 0.9)


def test_changes_may_be_named_in_any_order_and_more_than_one_may_be_over() -> None:
    plant = plant_of(environment_changes=(*CHANGES[::-1], EnvironmentChange("cam-02", 30.0, "06")))
    plant.advance(45.0)
    assert (seen_by(plant, "cam-01"), seen_by(plant, "cam-02")) == (("02", 0.7), ("06", 0.9))
    plant.advance(10.0)
    assert (seen_by(plant, "cam-01"), seen_by(plant, "cam-02")) == (("01", 0.9), ("06", 0.9))


def test_verbs_do_not_change_the_weather_and_the_twin_has_the_same() -> None:
    plant = plant_of()
    twin = plant.twin()
    plant.apply("start", GUEST, environment_class="02")
    plant.apply("stop", HOME)
    for world in (plant, twin):
        world.advance(33.0)
    assert plant.environments() == twin.environments()


def test_an_ai_under_the_wrong_sky_is_less_sure_and_its_successor_is_sure_again() -> None:
    plant = plant_of(environment_changes=CHANGES[:1], duration_seconds=300.0)
    calm = unsure_of(plant, HOME, 20.0)
    plant.apply("start", GUEST, environment_class="02")
    plant.advance(10.0)
    twin = plant.twin()
    wrong, right = unsure_of(twin, HOME, 80.0), unsure_of(plant, GUEST, 80.0)
    for mean, share in (calm, right):
        assert mean == pytest.approx(0.73, abs=0.05)
        assert share < 0.30
    assert wrong[0] == pytest.approx(0.48, abs=0.05)
    assert wrong[1] == pytest.approx(0.51, abs=0.10)


@pytest.mark.parametrize(("environment_class", "mean"), [("00", 0.73), ("07", 0.48)], ids=["environment AI", "no environment"])
def test_the_environment_ai_is_at_home_under_every_sky_and_a_stranger_under_none(environment_class: str, mean: float) -> None:
    plant = plant_of()
    plant.apply("start", GUEST, environment_class=environment_class)
    plant.advance(10.0)
    assert unsure_of(plant, GUEST, 100.0)[0] == pytest.approx(mean, abs=0.05)


def test_a_camera_of_the_environment_ai_alone_still_sees_something() -> None:
    workloads = (PlantWorkload("weather/cam-09/main", "cam-09", "edge-02", environment_class="00"),)
    assert seen_by(plant_of(workloads=workloads, environment_changes=()), "cam-09") == ("01", 0.9)


def test_the_drawn_confidences_have_a_lower_level_with_half_of_it_ambiguous() -> None:
    draws = make_draws(3)
    mean = draws.confidence_sum[:, TABLE] / TABLE
    assert mean[MISFIT] < mean[FITTING] - 0.2
    assert ambiguous(draws.confidence[MISFIT, TABLE]) / TABLE == pytest.approx(0.5, abs=0.05)


def test_ambiguous_are_the_buckets_between_its_bounds() -> None:
    counts = np.arange(len(CONFIDENCE_BUCKETS_RATIO) + 1)
    assert int(ambiguous(counts)) == 4 + 5


def test_the_page_of_the_home_says_what_its_camera_sees_wherever_it_is_analysed() -> None:
    plant = plant_of()
    plant.apply("start", f"{CAM_1}@analysis-01#2")
    plant.advance(30.0)
    plant.apply("stop", HOME)
    found = families(plant, "edge-01")
    for name in ("ai_environment_state", "ai_environment_confidence_ratio"):
        metric = BY_NAME[name]
        assert (found[name].type, found[name].documentation) == (metric.kind, metric.meaning)
        assert all(set(sample.labels) == set(metric.labels) for sample in found[name].samples)
    assert "ai_results_total" not in found
    states = {sample.labels["environment"]: sample.value for sample in found["ai_environment_state"].samples}
    assert states == {**dict.fromkeys(ENVIRONMENT_CLASSES, 0.0), "02": 1.0}
    (confidence,) = found["ai_environment_confidence_ratio"].samples
    assert (confidence.labels, confidence.value) == ({"camera": "cam-01"}, 0.7)
    assert "ai_environment_state" not in families(plant, "analysis-01")


def test_the_ambiguous_counter_agrees_with_the_histogram() -> None:
    plant = plant_of()
    plant.advance(40.0)
    found = families(plant, "edge-01")
    (said,) = [sample.value for sample in found["ai_results_ambiguous_total"].samples]
    below = {sample.labels["le"]: sample.value for sample in found["ai_confidence_ratio"].samples if "le" in sample.labels}
    assert said == below["0.6"] - below["0.4"] > 0.0
    assert all(lower <= higher for lower, higher in pairwise(below.values()))


def test_a_camera_without_frames_shows_no_environment_rather_than_an_old_one() -> None:
    plant = plant_of(faults=(Fault("camera_down", "cam-01", 10.0, 30.0),))
    plant.advance(15.0)
    assert [seen.camera for seen in plant.environments()] == ["cam-02"]
    assert "ai_environment_state" not in families(plant, "edge-01")
    plant.advance(15.0)
    assert seen_by(plant, "cam-01") == ("02", 0.7)


def test_a_camera_at_a_real_machine_is_not_the_plants_to_speak_of() -> None:
    workloads = (PlantWorkload("detector/cam-01/main", "cam-01", "host-01"),)
    assert plant_of(workloads=workloads).environments() == ()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ((EnvironmentChange("cam-99", 5.0, "02"),), "cam-99"),
        ((EnvironmentChange("cam-01", 5.0, "00"),), "'00'"),
        ((EnvironmentChange("cam-01", -5.0, "02"),), "at least 0 s"),
        ((EnvironmentChange("cam-01", float("nan"), "02"),), "at least 0 s"),
        ((EnvironmentChange("cam-01", 5.0, "02", 1.1),), "confidence"),
        ((EnvironmentChange("cam-01", 5.0, "02"), EnvironmentChange("cam-01", 5.0, "03")), "twice"),
    ],
    ids=["unknown camera", "no environment", "before the story", "no time", "too sure", "two at once"],
)
def test_impossible_weather_is_refused(changes: tuple[EnvironmentChange, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        small_blueprint(environment_changes=changes)
