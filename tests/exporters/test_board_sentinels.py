"""Words for none that look like numbers: refused wherever they come from, and written in one place each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exporters.device.number import FULL_REGISTERS, measured, parse_microwatts, parse_rpm, whole
from exporters.device.sensor import NO_SENSOR, OUT_OF_RANGE, SWITCHED_OFF, UNPARSABLE, SensorError
from exporters.device.sysfs import parse_celsius, throttle_limit_celsius
from exporters.jetson.power import parse_milliwatts, watts_of
from exporters.jetson.tegrastats import parse
from tests.builders.tegrastats import LINES

EXPORTERS = Path(__file__).resolve().parents[2] / "exporters"


@pytest.mark.parametrize(
    ("text", "zone", "reason"),
    [
        pytest.param("-1\n", "CPU-therm", OUT_OF_RANGE, id="minus-one"),
        pytest.param("255\n", "CPU-therm", OUT_OF_RANGE, id="a-byte-of-ones"),
        pytest.param("32767\n", "CPU-therm", OUT_OF_RANGE, id="a-register-at-its-end"),
        pytest.param("65535\n", "CPU-therm", OUT_OF_RANGE, id="a-bus-without-driver"),
        pytest.param("127000\n", "CPU-therm", OUT_OF_RANGE, id="an-open-diode"),
        pytest.param("127937\n", "Tdiode", OUT_OF_RANGE, id="an-open-diode-with-its-fraction"),
        pytest.param("-0\n", "CPU-therm", UNPARSABLE, id="minus-zero"),
        pytest.param("-256000\n", "GPU-therm", SWITCHED_OFF, id="no-power"),
        pytest.param("50000\n", "PMIC-Die", NO_SENSOR, id="a-constant"),
        pytest.param("100000\n", "pmic_die", NO_SENSOR, id="a-constant-in-small-letters"),
    ],
)
def test_no_file_says_them_as_a_temperature(text: str, zone: str, reason: str) -> None:
    with pytest.raises(SensorError) as refused:
        parse_celsius(text, zone)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("text", "celsius"), [("0\n", 0.0), ("-12500\n", -12.5), ("65531\n", 65.531), ("126999\n", 126.999), ("50000\n", 50.0)]
)
def test_what_can_be_true_is_said(text: str, celsius: float) -> None:
    assert parse_celsius(text, "CPU-therm") == celsius


@pytest.mark.parametrize("word", ["127C", "127.937C", "-0.001C", "0.255C", "32.767C", "65.535C", "-256C"])
def test_no_line_says_them_as_a_temperature(word: str) -> None:
    report = parse(f"RAM 1000/4000MB CPU [1%@100] CPU@{word} GPU@0C AO@40C\n")
    said = {sample.labels[0]: sample.value for sample in report.samples if sample.name == "edge_temperature_celsius"}
    assert said == {"GPU": 0.0, "AO": 40.0}


@pytest.mark.parametrize("text", ["127000\n", "32767\n", "65535\n"])
def test_no_zone_throttles_there(text: str) -> None:
    with pytest.raises(SensorError):
        throttle_limit_celsius([("passive\n", text), ("passive\n", "99000\n")])
    assert throttle_limit_celsius([("active\n", text), ("passive\n", "99000\n")]) == 99.0


@pytest.mark.parametrize("number", sorted(FULL_REGISTERS))
def test_a_full_register_is_no_measurement_but_may_be_a_count(number: int) -> None:
    for read in (parse_rpm, parse_microwatts, parse_milliwatts, lambda text: watts_of(text, "1"), lambda text: watts_of("1", text)):
        with pytest.raises(SensorError):
            read(f"{number}\n")
    with pytest.raises(SensorError):
        measured(f"{number}\n", 0, 10**6)
    assert whole(f"{number}\n", 0, 10**6) == number


@pytest.mark.parametrize(("millivolts", "milliamperes"), [("26001", "1"), ("32760", "1"), ("5000", "163841"), ("5000", "-1")])
def test_no_rail_has_more_than_its_chip_can_measure(millivolts: str, milliamperes: str) -> None:
    with pytest.raises(SensorError):
        watts_of(millivolts, milliamperes)


@pytest.mark.parametrize(
    "literal",
    [r"256\.0\b", r"\b50\.0, 100\.0, 120\.0, 140\.0\b", r"edgeshift/disk\.json", r"\b(?:2e10|20_000_000_000)\b", r"\b50_000(?:\.0)?\b"],
)
def test_each_of_these_is_written_once(literal: str) -> None:
    code = [line.split("#")[0] for path in EXPORTERS.rglob("*.py") for line in path.read_text(encoding="utf-8").splitlines()]
    assert len([line for line in code if re.search(rf"^\w+: Final = .*{literal}", line)]) == 1


@pytest.mark.parametrize("line", LINES, ids=[line.id for line in LINES])
def test_each_constructed_line_says_that_its_numbers_are_ours(line: object) -> None:
    assert isinstance(line, type(LINES[0]))
    assert line.note.startswith("Constructed: ") and "the numbers are ours" in line.note


def test_a_rail_before_a_temperature_is_half_of_a_name() -> None:
    report = parse("RAM 1000/4000MB CPU [1%@100] AO@40C C 0/0 PU@57.5C tj@60C VDD_IN 5000/5000\n")
    said = {(sample.name, *sample.labels): sample.value for sample in report.samples}
    assert ("edge_temperature_celsius", "PU") not in said and ("edge_power_watts", "C") not in said
    assert said["edge_temperature_celsius", "tj"] == 60.0 and said["edge_power_watts", "VDD_IN"] == 5.0


def test_no_two_lines_share_a_measured_number() -> None:
    """Whoever copies a line, or half of one, is found here: two boards never draw the same power and memory."""
    words = [word for line in LINES for word in set(re.findall(r"\b[0-9]{3,}(?:mW)?/[0-9]{3,}(?:mW)?", line.text))]
    assert [word for word in words if words.count(word) > 1] == []
