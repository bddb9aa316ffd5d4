"""An emulated board that lives through a story, read by a real exporter: every number of the page is one that was true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.builders.emulated_process import PATIENCE_SECONDS, Running, Scrape, Timeline, running

pytestmark = pytest.mark.real

BOARD = "orin-nx"
SPEED = 6
CALM_SECONDS, STORY_SECONDS = 4.5, 84.0
BACK_SECONDS = 2.6
"""The window of the loads, the second between two looks at them, and two steps of the board."""
AHEAD_SECONDS = 0.6
LATE_SECONDS = 2.0
"""After a sensor has died, the exporter may not know it for so long: it looks once a second."""

Ask = Callable[[dict[str, Any]], float | None]


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("emulated"), BOARD) as both:
        yield both


@pytest.fixture(scope="module")
def told(board: Running) -> Timeline:
    """Calm at first, so that the rise is seen whole; then the same board lives through the failing story."""
    seen = Timeline()
    board.emulate("--story", "calm")
    board.export()
    board.watch(seen, CALM_SECONDS)
    assert board.end_emulator() == 0
    board.emulate("--story", "failing", "--speed", str(SPEED))
    board.watch(seen, STORY_SECONDS)
    return seen


def held_against_truth(told: Timeline, name: str, labels: dict[str, str], ask: Ask, tolerance: float) -> list[float]:
    """Each value of a series, after it was found between what was true then and shortly before."""
    values = []
    for scrape in told.scrapes:
        value = scrape.value(name, **labels)
        truths = told.told_between(scrape.at - BACK_SECONDS, scrape.at + AHEAD_SECONDS, ask)
        if value is None or not truths or scrape.at - BACK_SECONDS < told.truths[0]["at_unix_seconds"]:
            continue
        assert min(truths) - tolerance <= value <= max(truths) + tolerance, f"{name} {labels} says {value}, true was {truths}"
        values.append(value)
    assert len(values) >= 3, f"{name} {labels} was hardly ever there"
    return values


def test_load_rises_as_the_truth_says(told: Timeline) -> None:
    cpu = held_against_truth(told, "edge_cpu_usage_ratio", {"scope": "host"}, lambda truth: truth["cpu_usage_ratio"], 0.04)
    core = held_against_truth(told, "edge_cpu_core_usage_ratio", {"core": "0"}, lambda truth: truth["core_usage_ratio"]["0"], 0.04)
    gpu = held_against_truth(told, "edge_gpu_usage_ratio", {}, lambda truth: truth["gpu_usage_ratio"], 0.02)
    assert max(cpu) > 0.9 and max(core) > 0.9 and max(gpu) > 0.85


def test_memory_is_exactly_what_the_truth_says(told: Timeline) -> None:
    memory = held_against_truth(told, "edge_memory_available_bytes", {}, lambda truth: truth["memory_available_bytes"], 0.5)
    assert max(memory) > 1.2 * min(memory)


def test_heat_throttling_fan_and_power_follow(told: Timeline) -> None:
    heat = held_against_truth(
        told, "edge_temperature_celsius", {"zone": "CPU-therm"}, lambda truth: truth["temperature_celsius"]["CPU-therm"], 0.01
    )
    held_back = held_against_truth(
        told, "edge_throttling_ratio", {"cooler": "thermal-cpufreq-0"}, lambda truth: truth["cooler_ratio"]["thermal-cpufreq-0"], 0.001
    )
    duty = held_against_truth(told, "edge_fan_duty_ratio", {"fan": "fan1"}, lambda truth: truth["fan_duty_ratio"], 0.005)
    watts = held_against_truth(told, "edge_power_watts", {"rail": "VDD_IN"}, lambda truth: truth["power_watts"].get("VDD_IN"), 0.05)
    assert max(heat) > 99 and max(held_back) > 0 and max(duty) > 0.9
    assert max(watts) > 1.2 * watts[0]


def test_a_core_goes_offline_and_comes_back(told: Timeline) -> None:
    online = [scrape.value("edge_cpu_core_online", core="7") for scrape in told.scrapes]
    assert 0.0 in online and online[0] == 1.0 and online[-1] == 1.0
    resting = [scrape for scrape in told.scrapes if set(told.told_between(scrape.at - LATE_SECONDS, scrape.at, _core_7_rests)) == {1.0}]
    assert resting
    for scrape in resting:
        assert scrape.value("edge_cpu_cores", scope="host") == 7.0
        assert set(scrape.by("edge_cpu_core_usage_ratio", "core")) == {str(core) for core in range(7)}


def _core_7_rests(truth: dict[str, Any]) -> float:
    return float(7 in truth["cores_offline"])


def test_a_dead_sensor_has_no_number_and_its_reason(told: Timeline) -> None:
    last = told.scrapes[-1]
    dead = {one["kind"]: one["name"] for one in told.truths[-1]["dead_sensors"]}
    assert set(dead) == {"temperature", "gpu_load", "power"}
    assert last.value("edge_gpu_usage_ratio") is None and last.reasons("gpu_usage") == {"missing"}
    assert dead["temperature"] not in last.by("edge_temperature_celsius", "zone")
    assert last.reasons(f"temperature/{dead['temperature']}")
    assert dead["power"] not in last.by("edge_power_watts", "rail") and last.reasons(f"power/{dead['power']}") == {"missing"}
    assert last.by("edge_temperature_celsius", "zone") and last.by("edge_power_watts", "rail"), "the others are still there"
    for scrape in told.scrapes:
        gone = {
            one["name"] for truth in told.truths if truth["at_unix_seconds"] < scrape.at - LATE_SECONDS for one in truth["dead_sensors"]
        }
        assert gone.isdisjoint(scrape.by("edge_temperature_celsius", "zone"))
        assert gone.isdisjoint(scrape.by("edge_power_watts", "rail"))


def test_counters_never_fall(told: Timeline) -> None:
    for before, after in zip(told.scrapes, told.scrapes[1:], strict=False):
        for (name, labels), value in before.samples.items():
            if name == "edge_cpu_seconds_total":
                assert after.samples[name, labels] >= value
        assert after.value("edge_boot_timestamp_seconds") == before.value("edge_boot_timestamp_seconds")


def test_a_killed_emulator_leaves_no_old_load_and_a_new_one_goes_on(board: Running, told: Timeline) -> None:
    board.kill_emulator()
    left = board.truth()
    assert _until(board, lambda page: page.value("edge_cpu_usage_ratio", scope="host") is None).reasons("cpu_usage") == {"no_change"}
    assert board.scrape().by("edge_cpu_core_usage_ratio", "core") == {}
    board.emulate("--story", "calm")
    page = _until(board, lambda page: page.value("edge_cpu_usage_ratio", scope="host") is not None)
    assert board.truth()["story_seconds"] >= left["story_seconds"]
    assert board.truth()["boot_timestamp_seconds"] == left["boot_timestamp_seconds"]
    for mode, seconds in told.scrapes[-1].by("edge_cpu_seconds_total", "mode").items():
        assert page.by("edge_cpu_seconds_total", "mode")[mode] >= seconds
    assert board.end_emulator() == 0


def _until(board: Running, true: Callable[[Scrape], bool]) -> Scrape:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true(page := board.scrape()):
        assert time.monotonic() < deadline, page.samples
        time.sleep(0.2)
    return page
