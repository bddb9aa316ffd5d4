"""A device's page: exactly the contract's names, kinds, labels and buckets, and numbers that agree with each other."""

from __future__ import annotations

import math

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from exporters.contract import BY_NAME
from exporters.simulated.blueprint import Fault
from exporters.simulated.live import LivePlant
from exporters.simulated.page import device_page
from exporters.simulated.plant import Plant
from tests.builders.plant import CAM_1, UNIX_OFFSET_SECONDS, small_plant

GUEST = f"{CAM_1}@edge-02#2"


def families(plant: Plant, device: str = "edge-01") -> dict[str, Metric]:
    """The page parsed, by full name (the parser takes ``_total`` off)."""
    parsed = list(text_string_to_metric_families(device_page(plant, device, UNIX_OFFSET_SECONDS)))
    named = {family.name + ("_total" if family.type == "counter" else ""): family for family in parsed}
    assert len(named) == len(parsed)
    return named


def values(family: Metric, suffix: str = "") -> list[float]:
    return [sample.value for sample in family.samples if sample.name.endswith(suffix)]


@pytest.fixture
def plant() -> Plant:
    plant = small_plant()
    plant.advance(30.0)
    plant.apply("start", GUEST)
    plant.advance(10.0)
    return plant


@pytest.mark.parametrize("device", ["edge-01", "edge-02", "edge-03", "analysis-01"])
def test_every_family_is_as_the_contract_promises(plant: Plant, device: str) -> None:
    for name, family in families(plant, device).items():
        metric = BY_NAME[name]
        assert (family.type, family.documentation) == (metric.kind, metric.meaning)
        assert family.samples
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
            assert math.isfinite(sample.value)
        if metric.kind == "histogram":
            bounds = [float(sample.labels["le"]) for sample in family.samples if sample.name.endswith("_bucket")]
            one = [*metric.buckets, math.inf]
            assert bounds == one * (len(bounds) // len(one))


def test_a_machine_says_what_decisions_are_made_of(plant: Plant) -> None:
    found = families(plant)
    assert {name for name in found if name.startswith("edge_")} == {
        "edge_cpu_usage_ratio", "edge_cpu_seconds_total", "edge_cpu_cores", "edge_memory_usage_ratio", "edge_memory_total_bytes",
        "edge_memory_available_bytes", "edge_gpu_usage_ratio", "edge_disk_usage_ratio", "edge_temperature_celsius",
        "edge_temperature_limit_celsius", "edge_boot_timestamp_seconds", "edge_sensor_up",
    }  # fmt: skip
    sensors = {sample.labels["sensor"] for sample in found["edge_sensor_up"].samples}
    assert sensors == {"cpu", "memory", "gpu", "disk", "temperature"}


def test_a_machine_without_a_gpu_says_nothing_of_one(plant: Plant) -> None:
    found = families(plant, "edge-03")
    assert "edge_gpu_usage_ratio" not in found
    assert "gpu" not in {sample.labels["sensor"] for sample in found["edge_sensor_up"].samples}
    assert not any(name.startswith("ai_") for name in found)


def test_the_numbers_of_a_placement_agree_with_each_other(plant: Plant) -> None:
    found = families(plant, "edge-02")
    results = values(found["ai_results_total"])
    assert len(results) == 2
    assert values(found["ai_inference_latency_seconds"], "_count") == results
    assert values(found["ai_confidence_ratio"], "_count") == results
    assert values(found["ai_frames_total"]) == results
    assert all(0.0 < total / count < 1.0 for total, count in zip(values(found["ai_confidence_ratio"], "_sum"), results, strict=True))
    for last in values(found["ai_last_result_timestamp_seconds"]):
        assert 0.0 <= UNIX_OFFSET_SECONDS + 40.0 - last <= 0.2 + 1e-6
    assert values(found["ai_process_resident_memory_bytes"]) == [600e6, 600e6]
    busy, idle = values(found["edge_cpu_seconds_total"])
    assert busy + idle == pytest.approx(8.0 * 640.0)


def test_counters_go_on_where_the_past_left_them() -> None:
    found = families(small_plant())
    assert values(found["ai_process_cpu_seconds_total"]) == pytest.approx([0.8 * 600.0])
    (results,) = values(found["ai_results_total"])
    assert results in (3000.0, 3001.0)
    (last,) = values(found["ai_last_result_timestamp_seconds"])
    assert -0.2 - 1e-6 <= last - UNIX_OFFSET_SECONDS <= 0.0


def test_a_program_says_nothing_before_it_is_ready_and_no_last_result_before_the_first() -> None:
    plant = small_plant(workloads=(*small_plant().blueprint.workloads[:1],), tick_seconds=0.1)
    plant.apply("start", GUEST)
    plant.advance(1.0)
    assert "ai_results_total" not in families(plant, "edge-02")
    while plant.placements()[-1].phase != "ready":
        plant.advance(0.1)
    found = families(plant, "edge-02")
    assert values(found["ai_results_total"]) == [0.0]
    assert "ai_last_result_timestamp_seconds" not in found


def test_names_with_quotes_and_backslashes_arrive_whole() -> None:
    odd = 'a"b\\c\nd'
    plant = small_plant()
    plant.apply("start", GUEST, version=odd)
    plant.advance(10.0)
    versions = [sample.labels["version"] for sample in families(plant, "edge-02")["ai_results_total"].samples]
    assert versions == ["01", odd]


def test_a_live_plant_follows_the_clock_with_its_twin_and_a_silent_device_says_nothing() -> None:
    moments = iter([UNIX_OFFSET_SECONDS + second for second in (4.0, 3.0, 9.0, 9.0)])
    live = LivePlant(small_plant(), UNIX_OFFSET_SECONDS, lambda: next(moments))
    assert live.page("edge-01") is not None
    assert live.catch_up().time == pytest.approx(4.0)
    live.inject(Fault("silent", "edge-01", 9.0, 20.0))
    assert live.page("edge-01") is None
    assert live.twin.time == live.plant.time == pytest.approx(9.0)
