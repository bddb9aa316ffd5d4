"""What the runtimes list, as columns; the shape of a listed placement is declared here, so that no actuator is imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from decision_engine.core.snapshot import FAILED, NOWHERE, READY, STARTING, STOPPING, Floats, Ints
from decision_engine.observe.columns import ELSEWHERE
from decision_engine.observe.index import FleetIndex

PHASES: Final = {"starting": STARTING, "ready": READY, "stopping": STOPPING, "failed": FAILED}


class ObservedPlacement(Protocol):
    """One placement as its runtime sees it; ``since`` is the Unix time at which the phase began."""

    @property
    def placement(self) -> str:
        """``workload@device#generation``."""
        ...

    @property
    def workload(self) -> str:
        """``package/camera/purpose``."""
        ...

    @property
    def device(self) -> str:
        """The device's id."""
        ...

    @property
    def generation(self) -> int:
        """Rises with every placement of a workload."""
        ...

    @property
    def phase(self) -> str:
        """One of starting, ready, stopping, failed."""
        ...

    @property
    def since(self) -> float:
        """When the phase began, Unix time."""
        ...

    @property
    def environment_class(self) -> str:
        """The variant's class, "" when unknown."""
        ...

    @property
    def cause(self) -> str:
        """Why it failed, in one word; "" when it did not or nobody knows."""
        ...

    @property
    def version(self) -> str:
        """The variant's version, "" when unknown."""
        ...


@dataclass(frozen=True, slots=True)
class PlacementRows:
    """P listed placements ordered by id: ``workload``, ``device`` and ``variant`` are rows (NOWHERE: not in the catalogue)."""

    ids: tuple[str, ...]
    workload: Ints
    device: Ints
    generation: Ints
    phase: Ints
    since: Floats
    variant: Ints
    cause: tuple[str, ...]

    @staticmethod
    def of(running: Iterable[ObservedPlacement], index: FleetIndex) -> PlacementRows:
        """Lay out what the runtimes list; one listed twice is taken once, in its later phase.

        Raises:
            ValueError: a phase that is none of the four.
        """
        latest: dict[str, ObservedPlacement] = {}
        for seen in running:
            other = latest.get(seen.placement)
            if other is None or (seen.since, seen.phase) > (other.since, other.phase):
                latest[seen.placement] = seen
        rows = [latest[id_] for id_ in sorted(latest)]
        return PlacementRows(
            ids=tuple(row.placement for row in rows),
            workload=_ints([index.workload_row.get(row.workload, ELSEWHERE) for row in rows]),
            device=_ints([index.device_row.get(row.device, ELSEWHERE) for row in rows]),
            generation=_ints([row.generation for row in rows]),
            phase=_ints([_phase(row) for row in rows]),
            since=np.array([row.since for row in rows], dtype=np.float64),
            variant=_ints([_variant(row, index) for row in rows]),
            cause=tuple(row.cause for row in rows),
        )


def ends_of(placement: str) -> tuple[str, str]:
    """The workload and the device in a placement's name; "" for both where it is no such name."""
    workload, at, rest = placement.rpartition("@")
    device, hash_sign, _ = rest.rpartition("#")
    return (workload, device) if at and hash_sign else ("", "")


def _variant(row: ObservedPlacement, index: FleetIndex) -> int:
    """The declared build that runs, by the package in the workload's id."""
    package, _, _ = row.workload.partition("/")
    return index.variant_row.get((package, row.environment_class, row.version), NOWHERE)


def _phase(row: ObservedPlacement) -> int:
    if row.phase not in PHASES:
        raise ValueError(f"placement {row.placement} is in phase {row.phase!r}, which is none of {', '.join(PHASES)}")
    return PHASES[row.phase]


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)
