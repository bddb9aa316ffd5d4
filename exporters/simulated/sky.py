"""Says what each camera sees at any story time: the class of its environment, and how sure its environment AI is of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporters.contract import ENVIRONMENT_CLASSES
from exporters.simulated.blueprint import PlantBlueprint

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLASSES = ENVIRONMENT_CLASSES
"""An environment's number is its place in here."""

ANY, NONE = -1, -2
"""Numbers of builds: of the environment AI, which is at home under every sky, and of a class that no camera ever sees."""

NOWHERE = -1
"""The home of a camera at a real machine, outside the plant."""

ENVIRONMENT_AI = "00"
FIRST_CONFIDENCE = 0.9


@dataclass(frozen=True, slots=True)
class SeenEnvironment:
    """What one camera sees, as the environment AI at its home device says."""

    camera: str
    home: str
    environment_class: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Sky:
    """Columns of C cameras (``home`` a device's row or NOWHERE, ``first`` what they see up to their first change) and of all
    changes in the order of time (``at_seconds``, ``camera``, ``number``, ``confidence``)."""

    home: Ints
    first: Ints
    at_seconds: Floats
    camera: Ints
    number: Ints
    confidence: Floats

    def seen(self, story_seconds: float) -> tuple[Ints, Floats]:
        """The number of the environment that each camera sees at this time, and the confidence of it."""
        number, confidence = self.first.copy(), np.full(len(self.first), FIRST_CONFIDENCE)
        past = slice(int(np.searchsorted(self.at_seconds, story_seconds, side="right")))
        # Where a camera stands there more than once, the last assignment stays.
        number[self.camera[past]] = self.number[past]
        confidence[self.camera[past]] = self.confidence[past]
        return number, confidence


def make_sky(blueprint: PlantBlueprint, cameras: tuple[str, ...], device_row: dict[str, int]) -> Sky:
    """The sky of a blueprint: a camera's home is its first workload's, and what it sees at first the class of the first of its
    workloads that is for an environment."""
    row = {camera: number for number, camera in enumerate(cameras)}
    changes = sorted(blueprint.environment_changes, key=lambda change: change.at_seconds)
    home, first = np.full(len(cameras), NOWHERE), np.zeros(len(cameras), dtype=np.int64)
    for workload in reversed(blueprint.workloads):
        home[row[workload.camera]] = device_row.get(workload.home, NOWHERE)
    for workload in reversed(blueprint.workloads):
        if workload.environment_class in CLASSES:
            first[row[workload.camera]] = CLASSES.index(workload.environment_class)
    return Sky(
        home=home,
        first=first,
        at_seconds=np.array([change.at_seconds for change in changes]),
        camera=np.array([row[change.camera] for change in changes], dtype=np.int64),
        number=np.array([CLASSES.index(change.environment_class) for change in changes], dtype=np.int64),
        confidence=np.array([change.confidence for change in changes]),
    )


def environment_number(environment_class: str) -> int:
    """The number of the environment that a build is for."""
    if environment_class in CLASSES:
        return CLASSES.index(environment_class)
    return ANY if environment_class == ENVIRONMENT_AI else NONE


def fits(build: Ints, seen: Ints) -> NDArray[np.bool_]:
    """Whether builds are for what their cameras see, both as numbers."""
    return np.asarray((build == seen) | (build == ANY))
