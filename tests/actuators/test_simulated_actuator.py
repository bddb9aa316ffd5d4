"""The simulated actuator on an injected plant: the suite of all actuators, and what it says beyond it."""

from __future__ import annotations

import asyncio

import pytest

from actuators.api import Action, Outcome, Phase, Verb
from actuators.simulated import SimulatedActuator
from actuators.testing import CHECKS, Check
from exporters.simulated.blueprint import Fault
from tests.builders.plant import CAM_1, UNIX_OFFSET_SECONDS, ImaginaryRuntime, small_plant

PLACEMENT = f"{CAM_1}@edge-02#2"


def start(order: str = "a", version: str = "") -> Action:
    return Action(order, Verb.START, PLACEMENT, CAM_1, "edge-02", version=version)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_passes_the_suite_of_all_actuators(check: Check) -> None:
    asyncio.run(check(ImaginaryRuntime(small_plant())))


def test_a_placement_names_its_phase_in_unix_time_and_its_variant() -> None:
    plant = small_plant()
    plant.advance(10.0)
    actuator = SimulatedActuator(plant, UNIX_OFFSET_SECONDS)
    asyncio.run(actuator.act(start(version="07")))
    home, _, guest = asyncio.run(actuator.placements())
    assert (home.placement, home.phase, home.since) == (f"{CAM_1}@edge-01#1", Phase.READY, UNIX_OFFSET_SECONDS - 600.0)
    assert (guest.placement, guest.phase, guest.since) == (PLACEMENT, Phase.STARTING, UNIX_OFFSET_SECONDS + 10.0)
    assert (guest.environment_class, guest.version) == ("01", "07")


def test_a_repeated_order_does_not_start_again_what_has_failed_and_a_new_one_does() -> None:
    plant = small_plant(faults=(Fault("start_fails", "edge-02", until_seconds=5.0),))
    actuator = SimulatedActuator(plant)
    asyncio.run(actuator.act(start("a")))
    plant.advance(10.0)
    failed = asyncio.run(actuator.placements())[-1]
    assert failed.phase is Phase.FAILED
    assert failed.detail.endswith(".")
    assert asyncio.run(actuator.act(start("a"))).outcome is Outcome.ALREADY
    assert asyncio.run(actuator.act(start("b"))).outcome is Outcome.ACCEPTED
    plant.advance(10.0)
    assert asyncio.run(actuator.placements())[-1].phase is Phase.READY
