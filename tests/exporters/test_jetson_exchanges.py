"""What a running exporter notices between two looks: devices that exchange their numbers, and sensors that are lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from exporters.device.chips import HWMON
from exporters.device.hwmon import hwmon_source
from exporters.device.part import LOOKS_PER_WALK
from exporters.device.sensor import MISSING
from exporters.device.source import Source
from exporters.device.tree import Tree
from exporters.jetson.identity import RELEASE
from exporters.jetson.sources import jetson_sources
from exporters.jetson.throttling import THERMAL
from tests.builders.jetson_tree import SmallTree, ina3221, said, under

Files = Mapping[str, str | Exception]


def laid(root: Path, files: Files) -> Tree:
    """The files on disk, where a folder can be moved."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(str(text), encoding="ascii")
    return Tree(root)


def exchange(root: Path, one: str, other: str) -> None:
    """Two devices get each other's number, as when their drivers are loaded again."""
    (root / one).rename(root / "between")
    (root / other).rename(root / one)
    (root / "between").rename(root / other)


def part(tree: Tree, name: str) -> Source:
    return next(source for source in (*jetson_sources(tree), hwmon_source(tree)) if source.name == name)


def cooler(number: int, kind: str, now: str) -> Files:
    return under(f"{THERMAL}/cooling_device{number}", {"type": kind, "cur_state": now, "max_state": "3"})


def drive(number: int, name: str, millidegrees: str) -> Files:
    return under(f"{HWMON}/hwmon{number}", {"name": name, "temp1_input": millidegrees})


@pytest.mark.parametrize(
    ("name", "files", "folders"),
    [
        ("sysfs/hwmon", {**drive(0, "coretemp", "80000"), **drive(1, "nvme", "40000")}, (f"{HWMON}/hwmon0", f"{HWMON}/hwmon1")),
        ("sysfs/power", {**ina3221(2, ["A"]), **ina3221(3, ["B", "C", "D"])}, (f"{HWMON}/hwmon2", f"{HWMON}/hwmon3")),
        (
            "sysfs/throttling",
            {**cooler(0, "cpufreq-cpu0", "3"), **cooler(1, "devfreq-gpu", "0")},
            (f"{THERMAL}/cooling_device0", f"{THERMAL}/cooling_device1"),
        ),
    ],
    ids=["chips", "monitors of unlike size", "cooling devices"],
)
def test_an_exchange_of_numbers_is_noticed_at_the_next_look(name: str, files: Files, folders: tuple[str, str], tmp_path: Path) -> None:
    source = part(laid(tmp_path, files), name)
    before = said(source)
    assert len(before[0]) >= 2 and said(source) == before
    exchange(tmp_path, *folders)
    assert said(source) == before


def test_two_that_exchange_their_numbers_while_a_third_stays(tmp_path: Path) -> None:
    source = part(laid(tmp_path, {**drive(0, "a", "10000"), **drive(1, "b", "20000"), **drive(2, "c", "30000")}), "sysfs/hwmon")
    before = said(source)[0]
    for looks in range(LOOKS_PER_WALK):
        exchange(tmp_path, f"{HWMON}/hwmon0", f"{HWMON}/hwmon{1 + looks % 2}")
        assert said(source)[0] == before


THOR: Files = {
    RELEASE: "",
    **under(f"{HWMON}/hwmon5", {"name": "ina238", "curr1_input": "2010", "in1_input": "19700", "power1_input": "39597000"}),
    f"{HWMON}/hwmon5/temp1_input": "38250",
    **ina3221(6, ["VDD_GPU"]),
}


@pytest.mark.parametrize("on_bus", [True, False], ids=["known by its driver", "known by its files alone"])
def test_a_monitor_that_loses_all_its_figures_is_missed(on_bus: bool) -> None:
    link: Files = {"sys/bus/i2c/drivers/ina238/2-0044/hwmon/hwmon5/name": "ina238"} if on_bus else {}
    tree = SmallTree(
        {**THOR, **link, **{path.replace(HWMON, "sys/bus/i2c/drivers/ina238/2-0044/hwmon"): THOR[path] for path in THOR if on_bus}}
    )
    source = part(tree, "sysfs/power")
    assert said(source)[1] == {"power/VIN": "", "power/VDD_GPU": ""}
    for path in [path for path in tree.files if path.endswith(("hwmon5/curr1_input", "hwmon5/power1_input"))]:
        del tree.files[path]
    for _ in range(2 * LOOKS_PER_WALK):
        numbers, states = said(source)
        assert [labels for _, labels in numbers] == [("VDD_GPU",)]
        assert states == {"power/VIN": MISSING, "power/VDD_GPU": ""}


def test_an_input_that_its_driver_knows_is_missed_though_it_was_never_there() -> None:
    chip = under("sys/bus/i2c/drivers/ina238/2-0044/hwmon/hwmon5", {"name": "ina238", "in1_input": "19700", "temp1_input": "38250"})
    assert said(part(SmallTree({RELEASE: "", **chip}), "sysfs/power"))[1] == {"power/VIN": MISSING}


def test_a_sensor_that_comes_back_is_no_longer_missed() -> None:
    tree = SmallTree({RELEASE: "", **ina3221(3, ["A", "B"])})
    source = part(tree, "sysfs/power")
    said(source)
    kept = {path: tree.files.pop(path) for path in list(tree.files) if path.rpartition("/")[2].startswith(("in2_", "curr2_"))}
    assert [said(source)[1]["power/B"] for _ in range(3)] == [MISSING] * 3
    tree.files |= kept
    assert [said(source)[1]["power/B"] for _ in range(LOOKS_PER_WALK)][-1] == ""


def test_a_drive_that_was_pulled_out_is_not_missed_for_ever() -> None:
    tree = SmallTree({**drive(0, "coretemp", "40000"), **drive(1, "nvme", "30000")})
    source = part(tree, "sysfs/hwmon")
    assert len(said(source)[0]) == 2
    tree.files = dict(drive(0, "coretemp", "40000"))
    assert [said(source)[1] for _ in range(3)][-1] == {"temperature/coretemp/temp1": ""}
