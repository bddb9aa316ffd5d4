"""Answers which of the faults of a world are there at a time, and whom they strike."""

from __future__ import annotations

from collections.abc import Iterable

from exporters.simulated.blueprint import Fault, FaultKind
from exporters.simulated.naming import placement_parts


def struck(faults: Iterable[Fault], kind: FaultKind, story_seconds: float) -> frozenset[str]:
    """Subjects of the faults of one kind that are active at this time."""
    return frozenset(fault.subject for fault in faults if fault.kind == kind and fault.active(story_seconds))


def strikes(subjects: frozenset[str], placement: str) -> bool:
    """Whether a placement, its workload or its device is among the subjects."""
    if not subjects:
        return False
    workload, device, _ = placement_parts(placement)
    return not subjects.isdisjoint((placement, workload, device))
