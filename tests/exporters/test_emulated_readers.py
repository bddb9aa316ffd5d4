"""The exporter's own readers over emulated boards, step by step without a process: what they say is what was true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exporters.device.tree import Tree
from exporters.emulated.boards import Board, names, to_move
from exporters.emulated.layout import layout_of
from exporters.emulated.model import Script, State, advance, at_rest, moment_of
from exporters.emulated.rendering import Clock, Frame, frame_of
from exporters.emulated.stories import STORIES
from exporters.emulated.writing import TreeWriter
from tests.builders.board_looks import Look, look, sources
from tests.builders.boards import NOW, UNALIKE, board


class Played:
    """A board on disk that a test moves by hand."""

    def __init__(self, name: str, root: Path, story: str) -> None:
        self._board: Board = to_move(board(name))
        self._layout, self._script = layout_of(self._board.files), Script(STORIES[story], 1)
        self._state: State = at_rest(self._layout.silicon)
        self._writer = TreeWriter(root, name)
        self._writer.begin(self._board, self._frame(), self._state)
        self._sources = sources(Tree(root))
        self.truth: dict[str, Any] = {}

    def _frame(self) -> Frame:
        now = NOW - 1000.0 + self._state.story_seconds
        return frame_of(self._layout, moment_of(self._layout.silicon, self._script, self._state), Clock(now, NOW - 5000.0))

    def until(self, seconds: float) -> Look:
        """Let the story go on to this second, a second at a time, and look."""
        while self._state.story_seconds < seconds:
            self._state = advance(self._layout.silicon, self._script, self._state, 1.0, 1.0)
        frame = self._frame()
        self._writer.step(frame, self._state)
        self.truth = dict(frame.truth)
        return look(self._sources)

    def close(self) -> None:
        """Let go of the folder."""
        self._writer.close()


def by_label(seen: Look, name: str) -> dict[str, float]:
    return {labels[0]: value for (found, labels), value in seen.samples.items() if found == name}


@pytest.mark.parametrize("name", names())
def test_readers_say_what_is_true_of_every_board_in_every_phase(name: str, tmp_path: Path) -> None:
    played = Played(name, tmp_path, "failing")
    seen = played.until(0)
    still = {labels for (found, labels) in seen.samples if found == "edge_power_watts"}
    for second in (10, 30, 48, 60, 85):
        seen, truth = played.until(second), played.truth
        celsius, watts = by_label(seen, "edge_temperature_celsius"), by_label(seen, "edge_power_watts")
        assert {zone: celsius.get(zone) for zone in truth["temperature_celsius"]} == pytest.approx(truth["temperature_celsius"], abs=0.001)
        assert {rail: watts.get(rail) for rail in truth["power_watts"]} == pytest.approx(truth["power_watts"], abs=0.03)
        held_back = by_label(seen, "edge_throttling_ratio")
        assert {cooler: held_back.get(cooler) for cooler in truth["cooler_ratio"]} == pytest.approx(truth["cooler_ratio"], abs=1e-4)
        assert seen.samples["edge_memory_available_bytes", ()] == truth["memory_available_bytes"]
        assert seen.samples["edge_boot_timestamp_seconds", ()] == truth["boot_timestamp_seconds"]
        assert seen.samples["edge_fan_duty_ratio", ("fan1",)] == pytest.approx(truth["fan_duty_ratio"], abs=0.002)
        assert seen.samples["edge_gpu_frequency_hertz", ()] == truth["gpu_frequency_hertz"]
        assert seen.samples.get(("edge_emc_usage_ratio", ())) == pytest.approx(truth["emc_usage_ratio"], abs=0.001)
        online = {core for core, value in by_label(seen, "edge_cpu_core_online").items() if value == 1}
        assert online == {str(core) for core in truth["cores_online"]}
        for dead in truth["dead_sensors"]:
            assert dead["name"] not in celsius and dead["name"] not in watts
    assert len([labels for (found, labels) in seen.samples if found == "edge_power_watts"]) == len(still) - 1
    assert any(sensor.startswith("temperature/") for sensor, _ in seen.silent) and any(
        sensor.startswith("power/") for sensor, _ in seen.silent
    )
    played.close()


@pytest.mark.parametrize("name", [name for name in UNALIKE if name != "thor"])
def test_the_gpus_load_is_the_models_and_a_dead_one_is_missing(name: str, tmp_path: Path) -> None:
    played = Played(name, tmp_path, "failing")
    seen = played.until(20)
    assert seen.samples["edge_gpu_usage_ratio", ()] == pytest.approx(played.truth["gpu_usage_ratio"], abs=0.001)
    seen = played.until(46)
    assert ("edge_gpu_usage_ratio", ()) not in seen.samples
    assert [reason for (sensor, _), reason in seen.states.items() if sensor == "gpu_usage"] == ["missing"]
    played.close()


@pytest.mark.parametrize("name", UNALIKE)
def test_a_zone_without_power_is_switched_off_and_not_lost(name: str, tmp_path: Path) -> None:
    played = Played(name, tmp_path, "calm")
    reasons = {reason for (sensor, _), reason in played.until(3).states.items() if sensor.startswith("temperature/")}
    assert reasons <= {"", "switched_off", "no_sensor"}
    assert name != "thor" or "switched_off" in reasons
    played.close()
