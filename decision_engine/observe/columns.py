"""Samples into columns: each value in its row, with the time it was true and what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import Bools, Floats, Ints
from decision_engine.observe.source import Samples

Qualities = NDArray[np.int8]
ELSEWHERE = -1
"""The row of a series that belongs to nobody here."""


@dataclass(frozen=True, slots=True)
class Column:
    """N readings: ``value`` (NaN unknown), ``at`` (Unix time of the sample, NaN unknown) and ``quality``."""

    value: Floats
    at: Floats
    quality: Qualities

    @property
    def fresh(self) -> Bools:
        """Which may justify an action."""
        fresh: Bools = self.quality == int(Quality.FRESH)
        return fresh


@dataclass(frozen=True, slots=True)
class RawSamples:
    """M samples of many rows, ordered by row and time, one for each moment: ``row``, ``at``, ``value``."""

    row: Ints
    at: Floats
    value: Floats


def no_samples() -> RawSamples:
    """None at all."""
    return RawSamples(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))


def flatten(answer: tuple[Samples, ...], row_of: Callable[[dict[str, str]], int]) -> RawSamples:
    """Lay all samples out by row and time, whatever order they came in.

    Where two series of one row speak of the same moment, the larger value is kept: which of two twins is right cannot
    be known, and the larger one promises less room.
    """
    rows: list[int] = []
    counts: list[int] = []
    times: list[float] = []
    values: list[float] = []
    for series in answer:
        row = row_of(series.labels)
        if row != ELSEWHERE and len(series.times):
            rows.append(row)
            counts.append(len(series.times))
            times.extend(series.times)
            values.extend(series.values)
    if not rows:
        return no_samples()
    return ordered(np.repeat(np.array(rows, dtype=np.int64), counts), np.array(times, dtype=np.float64), np.array(values, dtype=np.float64))


def ordered(row: Ints, at: Floats, value: Floats) -> RawSamples:
    """Order by row and time (unknown times first), keeping the largest value of each moment; a number beats NaN."""
    known_at = np.where(np.isnan(at), -np.inf, at)
    known_value = np.where(np.isnan(value), -np.inf, value)
    order = np.lexsort((known_value, known_at, row))
    row, known_at, at, value = row[order], known_at[order], at[order], value[order]
    last = np.ones(len(row), dtype=bool)
    last[:-1] = (row[1:] != row[:-1]) | (known_at[1:] != known_at[:-1])
    return RawSamples(row[last], at[last], value[last])


@dataclass(frozen=True, slots=True)
class Known:
    """The newest sample ever seen of each of N rows; what a silent series last said."""

    value: Floats
    at: Floats
    seen: Bools

    @staticmethod
    def nothing(rows: int) -> Known:
        """Nothing seen yet."""
        return Known(np.full(rows, np.nan), np.full(rows, np.nan), np.zeros(rows, dtype=bool))

    def with_samples(self, samples: RawSamples, ceiling: float) -> Known:
        """Take over every row's newest sample unless an even newer one is known; one after ``ceiling`` was a wrong clock's."""
        value, at, seen = self.value.copy(), self.at.copy(), self.seen.copy()
        if len(samples.row):
            newest = np.ones(len(samples.row), dtype=bool)
            newest[:-1] = samples.row[1:] != samples.row[:-1]
            row, new_at, new_value = samples.row[newest], samples.at[newest], samples.value[newest]
            take = ~(new_at < at[row]) | (at[row] > ceiling)  # also where either time is unknown
            value[row[take]], at[row[take]], seen[row[take]] = new_value[take], new_at[take], True
        return Known(value, at, seen)

    def realigned(self, source_row: Ints) -> Known:
        """The same by new rows; −1 stands for a row that is new."""
        blank = Known.nothing(len(source_row))
        kept = source_row >= 0
        for old, new in ((self.value, blank.value), (self.at, blank.at), (self.seen, blank.seen)):
            new[kept] = old[source_row[kept]]
        return blank


@dataclass(frozen=True, slots=True)
class Judge:
    """Says what readings are worth at ``now``: fresh up to ``allowed_age_seconds``, and not from the future.

    ``skew_seconds`` is how far a sample may lie ahead before its clock is not believed; ``blind`` makes nothing fresh.
    """

    now: float
    skew_seconds: float
    blind: bool = False
    allowed_age_seconds: float = 0.0

    def column(self, known: Known) -> Column:
        """The column of what is known."""
        quality = np.full(len(known.value), int(Quality.STALE), dtype=np.int8)
        with np.errstate(invalid="ignore"):
            age = self.now - known.at
            timely = (age <= self.allowed_age_seconds) & (age >= -self.skew_seconds)
        quality[timely & (not self.blind)] = int(Quality.FRESH)
        quality[~np.isfinite(known.value)] = int(Quality.NOT_A_NUMBER)
        quality[~known.seen] = int(Quality.ABSENT)
        return Column(known.value, known.at, quality)
