"""Takes a placement's name apart; this room speaks the same names as the engine without importing it."""

from __future__ import annotations

import re

GENERATION = re.compile(r"0|[1-9][0-9]{0,8}")
"""A plain number: one generation is written in one way only, and fits any column."""


def placement_name(workload: str, device: str, generation: int) -> str:
    """Name a placement: ``workload@device#generation``."""
    return f"{workload}@{device}#{generation}"


def placement_parts(placement: str) -> tuple[str, str, int]:
    """Workload, device and generation of a placement's name.

    Raises:
        ValueError: the name is not of the form ``workload@device#generation``, as a sentence.
    """
    workload, _, rest = placement.rpartition("@")
    device, _, generation = rest.rpartition("#")
    if not (workload and device and GENERATION.fullmatch(generation)):
        raise ValueError(f"The placement {placement!r} is not of the form workload@device#generation.")
    return workload, device, int(generation)
