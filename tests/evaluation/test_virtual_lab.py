"""The production middle in virtual time: the story goes well, and the same seed gives the same decisions to the last byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_engine.core.memory import CycleRecord, rebuild
from decision_engine.core.records import encode
from decision_engine.evaluation.sight import TwinWatch
from decision_engine.execute.cycle_file import replay
from decision_engine.execute.recorder import Recorder, Ring
from decision_engine.lab.tempo import LAB_LIMITS
from decision_engine.policies import POLICIES
from decision_engine.wiring import CODEC
from exporters.simulated.plant import Plant
from exporters.simulated.stories import default_story
from tests.builders.virtual_lab import VirtualRun, live_virtually

TIMED = ("cycle_seconds_p95",)
"""The one figure that is measured on a real clock."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> VirtualRun:
    return live_virtually(tmp_path_factory.mktemp("virtual") / "one")


def test_an_overload_is_foreseen_avoided_and_the_work_returns(story: VirtualRun) -> None:
    result = story.result
    assert result["errors"] == []
    assert result["moves_before_overload"] >= 1
    assert result["lead_seconds_median"] > 0
    assert result["overload_seconds"] < 0.5 * result["overload_seconds_do_nothing"]
    assert result["returned_home"] >= 1
    assert result["camera_gap_seconds_max"] <= 5.0
    assert result["queries_per_cycle_max"] <= 10


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> VirtualRun:
    """Another seed's story, up to its first decisions."""
    return live_virtually(tmp_path_factory.mktemp("virtual") / "other", seed=2, seconds=45.0)


def the_same(one: VirtualRun, again: VirtualRun) -> None:
    """Two runs decided the same, for the same reasons and with the same end."""
    assert [encode(record) for record in again.records] == [encode(record) for record in one.records]
    assert {k: v for k, v in again.result.items() if k not in TIMED} == {k: v for k, v in one.result.items() if k not in TIMED}


def test_the_same_seed_gives_the_same_decisions(other: VirtualRun, tmp_path: Path) -> None:
    the_same(other, live_virtually(tmp_path / "again", seed=2, seconds=45.0))


@pytest.mark.thorough
def test_the_same_seed_gives_the_same_decisions_to_the_end(story: VirtualRun, tmp_path: Path) -> None:
    the_same(story, live_virtually(tmp_path / "again"))


def test_another_seed_is_another_story(story: VirtualRun, other: VirtualRun) -> None:
    assert encode(other.records[0]) != encode(story.records[0])


def test_recorded_cycles_are_thought_again_byte_for_byte(story: VirtualRun) -> None:
    recorder = Recorder(story.directory / "cycles", Ring(), CODEC)
    numbers = recorder.cycles()
    assert len(numbers) > 10
    for number in numbers:
        cycle = recorder.load(number)
        assert replay(cycle, POLICIES, LAB_LIMITS) == cycle.record


def test_what_is_recorded_is_what_is_journalled(story: VirtualRun) -> None:
    recorder = Recorder(story.directory / "cycles", Ring(), CODEC)
    recorded = [cycle.record for cycle in map(recorder.load, recorder.cycles())]
    journalled = [encode(record) for record in story.records if isinstance(record, CycleRecord)]
    assert [record for record in recorded if record in set(journalled)] == journalled
    assert rebuild(story.records).moves == {}


def test_the_twin_tells_which_crossing_an_action_was_about() -> None:
    watch = TwinWatch()
    twin = Plant(default_story(4, 100.0, 1, lent_device=False))
    for _ in range(160):
        twin.advance(0.5)
        watch.look(twin)
    (first, *_) = watch.crossings["edge-03"]
    assert first == pytest.approx(twin.score().first_crossing_seconds["edge-03"], abs=1.0)
    assert watch.first_crossing("edge-03", first - 5.0) == first
    assert watch.first_crossing("edge-01", 0.0) is None
