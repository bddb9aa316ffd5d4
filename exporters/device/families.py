"""Gathers samples of promised metrics and hands them to prometheus_client, family by family in the contract's order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from exporters.contract import BY_NAME, METRICS

Family = GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily


class Families:
    """Samples of one scrape. A name that the contract does not promise, or labels it does not name, raise at once."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}

    def add(self, name: str, labels: Sequence[str], value: float | None) -> None:
        """Add one sample of a counter or gauge; None is a value that is not known and adds nothing."""
        family = self._family(name, labels)
        if isinstance(family, HistogramMetricFamily):
            raise TypeError(f"{name} is a histogram")
        if value is not None:
            family.add_metric(labels, value)

    def add_histogram(self, name: str, labels: Sequence[str], counts: Sequence[int], total: float) -> None:
        """Add one histogram: ``counts`` per bucket of the contract (not summed up) and one above all; ``total`` is the sum of values."""
        family = self._family(name, labels)
        bounds = [*(str(float(bound)) for bound in BY_NAME[name].buckets), "+Inf"]
        if not isinstance(family, HistogramMetricFamily):
            raise TypeError(f"{name} is no histogram")
        family.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)

    def families(self) -> Iterator[Metric]:
        """Those that have a sample."""
        for metric in METRICS:
            family = self._families.get(metric.name)
            if family is not None and family.samples:
                yield family

    def _family(self, name: str, labels: Sequence[str]) -> Family:
        metric = BY_NAME[name]
        if len(labels) != len(metric.labels):
            raise ValueError(f"{name} has the labels {metric.labels}, not {len(labels)} of them")
        if name not in self._families:
            kind = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily, "histogram": HistogramMetricFamily}[metric.kind]
            self._families[name] = kind(name, metric.meaning, labels=metric.labels)
        return self._families[name]
