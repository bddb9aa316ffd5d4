"""Core lists, the disk of a tree, and thermal zones as they come, go and change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exporters.device.disk import DISK_FILE, ask_kernel, disk_source, is_machine, parse_disk
from exporters.device.machine import parse_cores
from exporters.device.sensor import MISSING, OUT_OF_RANGE, UNPARSABLE, SensorError
from exporters.device.source import Report
from exporters.device.thermal import MOST_ZONES, Thermal
from exporters.device.tree import MAX_FILE_BYTES, Tree
from tests.builders.exporters import DISK, Clock, generic_sources, page_of, write_tree

ZONE = "sys/class/thermal/thermal_zone0"


@pytest.mark.parametrize(
    ("text", "cores"),
    [("0\n", {0}), ("0-3\n", {0, 1, 2, 3}), ("0-1,4,6-7\n", {0, 1, 4, 6, 7})],
    ids=["one", "range", "with-holes"],
)
def test_core_lists(text: str, cores: set[int]) -> None:
    assert parse_cores(text) == cores


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("\n", MISSING, id="empty"),
        pytest.param("0-", UNPARSABLE, id="cut"),
        pytest.param("-1", UNPARSABLE, id="below-zero"),
        pytest.param("0-65535", UNPARSABLE, id="five-digits"),
        pytest.param("3-1", OUT_OF_RANGE, id="backwards"),
        pytest.param("1,1", OUT_OF_RANGE, id="twice"),
        pytest.param("0-9999", OUT_OF_RANGE, id="more-than-any-kernel-knows"),
    ],
)
def test_no_core_list(text: str, reason: str) -> None:
    with pytest.raises(SensorError, match=reason):
        parse_cores(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"total_bytes": 1}',
        json.dumps(DISK | {"free_bytes": 1.5}),
        json.dumps(DISK | {"free_bytes": True}),
        "[" * 9999,
    ],
    ids=["empty", "null", "list", "nothing", "one", "fraction", "truth", "deep"],
)
def test_no_disk_note(text: str) -> None:
    with pytest.raises(SensorError):
        parse_disk(text)


@pytest.mark.parametrize(
    "changes",
    [{"total_bytes": 0, "free_bytes": 0, "available_bytes": 0}, {"free_bytes": 2000}, {"available_bytes": 500}, {"available_bytes": -1}],
    ids=["no-disk", "more-free-than-all", "more-available-than-free", "below-zero"],
)
def test_a_disk_that_cannot_be_gives_no_number(tmp_path: Path, changes: dict[str, int]) -> None:
    write_tree(tmp_path)
    (tmp_path / DISK_FILE).write_text(json.dumps(DISK | changes))
    page = page_of(disk_source(Tree(tmp_path)))
    assert page.reason("disk") == OUT_OF_RANGE
    assert "edge_disk_total_bytes" not in page.names()


def test_a_recorded_tree_never_shows_this_machines_disk_and_the_running_machine_does(tmp_path: Path) -> None:
    assert page_of(disk_source(Tree(tmp_path))).reason("disk") == MISSING
    assert (is_machine(Tree(tmp_path)), is_machine(Tree(Path("/")))) == (False, True)
    page = page_of(disk_source(Tree(Path("/"))))
    assert page.value("edge_disk_total_bytes", mountpoint="/") == ask_kernel("/").total_bytes
    assert 0 <= (page.value("edge_disk_usage_ratio", mountpoint="/") or -1) <= 1


def reasons(report: Report) -> dict[str, str]:
    return dict(report.sensors)


def test_a_zone_without_power_is_named_and_has_no_temperature(tmp_path: Path) -> None:
    page = page_of(*generic_sources(write_tree(tmp_path)))
    assert page.value("edge_temperature_celsius", zone="cv0-thermal") is None
    assert page.reason("temperature/cv0-thermal") == "switched_off"
    assert page.reason("temperature/cpu-thermal") is None
    assert "temperature_limit/cv0-thermal" not in page.text  # it has no trip points, so there is nothing to miss


def test_limits_and_names_are_read_again_after_a_minute_or_a_change_of_the_folder_and_temperatures_always(tmp_path: Path) -> None:
    clock = Clock()
    thermal = Thermal(Tree(write_tree(tmp_path)), clock, is_expected=True)

    def said() -> dict[str, float]:
        return {name: value for name, labels, value in thermal.look().samples if labels == ("cpu-thermal",)}

    assert said() == {"edge_temperature_celsius": 48.25, "edge_temperature_limit_celsius": 99.0}
    (tmp_path / ZONE / "temp").write_text("50000\n")
    (tmp_path / ZONE / "trip_point_1_temp").write_text("95000\n")
    assert said() == {"edge_temperature_celsius": 50.0, "edge_temperature_limit_celsius": 99.0}
    clock.seconds += 60
    assert said()["edge_temperature_limit_celsius"] == 95.0
    (tmp_path / ZONE / "trip_point_1_temp").unlink()
    assert said() == {"edge_temperature_celsius": 50.0}
    assert reasons(thermal.look())["temperature_limit/cpu-thermal"] == MISSING
    (tmp_path / ZONE / "temp").unlink()
    assert said() == {}


def test_a_zone_that_goes_takes_its_numbers_along_and_one_that_lost_its_name_says_none(tmp_path: Path) -> None:
    thermal = Thermal(Tree(write_tree(tmp_path)), Clock(), is_expected=True)
    assert thermal.look().samples
    (tmp_path / ZONE / "type").unlink()
    assert reasons(thermal.look()) == {
        "temperature/thermal_zone0": MISSING,
        "temperature_limit/thermal_zone0": MISSING,
        "temperature/cv0-thermal": "switched_off",
    }
    (tmp_path / ZONE / "type").write_text("cpu-thermal")
    assert thermal.look().samples  # at once, not a minute later
    (tmp_path / ZONE).rename(tmp_path / "sys/class/thermal/cooling_device0")
    assert set(reasons(thermal.look())) == {"temperature/cv0-thermal"}


@pytest.mark.parametrize(("is_expected", "sensors"), [(True, {"temperature": MISSING}), (False, {})], ids=["jetson", "virtual-machine"])
def test_no_zones_are_missed_only_where_each_machine_has_some(tmp_path: Path, is_expected: bool, sensors: dict[str, str]) -> None:
    assert reasons(Thermal(Tree(tmp_path), Clock(), is_expected).look()) == sensors


def test_thousands_of_zones_do_not_become_thousands_of_series(tmp_path: Path) -> None:
    write_tree(tmp_path, zones={f"thermal_zone{number}": {"type": "x\n", "temp": "1000\n"} for number in range(MOST_ZONES + 1)})
    report = Thermal(Tree(tmp_path), Clock(), is_expected=True).look()
    assert len(report.samples) == MOST_ZONES
    assert reasons(report)["temperature"] == OUT_OF_RANGE


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    (tmp_path / "long").write_text("x" * 100_000)
    (tmp_path / "endless").write_text("x" * MAX_FILE_BYTES)
    assert len(tree.text("long")) == 100_000
    with pytest.raises(SensorError, match=UNPARSABLE):
        tree.text("endless")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SensorError, match="unreadable"):
        tree.text("folder")
    assert tree.changed("nowhere") == 0
