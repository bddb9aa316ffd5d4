"""Which rails are found in the layouts of R32, R35 and Thor, what they are called, and what a damaged file costs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from exporters.device.chips import HWMON
from exporters.device.part import MOST_SENSORS, Part
from exporters.device.sensor import MISSING, NOT_PERMITTED, OUT_OF_RANGE, SWITCHED_OFF, UNPARSABLE, UNREADABLE
from exporters.jetson.identity import RELEASE, is_jetson
from exporters.jetson.power import power_readings
from tests.builders.jetson_tree import SmallTree, ina3221, said, under

Files = Mapping[str, str | Exception]
H3 = f"{HWMON}/hwmon3"
IIO = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"


def power(files: Files) -> tuple[dict[str, float], dict[str, str]]:
    """Watts by rail, and the reasons, of one look."""
    numbers, states = said(Part("sysfs/power", "power", HWMON, power_readings, is_jetson).source(SmallTree(files)))
    return {labels[0]: watts for (_, labels), watts in numbers.items()}, states


def test_hwmon_layout_counts_three_inputs_and_no_sums() -> None:
    rails, states = power(ina3221(3, ["VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"]))
    assert rails == {"VDD_IN": 5.0, "VDD_CPU_GPU_CV": 10.0, "VDD_SOC": 15.0}
    assert set(states.values()) == {""}


def test_iio_layout() -> None:
    rails, _ = power(
        under(IIO, {"rail_name_0": "POM_5V_IN\n", "in_power0_input": "2875\n", "rail_name_1": "NC\n", "in_power1_input": "0\n"})
    )
    assert rails == {"POM_5V_IN": 2.875}


def test_iio_layout_without_the_drivers_folder() -> None:
    rails, _ = power(under("sys/bus/i2c/devices/0-0041/iio:device1", {"rail_name_0": "VDD_IN", "in_power0_input": "5418"}))
    assert rails == {"VDD_IN": 5.418}


def test_the_input_of_thor_is_called_as_tegrastats_calls_it() -> None:
    chip = {"name": "ina238", "curr1_input": "2010", "in1_input": "19700", "power1_input": "39597000", "temp1_input": "38250"}
    rails, _ = power({**under(f"{HWMON}/hwmon5", chip), "sys/bus/i2c/drivers/ina238/2-0044/hwmon/hwmon5/name": "ina238"})
    assert rails == {"VIN": 39.597}


def test_one_chip_on_two_paths_is_read_once() -> None:
    chip = ina3221(3, ["VDD_IN"])
    again = {path.replace(HWMON, "sys/bus/i2c/drivers/ina3221/1-0040/hwmon"): text for path, text in chip.items()}
    assert power({**chip, **again})[0] == {"VDD_IN": 5.0}


@pytest.mark.parametrize(
    ("damage", "lost", "sensor", "reason"),
    [
        pytest.param({f"{H3}/curr2_input": FileNotFoundError()}, "B", "power/B", MISSING, id="current-missing"),
        pytest.param({f"{H3}/in2_input": ""}, "B", "power/B", MISSING, id="voltage-empty"),
        pytest.param({f"{H3}/curr2_input": "garbage"}, "B", "power/B", UNPARSABLE, id="garbage"),
        pytest.param({f"{H3}/curr1_input": "-8"}, "A", "power/A", OUT_OF_RANGE, id="backwards"),
        pytest.param({f"{H3}/curr3_input": PermissionError()}, "C", "power/C", NOT_PERMITTED, id="forbidden"),
        pytest.param(
            {f"{H3}/in3_input": OSError(61, "no data"), f"{H3}/in3_enable": "0\n"}, "C", "power/C", SWITCHED_OFF, id="channel-off"
        ),
        pytest.param({f"{H3}/in3_input": OSError(61, "no data"), f"{H3}/in3_enable": "1\n"}, "C", "power/C", UNREADABLE, id="channel-on"),
    ],
)
def test_one_damaged_file_loses_its_own_rail_only(damage: Files, lost: str, sensor: str, reason: str) -> None:
    rails, states = power({**ina3221(3, "ABC"), **damage})
    assert set(rails) == set("ABC") - {lost}
    assert states[sensor] == reason


@pytest.mark.parametrize("name", ["", "12", "garbage", FileNotFoundError(), PermissionError()])
def test_a_damaged_chip_name_costs_nothing(name: str | Exception) -> None:
    assert power({**ina3221(3, "ABC"), f"{H3}/name": name})[0] == {"A": 5.0, "B": 10.0, "C": 15.0}


def test_a_rail_without_a_label_is_named_by_its_place() -> None:
    on_bus = {"sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/name": "ina3221"}
    files = {path: text for path, text in ina3221(3, "ABC").items() if path != f"{H3}/in2_label"}
    assert power({**files, **on_bus})[0] == {"A": 5.0, "rail_1-0040_2": 10.0, "C": 15.0}


@pytest.mark.parametrize("label", ["", "nan", "\0\0", PermissionError()])
def test_a_rail_whose_label_is_damaged_may_be_no_rail(label: str | Exception) -> None:
    rails, states = power({**ina3221(3, "ABC"), f"{H3}/in2_label": label})
    assert rails == {"A": 5.0, "C": 15.0}
    assert list(states.values()).count("unparsable") == 1


def test_rails_that_share_a_label_are_told_apart_by_their_place() -> None:
    rails, _ = power(under(f"{IIO[:-1]}0", {f"{kind}": text for kind, text in two_of_a_name()}))
    assert rails == {"VDD_6-0040_0": 1.0, "VDD_6-0040_1": 2.0}


def two_of_a_name() -> list[tuple[str, str]]:
    """Files of two rails with one label."""
    return [("rail_name_0", "VDD"), ("in_power0_input", "1000"), ("rail_name_1", "VDD"), ("in_power1_input", "2000")]


def test_a_chip_that_lost_all_its_files_is_missed() -> None:
    assert power(under(H3, {"name": "ina3221"})) == ({}, {"power/rail_ina3221_1": MISSING})


def test_a_chip_whose_folder_may_not_be_listed_takes_no_other_with_it() -> None:
    files = {**ina3221(4, ["VDD_IN"]), H3: PermissionError(), f"{H3}/name": PermissionError()}
    assert power(files)[0] == {"VDD_IN": 5.0}


def test_thousands_of_rails_are_not_thousands_of_series() -> None:
    files: dict[str, str | Exception] = {"name": "psu", "curr1_input": "1"}
    files |= {f"power{number}_input": "1000000" for number in range(1, 10_001)}
    rails, states = power(under(H3, files))
    assert len(rails) == MOST_SENSORS
    assert states["power"] == OUT_OF_RANGE


@pytest.mark.parametrize(("files", "states"), [({RELEASE: ""}, {"power": MISSING}), ({"proc/stat": ""}, {})], ids=["jetson", "elsewhere"])
def test_only_a_jetson_misses_its_power_monitor(files: Files, states: Mapping[str, str]) -> None:
    assert power(files) == ({}, states)


def test_a_battery_is_no_rail() -> None:
    assert power(under(H3, {"name": "BAT0", "in0_input": "12000", "curr1_input": "1500"})) == ({}, {})


@pytest.mark.parametrize("names", [("amdgpu", "amdgpu"), ("ina3221", "ina3221"), ("", "")], ids=["cards", "monitors", "nameless"])
def test_of_two_equal_chips_none_is_lost(names: tuple[str, str]) -> None:
    files: dict[str, str | Exception] = {}
    for number, name in enumerate(names):
        figures = {"in1_label": "PPT", "in1_input": "5000", "curr1_input": "1000"}
        files |= under(f"{HWMON}/hwmon{number}", {"name": name, "power1_average": "5000000", "power1_label": "PPT", **figures})
    rails, states = power(files)
    assert sorted(rails.values()) == [5.0, 5.0]
    assert all(f"PPT_{names[number] or 'hwmon'}" in rail for number, rail in enumerate(sorted(rails)))
    assert set(states.values()) == {""}


def test_only_the_drivers_own_sum_is_no_rail() -> None:
    assert set(power(ina3221(3, ["SUMMIT_5V", "Summary", "sum of shunt voltages"]))[0]) == {"SUMMIT_5V", "Summary"}


@pytest.mark.parametrize("address", ["1-00\udcff40", '1-"}\nedge_power_watts{rail="x"} 9\n', "1-0040 ", "x-0040", "1-00040", "1-٠٠٤٠"])
@pytest.mark.parametrize("place", ["sys/bus/i2c/drivers/ina3221/{}/hwmon/hwmon0", "sys/bus/i2c/drivers/ina3221x/{}/iio:device0"])
def test_what_is_no_address_on_a_bus_names_nothing(address: str, place: str) -> None:
    chip = {"name": "ina3221", "in1_input": "5000", "curr1_input": "100", "in_power0_input": "500"}
    rails, states = power(under(place.format(address), chip))
    assert rails == {} and states.keys() <= {"power"}


@pytest.mark.parametrize(
    ("enable", "reason"), [("0\n", SWITCHED_OFF), ("1\n", ""), ("x", UNPARSABLE)], ids=["switched off", "on", "damaged"]
)
def test_a_channel_that_is_switched_off_is_not_believed_whatever_it_says(enable: str, reason: str) -> None:
    rails, states = power({**ina3221(3, "ABC"), f"{H3}/in2_enable": enable})
    assert ("B" in rails, states["power/B"]) == (not reason, reason)
    assert {"A", "C"} <= set(rails)
