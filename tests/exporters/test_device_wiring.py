"""Which sources a machine gets: absence is said only where it is a failure, and tegrastats steps in where it is asked to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporters.device.source import Report, SensorState, Source
from exporters.emulated.boards import write
from exporters.jetson.tegrastats_feed import RECORDED_PATH
from exporters.wiring import AUTO, OFF, Device, Watch, _while_fresh
from tests.builders.boards import BoardsOnDisk, board
from tests.builders.exporters import Page, write_tree

LINE = "RAM 2600/3964MB (lfb 100x4MB) CPU [25%@1479,24%@1479,19%@1479,20%@1479] EMC_FREQ 0% GR3D_FREQ 12% GPU@45C CPU@46.5C\n"


@pytest.fixture
def orin(tmp_path: Path) -> Path:
    """A tree that a test may change."""
    write(board("orin-nx"), tmp_path)
    return tmp_path


def page(root: Path, tegrastats: str = AUTO) -> Page:
    device = Device(Watch(root, 5.0, tegrastats=tegrastats))
    try:
        device.sampler.sample()
        return Page(device.collector)
    finally:
        device.stop()


def lose_gpu_load(root: Path) -> None:
    """Take the file away that the reader finds, whichever of its places it has on this board."""
    for path in [path for path in root.rglob("load") if path.is_file()]:
        path.unlink()


def test_a_machine_that_is_no_jetson_is_not_asked_for_a_jetsons_parts(tmp_path: Path) -> None:
    said = page(write_tree(tmp_path, zones={}))
    assert not [name for name in ("gpu", "emc", "power", "fan", "temperature", "throttling") if f'sensor="{name}' in said.text]
    assert said.value("edge_memory_usage_ratio") == 0.75


def test_a_jetson_without_a_gpu_load_says_that_it_misses_it(orin: Path) -> None:
    assert page(orin).reason("gpu_usage") is None
    lose_gpu_load(orin)
    said = page(orin)
    assert said.reason("gpu_usage") == "missing"
    assert "edge_gpu_usage_ratio" not in said.names()


def test_a_recorded_line_fills_only_what_the_files_do_not_say(orin: Path) -> None:
    whole = page(orin)
    (orin / RECORDED_PATH).write_text(LINE)
    lose_gpu_load(orin)
    said = page(orin)
    assert said.value("edge_gpu_usage_ratio") == 0.12
    assert said.value("edge_temperature_celsius", zone="CPU-therm") == whole.value("edge_temperature_celsius", zone="CPU-therm")
    assert said.value("edge_temperature_celsius", zone="CPU") is None
    assert "edge_gpu_usage_ratio" not in page(orin, OFF).names()


def test_a_text_can_be_named(orin: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    lines = tmp_path_factory.mktemp("lines") / "log.txt"
    lines.write_text(LINE)
    lose_gpu_load(orin)
    assert page(orin, str(lines)).value("edge_gpu_usage_ratio") == 0.12


@pytest.mark.parametrize(("age_seconds", "reason"), [(1, ""), (60, "stale")], ids=["written-to", "left-behind"])
def test_a_text_beside_a_running_machine_counts_only_while_it_is_written_to(tmp_path: Path, age_seconds: int, reason: str) -> None:
    text = tmp_path / "log.txt"
    text.write_text(LINE)
    os.utime(text, (1000, 1000))
    source = Source("tegrastats", lambda: Report(sensors=[SensorState("tegrastats", "")]))
    look: Callable[[], Report] = _while_fresh(source, text, lambda: 1000.0 + age_seconds).look
    assert look().sensors == [("tegrastats", reason)]


def test_only_a_program_is_run_and_only_when_the_device_starts(tmp_path: Path, boards_on_disk: BoardsOnDisk) -> None:
    orin, program = boards_on_disk["orin-nx"], tmp_path / "tegrastats"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert Device(Watch(orin, 5.0, tegrastats=str(program)))._feed is not None
    program.chmod(0o644)
    assert Device(Watch(orin, 5.0, tegrastats=str(program)))._feed is None
    assert Device(Watch(orin, 5.0))._feed is None  # it would speak of this machine, not of the tree


def test_what_a_running_tegrastats_says_goes_through_the_window_and_a_recording_is_of_one_moment(orin: Path) -> None:
    program = orin / "tegrastats"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    running = Device(Watch(orin, 5.0, tegrastats=str(program)))
    assert "tegrastats" in [source.name for source in running.sampler.sources()]
    (orin / RECORDED_PATH).write_text(LINE)
    assert "tegrastats" not in [source.name for source in Device(Watch(orin, 5.0)).sampler.sources()]


def test_lent_cores_replace_the_host(boards_on_disk: BoardsOnDisk) -> None:
    device = Device(Watch(boards_on_disk["orin-nx"], 5.0, lent_cores=1.5))
    device.sampler.sample()
    said = Page(device.collector)
    device.stop()
    assert said.value("edge_cpu_cores", scope="lent") == 1.5
    assert said.value("edge_cpu_cores", scope="host") is None
    assert said.value("edge_cpu_usage_ratio", scope="host") is None
    assert said.value("edge_cpu_core_usage_ratio", core="0") is not None


@pytest.mark.parametrize("files", [True, False], ids=["beside-proc", "without-proc"])
def test_with_lent_cores_tegrastats_says_nothing_of_the_host(orin: Path, files: bool) -> None:
    """Nobody listens for programs here, so that the lent load is silent: the host's is no answer to it."""
    (orin / RECORDED_PATH).write_text(LINE)
    if not files:
        (orin / "proc/stat").unlink()
    device = Device(Watch(orin, 5.0, lent_cores=1.5))
    device.sampler.sample()
    said = Page(device.collector)
    device.stop()
    assert 'scope="host"' not in said.text
    assert said.reason("cpu_usage") == "not_listening"
    assert 'edge_sensor_up{reason="",sensor="cpu_usage"' not in said.text
    assert said.value("edge_cpu_cores", scope="lent") == 1.5
    if not files:
        assert said.value("edge_cpu_core_usage_ratio", core="3") == 0.20


def test_a_disk_of_a_jetson_is_read_too(orin: Path) -> None:
    folder = orin / "sys/class/hwmon/hwmon90"
    folder.mkdir()
    (folder / "name").write_text("nvme\n")
    (folder / "temp1_input").write_text("41850\n")
    (folder / "temp1_label").write_text("Composite\n")
    whole = page(orin)
    assert whole.value("edge_temperature_celsius", zone="nvme/Composite") == 41.85
    assert whole.value("edge_temperature_celsius", zone="CPU-therm") is not None


def test_this_very_machine_can_be_asked() -> None:
    said = page(Path("/"))
    assert (said.value("edge_memory_total_bytes") or 0) > 1e8
    assert said.value("edge_disk_total_bytes", mountpoint="/") is not None
    assert said.value("edge_exporter_resident_memory_bytes") is not None
