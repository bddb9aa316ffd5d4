"""How long the bridge takes to answer, by path: a histogram in the contract's buckets."""

from __future__ import annotations

from bisect import bisect_left

from exporters.contract import LATENCY_BUCKETS_SECONDS


class Meter:
    """Counts per bucket (not summed up; one above all bounds) and the sum of seconds, for each path."""

    def __init__(self) -> None:
        self.counts: dict[str, list[int]] = {}
        self.sums: dict[str, float] = {}

    def add(self, path: str, seconds: float) -> None:
        """One answer took so long."""
        counts = self.counts.get(path)
        if counts is None:
            counts = self.counts[path] = [0] * (len(LATENCY_BUCKETS_SECONDS) + 1)
            self.sums[path] = 0.0
        counts[bisect_left(LATENCY_BUCKETS_SECONDS, seconds)] += 1
        self.sums[path] += seconds
