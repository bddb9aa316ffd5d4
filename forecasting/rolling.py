"""Trailing windows over many series at once: every step here is one array operation, never a loop over series.

``S`` counts series, ``C`` grid columns (newest last), ``N`` origins: the moments at which a forecast is imagined, the
newest of which is now.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from forecasting.api import Floats

LARGEST_LOAD: Final = 1e6
"""A load is a ratio of a capacity; a million capacities is a broken sensor, so it counts as unknown, like ±Inf. The
bound also keeps every square below 1e12, where float64 still resolves a ratio's ten-thousandths."""

CARRY_POINTS: Final = 3
"""A sample is fresh for three scrapes: a last value is believed for three grid steps and then unknown."""
BLOCK_SERIES: Final = 1024
"""Series that are worked on together: their arrays of some 100 columns stay in a processor's cache, and memory stays bounded."""


def blocks(series: int) -> Iterator[slice]:
    """Cut S rows into blocks; one empty block where there is none, so that shapes are right there too."""
    for first in range(0, max(series, 1), BLOCK_SERIES):
        yield slice(first, first + BLOCK_SERIES)


def known_loads(values: Floats) -> Floats:
    """S × C as float64, with NaN in place of everything that cannot be a load (NaN, ±Inf, beyond ±LARGEST_LOAD)."""
    loads = np.asarray(values, dtype=np.float64)
    return np.where(np.abs(loads) <= LARGEST_LOAD, loads, np.nan)


def newest_columns(values: Floats, columns: int) -> Floats:
    """The newest ``columns`` columns of S × C, with unknown (NaN) columns before them where the history is shorter."""
    missing = columns - values.shape[1]
    if missing <= 0:
        return values[:, values.shape[1] - columns :]
    return np.concatenate([np.full((values.shape[0], missing), np.nan), values], axis=1)


def silent_columns(values: Floats, columns: int) -> Floats:
    """S × C with ``columns`` unknown columns after it: time that has passed without a sample."""
    if columns <= 0:
        return values
    return np.concatenate([values, np.full((values.shape[0], columns), np.nan)], axis=1)


def steps_later(values: Floats, steps: int) -> Floats:
    """For each column of S × C the value ``steps`` columns later; NaN where that is not known yet."""
    later = np.full_like(values, np.nan)
    if steps < values.shape[1]:
        later[:, : values.shape[1] - steps] = values[:, steps:]
    return later


def steps_before(values: Floats, steps: int) -> Floats:
    """For each column of S × C the value ``steps`` columns before; NaN where there was none yet."""
    before = np.full_like(values, np.nan)
    if steps < values.shape[1]:
        before[:, steps:] = values[:, : values.shape[1] - steps]
    return before


def carried_forward(values: Floats, steps: int) -> Floats:
    """S × C with gaps of up to ``steps`` columns filled by the last known value; longer silence stays unknown."""
    filled = values
    if not np.isnan(values).any():
        return filled
    for _ in range(steps):
        filled = np.where(np.isnan(filled), steps_before(filled, 1), filled)
    return filled


def highest_ahead(values: Floats, steps: int) -> Floats:
    """For each column of S × C the maximum of the next ``steps`` columns; NaN unless all of them are known."""
    highest = steps_later(values, 1)
    for step in range(2, steps + 1):
        highest = np.maximum(highest, steps_later(values, step))
    return highest


def trailing_sum(values: Floats, points: int) -> Floats:
    """For each column of S × C the sum of the ``points`` columns that end there (fewer at the beginning)."""
    total = np.cumsum(values, axis=1)
    if points >= values.shape[1]:
        return total
    windowed = total.copy()
    windowed[:, points:] -= total[:, :-points]
    return windowed


def matured_sum(values: Floats, steps: int) -> Floats:
    """For each origin of S × N the sum over all origins whose outcome, ``steps`` later, was known by then.

    ``values`` must hold 0 where there is nothing to add. An origin never sees its own outcome: this is what makes
    everything learnt from past errors out of sample.
    """
    total = np.cumsum(values, axis=1)
    seen = np.zeros_like(total)
    if steps < values.shape[1]:
        seen[:, steps:] = total[:, : values.shape[1] - steps]
    return seen
