"""What the Jetson readers make of single texts: a number in range, or a reason, and never anything else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.device.hwmon import parse_super_io_celsius
from exporters.device.number import parse_duty, parse_hertz, parse_microwatts, parse_rpm, printable
from exporters.device.sensor import MISSING, OUT_OF_RANGE, UNPARSABLE, SensorError
from exporters.jetson.emc import parse_activity_hertz
from exporters.jetson.gpu import parse_asleep, parse_load, parse_nvmap_total
from exporters.jetson.power import parse_milliwatts, watts_of
from exporters.jetson.power_mode import parse_mode, parse_mode_names
from exporters.jetson.throttling import parse_events, parse_state
from tests.builders.tables import in_one_test

Parser = Callable[[str], float]

PARSERS: list[Parser] = [
    parse_load,
    parse_hertz,
    parse_activity_hertz,
    parse_milliwatts,
    parse_microwatts,
    parse_duty,
    parse_rpm,
    parse_state,
    parse_events,
    lambda text: watts_of(text, "1000"),
    lambda text: watts_of("5000", text),
]


@pytest.mark.parametrize(
    ("parse", "text", "number"),
    [
        pytest.param(parse_load, "347\n", 0.347, id="load-in-tenths-of-a-percent"),
        pytest.param(parse_load, "0\n", 0.0, id="an-idle-gpu-is-truly-0"),
        pytest.param(parse_load, "1000", 1.0, id="full-load"),
        pytest.param(parse_hertz, "1300500000\n", 1.3005e9, id="clock"),
        pytest.param(parse_activity_hertz, "21330\n", 21_330_000.0, id="activity-in-kHz"),
        pytest.param(parse_milliwatts, "4131\n", 4.131, id="milliwatts"),
        pytest.param(parse_microwatts, "39597000\n", 39.597, id="microwatts"),
        pytest.param(parse_duty, "255\n", 1.0, id="full-duty"),
        pytest.param(parse_rpm, "0\n", 0.0, id="a-standing-fan-is-truly-0"),
        pytest.param(parse_events, "4294967294\n", 4294967294.0, id="a-counter-nearly-full"),
        pytest.param(parse_super_io_celsius, "31500\n", 31.5, id="warm-board"),
    ],
)
def test_numbers_are_read_in_their_unit(parse: Parser, text: str, number: float) -> None:
    assert parse(text) == number


NO_NUMBERS = [
    ("", MISSING),
    (" \n", MISSING),
    ("nan\n", UNPARSABLE),
    ("inf", UNPARSABLE),
    ("0x10\n", UNPARSABLE),
    ("1_000\n", UNPARSABLE),
    ("1e3", UNPARSABLE),
    ("12.5\n", UNPARSABLE),
    ("+5", UNPARSABLE),
    ("--5", UNPARSABLE),
    ("5 mW\n", UNPARSABLE),
    ("1\n2\n", UNPARSABLE),
    ("5\0", UNPARSABLE),
    ("5\x1c", UNPARSABLE),
    ("1" * 16, UNPARSABLE),
    ("9" * 15, OUT_OF_RANGE),
    ("-256000\n", OUT_OF_RANGE),
]


@in_one_test(("parse", "text", "reason"), [(parse, text, reason) for parse in PARSERS for text, reason in NO_NUMBERS])
def test_everything_else_is_a_reason(parse: Parser, text: str, reason: str) -> None:
    with pytest.raises(SensorError) as caught:
        parse(text)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        pytest.param(parse_load, "1001", id="above-full-load"),
        pytest.param(parse_hertz, "0", id="a-memory-that-stands"),
        pytest.param(parse_hertz, "204000", id="a-clock-in-kHz"),
        pytest.param(parse_duty, "256", id="above-full-duty"),
        pytest.param(parse_duty, "-1", id="negative-duty"),
        pytest.param(parse_rpm, "50001", id="faster-than-any-fan"),
        pytest.param(parse_state, "-1", id="a-cooling-device-that-is-off"),
        pytest.param(parse_super_io_celsius, "0", id="an-input-that-is-not-connected"),
        pytest.param(lambda text: watts_of(text, "1"), "32761", id="above-the-voltage-register"),
        pytest.param(lambda text: watts_of("5000", text), "-8", id="current-that-flows-backwards"),
    ],
)
def test_what_cannot_be_true_is_out_of_range(parse: Parser, text: str) -> None:
    with pytest.raises(SensorError) as caught:
        parse(text)
    assert caught.value.reason == OUT_OF_RANGE


@given(st.text(max_size=40), st.sampled_from(PARSERS))
def test_any_text_gives_a_number_of_digits_or_a_reason(text: str, parse: Parser) -> None:
    try:
        parse(text)
    except SensorError:
        return
    assert text.strip(" \t\r\n").removeprefix("-").isascii()
    assert text.strip(" \t\r\n").removeprefix("-").isdigit()


def test_watts_are_volts_times_amperes() -> None:
    assert watts_of("4984\n", "1856\n") == pytest.approx(4.984 * 1.856)


@pytest.mark.parametrize(("text", "asleep"), [("suspended\n", True), ("suspending\n", True), ("active\n", False), ("unsupported\n", False)])
def test_runtime_states(text: str, asleep: bool) -> None:
    assert parse_asleep(text) is asleep


@pytest.mark.parametrize(("text", "reason"), [("", MISSING), ("sleepy\n", UNPARSABLE), ("active suspended", UNPARSABLE)])
def test_no_other_runtime_state_is_believed(text: str, reason: str) -> None:
    with pytest.raises(SensorError) as caught:
        parse_asleep(text)
    assert caught.value.reason == reason


CLIENTS = "CLIENT                        PROCESS      PID        SIZE\nuser                             Xorg     9022      12904K\n"
TOTAL = "total                                               20648K\n"


def test_the_last_line_of_nvmap_is_the_total() -> None:
    assert parse_nvmap_total(CLIENTS + TOTAL) == 20648 * 1024


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CLIENTS, id="cut-before-the-total"),
        pytest.param(CLIENTS + TOTAL.replace("K\n", ""), id="cut-before-its-unit"),
        pytest.param(CLIENTS + "total   user   7   9K\n", id="a-process-called-total"),
        pytest.param("", id="empty"),
    ],
)
def test_nvmap_without_its_total_is_not_added_up(text: str) -> None:
    with pytest.raises(SensorError):
        parse_nvmap_total(text)


@pytest.mark.parametrize(("text", "mode"), [("pmode:0002\n", 2), ("pmode:0008 fmode:quiet\n", 8), ("pmode:0000", 0)])
def test_power_mode_status(text: str, mode: int) -> None:
    assert parse_mode(text) == mode


@pytest.mark.parametrize("text", ["", "pmode:", "pmode:-1", "pmode:0x2", "2", "pmode:0002 0003", "pmode:00020", "fmode:quiet"])
def test_no_other_status_is_a_power_mode(text: str) -> None:
    with pytest.raises(SensorError):
        parse_mode(text)


def test_names_of_power_modes_without_comments() -> None:
    text = "# < POWER_MODEL ID=9 NAME=OLD >\n< POWER_MODEL ID=0 NAME=MAXN >\nCPU_ONLINE CORE_1 1\n<POWER_MODEL ID=3 NAME=MODE_30W_ALL>\n"
    assert parse_mode_names(text) == {0: "MAXN", 3: "MODE_30W_ALL"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("VDD_CPU_GPU_CV\n", "VDD_CPU_GPU_CV"),
        ("Core 0\n", "Core 0"),
        ("NVIDIA Jetson AGX Orin Developer Kit\0", "NVIDIA Jetson AGX Orin Developer Kit"),
        ("5V_IN", "5V_IN"),
        ("a" * 500, ""),
        ("", ""),
        ("12345\n", ""),
        ("0x1f", ""),
        ("nan", ""),
        ("two\nlines", ""),
        ("bell\x07", ""),
        ("@@@", ""),
    ],
)
def test_labels_are_printable_and_bounded(text: str, said: str) -> None:
    assert printable(text) == said
