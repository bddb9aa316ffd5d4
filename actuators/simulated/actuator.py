"""Acts on a simulated plant in the same process, which is handed in: for evaluation, tests and a lab in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from actuators.api import Action, Outcome, Phase, Receipt, RunningPlacement, Verb, split_placement


class PlantAnswer(Protocol):
    """What came of a verb: a word of ``actuators.api.Outcome``, and a sentence where it was refused."""

    @property
    def outcome(self) -> str: ...
    @property
    def detail(self) -> str: ...


class PlantPlacement(Protocol):
    """One placement; ``phase`` is a word of ``actuators.api.Phase``, ``since`` in story seconds."""

    @property
    def placement(self) -> str: ...
    @property
    def workload(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def generation(self) -> int: ...
    @property
    def phase(self) -> str: ...
    @property
    def since(self) -> float: ...
    @property
    def environment_class(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def cause(self) -> str: ...


class Plant(Protocol):
    """What this actuator needs of a plant."""

    def apply(self, verb: str, placement: str, **details: str) -> PlantAnswer:
        """Start or stop a placement; ``details`` are ``environment_class``, ``version`` and ``order``."""
        ...

    def placements(self) -> Sequence[PlantPlacement]:
        """Everything that runs, starts or has failed."""
        ...


class SimulatedActuator:
    """Verbs on an injected plant; story time + ``unix_offset_seconds`` is Unix time."""

    def __init__(self, plant: Plant, unix_offset_seconds: float = 0.0) -> None:
        self._plant = plant
        self._offset = unix_offset_seconds

    async def act(self, action: Action) -> Receipt:
        """Carry out one verb; refused with a sentence when it is impossible there."""
        if trouble := why_contradictory(action):
            return Receipt(action.id, Outcome.REFUSED, trouble)
        answer = self._plant.apply(action.verb.value, action.placement, **details_of(action))
        return Receipt(action.id, Outcome(answer.outcome), answer.detail)

    async def placements(self) -> tuple[RunningPlacement, ...]:
        """List what runs."""
        return tuple(
            RunningPlacement(
                placement=row.placement,
                workload=row.workload,
                device=row.device,
                generation=row.generation,
                phase=Phase(row.phase),
                since=row.since + self._offset,
                environment_class=row.environment_class,
                version=row.version,
                detail=row.detail,
                cause=row.cause,
            )
            for row in self._plant.placements()
        )

    async def close(self) -> None:
        """Nothing is held between calls; what runs goes on running."""


def details_of(action: Action) -> dict[str, str]:
    """What a plant wants to know besides verb and placement; a stop needs nothing more."""
    if action.verb is Verb.STOP:
        return {}
    named = {"environment_class": action.environment_class, "version": action.version, "order": action.id}
    return {name: value for name, value in named.items() if value}


def why_contradictory(action: Action) -> str:
    """Why workload, device and placement of an order do not belong together, as a sentence; "" when they do."""
    try:
        workload, device, _ = split_placement(action.placement)
    except ValueError as error:
        return f"The placement {error}."
    if (workload, device) != (action.workload, action.device):
        return f"The order is for {action.workload} on {action.device}, but its placement is {action.placement!r}."
    return ""
