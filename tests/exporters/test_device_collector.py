"""A device's page: what is there is said, what is not is named, the preferred source wins, and nothing drops anything else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from exporters.device.itself import own_source
from exporters.device.source import Report, Source
from exporters.device.tree import Tree
from tests.builders.exporters import NOW, Page, generic_sources, page_of, saying, write_tree

ZONE = "edge_temperature_celsius"
WATTS = "edge_power_watts"
GPU = "edge_gpu_usage_ratio"


def test_a_whole_tree(tmp_path: Path) -> None:
    page = page_of(*generic_sources(write_tree(tmp_path)))
    assert page.value("edge_cpu_cores", scope="host") == 2
    assert [page.value("edge_cpu_core_online", core=core) for core in ("0", "1", "2")] == [1, 1, 0]
    assert page.value("edge_cpu_seconds_total", mode="user") == 99.34
    assert page.value("edge_memory_usage_ratio") == 0.75
    assert page.value("edge_memory_total_bytes") == 16_384_000_000
    assert (page.value("edge_swap_total_bytes"), page.value("edge_swap_used_bytes")) == (2_048_000_000, 512_000_000)
    assert page.value("edge_boot_timestamp_seconds") == 1_794_990_000
    assert page.value(ZONE, zone="cpu-thermal") == 48.25
    assert page.value("edge_temperature_limit_celsius", zone="cpu-thermal") == 99.0
    assert page.value("edge_disk_usage_ratio", mountpoint="/") == pytest.approx(600 / 950)
    assert page.value("edge_exporter_read_seconds", source="procfs") is not None
    assert page.reason("memory") is None


def test_usage_is_absent_until_there_is_a_window(tmp_path: Path) -> None:
    page = page_of(*generic_sources(write_tree(tmp_path)))
    assert "edge_cpu_usage_ratio" not in page.names()
    assert page.reason("cpu_usage") == page.reason("cpu_core_usage") == "warming_up"


def test_an_empty_machine_has_a_page_of_reasons_only(tmp_path: Path) -> None:
    page = page_of(*generic_sources(tmp_path))
    assert page.names() == {"edge_sensor_up", "edge_exporter_read_seconds"}
    for sensor in ("temperature", "disk", "memory", "boot_time", "cpu_online"):
        assert page.reason(sensor) == "missing"


@pytest.mark.parametrize(
    ("path", "text", "lost", "sensor_and_reason"),
    [
        pytest.param(
            "proc/meminfo", "MemTotal: 0 kB\nMemAvailable: 0 kB\n", "edge_memory edge_swap", ("memory", "out_of_range"), id="none"
        ),
        pytest.param("proc/meminfo", "\xff", "edge_memory edge_swap", ("memory", "unparsable"), id="not-ascii"),
        pytest.param(
            "proc/stat", "cpu  a b c d\nbtime 1794990000\n", "edge_cpu_s edge_cpu_cores", ("cpu_seconds", "unparsable"), id="words"
        ),
        pytest.param(
            "sys/devices/system/cpu/online", "0-2\n", "edge_cpu_core_online", ("cpu_online", "out_of_range"), id="not-the-counted"
        ),
        pytest.param("edgeshift/disk.json", "[]", "edge_disk", ("disk", "unparsable"), id="no-note"),
    ],
)
def test_one_broken_sensor_drops_no_other(tmp_path: Path, path: str, text: str, lost: str, sensor_and_reason: tuple[str, str]) -> None:
    whole = page_of(*generic_sources(write_tree(tmp_path))).names()
    (tmp_path / path).write_text(text, encoding="latin-1")
    page = page_of(*generic_sources(tmp_path))
    assert page.names() == {name for name in whole if not name.startswith(tuple(lost.split()))}
    sensor, reason = sensor_and_reason
    assert page.reason(sensor) == reason


@pytest.mark.parametrize("is_live", [True, False], ids=["on-a-running-machine", "never-for-a-recording"])
def test_boot_time_from_the_uptime_where_the_kernel_hides_it(tmp_path: Path, is_live: bool) -> None:
    write_tree(tmp_path)
    (tmp_path / "proc/stat").write_text("cpu  1 2 3 4\ncpu0 1 2 3 4\nbtime 0\n")
    page = page_of(*generic_sources(tmp_path, is_live))
    assert page.value("edge_boot_timestamp_seconds") == (round(NOW - 10000.5) if is_live else None)
    assert page.reason("boot_time") == (None if is_live else "out_of_range")


def test_zones_and_rails_of_different_parts_stand_side_by_side() -> None:
    hwmon = saying("sysfs/hwmon", (ZONE, ("coretemp/Package id 0",), 50.0), (WATTS, ("power_meter/power1",), 60.0), (GPU, (), 0.1))
    page = page_of(hwmon, saying("nvml", (ZONE, ("gpu",), 71.0), (WATTS, ("gpu",), 200.0), (GPU, (), 0.9)))
    assert [page.value(ZONE, zone=zone) for zone in ("coretemp/Package id 0", "gpu")] == [50.0, 71.0]
    assert [page.value(WATTS, rail=rail) for rail in ("power_meter/power1", "gpu")] == [60.0, 200.0]
    assert page.value(GPU) == 0.1  # there is one such load, and it is said once


def test_who_says_the_same_things_by_other_names_fills_only_what_was_left_empty_and_each_family_is_judged_by_itself() -> None:
    sysfs = saying("sysfs/a", (ZONE, ("CPU-therm",), 50.0))
    more = saying("sysfs/b", (ZONE, ("GPU-therm",), 51.0))
    lines = replace(saying("tegrastats", (ZONE, ("cpu",), 49.9), (WATTS, ("VDD_IN",), 7.0), (WATTS, ("VDD_CPU",), 2.0)), retells=True)
    page = page_of(sysfs, more, lines, saying("sysfs/hwmon", (ZONE, ("nvme/Composite",), 40.0)))
    assert [page.value(ZONE, zone=zone) for zone in ("CPU-therm", "GPU-therm", "cpu", "nvme/Composite")] == [50.0, 51.0, None, 40.0]
    assert [page.value(WATTS, rail=rail) for rail in ("VDD_IN", "VDD_CPU")] == [7.0, 2.0]


def test_a_later_source_steps_in_where_the_preferred_one_has_nothing_true_to_say() -> None:
    page = page_of(saying("sysfs/a", (ZONE, ("CPU-therm",), -256.0)), saying("tegrastats", (ZONE, ("cpu",), 49.9)))
    assert page.value(ZONE, zone="cpu") == 49.9
    assert 'edge_sensor_up{reason="out_of_range",sensor="edge_temperature_celsius",source="sysfs/a"} 0.0' in page.text


def test_the_same_series_twice_is_said_once() -> None:
    page = page_of(saying("sysfs/a", (ZONE, ("x",), 1.0)), saying("sysfs/b", (ZONE, ("x",), 2.0)))
    assert page.value(ZONE, zone="x") == 1.0


def test_what_a_machine_has_not_is_not_spoken_of() -> None:
    assert Page().names() == page_of(Source("sysfs/fan", Report)).names() == set()


def test_the_exporter_weighs_itself(tmp_path: Path) -> None:
    page = page_of(own_source(Tree(Path("/"))))
    assert 5e6 < (page.value("edge_exporter_resident_memory_bytes") or 0) < 1e10
    assert (page.value("edge_exporter_cpu_seconds_total") or 0) > 0
    blind = page_of(own_source(Tree(tmp_path)))
    assert blind.reason("exporter_memory") == "missing"
    assert blind.reason("exporter_cpu") is None
