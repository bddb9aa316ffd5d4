"""The judge of the corruption suite judges itself: it refuses the words for none, wrong products, and another sensor's excuse."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from exporters.device.source import Report, Sample, Source
from tests.builders.board_damage import legitimate
from tests.builders.board_looks import Key, Look, sources
from tests.builders.board_meaning import meant
from tests.builders.board_verdict import Case, has_reason, problems, whole
from tests.builders.boards import MemoryTree, says

ZONE = "sys/class/thermal/thermal_zone1/temp"
CHIP = "sys/class/hwmon/hwmon3"
CELSIUS = "edge_temperature_celsius"


@pytest.mark.parametrize(
    ("path", "text", "true"),
    [
        pytest.param(ZONE, "65531\n", True, id="a-warm-zone"),
        pytest.param(ZONE, "0\n", True, id="winter"),
        pytest.param(ZONE, "-0\n", False, id="minus-zero"),
        pytest.param(ZONE, "-1\n", False, id="minus-one"),
        pytest.param(ZONE, "255\n", False, id="a-byte-of-ones"),
        pytest.param(ZONE, "32767\n", False, id="a-register-at-its-end"),
        pytest.param(ZONE, "65535\n", False, id="a-bus-without-driver"),
        pytest.param(ZONE, "127000\n", False, id="an-open-diode"),
        pytest.param(ZONE, "127937\n", False, id="an-open-diode-with-its-fraction"),
        pytest.param(ZONE, "-256000\n", False, id="no-power"),
        pytest.param(ZONE, "4294967295\n", False, id="minus-one-unsigned"),
        pytest.param(f"{CHIP}/in1_input", "65535\n", False, id="more-volts-than-the-chip-knows"),
        pytest.param(f"{CHIP}/in1_input", "32760\n", False, id="the-end-of-the-voltage-register"),
        pytest.param(f"{CHIP}/curr1_input", "127000\n", True, id="many-amperes"),
        pytest.param(f"{CHIP}/curr1_input", "32767\n", False, id="the-end-of-a-word"),
        pytest.param(f"{CHIP}/rpm", "32767\n", False, id="no-fan-turns-at-exactly-that"),
        pytest.param(f"{CHIP}/pwm1", "255\n", True, id="full-duty"),
        pytest.param("sys/devices/platform/17000000.ga10b/load", "65535\n", False, id="more-than-all-load"),
        pytest.param("proc/meminfo", "0\n", False, id="not-the-form-of-the-file"),
        pytest.param(f"{CHIP}/in1_label", "\0\0\0\0", False, id="no-name"),
    ],
)
def test_it_knows_what_can_be_true(path: str, text: str, true: bool) -> None:
    assert legitimate(path, text, "CPU-therm") is true


def test_it_knows_the_power_chips_constants() -> None:
    assert legitimate(ZONE, "50000\n", "CPU-therm") and not legitimate(ZONE, "50000\n", "PMIC-Die")


WATTS: Key = ("edge_power_watts", ("VDD_IN",))
ACTIVITY, CLOCK = "sys/kernel/actmon_avg_activity/mc_all", "sys/kernel/debug/clk/emc/clk_rate"
COOLER = {"a/cur_state": "1\n", "a/max_state": "4\n"}
TRIPS = {f"z/trip_point_{number}_{what}": text for number, what, text in (
    (0, "temp", "99000\n"), (0, "type", "passive\n"), (1, "temp", "5\n"), (1, "type", "passive\n"), (2, "temp", "50000\n"),
    (2, "type", "active\n")
)}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "key", "files", "expected"),
    [
        pytest.param("a/in1_input", WATTS, {"a/in1_input": "5000\n", "a/curr1_input": "300\n"}, [1.5], id="power"),
        pytest.param("a/in1_input", WATTS, {"a/in1_input": "5000\n", "a/curr1_input": "nan\n"}, [], id="garbage"),
        pytest.param("a/max_state", ("edge_throttling_ratio", ("x",)), COOLER, [0.25], id="throttling"),
        pytest.param(ACTIVITY, ("edge_emc_usage_ratio", ()), {ACTIVITY: "400000\n", CLOCK: "1600000000\n"}, [0.25], id="bandwidth"),
        pytest.param("z/trip_point_1_temp", ("edge_temperature_limit_celsius", ("x",)), TRIPS, [99.0], id="limit"),
    ],
)
def test_it_knows_what_a_number_means(path: str, key: Key, files: dict[str, str], expected: list[float]) -> None:
    assert meant(path, key, files, files.__getitem__) == pytest.approx(expected)


def test_a_wrong_product_is_a_false_number() -> None:
    def times_ten(tree: MemoryTree) -> list[Source]:
        return [replace(source, look=partial(_ten_times, source)) for source in sources(tree)]

    path = f"{CHIP}/curr1_input"
    case = Case(path, "another current", says("400\n"), "400\n")
    assert problems(whole("orin-nx"), [case]) == []
    assert any("false number ('edge_power_watts'" in problem for problem in problems(whole("orin-nx"), [case], times_ten))


def _ten_times(source: Source) -> Report:
    report = source.look()
    report.samples = [Sample(name, labels, value * 10) if name == "edge_power_watts" else Sample(name, labels, value)
                      for name, labels, value in report.samples]  # fmt: skip
    return report


def _without(of: Look, key: Key, silent: dict[tuple[str, str], str]) -> Look:
    return Look({other: value for other, value in of.samples.items() if other != key}, {**of.states, **silent})


@pytest.mark.parametrize(
    ("silent", "excused"),
    [
        pytest.param({}, False, id="no-reason-at-all"),
        pytest.param({("memory", "procfs"): "missing"}, False, id="another-sensor"),
        pytest.param({("temperature/GPU-therm", "sysfs/thermal"): "missing"}, False, id="another-zone"),
        pytest.param({("sysfs/power", "sysfs/power"): "failed"}, False, id="another-source"),
        pytest.param({("temperature/CPU-therm", "sysfs/thermal"): "missing"}, True, id="its-own"),
        pytest.param({("temperature", "sysfs/thermal"): "missing"}, True, id="its-part"),
        pytest.param({("sysfs/thermal", "sysfs/thermal"): "failed"}, True, id="its-source"),
    ],
)
def test_only_the_lost_samples_own_sensor_excuses_it(silent: dict[tuple[str, str], str], excused: bool) -> None:
    of = whole("orin-nx")
    key = next(key for key in of.says.samples if key[0] == CELSIUS and key[1][0] == "CPU-therm")
    case = Case(ZONE, "garbage", says("nan\n"), "nan\n")
    assert has_reason(of, [case], _without(of.says, key, silent), key) is excused
