"""The camera AI's command line, and what its loop says to whom; no process and no socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from decision_engine.lab.camera_ai.arguments import read_arguments
from decision_engine.lab.camera_ai.program import Job, run
from decision_engine.lab.camera_ai.schedule import camera_seed, steady
from tests.builders.camera_ai import one_thread

WORKLOAD = ["--workload", "yolo/cam-07/main", "--environment-class", "02"]


@pytest.fixture(autouse=True, scope="module")
def limited() -> Iterator[None]:
    """All of this file on one thread."""
    with one_thread():
        yield


@dataclass
class Heard:
    """A publisher that writes down what it is told."""

    said: list[str] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    environments: list[tuple[str, float]] = field(default_factory=list)

    def frame(self) -> None:
        self.said.append("frame")

    def result(self, latency_seconds: float, confidence: float) -> None:
        assert 0.0 < latency_seconds < 5.0
        self.said.append("result")
        self.confidences.append(confidence)

    def environment(self, environment_class: str, confidence: float) -> None:
        self.environments.append((environment_class, confidence))

    def flush(self) -> None:
        self.said.append("flush")


@dataclass
class Lives:
    """A lifetime that allows so many waits and notes when the program said that it serves; it never waits."""

    waits: int
    ready_file: Path
    serving: bool = False
    ready_at_waits: list[bool] = field(default_factory=list)

    def wait(self, seconds: float) -> bool:
        self.ready_at_waits.append(self.ready_file.exists())
        self.waits -= 1
        return self.waits >= 0


def test_the_loop_is_ready_before_its_first_frame_and_hands_over_its_first_result_at_once(tmp_path: Path) -> None:
    heard, lives = Heard(), Lives(waits=4, ready_file=tmp_path / "ready")
    times: Iterator[float] = iter([100.0, 100.25, 100.5])
    run(Job("02", 7, steady("02"), 1000.0, lives.ready_file), heard, lives, lambda: next(times))
    assert lives.serving
    assert lives.ready_at_waits == [False, True, True, True, True]
    assert heard.said == ["frame", "result", "flush", "frame", "result", "frame", "result"]
    assert all(0.5 < confidence <= 1.0 for confidence in heard.confidences)
    assert [weather for weather, _ in heard.environments] == ["02"] * 3


def test_a_program_told_to_end_while_it_trained_never_says_ready(tmp_path: Path) -> None:
    heard, lives = Heard(), Lives(waits=0, ready_file=tmp_path / "ready")
    run(Job("01", 7, steady("01"), 4.0, lives.ready_file), heard, lives, lambda: 0.0)
    assert heard.said == []
    assert not lives.ready_file.exists()


def test_what_is_not_given_comes_from_the_environment() -> None:
    given = read_arguments(
        [],
        {
            "EDGESHIFT_WORKLOAD": "yolo/cam-07/main",
            "EDGESHIFT_CAMERA": "cam-07",
            "EDGESHIFT_CLASS": "04",
            "EDGESHIFT_READY_FILE": "/r",
        },
    )
    assert (given.workload, given.camera, given.environment_class) == ("yolo/cam-07/main", "cam-07", "04")
    assert (given.seed, given.ready_file, given.frames_per_second) == (camera_seed("cam-07"), Path("/r"), 4.0)


@pytest.mark.parametrize(
    ("more", "weather"),
    [
        pytest.param([], "02", id="auto is the variant's own"),
        pytest.param(["--scene", "04"], "04", id="a scene"),
        pytest.param(["--scene", "04", "--scene-schedule", "01:60"], "01", id="a schedule goes first"),
    ],
)
def test_the_scene_is_chosen(more: list[str], weather: str) -> None:
    assert read_arguments([*WORKLOAD, *more], {}).schedule.weather_at(0.0) == weather


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        pytest.param(["--environment-class", "01"], "workload is missing", id="no workload"),
        pytest.param(["--workload", "yolo/cam-07/main"], "has no variant", id="no class"),
        pytest.param([*WORKLOAD, "--environment-class", "03"], "'03' has no variant", id="class without variant"),
        pytest.param([*WORKLOAD, "--frames-per-second", "0"], "0 frames per second", id="no frames"),
        pytest.param([*WORKLOAD, "--frames-per-second", "nan"], "nan frames per second", id="frames not a number"),
        pytest.param([*WORKLOAD, "--scene-schedule", "01:0"], "needs a length in seconds", id="schedule"),
        pytest.param([*WORKLOAD, "--seed", "-3"], "seed", id="negative seed"),
    ],
)
def test_a_command_line_that_makes_no_sense_ends_with_a_sentence(argv: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_arguments(argv, {})
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
