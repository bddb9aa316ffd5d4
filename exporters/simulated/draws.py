"""Draws latencies and confidences once, as a table that every placement walks through from a place of its own.

Histograms then grow by differences of cumulative counts, whatever the number of results in a tick, and the n-th result
of a placement is the same however time is cut.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporters.contract import CONFIDENCE_BUCKETS_RATIO, LATENCY_BUCKETS_SECONDS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TABLE = 1024
"""Different results before a placement's sequence begins again: about 200 s at 5 frames/s, longer than any scrape."""

LATENCY_MEDIAN_SECONDS, LATENCY_SPREAD = 0.045, 0.35
"""A small detector on an Orin NX, log-normal: nine in ten results between 25 and 80 ms."""

CONFIDENCE_SHAPE = (8.0, 3.0)
"""Beta distribution of a detector that is usually sure: mean 0.73, one in six results inside the ambiguous band."""

MISFIT_CONFIDENCE_SHAPE = (6.0, 6.5)
"""The same detector in weather that it was not built for: mean 0.48, half of the results inside the ambiguous band."""

FITTING, MISFIT = 0, 1
"""Levels of confidence."""

SLOW_FROM_RATIO = (0.85, 0.95, 1.0)
SLOWDOWN = (1.0, 1.5, 2.2, 3.5)
"""A result takes this many times longer once the CPU load of its device passes 0.85, 0.95 and 1.0: queues grow."""

TABLE_STREAM, NAME_STREAM, MISFIT_STREAM = 11, 12, 13


@dataclass(frozen=True, slots=True)
class Draws:
    """Cumulative tables over two rounds of TABLE results (2·TABLE + 1 rows), for each level.

    ``latency`` counts results per bucket (L × rows × B + 1), ``latency_seconds`` sums them (L × rows), a level for each
    slowdown; ``confidence`` and ``confidence_sum`` likewise with the levels FITTING and MISFIT.
    """

    seed: int
    latency: Ints
    latency_seconds: Floats
    confidence: Ints
    confidence_sum: Floats

    def offset(self, placement: str) -> int:
        """Where in the table a placement begins; depends on seed and name only."""
        return int(self._of_name(placement).integers(TABLE))

    def jitter(self, placement: str) -> float:
        """A number in [−1, 1) that is this placement's own for ever."""
        return float(self._of_name(placement).uniform(-1.0, 1.0))

    def _of_name(self, placement: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, NAME_STREAM, zlib.crc32(placement.encode())])


def make_draws(seed: int) -> Draws:
    """Fill the tables from a seed."""
    rng = np.random.default_rng([seed, TABLE_STREAM])
    latency = LATENCY_MEDIAN_SECONDS * np.exp(LATENCY_SPREAD * rng.standard_normal(TABLE))
    misfit = np.random.default_rng([seed, MISFIT_STREAM]).beta(*MISFIT_CONFIDENCE_SHAPE, TABLE)
    confidence = np.stack([rng.beta(*CONFIDENCE_SHAPE, TABLE), misfit])
    slow = np.outer(SLOWDOWN, latency)
    return Draws(
        seed,
        np.stack([bucket_counts(row, LATENCY_BUCKETS_SECONDS) for row in slow]),
        np.stack([_sums(row) for row in slow]),
        np.stack([bucket_counts(row, CONFIDENCE_BUCKETS_RATIO) for row in confidence]),
        np.stack([_sums(row) for row in confidence]),
    )


def many(table: Ints, sums: Floats, offset: int, results: int, level: int = 0) -> tuple[Ints, float]:
    """Bucket counts and sum of the first ``results`` results of a placement, all at one level."""
    rounds, rest = divmod(results, TABLE)
    counts = rounds * table[level, TABLE] + table[level, offset + rest] - table[level, offset]
    return counts, float(rounds * sums[level, TABLE] + sums[level, offset + rest] - sums[level, offset])


def bucket_counts(values: Floats, bounds: tuple[float, ...]) -> Ints:
    """Cumulative counts per bucket (a value on a bound belongs below it; the last bucket is above all bounds)."""
    bucket = np.searchsorted(bounds, np.concatenate([values, values]), side="left")
    hits = np.zeros((len(bucket) + 1, len(bounds) + 1), dtype=np.int64)
    hits[np.arange(1, len(bucket) + 1), bucket] = 1
    return np.cumsum(hits, axis=0)


def _sums(values: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(np.concatenate([values, values]))])
