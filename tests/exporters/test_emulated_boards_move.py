"""What moves on each constructed board: found by labels and types, written as the kernel would, and as the truth says."""

from __future__ import annotations

from functools import cache

import pytest

from exporters.emulated.boards import load, names
from exporters.emulated.layout import Layout, layout_of
from exporters.emulated.model import Script, State, advance, at_rest, moment_of
from exporters.emulated.rendering import Clock, Frame, frame_of
from exporters.emulated.stories import STORIES
from exporters.emulated.texts import core_list, cores_in, meminfo_text, stat_text

NOW = 1_795_000_000.0
WITHOUT_GPU_LOAD = {"thor"}
"""Its load is told by NVML and tegrastats only."""


@cache
def layout(board: str) -> Layout:
    return layout_of({path: text for path, text in load(board).files.items() if not path.startswith("edgeshift/")})


def at(found: Layout, story: str, seconds: float) -> Frame:
    """The frame of a story's second, reached in steps."""
    script, state = Script(STORIES[story], 1), at_rest(found.silicon)
    for _ in range(int(seconds)):
        state = advance(found.silicon, script, state, 1.0, 1.0)
    return _frame(found, script, state)


def _frame(found: Layout, script: Script, state: State) -> Frame:
    return frame_of(found, moment_of(found.silicon, script, state), Clock(NOW, NOW - 100.0))


@pytest.mark.parametrize("board", names())
def test_every_board_has_something_of_everything_that_moves(board: str) -> None:
    found = layout(board)
    assert len(found.silicon.cores) >= 2 and 70 <= found.silicon.limit_celsius <= 120
    assert found.memory_bytes > 2**30
    assert {"cpu"} <= {zone.place for zone in found.zones}
    assert len(found.rails) >= 3 and found.coolers and found.fans and found.gpu_clocks
    assert bool(found.gpu_loads) != (board in WITHOUT_GPU_LOAD)


@pytest.mark.parametrize("board", names())
def test_a_frame_changes_only_files_of_the_board_and_the_truth_is_what_they_say(board: str) -> None:
    found = layout(board)
    frame = at(found, "hot", 60)
    assert frame.files.keys() <= found.files.keys()
    truth = frame.truth
    assert f"MemAvailable: {truth['memory_available_bytes'] // 1024:>10} kB\n" in (frame.files["proc/meminfo"] or "")
    assert cores_in(frame.files["sys/devices/system/cpu/online"] or "") == tuple(truth["cores_online"])
    for zone in found.zones:
        assert int(frame.files[zone.path] or "") / 1000 == pytest.approx(truth["temperature_celsius"][zone.name], abs=0.001)
    for rail in found.rails:
        told = int(frame.files[rail.current_path] or "") * rail.millivolts / 1e6
        assert told == pytest.approx(truth["power_watts"][rail.label], abs=rail.millivolts / 1e6)
        if rail.power_path:
            assert int(frame.files[rail.power_path] or "") / rail.power_per_watt == pytest.approx(told, abs=0.02)


@pytest.mark.parametrize("board", names())
def test_a_hot_board_takes_more_throttles_and_blows(board: str) -> None:
    found = layout(board)
    cool, hot = at(found, "hot", 1).truth, at(found, "hot", 85).truth
    assert cool["throttling_ratio"] == 0 and set(cool["cooler_ratio"].values()) == {0.0}
    assert hot["throttling_ratio"] > 0 and min(hot["cooler_ratio"].values()) > 0
    assert hot["fan_duty_ratio"] > cool["fan_duty_ratio"]
    assert sum(hot["power_watts"].values()) > 1.3 * sum(cool["power_watts"].values())
    assert hot["memory_available_bytes"] < cool["memory_available_bytes"]


@pytest.mark.parametrize("board", names())
def test_dead_sensors_are_gone_or_say_the_sentinel_and_the_truth_has_no_number_for_them(board: str) -> None:
    found = layout(board)
    frame = at(found, "failing", 60)
    dead = frame.truth["dead_sensors"]
    assert {one["kind"] for one in dead} == {"temperature", "power"} | (set() if board in WITHOUT_GPU_LOAD else {"gpu_load"})
    for one in dead:
        assert frame.files[one["path"]] == ("-256000\n" if one["how"] == "sentinel" else None)
        assert one["name"] not in frame.truth["temperature_celsius"] and one["name"] not in frame.truth["power_watts"]
    assert frame.truth["gpu_usage_ratio"] is None


def test_the_gpu_clock_is_one_of_its_steps_and_lower_under_heat() -> None:
    found = layout("orin-nx")
    cool, hot = at(found, "hot", 18), at(found, "hot", 85)
    assert cool.truth["gpu_frequency_hertz"] in found.gpu_clocks[0].steps
    assert hot.truth["gpu_frequency_hertz"] < found.gpu_clocks[0].steps[-1]
    assert hot.files[found.gpu_clocks[0].paths[0]] == f"{hot.truth['gpu_frequency_hertz']}\n"


def test_a_zone_without_power_and_the_pmic_are_never_moved() -> None:
    files = {
        "sys/class/thermal/thermal_zone0/type": "cv0-thermal\n", "sys/class/thermal/thermal_zone0/temp": "-256000\n",
        "sys/class/thermal/thermal_zone1/type": "PMIC-Die\n", "sys/class/thermal/thermal_zone1/temp": "100000\n",
        "sys/class/thermal/thermal_zone2/type": "cpu\n", "sys/class/thermal/thermal_zone2/temp": "40000\n",
        "sys/class/thermal/thermal_zone3/type": "cpu\n", "sys/class/thermal/thermal_zone3/temp": "41000\n",
    }  # fmt: skip
    assert [zone.name for zone in layout_of(files).zones] == ["cpu_2", "cpu_3"]


def test_a_core_that_is_off_loses_its_line_and_the_sum_keeps_its_share() -> None:
    before = "cpu  30 0 6 60 0 0 0 0 0 0\ncpu0 10 0 2 20 0 0 0 0 0 0\ncpu1 20 0 4 40 0 0 0 0 0 0\nbtime 5\nctxt 9\n"
    text = stat_text(before, {0: 1.0, 1: 2.0}, {0: 3.0, 1: 4.0}, online=(0,), boot=1234.9)
    assert text == "cpu  270 0 66 760 0 0 0 0 0 0\ncpu0 90 0 22 320 0 0 0 0 0 0\nbtime 1234\nctxt 9\n"


def test_memory_is_written_in_the_kernels_columns() -> None:
    text = meminfo_text("MemTotal:       16000000 kB\nMemFree:         1 kB\nMemAvailable:    2 kB\nBuffers:            5124 kB\n", 0.25)
    assert text == "MemTotal:       16000000 kB\nMemFree:         3600000 kB\nMemAvailable:   12000000 kB\nBuffers:            5124 kB\n"


@pytest.mark.parametrize(
    ("cores", "text"), [((0,), "0\n"), ((0, 1, 2, 3), "0-3\n"), ((0, 3, 4, 5), "0,3-5\n"), ((), "\n")], ids=["one", "all", "some", "none"]
)
def test_lists_of_cores_are_written_as_the_kernel_does(cores: tuple[int, ...], text: str) -> None:
    assert core_list(cores) == text
    assert cores_in(text) == cores
