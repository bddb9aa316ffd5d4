"""Metric names follow Prometheus's own rules and ours, on devices and in the engine."""

from __future__ import annotations

import re

import pytest

from decision_engine.service.metrics import ENGINE_METRICS
from exporters.contract import BRIDGE_METRICS, BY_NAME, CONFIDENCE_BUCKETS_RATIO, METRICS, Metric
from tests.builders.tables import in_one_test

BASE_UNITS = {"", "seconds", "bytes", "ratio", "celsius", "kelvin", "meters", "volts", "amperes", "watts", "joules", "hertz", "rpm"}
"""Prometheus's base units, and revolutions per minute: a fan's speed in hertz would mislead whoever reads it."""

NOT_BASE_UNITS = {
    "ms",
    "millis",
    "milliseconds",
    "minutes",
    "hours",
    "kb",
    "mb",
    "gb",
    "kib",
    "mib",
    "gib",
    "percent",
    "percentage",
    "pct",
    "mhz",
}
RESERVED_LABELS = {"le", "quantile", "job", "instance", "device", "cluster"}
"""Prometheus's own, and the two that only service discovery may set."""

LABELS_OF_WHO_NAMES_DEVICES = RESERVED_LABELS - {"device", "cluster"}
"""The engine speaks about devices, and the bridge for them, so they name them."""

CASES = [pytest.param(metric, id=metric.name) for metric in (*METRICS, *ENGINE_METRICS)]
PREFIXES = [
    *(pytest.param(metric, ("edge_", "ai_"), id=metric.name) for metric in METRICS),
    *(pytest.param(metric, ("edgeshift_",), id=metric.name) for metric in ENGINE_METRICS),
]


@in_one_test("metric", CASES)
def test_a_name_is_snake_case(metric: Metric) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", metric.name)


@in_one_test(("metric", "prefixes"), PREFIXES)
def test_a_name_says_who_speaks(metric: Metric, prefixes: tuple[str, ...]) -> None:
    assert metric.name.startswith(prefixes)


@in_one_test("metric", CASES)
def test_counters_and_nothing_else_end_in_total(metric: Metric) -> None:
    assert metric.name.endswith("_total") == (metric.kind == "counter")


@in_one_test("metric", CASES)
def test_a_name_ends_in_its_base_unit(metric: Metric) -> None:
    assert metric.unit in BASE_UNITS
    stem = metric.name.removesuffix("_total")
    if metric.unit:
        assert stem.endswith(f"_{metric.unit}")
    else:
        assert stem.rsplit("_", 1)[-1] not in BASE_UNITS
    assert not set(stem.split("_")) & NOT_BASE_UNITS


@in_one_test("metric", CASES)
def test_no_name_clashes_with_the_series_of_a_histogram(metric: Metric) -> None:
    assert not metric.name.endswith(("_bucket", "_sum", "_count", "_created", "_info_total"))


@in_one_test("metric", CASES)
def test_labels_are_valid_and_unique(metric: Metric) -> None:
    from_devices = metric.name in BY_NAME and metric not in BRIDGE_METRICS
    reserved = RESERVED_LABELS if from_devices else LABELS_OF_WHO_NAMES_DEVICES
    assert len(set(metric.labels)) == len(metric.labels)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", label) for label in metric.labels)
    assert not set(metric.labels) & reserved


@in_one_test("metric", CASES)
def test_histograms_and_nothing_else_have_rising_buckets(metric: Metric) -> None:
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))


@in_one_test("metric", CASES)
def test_a_meaning_is_one_line(metric: Metric) -> None:
    assert metric.meaning
    assert "\n" not in metric.meaning


def test_names_are_unique() -> None:
    names = [metric.name for metric in (*METRICS, *ENGINE_METRICS)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("edge", [0.4, 0.5, 0.6])
def test_the_ambiguous_band_begins_and_ends_on_a_bucket_edge(edge: float) -> None:
    assert edge in CONFIDENCE_BUCKETS_RATIO
    assert BY_NAME["ai_confidence_ratio"].buckets == CONFIDENCE_BUCKETS_RATIO


def test_confidence_buckets_cover_the_whole_scale() -> None:
    assert CONFIDENCE_BUCKETS_RATIO[-1] == 1.0
