"""Stories about builds in virtual time: given a world, when the weather turns or a version comes, then this, by then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from decision_engine.core.decision import Decision
from decision_engine.core.memory import CycleRecord, rebuild
from decision_engine.core.move import MoveState
from decision_engine.evaluation.virtual import STORY_BEGAN_UNIX_SECONDS
from decision_engine.execute.journal import Journal
from decision_engine.lab.run import LabRequest
from decision_engine.lab.virtual import run_virtual
from exporters.simulated.tales import CRASH_SECONDS, SQUARE_WAVE_FLIPS, SQUARE_WAVE_SECONDS, TALES, TURNS_BACK_SECONDS, TURNS_SECONDS
from tests.builders.virtual_lab import VirtualRun

pytestmark = pytest.mark.thorough
HERO = "detector/cam-02/main"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], VirtualRun]:
    """Each story once, whoever asks for it."""
    runs: dict[str, VirtualRun] = {}

    def tell(name: str) -> VirtualRun:
        if name not in runs:
            directory: Path = tmp_path_factory.mktemp(name)
            request = LabRequest(devices=4, duration_seconds=60.0, seed=1, virtual=True, json=True, story=name)
            result = asyncio.run(run_virtual(request, directory))
            with Journal.open(f"sqlite:///{directory / 'journal.sqlite'}", read_only=True) as journal:
                runs[name] = VirtualRun(result, tuple(journal.records()), directory)
        return runs[name]

    return tell


def acts(run: VirtualRun) -> list[Decision]:
    return [
        decision for record in run.records if isinstance(record, CycleRecord) for decision in record.decisions if decision.verdict == "act"
    ]


def second(at: float) -> float:
    """Story time."""
    return at - STORY_BEGAN_UNIX_SECONDS


def ended(run: VirtualRun) -> list[tuple[float, MoveState, str]]:
    """When each change ended, how, and as which build."""
    return [
        (second(t.move.since), t.move.state, f"{t.move.order.environment_class}/{t.move.order.version}")
        for record in run.records
        if isinstance(record, CycleRecord)
        for t in record.transitions
        if t.move.state in (MoveState.DONE, MoveState.UNDONE)
    ]


def test_a_build_follows_the_weather_and_comes_back_and_no_camera_waits(told: Callable[[str], VirtualRun]) -> None:
    run = told("weather")
    assert [(d.policy, d.move.workload if d.move else "") for d in acts(run)] == [("match_environment", HERO)] * 2
    (there, how, build), (back, how_back, first) = ended(run)
    assert (build, first, how, how_back) == ("02/01", "01/01", MoveState.DONE, MoveState.DONE)
    assert TURNS_SECONDS < there <= TURNS_SECONDS + 10.0 + 60.0, "within 60 s of the second stable evaluation"
    assert TURNS_BACK_SECONDS < back <= TURNS_BACK_SECONDS + 10.0 + 60.0
    assert run.result["camera_gap_seconds_max"] <= 5.0
    assert run.result["errors"] == []


def test_a_square_wave_gives_one_change_for_each_flip(told: Callable[[str], VirtualRun]) -> None:
    run = told("square_wave")
    begun = [second(decision.at) for decision in acts(run)]
    flips = [SQUARE_WAVE_SECONDS * (number + 1) for number in range(SQUARE_WAVE_FLIPS)]
    within = [[at for at in begun if flip <= at < flip + SQUARE_WAVE_SECONDS] for flip in flips]
    assert all(len(some) == 1 for some in within[:-1]), within
    assert run.result["moves_undone"] == 0
    assert run.result["camera_gap_seconds_max"] <= 5.0


def test_a_class_without_a_build_is_told_and_nothing_is_touched(told: Callable[[str], VirtualRun]) -> None:
    run = told("missing_build")
    said = [d.reason.code for record in run.records if isinstance(record, CycleRecord) for d in record.decisions]
    assert said.count("no_variant") == 1 and not acts(run)
    assert run.result["camera_gap_seconds_max"] <= 5.0


def test_a_build_that_cannot_be_pulled_leaves_the_old_one_and_is_tried_ever_more_seldom(told: Callable[[str], VirtualRun]) -> None:
    run = told("failing_build")
    begun = [second(decision.at) for decision in acts(run)]
    apart = [later - earlier for earlier, later in pairwise(begun)]
    assert len(begun) >= 2 and apart == sorted(apart)
    assert {how for _, how, _ in ended(run)} == {MoveState.UNDONE}
    assert run.result["camera_gap_seconds_max"] <= 5.0, "the camera is analysed all the while, by the build that worked"


def test_an_update_begins_with_one_canary_and_ends_with_all(told: Callable[[str], VirtualRun]) -> None:
    run = told("update")
    begun = [second(decision.at) for decision in acts(run)]
    assert len(begun) == 4 and begun[1] - begun[0] >= 60.0
    assert [build for _, how, build in ended(run) if how is MoveState.DONE] == ["01/02"] * 4
    assert run.result["camera_gap_seconds_max"] <= 5.0


def test_a_bad_version_never_gets_beyond_its_canary(told: Callable[[str], VirtualRun]) -> None:
    run = told("bad_update")
    assert {decision.move.workload for decision in acts(run) if decision.move} == {"detector/cam-01/main"}
    assert {how for _, how, _ in ended(run)} == {MoveState.UNDONE}
    assert run.result["camera_gap_seconds_max"] <= 5.0


def test_a_crashed_ai_is_back_within_seconds(told: Callable[[str], VirtualRun]) -> None:
    run = told("crash")
    (decision,) = acts(run)
    (back,) = ended(run)
    assert (decision.policy, back[1]) == ("repair", MoveState.DONE)
    assert back[0] - CRASH_SECONDS[0] <= 15.0
    assert run.result["camera_gap_seconds_max"] <= 10.0


@pytest.mark.parametrize("name", sorted(TALES))
def test_the_journal_gives_the_memory_back(told: Callable[[str], VirtualRun], name: str) -> None:
    memory = rebuild(told(name).records)
    assert not memory.moves or name == "square_wave", "nothing is left half-done but what the end of the story cut off"
    assert bool(memory.generations) is (name != "missing_build")
