"""A device's page from a small tree: what is there is said, what is not is named, and nothing drops anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporters.device.collector import DeviceCollector
from exporters.device.usage import CpuLoad, HostLoad, LentLoad, UsageSampler
from tests.builders.exporters import NOW, Page, write_tree


def device(root: Path, load: CpuLoad | None = None) -> DeviceCollector:
    """The collector of this tree, after the first look at its CPU."""
    sampler = UsageSampler(load or HostLoad(root), 5.0, lambda: 0.0)
    sampler.sample()
    return DeviceCollector(root, sampler, lambda: NOW, 100.0)


def test_a_whole_tree(tmp_path: Path) -> None:
    page = Page(device(write_tree(tmp_path)))
    assert page.value("edge_cpu_cores", scope="host") == 2
    assert page.value("edge_cpu_seconds_total", mode="user") == 99.34
    assert page.value("edge_memory_usage_ratio") == 0.75
    assert page.value("edge_memory_total_bytes") == 16_384_000_000
    assert page.value("edge_boot_timestamp_seconds") == 1_794_990_000
    assert page.value("edge_temperature_celsius", zone="cpu-thermal") == 48.25
    assert page.value("edge_temperature_limit_celsius", zone="cpu-thermal") == 99.0
    disk = page.value("edge_disk_usage_ratio", mountpoint="/")
    assert disk is not None
    assert 0 < disk <= 1
    assert page.reason("memory") is None


def test_a_zone_without_power_is_named_and_has_no_temperature(tmp_path: Path) -> None:
    page = Page(device(write_tree(tmp_path)))
    assert page.value("edge_temperature_celsius", zone="cv0-thermal") is None
    assert page.reason("temperature/cv0-thermal") == "out_of_range"
    assert page.reason("temperature_limit/cv0-thermal") == "missing"
    assert page.reason("temperature/cpu-thermal") is None


def test_usage_is_absent_until_there_is_a_window(tmp_path: Path) -> None:
    page = Page(device(write_tree(tmp_path)))
    assert page.value("edge_cpu_usage_ratio", scope="host") is None
    assert page.reason("cpu_usage") == "warming_up"


def test_an_empty_machine_has_a_page_of_reasons_and_of_its_disk_only(tmp_path: Path) -> None:
    page = Page(device(tmp_path))
    said = {family.name for family in page.families}
    assert said == {"edge_sensor_up", "edge_disk_usage_ratio"}
    assert page.reason("temperature") == "missing"


@pytest.mark.parametrize(
    ("path", "text", "lost", "sensor_and_reason"),
    [
        pytest.param("proc/meminfo", "MemTotal: 0 kB\nMemAvailable: 0 kB\n", "edge_memory", ("memory", "out_of_range"), id="no-memory"),
        pytest.param("proc/meminfo", "\xff", "edge_memory", ("memory", "unparsable"), id="not-ascii"),
        pytest.param("proc/stat", "cpu  a b c d\nbtime 1794990000\n", "edge_cpu", ("cpu_seconds", "unparsable"), id="cpu-words"),
    ],
)
def test_one_broken_sensor_drops_no_other(tmp_path: Path, path: str, text: str, lost: str, sensor_and_reason: tuple[str, str]) -> None:
    whole = {family.name for family in Page(device(write_tree(tmp_path))).families}
    (tmp_path / path).write_text(text, encoding="latin-1")
    page = Page(device(tmp_path))
    assert {family.name for family in page.families} == {name for name in whole if not name.startswith(lost)}
    sensor, reason = sensor_and_reason
    assert page.reason(sensor) == reason


def test_boot_time_from_the_uptime_where_the_kernel_hides_it(tmp_path: Path) -> None:
    write_tree(tmp_path)
    (tmp_path / "proc/stat").write_text("cpu  1 2 3 4\ncpu0 1 2 3 4\nbtime 0\n")
    assert Page(device(tmp_path)).value("edge_boot_timestamp_seconds") == round(NOW - 10000.5)


def test_a_load_that_breaks_in_an_unforeseen_way_costs_its_own_sample_only(tmp_path: Path) -> None:
    class Broken(HostLoad):
        def cores(self) -> float:
            raise ZeroDivisionError

    page = Page(device(write_tree(tmp_path), Broken(tmp_path)))
    assert page.reason("cpu_cores") == "failed"
    assert page.value("edge_memory_usage_ratio") == 0.75


def test_lent_cores_replace_the_host(tmp_path: Path) -> None:
    page = Page(device(write_tree(tmp_path), LentLoad(1.5, witness=None)))
    assert page.value("edge_cpu_cores", scope="lent") == 1.5
    assert page.value("edge_cpu_cores", scope="host") is None
    assert page.reason("cpu_usage") == "not_listening"


def test_no_trip_points_and_no_zones(tmp_path: Path) -> None:
    page = Page(device(write_tree(tmp_path, zones={"thermal_zone0": {"temp": "30000"}})))
    assert page.value("edge_temperature_celsius", zone="thermal_zone0") == 30.0
    (tmp_path / "sys/class/thermal/cooling_device0").mkdir()
    (tmp_path / "sys/class/thermal/thermal_zone0/temp").unlink()
    (tmp_path / "sys/class/thermal/thermal_zone0").rmdir()
    assert Page(device(tmp_path)).reason("temperature") == "missing"
