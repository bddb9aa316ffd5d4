"""The engine's page carries exactly the promised metrics, and promtool finds nothing to say about it."""

from __future__ import annotations

import asyncio
import math
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from decision_engine.catalog.model import RESOURCES
from decision_engine.service.metrics import CALIBRATION_METRICS, ENGINE_METRICS, QUALITY_METRICS, EngineMetrics, ForecastFamilies
from exporters.contract import Metric
from tests.builders.fleet import HORIZONS, calm_fleet
from tests.builders.service import UNREACHABLE, Client, Story, served

CHECKED_BY_SECONDS = 75.0
"""By then a move has ended and what it had promised was checked."""
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
OWN_LABELS = {"histogram": {"le"}}
RECORD_METRICS = (*QUALITY_METRICS, *CALIBRATION_METRICS)
"""Only a forecaster that learns keeps a record; the story's does not."""
CASES = [pytest.param(metric, id=metric.name) for metric in ENGINE_METRICS if metric not in RECORD_METRICS]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    story = Story(tmp_path_factory.mktemp("story"))
    asyncio.run(story.live(CHECKED_BY_SECONDS))
    yield story
    asyncio.run(story.close())


def families(page: bytes) -> dict[str, Family]:
    """Families by the name that the contract gives them."""
    found = {family.name: family for family in text_string_to_metric_families(page.decode())}
    return {f"{name}_total" if family.type == "counter" else name: family for name, family in found.items()}


def value(page: bytes, name: str, **labels: str) -> float | None:
    """One sample; None where there is none."""
    samples = [sample for family in families(page).values() for sample in family.samples]
    return next((sample.value for sample in samples if sample.name == name and sample.labels == labels), None)


def test_the_page_has_the_promised_families_and_no_others(told: Story) -> None:
    assert set(families(told.loop.metrics.page())) == {metric.name for metric in ENGINE_METRICS}


def test_a_page_before_the_first_cycle_has_them_too() -> None:
    assert set(families(EngineMetrics("1", ()).page())) == {metric.name for metric in ENGINE_METRICS}


@pytest.mark.parametrize("metric", CASES)
def test_kind_labels_and_series_are_as_promised(told: Story, metric: Metric) -> None:
    family = families(told.loop.metrics.page())[metric.name]
    assert (family.type, family.documentation) == (metric.kind, metric.meaning)
    assert family.samples
    stem = metric.name.removesuffix("_total")
    assert {sample.name for sample in family.samples} == {stem + suffix for suffix in SUFFIXES[metric.kind]}
    for sample in family.samples:
        assert set(sample.labels) - OWN_LABELS.get(metric.kind, set()) == set(metric.labels)
        assert math.isfinite(sample.value)


def test_numbers_are_those_of_the_cycles(told: Story) -> None:
    page, report = told.loop.metrics.page(), told.loop.latest
    assert report is not None
    assert value(page, "edgeshift_engine_blind") == 0
    assert value(page, "edgeshift_cycle_seconds_count") == CHECKED_BY_SECONDS
    assert value(page, "edgeshift_last_cycle_timestamp_seconds") == told.clock()
    assert value(page, "edgeshift_prometheus_queries_per_cycle") == report.queries
    assert value(page, "edgeshift_moves_total", outcome="done") == 1
    assert value(page, "edgeshift_moves_total", outcome="undone") == 0
    assert value(page, "edgeshift_effects_total", verdict="kept") == 1
    assert value(page, "edgeshift_decisions_total", scenario="SC-12", verdict="act", reason="will_pass_limit") == 1
    assert value(page, "edgeshift_runtime_reachable", actuator="simulated") == 1
    assert value(page, "edgeshift_build_info", version="1.2.3") == 1


def test_unknown_skill_is_no_sample(told: Story) -> None:
    """The analysis server and every edge have a known skill after a minute; while blind nothing is known of any."""
    devices, page = told.engine.catalog.devices, told.loop.metrics.page()
    known = {(device, resource) for device in devices for resource in RESOURCES}
    skills = {(s.labels["device"], s.labels["resource"]) for s in families(page)["edgeshift_forecast_skill_ratio"].samples}
    gates = {(s.labels["device"], s.labels["resource"]) for s in families(page)["edgeshift_forecast_gate_open"].samples}
    assert skills
    assert skills == gates
    assert skills <= known


def test_blindness_is_told_and_what_is_unknown_left_out(story: Story) -> None:
    asyncio.run(story.live(5.0))
    assert value(story.loop.metrics.page(), "edgeshift_engine_blind") == 0
    story.source.trouble = UNREACHABLE
    asyncio.run(story.live(1.0))
    page = story.loop.metrics.page()
    assert value(page, "edgeshift_engine_blind") == 1
    assert families(page)["edgeshift_forecast_skill_ratio"].samples == []


def test_served_as_prometheus_wants_it(told: Story) -> None:
    async def use(client: Client) -> None:
        answer = await client.get("/metrics")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert await answer.read() == told.loop.metrics.page()

    served(told, use)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")
def test_promtool_finds_nothing_to_say(told: Story) -> None:
    check = subprocess.run(["promtool", "check", "metrics"], input=told.loop.metrics.page(), capture_output=True, timeout=30.0, check=False)
    assert (check.returncode, check.stdout, check.stderr) == (0, b"", b"")


def test_a_forecaster_that_learns_tells_its_record_by_horizon() -> None:
    forecasts = ForecastFamilies()
    forecasts.snapshot = calm_fleet().snapshot()
    said = {family.name: family for family in forecasts.collect()}
    horizons = [f"{seconds:g}" for seconds in HORIZONS]
    for metric, value in zip(QUALITY_METRICS, (0.9, 0.01, 0.3, 0.7, 60.0), strict=True):
        assert [(sample.labels, sample.value) for sample in said[metric.name].samples] == [({"horizon": h}, value) for h in horizons]
    for metric in CALIBRATION_METRICS:
        assert [sample.labels for sample in said[metric.name].samples] == [{"horizon": h, "tenth": "0"} for h in horizons], metric.name
