"""The interface of every actuator: an action goes in, a receipt comes out, and what runs can be listed.

Nothing of edgeshift is imported here. The engine alone knows which actuator serves which device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Verb(StrEnum):
    """What an actuator can be told to do with one placement."""

    START = "start"
    STOP = "stop"


class Outcome(StrEnum):
    """What came of an action: done or under way, already so, impossible, or failed this time."""

    ACCEPTED = "accepted"
    ALREADY = "already"
    REFUSED = "refused"
    FAILED = "failed"


class Phase(StrEnum):
    """Where a placement stands, as its runtime sees it."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Action:
    """One order. The same ``id`` or the same placement and verb may arrive twice and must have one effect.

    ``placement`` is ``workload@device#generation``; ``workload`` is ``package/camera/purpose``; ``node`` is the
    device's name in its runtime; ``environment_class`` and ``version`` choose the variant; ``artefact`` names the
    image or model.
    """

    id: str
    verb: Verb
    placement: str
    workload: str
    device: str
    node: str = ""
    environment_class: str = ""
    version: str = ""
    artefact: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of an action; ``detail`` is a sentence for the person on call when it was refused or failed."""

    action_id: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RunningPlacement:
    """One placement as its runtime sees it; ``since`` is the Unix time at which the phase began.

    ``cause`` says in one word why it failed: ``crash``, ``image_pull`` or ``evicted``; "" where it did not, or nobody knows.
    """

    placement: str
    workload: str
    device: str
    generation: int
    phase: Phase
    since: float
    environment_class: str = ""
    version: str = ""
    detail: str = ""
    cause: str = ""


class ActuatorUnreachable(Exception):
    """The runtime behind an actuator did not answer: what runs there is unknown, which is not «nothing»."""


class Actuator(Protocol):
    """One runtime. ``act`` returns at once; its effect is seen later in ``placements``."""

    async def act(self, action: Action) -> Receipt:
        """Carry out one verb.

        Raises:
            ActuatorUnreachable: the runtime did not answer; the action may or may not have taken effect.
        """
        ...

    async def placements(self) -> tuple[RunningPlacement, ...]:
        """List what runs, in any order.

        Raises:
            ActuatorUnreachable: the runtime did not answer.
        """
        ...

    async def close(self) -> None:
        """Give back connections. What runs goes on running."""
        ...


def placement_id(workload: str, device: str, generation: int) -> str:
    """Name a placement: ``workload@device#generation``."""
    return f"{workload}@{device}#{generation}"


def split_placement(placement: str) -> tuple[str, str, int]:
    """Take a placement's name apart into workload, device and generation.

    Raises:
        ValueError: the name is not of the form ``workload@device#generation``.
    """
    workload, at, rest = placement.rpartition("@")
    device, hash_sign, generation = rest.rpartition("#")
    if not (at and hash_sign and workload and device and generation.isdecimal()):
        raise ValueError(f"{placement!r} is not of the form workload@device#generation")
    return workload, device, int(generation)
