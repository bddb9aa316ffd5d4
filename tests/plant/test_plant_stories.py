"""The lab's story and the blueprints behind it: one overload that a move avoids, and worlds that contradict themselves refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporters.simulated.blueprint import CPU, Episode, Fault, FaultKind, PlantDevice, PlantWorkload
from exporters.simulated.curves import home_costs
from exporters.simulated.plant import Plant
from exporters.simulated.stories import EDGE_TOTAL_RATIO, LENT_DEVICE_ID, default_story
from tests.builders.plant import small_blueprint


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(4, 12))])
def test_nothing_done_is_an_overload_at_45_seconds_and_a_move_begun_at_34_avoids_it(seed: int) -> None:
    blueprint = replace(default_story(8, 120.0, seed, lent_device=True), history_seconds=60.0)
    plant = Plant(blueprint)
    plant.advance(34.0)
    twin = plant.twin()
    (moving, *_) = [row for row in plant.placements() if row.device == "edge-03"]
    assert plant.apply("start", f"{moving.workload}@analysis-01#2").outcome == "accepted"
    plant.advance(7.0)
    assert plant.apply("stop", moving.placement).outcome == "accepted"
    plant.advance(79.0)
    twin.advance(86.0)
    did, nothing = plant.score(), twin.score()
    crossing = nothing.first_crossing_seconds["edge-03"]
    assert crossing is not None
    assert 42.0 <= crossing <= 48.0
    assert 15.0 <= nothing.overload_seconds <= 30.0
    assert nothing.overload_seconds == nothing.overload_seconds_by_device["edge-03"]
    assert did.overload_seconds <= 2.0
    assert did.longest_gap_seconds[f"cam-{moving.workload.split('/')[1][4:]}"] == 0.0


def test_the_way_home_is_free_by_80_seconds() -> None:
    plant = Plant(default_story(8, 180.0, 1, lent_device=False))
    plant.advance(80.0)
    assert plant.wanted_ratio[2, CPU] < 0.70


@pytest.mark.parametrize("edges", [1, 2, 8, 300])
def test_a_fleet_of_any_size_has_one_crowded_edge_and_room_elsewhere(edges: int) -> None:
    blueprint = default_story(edges, 120.0, 5, lent_device=False)
    assert [device.role for device in blueprint.devices] == ["edge"] * edges + ["analysis"]
    assert len({device.address for device in blueprint.devices}) == edges + 1
    (episode,) = blueprint.episodes
    assert episode.device == f"edge-{min(3, edges):02d}"
    total = home_costs(blueprint)[:, CPU] + [device.base[CPU] for device in blueprint.devices]
    assert total[-1] == pytest.approx(0.2)
    assert all(EDGE_TOTAL_RATIO[0] <= ratio <= EDGE_TOTAL_RATIO[1] + 1e-9 for ratio in total[:-1])
    homes = [workload.home for workload in blueprint.workloads]
    assert {homes.count(device.id) for device in blueprint.devices[:-1]} <= {1, 2}
    assert len({workload.camera for workload in blueprint.workloads}) == len(homes)


def test_the_real_machine_brings_a_workload_that_the_plant_runs_only_when_told() -> None:
    plant = Plant(default_story(2, 120.0, 5, lent_device=True))
    guest = plant.blueprint.workloads[-1]
    assert guest.home == LENT_DEVICE_ID
    assert guest.id not in {row.workload for row in plant.placements()}
    assert plant.score().longest_gap_seconds[guest.camera] is None
    assert plant.apply("start", f"{guest.id}@edge-01#2").outcome == "accepted"
    plant.advance(10.0)
    assert {row.workload: row.phase for row in plant.placements()}[guest.id] == "ready"


@pytest.mark.parametrize("edges", [0, -1, 62501])
def test_an_impossible_fleet_is_refused(edges: int) -> None:
    with pytest.raises(ValueError, match=str(edges)):
        default_story(edges, 120.0, 1, lent_device=False)


DOUBLE = (PlantDevice("edge-01", "127.77.0.1"), PlantDevice("edge-01", "127.77.0.2"))
SHARED = (PlantDevice("edge-01", "127.77.0.1"), PlantDevice("edge-02", "127.77.0.1"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"devices": ()}, "at least one device"),
        ({"devices": DOUBLE}, "edge-01"),
        ({"devices": SHARED}, "127.77.0.1"),
        ({"devices": (PlantDevice("edge-01", "127.77.0.1", cores=0.0),)}, "cores"),
        ({"tick_seconds": 0.0}, "tick"),
        ({"workloads": (PlantWorkload("a/b/main", "b", "edge-01", frames_per_second=5000.0),)}, "frames/s"),
        ({"workloads": (PlantWorkload("a/b/main", "b", "edge-01", frames_per_second=0.0),)}, "frames/s"),
        ({"episodes": (Episode("edge-99", 0.0, 1.0, 1.0, 1.0, 0.1),)}, "edge-99"),
        ({"faults": (Fault("silent", "edge-99"),)}, "edge-99"),
        ({"faults": (Fault("camera_down", "edge-01"),)}, "edge-01"),
        ({"faults": (Fault("crash", "ghost"),)}, "ghost"),
        ({"faults": (Fault("silent", "edge-01", 5.0, 5.0),)}, "before it begins"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_world_that_contradicts_itself_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        small_blueprint(**change)


def test_an_unknown_kind_of_fault_is_refused_with_those_that_exist() -> None:
    kind: FaultKind = "earthquake"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="start_fails"):
        small_blueprint(faults=(Fault(kind, "edge-01"),))
