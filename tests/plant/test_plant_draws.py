"""The drawn latencies and confidences: cumulative tables that count as the contract's histograms do."""

from __future__ import annotations

import numpy as np
import pytest

from exporters.contract import CONFIDENCE_BUCKETS_RATIO
from exporters.simulated.draws import TABLE, bucket_counts, make_draws, many


@pytest.mark.parametrize(("value", "bucket"), [(0.05, 0), (0.4, 3), (0.41, 4), (0.6, 5), (1.0, 9), (1.1, 10)])
def test_a_value_on_a_bound_belongs_below_it(value: float, bucket: int) -> None:
    counts = bucket_counts(np.array([value]), CONFIDENCE_BUCKETS_RATIO)
    assert int(np.flatnonzero(counts[1])[0]) == bucket


@pytest.mark.parametrize("results", [0, 1, TABLE - 1, TABLE, 5 * TABLE + 17])
def test_many_results_at_once_are_the_same_as_one_by_one(results: int) -> None:
    draws, offset = make_draws(3), 1000
    counts, total = many(draws.confidence, draws.confidence_sum, offset, results)
    one_by_one = np.zeros_like(counts)
    summed = 0.0
    for number in range(results):
        place = (offset + number) % TABLE
        one_by_one += draws.confidence[0, place + 1] - draws.confidence[0, place]
        summed += float(draws.confidence_sum[0, place + 1] - draws.confidence_sum[0, place])
    assert counts.tolist() == one_by_one.tolist()
    assert total == pytest.approx(summed)
    assert int(counts.sum()) == results


def test_the_draws_are_a_believable_detectors() -> None:
    draws = make_draws(3)
    latency = draws.latency_seconds[:, TABLE] / TABLE
    assert 0.04 < latency[0] < 0.06
    assert (np.diff(latency) > 0.0).all()
    ambiguous = (draws.confidence[0, TABLE, 4] + draws.confidence[0, TABLE, 5]) / TABLE
    assert 0.10 < ambiguous < 0.20
