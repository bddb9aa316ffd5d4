"""The plant as a source of samples: what cameras see, how sure AIs are, and costs of builds, as Prometheus would answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from decision_engine.core.limits import Times
from decision_engine.evaluation.plant_source import PlantSource
from decision_engine.observe.signals import Signal
from decision_engine.observe.source import Samples
from exporters.simulated.blueprint import EnvironmentChange, Fault, PlantBuild
from exporters.simulated.plant import Plant
from tests.builders.plant import CAM_1, CAM_2, UNIX_OFFSET_SECONDS, small_blueprint

TIMES = Times(scrape_seconds=5.0)
HOME_1, HOME_2 = f"{CAM_1}@edge-01#1", f"{CAM_2}@edge-02#1"
CHANGES = (EnvironmentChange("cam-01", 30.0, "02", 0.7),)


class Watched:
    """A plant that is scraped every five seconds."""

    def __init__(self, **changes: Any) -> None:
        self.plant = Plant(small_blueprint(**{"environment_changes": CHANGES, "history_seconds": 60.0, **changes}))
        self.source = PlantSource(self.plant, UNIX_OFFSET_SECONDS, TIMES)

    def live(self, seconds: float) -> None:
        for _ in range(round(seconds / TIMES.scrape_seconds)):
            self.plant.advance(TIMES.scrape_seconds)
            self.source.scrape()

    def ask(self, name: str) -> tuple[Samples, ...]:
        """By its name alone; what else a signal says is for Prometheus."""
        signal = Signal(name, promql="", unit="", kind="instant", key="placement")
        return asyncio.run(self.source.ask(signal, self.plant.time + UNIX_OFFSET_SECONDS, 15.0))

    def by_placement(self, name: str) -> dict[str, float]:
        return {sample.labels["placement"]: float(sample.values[0]) for sample in self.ask(name)}


def test_each_camera_tells_the_class_that_it_sees_and_how_sure_it_is() -> None:
    watched = Watched()
    watched.live(40.0)
    now = UNIX_OFFSET_SECONDS + 40.0
    assert watched.ask("environment") == (
        Samples({"camera": "cam-01", "environment": "02"}, [now], [1.0]),
        Samples({"camera": "cam-02", "environment": "01"}, [now], [1.0]),
    )
    assert watched.ask("environment_confidence") == (
        Samples({"camera": "cam-01"}, [now], [0.7]),
        Samples({"camera": "cam-02"}, [now], [0.9]),
    )


def test_what_is_seen_is_as_old_as_the_scrape() -> None:
    watched = Watched()
    watched.live(25.0)
    watched.plant.advance(8.0)
    assert watched.ask("environment")[0] == Samples({"camera": "cam-01", "environment": "01"}, [UNIX_OFFSET_SECONDS + 25.0], [1.0])


@pytest.mark.parametrize("fault", [Fault("silent", "edge-01", 20.0), Fault("camera_down", "cam-01", 20.0)], ids=["silent", "no frames"])
def test_of_a_silent_home_and_of_a_blind_camera_nothing_is_said(fault: Fault) -> None:
    watched = Watched(faults=(fault,))
    watched.live(30.0)
    for name in ("environment", "environment_confidence"):
        assert [sample.labels["camera"] for sample in watched.ask(name)] == ["cam-02"]


def test_before_the_first_scrape_nobody_knows() -> None:
    assert Watched().ask("environment") == Watched().ask("environment_confidence") == ()


def test_the_wrong_sky_shows_in_confidence_and_in_the_share_of_ambiguous_results() -> None:
    watched = Watched()
    watched.live(60.0)
    confidence, ambiguous = watched.by_placement("confidence"), watched.by_placement("ambiguous")
    assert set(confidence) == set(ambiguous) == {HOME_1, HOME_2}
    assert confidence[HOME_1] < 0.60 < confidence[HOME_2]
    assert 0.0 <= ambiguous[HOME_2] < 0.35 < ambiguous[HOME_1] <= 1.0


def test_costs_are_those_of_the_build_that_runs_and_of_the_one_at_home_in_the_past() -> None:
    builds = (PlantBuild("detector", "01", "01", 1.0, 700e6, 0.1), PlantBuild("detector", "02", "01", 2.0, 900e6, 0.2))
    watched = Watched(builds=builds)
    watched.plant.apply("start", f"{CAM_1}@edge-01#2", environment_class="02")
    watched.live(40.0)
    memory, cores = watched.by_placement("workload_memory_bytes"), watched.by_placement("workload_cpu_cores")
    assert memory == {HOME_1: 700e6, HOME_2: 700e6, f"{CAM_1}@edge-01#2": 900e6}
    assert (cores[HOME_1], cores[f"{CAM_1}@edge-01#2"]) == pytest.approx((1.0, 2.0))
    signal = Signal("workload_cpu_cores", promql="", unit="", kind="instant", key="placement")
    past = asyncio.run(watched.source.past(signal, UNIX_OFFSET_SECONDS - 60.0, UNIX_OFFSET_SECONDS, 30.0))
    assert [list(samples.values) for samples in past] == [[1.0, 1.0], [1.0, 1.0]]


def test_frames_go_on_while_results_are_told_apart_and_nothing_is_told_before_the_first() -> None:
    watched = Watched(tick_seconds=0.1, faults=(Fault("camera_down", "cam-02", 30.0),))
    watched.plant.apply("start", f"{CAM_2}@edge-03#2")
    watched.plant.inject(Fault("camera_down", "cam-02", 0.0, 10.0))
    watched.live(10.0)
    frames, results = watched.by_placement("last_frame"), watched.by_placement("last_result")
    assert set(frames) == set(results) == {HOME_1, HOME_2}
    assert frames[HOME_1] == pytest.approx(UNIX_OFFSET_SECONDS + 10.0, abs=0.3)
    assert frames[HOME_2] == pytest.approx(UNIX_OFFSET_SECONDS, abs=0.3)


def test_a_placement_that_was_started_again_under_its_name_never_ran_backwards() -> None:
    watched = Watched(faults=(Fault("crash", HOME_1, 20.0, 21.0),))
    watched.live(25.0)
    assert HOME_1 not in watched.by_placement("workload_cpu_cores")
    watched.plant.apply("start", HOME_1, order="repair")
    for _ in range(3):
        watched.live(5.0)
        for signal in ("workload_cpu_cores", "confidence", "ambiguous"):
            assert all(value >= 0.0 for value in watched.by_placement(signal).values())
    assert watched.by_placement("workload_cpu_cores")[HOME_1] == pytest.approx(0.8)
