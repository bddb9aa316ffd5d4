"""Which chips the hardware monitoring reader takes, which it leaves to others, and how it names what they say."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from exporters.device.hwmon import hwmon_source
from exporters.device.part import MOST_SENSORS
from exporters.device.sensor import FAILED, MISSING, OUT_OF_RANGE, SWITCHED_OFF, UNPARSABLE
from exporters.emulated.boards import names
from exporters.jetson.sources import jetson_sources
from tests.builders.boards import MemoryTree, board
from tests.builders.jetson_tree import SmallTree, ina3221, said, under

Files = Mapping[str, str | Exception]
H0, H1 = "sys/class/hwmon/hwmon0", "sys/class/hwmon/hwmon1"


def hwmon(files: Files) -> tuple[dict[tuple[str, str], float], dict[str, str]]:
    """Numbers by metric and label, and reasons."""
    numbers, states = said(hwmon_source(SmallTree(files)))
    return {(name, labels[0]): value for (name, labels), value in numbers.items()}, states


def test_a_pc() -> None:
    cpu = {"name": "coretemp", "temp1_input": "41000", "temp1_label": "Package id 0", "temp2_input": "39000", "temp2_label": "Core 0"}
    card = {"name": "amdgpu", "temp1_input": "55000", "fan1_input": "1200", "pwm1": "51", "power1_average": "31000000", "pwm1_enable": "2"}
    assert hwmon({**under(H0, cpu), **under(H1, card)})[0] == {
        ("edge_temperature_celsius", "coretemp/Package id 0"): 41.0,
        ("edge_temperature_celsius", "coretemp/Core 0"): 39.0,
        ("edge_temperature_celsius", "amdgpu/temp1"): 55.0,
        ("edge_fan_speed_rpm", "amdgpu/fan1"): 1200.0,
        ("edge_fan_duty_ratio", "amdgpu/pwm1"): 0.2,
        ("edge_power_watts", "amdgpu/power1"): 31.0,
    }


def test_the_figure_of_now_goes_before_the_mean() -> None:
    chip = {"name": "amdgpu", "fan1_input": "0", "power1_average": "31000000", "power1_input": "30000000"}
    assert hwmon(under(H0, chip))[0]["edge_power_watts", "amdgpu/power1"] == 30.0


def test_chips_and_labels_that_share_a_name_are_told_apart() -> None:
    drives = {**under(H0, {"name": "nvme", "temp1_input": "30000"}), **under(H1, {"name": "nvme", "temp1_input": "31000"})}
    assert [label for _, label in hwmon(drives)[0]] == ["nvme_0/temp1", "nvme_1/temp1"]
    chip = {"name": "board", **{f"temp{n}_input": "30000" for n in (1, 2)}, **{f"temp{n}_label": "PECI" for n in (1, 2)}}
    assert [label for _, label in hwmon(under(H0, chip))[0]] == ["board/temp1", "board/temp2"]


def test_a_thermal_zone_is_not_said_again() -> None:
    zone = {"name": "acpitz", "temp1_input": "30000"}
    assert hwmon({**under(H0, zone), "sys/class/thermal/thermal_zone0/hwmon0/name": "acpitz"}) == ({}, {})
    assert hwmon(under(H0, {"name": "cpu_thermal", "temp1_input": "30000"})) == ({}, {})
    assert hwmon({**under(H0, {"name": "CPU_therm", "temp1_input": "30000"}), "sys/class/thermal/thermal_zone0/type": "CPU-therm\n"}) == (
        {},
        {},
    )


def test_a_chip_that_lost_its_name_may_be_a_zones_and_says_nothing() -> None:
    assert hwmon(under(H0, {"temp1_input": "30000"})) == ({}, {"temperature/hwmon0/temp1": MISSING})


def test_power_monitors_and_fans_have_other_readers() -> None:
    fan = {"name": "pwmfan", "pwm1": "77", "fan1_input": "900"}
    assert hwmon({**ina3221(0, "ABC"), **under(H1, fan)}) == ({}, {})
    assert hwmon(under(H0, {"name": "ina238", "power1_input": "1", "temp1_input": "38250"}))[0] == {
        ("edge_temperature_celsius", "ina238/temp1"): 38.25
    }


@pytest.mark.parametrize("name", names())
def test_no_series_of_a_board_is_said_by_two_readers(name: str) -> None:
    tree = MemoryTree(board(name))
    told = [key for source in (*jetson_sources(tree), hwmon_source(tree)) for key in said(source)[0]]
    assert len(told) == len(set(told)) > 10


def test_an_input_of_a_main_board_that_is_not_connected() -> None:
    numbers, states = hwmon(under(H0, {"name": "nct6798", "temp1_input": "0", "temp2_input": "32000", "fan7_label": "CHA"}))
    assert list(numbers) == [("edge_temperature_celsius", "nct6798/temp2")]
    assert states == {"fan_speed/nct6798/CHA": MISSING, "temperature/nct6798/temp1": OUT_OF_RANGE, "temperature/nct6798/temp2": ""}


def test_ten_thousand_inputs_are_bounded_and_said() -> None:
    numbers, states = hwmon(under(H0, {"name": "wild", **{f"temp{n}_input": "30000" for n in range(10_000)}}))
    assert len(numbers) == MOST_SENSORS
    assert states["hwmon"] == OUT_OF_RANGE


@pytest.mark.parametrize(
    ("files", "sensor", "reason"),
    [
        pytest.param({"temp1_input": "125000", "temp1_fault": "1\n"}, "temperature/nct7802/temp1", FAILED, id="open-diode"),
        pytest.param({"temp1_input": "45000", "temp1_fault": "0\n"}, "temperature/nct7802/temp1", "", id="no-fault"),
        pytest.param({"temp1_input": "45000", "temp1_fault": "?"}, "temperature/nct7802/temp1", UNPARSABLE, id="who-knows"),
        pytest.param({"temp1_input": "-48000", "temp1_enable": "0\n"}, "temperature/nct7802/temp1", SWITCHED_OFF, id="not-measured"),
        pytest.param({"fan1_input": "30000", "fan1_fault": "1\n", "in0_input": "9"}, "fan_speed/nct7802/fan1", FAILED, id="fan-lost"),
        pytest.param({"fan1_input": "0", "fan1_enable": "0\n", "in0_input": "9"}, "fan_speed/nct7802/fan1", SWITCHED_OFF, id="fan-off"),
        pytest.param({"pwm1": "0", "pwm1_enable": "0\n", "in0_input": "9"}, "fan_duty/nct7802/pwm1", SWITCHED_OFF, id="full-speed"),
        pytest.param({"pwm1": "51", "pwm1_enable": "5\n", "in0_input": "9"}, "fan_duty/nct7802/pwm1", "", id="automatic"),
    ],
)
def test_what_the_kernel_disowns_is_not_believed(files: Files, sensor: str, reason: str) -> None:
    numbers, states = hwmon(under(H0, {"name": "nct7802", **files}))
    assert states == {sensor: reason}
    assert len(numbers) == (not reason)


def test_a_graphics_card_that_controls_its_fan_by_itself_measures_it() -> None:
    numbers, _ = hwmon(under(H0, {"name": "amdgpu", "temp1_input": "50000", "fan1_input": "900", "fan1_enable": "0\n"}))
    assert numbers["edge_fan_speed_rpm", "amdgpu/fan1"] == 900.0
