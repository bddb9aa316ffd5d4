"""The suite of all actuators bites: each way to be wrong is caught by the check that is about it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from actuators import testing
from actuators.api import Action, Actuator, Outcome, Phase, Receipt, RunningPlacement, Verb
from actuators.simulated import SimulatedActuator
from tests.builders.plant import ImaginaryRuntime, small_plant


@dataclass
class Wrong:
    """An actuator that is right except for one thing."""

    inner: SimulatedActuator
    fault: str
    _listings: int = field(default=0, init=False)

    async def act(self, action: Action) -> Receipt:
        if self.fault == "stops nothing" and action.verb is Verb.STOP:
            return Receipt(action.id, Outcome.ACCEPTED)
        if self.fault == "takes the placement's word" and action.placement != "nonsense":
            workload, _, device = action.placement.partition("#")[0].rpartition("@")
            action = replace(action, workload=workload, device=device)
        receipt = await self.inner.act(action)
        if self.fault == "always accepts":
            return replace(receipt, outcome=Outcome.ACCEPTED)
        if self.fault == "says nothing when it refuses":
            return replace(receipt, detail="")
        if self.fault == "forgets which action" and action.verb is Verb.START:
            return replace(receipt, action_id="")
        return receipt

    async def placements(self) -> tuple[RunningPlacement, ...]:
        rows = await self.inner.placements()
        self._listings += 1
        if self.fault == "lists twice":
            return rows + rows
        if self.fault == "since is now":
            return tuple(replace(row, since=float(self._listings)) for row in rows)
        if self.fault == "never ready":
            return tuple(replace(row, phase=Phase.STARTING) for row in rows)
        if self.fault == "forgets the variant":
            return tuple(replace(row, version="") for row in rows)
        return rows

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class WrongRuntime(ImaginaryRuntime):
    fault: str = ""
    waits: int = 15

    async def make(self) -> Actuator:
        return Wrong(SimulatedActuator(self.plant), self.fault)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("always accepts", testing.start_is_idempotent),
        ("always accepts", testing.stop_is_idempotent),
        ("always accepts", testing.unknown_device_is_refused),
        ("always accepts", testing.unknown_workload_is_refused),
        ("always accepts", testing.stop_of_what_never_ran_is_already),
        ("always accepts", testing.nonsense_is_refused),
        ("says nothing when it refuses", testing.unknown_device_is_refused),
        ("takes the placement's word", testing.nonsense_is_refused),
        ("forgets which action", testing.start_is_idempotent),
        ("stops nothing", testing.stop_leaves_the_others),
        ("stops nothing", testing.stop_while_starting_leaves_nothing),
        ("lists twice", testing.concurrent_verbs_have_one_effect),
        ("since is now", testing.list_says_what_was_started),
        ("forgets the variant", testing.list_says_what_was_started),
        ("never ready", testing.stopped_can_start_again),
        ("since is now", testing.another_actuator_sees_the_same),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_wrong_actuator_fails_the_check(fault: str, check: testing.Check) -> None:
    with pytest.raises(AssertionError):
        asyncio.run(check(WrongRuntime(small_plant(), fault=fault)))
    asyncio.run(check(WrongRuntime(small_plant(), fault="")))
