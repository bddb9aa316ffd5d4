"""The newest raw samples of many series, and since when each has been at or over its limit without a break."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decision_engine.core.snapshot import Bools, Floats, Ints
from decision_engine.observe.columns import RawSamples


@dataclass(slots=True)
class RecentSamples:
    """A ring of K samples for each of N rows; ``head`` N is the next slot. An unused slot has NaN as its time."""

    at: Floats
    value: Floats
    head: Ints

    @staticmethod
    def empty(rows: int, kept: int) -> RecentSamples:
        """No samples of N rows, with room for K of each."""
        return RecentSamples(np.full((rows, kept), np.nan), np.full((rows, kept), np.nan), np.zeros(rows, dtype=np.int64))

    def newest_at(self) -> Floats:
        """The time of each row's newest sample; −inf where there is none."""
        newest = self.at[np.arange(len(self.head)), (self.head - 1) % self.at.shape[1]]
        return np.where(np.isnan(newest), -np.inf, newest)

    def newer(self, samples: RawSamples, now: float) -> RawSamples:
        """Those samples that are newer than what is kept and not after ``now``: duplicates and late ones fall away."""
        take = (samples.at > self.newest_at()[samples.row]) & (samples.at <= now)
        return RawSamples(samples.row[take], samples.at[take], samples.value[take])

    def push(self, samples: RawSamples) -> None:
        """Take over samples ordered by row and time, all newer than what is kept."""
        if not len(samples.row):
            return
        kept = self.at.shape[1]
        counts = np.bincount(samples.row, minlength=len(self.head))
        first = np.cumsum(counts) - counts
        rank = np.arange(len(samples.row)) - first[samples.row]
        fits = rank >= counts[samples.row] - kept
        row, slot = samples.row[fits], (self.head[samples.row] + rank)[fits] % kept
        self.at[row, slot] = samples.at[fits]
        self.value[row, slot] = samples.value[fits]
        self.head = (self.head + counts) % kept

    def over_seconds(self, limits: Floats, now: float, break_seconds: float) -> Floats:
        """From the first to the newest sample of the unbroken run at or over ``limits`` N that lasts until now.

        0 where the newest sample is below its limit, not a number, or older than ``break_seconds``; samples further
        apart than that are not one run. No run is longer than what the ring holds.
        """
        rows = np.arange(len(self.head))[:, np.newaxis]
        back = (self.head[:, np.newaxis] - 1 - np.arange(self.at.shape[1])) % self.at.shape[1]
        at, value = self.at[rows, back], self.value[rows, back]  # newest first
        with np.errstate(invalid="ignore"):
            over: Bools = (value >= limits[:, np.newaxis]) & np.isfinite(at)
            over[:, 0] &= now - at[:, 0] <= break_seconds
            over[:, 1:] &= at[:, :-1] - at[:, 1:] <= break_seconds
        length = np.logical_and.accumulate(over, axis=1).sum(axis=1)
        oldest = at[rows[:, 0], np.maximum(length - 1, 0)]
        return np.where(length > 0, at[:, 0] - oldest, 0.0)

    def forget_after(self, now: float) -> None:
        """Drop samples after ``now``; a row that has one starts anew, since its order can no longer be trusted."""
        with np.errstate(invalid="ignore"):
            wrong = (self.at > now).any(axis=1)
        self.at[wrong], self.value[wrong], self.head[wrong] = np.nan, np.nan, 0

    def realigned(self, source_row: Ints) -> RecentSamples:
        """The same samples by new rows; −1 stands for a row that is new."""
        fresh = RecentSamples.empty(len(source_row), self.at.shape[1])
        kept = source_row >= 0
        for old, new in ((self.at, fresh.at), (self.value, fresh.value)):
            new[kept] = old[source_row[kept]]
        fresh.head[kept] = self.head[source_row[kept]]
        return fresh
