"""Keeps what runs as columns of P placements, so that one tick is a handful of array operations at any size."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.contract import CONFIDENCE_BUCKETS_RATIO, LATENCY_BUCKETS_SECONDS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.object_]

AMBIGUOUS_BUCKETS = slice(CONFIDENCE_BUCKETS_RATIO.index(0.4) + 1, CONFIDENCE_BUCKETS_RATIO.index(0.6) + 1)
"""The buckets between 0.40 and 0.60: counted from them, the counter cannot contradict the histogram."""

EPSILON_FRAMES = 1e-6
"""A frame due exactly at a tick's end counts in that tick, whatever the last bits of the sum say."""


class PlantPhase(IntEnum):
    """Where a placement stands; the names in lower case are those that runtimes report."""

    STARTING = 0
    READY = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class Columns:
    """One row per placement; the arrays are changed in place by the plant and by nobody else.

    ``workload`` and ``device`` are indices; times are story seconds (``ready_at`` when it will be or was Ready,
    ``last_frame`` and ``last_result`` NaN before the first). ``frames`` and ``results`` are real numbers that grow with
    the rate: their whole part is the counter. A start with a ``doom`` ends in failure with this cause; ``cause`` and
    ``detail`` tell what has failed. ``order`` is the last start's order, ``build`` its row in the tables of costs and
    ``environment`` its class as the sky's number.
    """

    placement: Words
    environment_class: Words
    version: Words
    order: Words
    detail: Words
    cause: Words
    doom: Words
    workload: Ints
    build: Ints
    environment: Ints
    device: Ints
    generation: Ints
    phase: Ints
    since: Floats
    ready_at: Floats
    frames: Floats
    results: Floats
    last_frame: Floats
    last_result: Floats
    cpu_seconds: Floats
    offset: Ints
    latency_counts: Ints
    latency_seconds: Floats
    confidence_counts: Ints
    confidence_sum: Floats

    def __len__(self) -> int:
        return len(self.placement)

    def row_of(self, placement: str) -> int | None:
        """The row of a placement; None when it is not there."""
        found = np.flatnonzero(self.placement == placement)
        return int(found[0]) if len(found) else None

    def joined(self, other: Columns) -> Columns:
        """These rows, then the other's."""
        return Columns(*(np.concatenate([getattr(self, field.name), getattr(other, field.name)]) for field in fields(self)))

    def without(self, row: int) -> Columns:
        """All rows but one."""
        return Columns(*(np.delete(getattr(self, field.name), row, axis=0) for field in fields(self)))


WIDTHS = {"latency_counts": len(LATENCY_BUCKETS_SECONDS) + 1, "confidence_counts": len(CONFIDENCE_BUCKETS_RATIO) + 1}


def new_columns(rows: int, **columns: Any) -> Columns:
    """Columns of ``rows`` fresh placements: the columns given, zeros, empty words, NaN for times not yet known."""
    filled: dict[str, Any] = {}
    for field in fields(Columns):
        shape = (rows, WIDTHS[field.name]) if field.name in WIDTHS else (rows,)
        kind, blank = _KINDS.get(str(field.type), (np.float64, 0.0))
        if field.name in ("last_frame", "last_result"):
            blank = np.nan
        filled[field.name] = np.full(shape, blank, dtype=kind)
        if field.name in columns:
            filled[field.name][...] = columns[field.name]
    return Columns(**filled)


_KINDS: dict[str, tuple[Any, Any]] = {"Words": (object, ""), "Ints": (np.int64, 0)}


def ambiguous(confidence_counts: Ints) -> Ints:
    """How many results lie within the ambiguous band, by their histograms."""
    return np.asarray(confidence_counts[..., AMBIGUOUS_BUCKETS].sum(axis=-1))


def whole(amount: Floats) -> Ints:
    """How many frames are complete."""
    return np.floor(amount + EPSILON_FRAMES).astype(np.int64)
