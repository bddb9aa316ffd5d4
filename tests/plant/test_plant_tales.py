"""The tales about builds: worlds that stay calm but for what they tell, and can be told again from their seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from exporters.simulated.blueprint import PlantBlueprint
from exporters.simulated.plant import Plant
from exporters.simulated.tales import (
    HERO,
    TALES,
    bad_update_story,
    crash_story,
    failing_build_story,
    missing_build_story,
    square_wave_story,
    update_story,
    weather_story,
)
from tests.builders.plant import state_of

HOME, NEXT = f"detector/{HERO}/main@edge-02#1", f"detector/{HERO}/main@edge-02#2"


def told(blueprint: PlantBlueprint) -> Plant:
    """A plant of a tale, without most of its long past and in big steps."""
    return Plant(replace(blueprint, history_seconds=60.0, tick_seconds=2.5))


def classes(plant: Plant, seconds: float, step: float) -> str:
    """The last digits of what HERO sees, step by step."""
    seen = ""
    for _ in range(round(seconds / step)):
        seen += next(one.environment_class[-1] for one in plant.environments() if one.camera == HERO)
        plant.advance(step)
    return seen


def phase_and_cause(plant: Plant, placement: str) -> tuple[str, str]:
    return next((row.phase, row.cause) for row in plant.placements() if row.placement == placement)


@pytest.mark.parametrize("tale", TALES.values(), ids=TALES)
def test_a_tale_is_four_calm_edges_with_a_camera_each_and_the_same_again_from_its_seed(tale: Callable[[int], PlantBlueprint]) -> None:
    blueprint = tale(3)
    assert blueprint == tale(3) != tale(4)
    assert [device.id for device in blueprint.devices] == ["edge-01", "edge-02", "edge-03", "edge-04", "analysis-01"]
    assert [workload.home for workload in blueprint.workloads] == [f"edge-0{number}" for number in range(1, 5)]
    one, again = told(blueprint), told(blueprint)
    for plant in (one, again):
        plant.apply("start", NEXT)
        plant.advance(blueprint.duration_seconds)
    assert state_of(one) == state_of(again)
    assert one.score().overload_seconds == 0.0
    assert float(np.nanmax(one.wanted_ratio)) < 0.80


def test_rain_comes_and_goes() -> None:
    plant = told(weather_story(1))
    assert classes(plant, 240.0, 30.0) == "12222111"
    assert {build.key[1:] for build in plant.blueprint.builds} == {(f"0{number}", "01") for number in range(1, 5)}
    assert plant.apply("start", NEXT, environment_class="02", version="01").outcome == "accepted"
    plant.advance(10.0)
    assert phase_and_cause(plant, NEXT) == ("ready", "")


def test_the_square_wave_has_a_flip_every_half_minute_for_five_minutes() -> None:
    assert classes(told(square_wave_story(1)), 360.0, 15.0) == "112211221122112211221111"


def test_for_a_sunrise_there_is_no_build() -> None:
    plant = told(missing_build_story(1))
    assert classes(plant, 240.0, 60.0) == "1555"
    assert plant.apply("start", NEXT, environment_class="05").outcome == "refused"


def test_the_build_for_rain_cannot_be_pulled() -> None:
    plant = told(failing_build_story(1))
    plant.apply("start", NEXT, environment_class="02")
    plant.advance(10.0)
    assert phase_and_cause(plant, NEXT) == ("failed", "image_pull")
    assert plant.blueprint.environment_changes == weather_story(1).environment_changes


@pytest.mark.parametrize(
    ("tale", "ends"), [(update_story, ("ready", "")), (bad_update_story, ("failed", "crash"))], ids=["update", "bad update"]
)
def test_everybody_runs_the_old_version_and_a_new_one_is_there(tale: Callable[[int], PlantBlueprint], ends: tuple[str, str]) -> None:
    plant = told(tale(1))
    assert {(row.environment_class, row.version) for row in plant.placements()} == {("01", "01")}
    assert plant.apply("start", NEXT, version="02").outcome == "accepted"
    plant.advance(10.0)
    assert phase_and_cause(plant, NEXT) == ends
    assert phase_and_cause(plant, HOME) == ("ready", "")


def test_an_ai_that_crashed_once_is_healthy_when_it_is_started_again() -> None:
    plant = told(crash_story(1))
    plant.advance(40.0)
    assert phase_and_cause(plant, HOME) == ("failed", "crash")
    plant.apply("start", HOME, order="repair")
    plant.advance(10.0)
    assert phase_and_cause(plant, HOME) == ("ready", "")
