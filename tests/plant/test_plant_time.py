"""Time and verbs in the plant: how dt is cut changes nothing, verbs change no input, the twin is the world without verbs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.simulated.blueprint import EnvironmentChange, Fault, PlantBuild
from exporters.simulated.plant import Plant
from tests.builders.plant import CAM_1, CAM_2, small_blueprint, small_plant, state_of

BLUEPRINT = small_blueprint(
    faults=(Fault("camera_down", "cam-02", 12.0, 15.0), Fault("crash", CAM_2, 20.0, 21.0)),
    builds=(
        PlantBuild("detector", "01", "01", 0.8, 600e6, 0.08),
        PlantBuild("detector", "02", "01", 1.2, 700e6, 0.12),
        PlantBuild("detector", "02", "02", 1.2, 700e6, 0.12, start_fails="crash"),
    ),
    environment_changes=(EnvironmentChange("cam-01", 7.3, "02"), EnvironmentChange("cam-02", 25.9, "05", 0.5)),
)
INPUTS = Plant(BLUEPRINT).inputs
RAIN = {"environment_class": "02", "version": "01"}
BAD_RAIN = {"environment_class": "02", "version": "02"}
MOVE: tuple[tuple[float, str, str, dict[str, str]], ...] = (
    (6.0, "start", f"{CAM_1}@edge-02#2", {}),
    (8.7, "start", f"{CAM_1}@edge-01#3", RAIN),
    (9.1, "start", f"{CAM_2}@edge-02#2", BAD_RAIN),
    (14.3, "stop", f"{CAM_1}@edge-01#1", {}),
)

VERBS = st.tuples(
    st.sampled_from(["start", "stop"]),
    st.sampled_from([CAM_1, CAM_2]),
    st.sampled_from(["edge-01", "edge-02", "edge-03"]),
    st.integers(1, 3),
)


def run(cuts: list[float]) -> Plant:
    """A plant led to 30 s by way of all cuts, with the same move and changes of build at the same story times."""
    plant = Plant(BLUEPRINT, INPUTS)
    orders = {at: (verb, placement, details) for at, verb, placement, details in MOVE}
    for at in sorted({*cuts, *orders, 30.0}):
        plant.advance(at - plant.time)
        if at in orders:
            verb, placement, details = orders[at]
            plant.apply(verb, placement, **details)
    return plant


WHOLE = state_of(run([]))


def test_the_world_that_is_cut_has_a_bit_of_everything() -> None:
    """What the next property speaks of: builds of both costs, fitting and not, a failed start and an AI that crashed."""
    plant = run([])
    columns = plant.columns
    assert len(set(columns.build)) == 3
    assert sorted(columns.cause) == ["", "", "crash", "crash"]
    assert {seen.environment_class for seen in plant.environments()} == {"02", "05"}
    assert len({tuple(row) for row in columns.confidence_counts}) == 4


@given(st.lists(st.floats(0.0, 30.0), max_size=40))
def test_how_time_is_cut_changes_nothing(cuts: list[float]) -> None:
    assert state_of(run(cuts)) == WHOLE


def test_ten_tenths_of_a_second_are_a_second() -> None:
    fine, coarse = small_plant(), small_plant()
    for _ in range(10):
        fine.advance(0.1)
    coarse.advance(1.0)
    assert fine.time < coarse.time == 1.0
    assert state_of(fine) == state_of(coarse)


@given(st.lists(st.tuples(st.floats(0.0, 5.0), VERBS), max_size=12))
def test_verbs_change_neither_the_background_nor_the_accounts_truth(steps: list[tuple[float, tuple[str, str, str, int]]]) -> None:
    plant = Plant(BLUEPRINT, INPUTS)
    before = INPUTS.curves.background.tobytes()
    for dt, (verb, workload, device, generation) in steps:
        plant.advance(dt)
        placement = f"{workload}@{device}#{generation}"
        first = plant.apply(verb, placement)
        assert first.outcome in ("accepted", "already")
        assert plant.apply(verb, placement).outcome == "already"
        names = [row.placement for row in plant.placements()]
        assert names.count(placement) == (1 if verb == "start" else 0)
        assert len(set(names)) == len(names)
    plant.advance(0.5)
    ticks = math.floor(plant.time / 0.5 + 1e-6)
    added = plant.wanted_ratio - INPUTS.curves.column(ticks - 1)
    assert np.allclose(added, plant.tables.costs(plant.columns), equal_nan=False) or np.isnan(added[2, 2])
    assert before == INPUTS.curves.background.tobytes()


def test_the_twin_is_the_plant_until_the_first_verb_and_the_world_without_it_after() -> None:
    plant = Plant(BLUEPRINT, INPUTS)
    plant.advance(11.0)
    twin = plant.twin()
    assert state_of(twin) == state_of(plant)
    plant.apply("stop", f"{CAM_1}@edge-01#1")
    for world in (plant, twin):
        world.advance(8.0)
    assert state_of(twin) != state_of(plant)
    untouched = Plant(BLUEPRINT, INPUTS)
    untouched.advance(19.0)
    assert state_of(twin) == state_of(untouched)
    assert twin.inputs is plant.inputs


def test_a_fault_that_is_injected_strikes_the_twin_too() -> None:
    plant = small_plant()
    twin = plant.twin()
    plant.inject(Fault("camera_down", "cam-01", 0.0, 10.0))
    for world in (plant, twin):
        world.advance(12.0)
        assert world.score().longest_gap_seconds["cam-01"] == pytest.approx(10.0, abs=0.2)


@pytest.mark.parametrize("dt", [-0.1, math.nan])
def test_time_only_goes_forward(dt: float) -> None:
    with pytest.raises(ValueError, match="only goes forward"):
        small_plant().advance(dt)
