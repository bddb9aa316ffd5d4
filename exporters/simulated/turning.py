"""Lets starts that are due become Ready or fail, and lets crashes strike what is Ready."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from exporters.simulated.blueprint import Fault
from exporters.simulated.columns import Columns, Ints, PlantPhase
from exporters.simulated.faults import strikes, struck

START_FAILED = {
    "image_pull": "It did not start: its image could not be pulled.",
    "crash": "It did not start: it ended by itself before it was ready.",
}
CRASHED = "It ended by itself after it was ready."


def turn(columns: Columns, faults: Iterable[Fault], begin: float, end: float) -> bool:
    """Change the phases as they change in one tick; True when something did."""
    c, faults = columns, tuple(faults)
    due = (c.phase == PlantPhase.STARTING) & (c.ready_at <= end)
    c.phase[due] = PlantPhase.READY
    c.since[due] = c.ready_at[due]
    failing = np.flatnonzero(due)
    for cause, why in START_FAILED.items():
        _fail(c, failing[c.doom[failing] == cause], cause, why)
    crashing = _crashing(c, struck(faults, "crash", begin))
    c.since[crashing] = np.maximum(begin, c.ready_at[crashing])
    _fail(c, crashing, "crash", CRASHED)
    return bool(due.any() or len(crashing))


def _crashing(columns: Columns, subjects: frozenset[str]) -> Ints:
    ready = np.flatnonzero(columns.phase == PlantPhase.READY) if subjects else np.empty(0, dtype=np.int64)
    return np.array([row for row in ready if strikes(subjects, columns.placement[row])], dtype=np.int64)


def _fail(columns: Columns, rows: Ints, cause: str, why: str) -> None:
    columns.phase[rows] = PlantPhase.FAILED
    columns.cause[rows] = cause
    columns.detail[rows] = why
