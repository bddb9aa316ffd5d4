"""Every dialect of every payload is read alike, and what is none of them is refused with the field's own code."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.bridge import dialects, payloads
from exporters.bridge.classes import ClassMap, Meaning, Variant, environment, variant_of_function
from exporters.bridge.replies import Refusal
from tests.builders.bridge import result, trigger, usage, weather, weather_v1
from tests.builders.tables import in_one_test

SEOUL = ZoneInfo("Asia/Seoul")
NOON_UTC = 1_721_910_896.0
"""2024-07-25T12:34:56Z."""


def refusal(read: Callable[[], object]) -> tuple[str, str]:
    """Reason and code of what must be refused."""
    with pytest.raises(Refusal) as caught:
        read()
    return caught.value.reason.name, caught.value.reason.code


@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(lambda text: text.encode(), id="plain"),
        pytest.param(lambda text: json.dumps(text).encode(), id="double"),
        pytest.param(lambda text: json.dumps(json.dumps(text)).encode(), id="triple"),
        pytest.param(lambda text: b"\xef\xbb\xbf" + text.encode(), id="byte order mark"),
        pytest.param(lambda text: json.dumps("\ufeff" + text).encode(), id="byte order mark inside"),
        pytest.param(lambda text: b" \r\n" + text.encode() + b"\n", id="blanks around"),
    ],
)
def test_an_object_is_found_however_it_is_encoded(encode: Callable[[str], bytes]) -> None:
    assert dialects.decode(encode(json.dumps(usage(), ensure_ascii=False))) == usage()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"\xff\xfe{\x00}\x00", "not_utf8"),
        (b"{'username': 'edge-07'}", "not_json"),
        (b"[1]", "not_object"),
        (b"12", "not_object"),
        (b"null", "not_object"),
        (b'"plain text"', "not_json"),
        (b'{"cpu": NaN}', "out_of_range"),
        (b'{"cpu": 1} {"cpu": 2}', "not_json"),
        (b"[" * 50_000, "not_json"),
        (b'{"a":' * 50_000, "not_json"),
        (b'{"cpu": 1' + b"0" * 5000 + b"}", "not_json"),
        (json.dumps(json.dumps(json.dumps("{}"))).encode(), "not_object"),
        ("{}".encode("utf-16"), "not_utf8"),
    ],
)
def test_what_is_no_object_is_refused(body: bytes, reason: str) -> None:
    assert refusal(lambda: dialects.decode(body))[0] == reason


@pytest.mark.parametrize(("cpu", "ratio"), [(12.3, 0.123), ("12.3", 0.123), (" 12.3 ", 0.123), ("12.3%", 0.123), (0, 0.0), (100, 1.0)])
def test_a_percentage_may_be_a_number_or_text(cpu: object, ratio: float) -> None:
    assert payloads.usage(usage(cpu=cpu)).cpu_ratio == ratio


@in_one_test(
    ("changed", "reason", "code"),
    [
        ({"cpu": "-"}, "missing_field", "0015"),
        ({"memory": "-"}, "missing_field", "0015"),
        ({"cpu": None}, "empty_field", "0020"),
        ({"cpu": ""}, "empty_field", "0020"),
        ({"cpu": "many"}, "invalid_value", "0019"),
        ({"cpu": "0x10"}, "invalid_value", "0019"),
        ({"cpu": "nan"}, "invalid_value", "0019"),
        ({"cpu": "1" * 40}, "invalid_value", "0019"),
        ({"cpu": True}, "wrong_type", "0019"),
        ({"cpu": [1]}, "wrong_type", "0019"),
        ({"cpu": 100.1}, "out_of_range", "0019"),
        ({"cpu": -1}, "out_of_range", "0019"),
        ({"cpu": 10**400}, "out_of_range", "0019"),
        ({"cpu": "1e999"}, "out_of_range", "0019"),
        ({"memory": 123.0}, "out_of_range", "0019"),
        ({"username": {"a": 1}}, "wrong_type", "0019"),
        ({"username": "x" * 65}, "too_long", "0016"),
        ({"username": "edge\u202e07"}, "invalid_value", "0019"),
        ({"username": "edge\ud800"}, "invalid_value", "0019"),
        ({"code": "9999"}, "sender_error", "0020"),
        ({"code": 500}, "sender_error", "0020"),
    ],
)
def test_a_usage_that_cannot_be_true_is_refused(changed: dict[str, Any], reason: str, code: str) -> None:
    assert refusal(lambda: payloads.usage(usage(**changed))) == (reason, code)


@pytest.mark.parametrize(
    ("changed", "variant"),
    [
        ({}, None),
        ({"func": "SUNNY"}, Variant("01", "")),
        ({"func": "RAINY"}, Variant("02", "")),
        ({"func": "RAINY02"}, Variant("02", "02")),
        ({"func": "눈"}, Variant("04", "")),
        ({"ai_class": "01", "version": "10"}, Variant("01", "10")),
        ({"ai_class": "00"}, Variant("00", "")),
        ({"func": ""}, None),
    ],
)
def test_a_usage_may_say_which_variant_runs(changed: dict[str, Any], variant: Variant | None) -> None:
    assert payloads.usage(usage(**changed)).variant == variant


@pytest.mark.parametrize(
    "changed", [{"func": "NIGHT"}, {"func": "RAINY2"}, {"ai_class": "7"}, {"ai_class": "01", "version": "a b"}, {"func": 7.5}]
)
def test_an_unknown_variant_does_not_take_the_load_with_it(changed: dict[str, Any]) -> None:
    read = payloads.usage(usage(**changed))
    assert (read.cpu_ratio, read.variant) == (0.123, None)
    assert read.trouble is not None


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2024-07-25T12:34:56Z", NOON_UTC),
        ("2024-07-25T21:34:56+09:00", NOON_UTC),
        ("2024-07-25T21:34:56+0900", NOON_UTC),
        ("2024-07-25T21:34:56", NOON_UTC),
        ("2024-07-25 21:34:56", NOON_UTC),
        ("2024-07-25T21:34:56.250", NOON_UTC + 0.25),
        ("2024-07-25T21:34:56.250000000", NOON_UTC + 0.25),
        ("2024-07-25T21:34", NOON_UTC - 56),
        ("202407252134", NOON_UTC - 56),
        (202407252134, NOON_UTC - 56),
        ("20240725213456", NOON_UTC),
    ],
)
def test_times_with_and_without_a_zone(written: object, at: float) -> None:
    assert dialects.moment(written, SEOUL, "time") == at


@pytest.mark.parametrize(
    "written",
    [
        "yesterday",
        "2024-13-01T00:00:00",
        "20240230",
        "2024-07-25",
        "202413010000",
        "-",
        1.5,
        True,
        -5,
        [],
        "٢٠٢٤٠٧٢٥٢١٣٤",
        "9" * 14,
        "0" * 12,
    ],
)
def test_what_is_no_time_has_the_code_for_dates(written: object) -> None:
    assert refusal(lambda: dialects.moment(written, SEOUL, "time")) == ("bad_time", "0018")


@pytest.mark.parametrize(("date", "time"), [("20240725", "213456"), (20240725, 213456), (" 20240725 ", "213456")])
def test_date_and_time_apart(date: object, time: object) -> None:
    assert payloads.weather(weather_v1(date=date, time=time), SEOUL).said_at == NOON_UTC


def test_a_number_that_lost_its_zero() -> None:
    early = payloads.weather(weather_v1(date="20240725", time=13456), SEOUL).said_at
    assert early == payloads.weather(weather_v1(date="20240725", time="013456"), SEOUL).said_at


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (lambda: payloads.weather(weather(res_class="-"), SEOUL), "missing_field"),
        (lambda: payloads.weather(weather(res_class=None), SEOUL), "empty_field"),
        (lambda: payloads.weather(weather(res_class=[4]), SEOUL), "wrong_type"),
        (lambda: payloads.weather(weather(res_class="x" * 65), SEOUL), "too_long"),
        (lambda: payloads.weather(weather(res_confidence=70), SEOUL), "out_of_range"),
        (lambda: payloads.weather(weather(created_at="-"), SEOUL), "missing_field"),
        (lambda: payloads.weather(weather_v1(time="-"), SEOUL), "missing_field"),
        (lambda: payloads.weather(weather_v1(time="1234567"), SEOUL), "bad_time"),
        (lambda: payloads.result(result(version="http://a:b@c"), SEOUL), "invalid_value"),
        (lambda: payloads.result(result(version="-"), SEOUL), "missing_field"),
        (lambda: payloads.result(result(class_prob="1.5"), SEOUL), "out_of_range"),
        (lambda: payloads.result(result(class_=True), SEOUL), "wrong_type"),
        (lambda: payloads.result(result(class_=1.5), SEOUL), "wrong_type"),
        (lambda: payloads.trigger(trigger(aid="-")), "missing_field"),
        (lambda: payloads.trigger(trigger(filename="")), "empty_field"),
    ],
)
def test_other_payloads_that_cannot_be_read(read: Callable[[], object], reason: str) -> None:
    assert refusal(read)[0] == reason


@pytest.mark.parametrize(
    ("word", "classes", "meaning"),
    [
        ("04", ClassMap(), Meaning("04", False)),
        ("4", ClassMap(), Meaning("04", True)),
        ("4", ClassMap(confirmed=True), Meaning("04", False)),
        ("4", ClassMap({"4": "02"}), Meaning("02", True)),
        ("4", ClassMap({"4": "02"}, confirmed=True), Meaning("02", False)),
        ("눈", ClassMap(), Meaning("04", False)),
        ("snow", ClassMap(), Meaning("04", False)),
        ("천둥", ClassMap(), Meaning("06", False)),
        ("night", ClassMap({"night": "03"}), Meaning("03", False)),
        ("3", ClassMap({"night": "03"}), Meaning("03", True)),
    ],
)
def test_what_a_class_word_means(word: str, classes: ClassMap, meaning: Meaning) -> None:
    assert environment(word, classes, "class") == meaning


@pytest.mark.parametrize(
    ("word", "classes"),
    [
        ("00", ClassMap()),
        ("0", ClassMap()),
        ("7", ClassMap()),
        ("07", ClassMap()),
        ("night", ClassMap()),
        ("3", ClassMap({"4": "04"})),
        ("", ClassMap()),
    ],
)
def test_an_unknown_class_is_never_guessed(word: str, classes: ClassMap) -> None:
    assert refusal(lambda: environment(word, classes, "class"))[0] == "unknown_class"


def test_a_function_word_may_carry_a_version() -> None:
    assert variant_of_function("SNOWY11") == Variant("04", "11")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80)
JSON = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=3)
FIELDS = ["username", "cpu", "memory", "nid", "created_at", "res_class", "res_confidence", "date", "time", "result", "eid", "sid", "ainame",
          "version", "class", "class_prob", "code", "func", "ai_class", "aid", "filename"]  # fmt: skip


def outcome(read: Callable[[], object]) -> Refusal | None:
    """The refusal, where it is one; any other error is a defect and goes on."""
    try:
        read()
    except Refusal as refused:
        return refused
    return None


@given(body=st.dictionaries(st.sampled_from(FIELDS), JSON | st.text(alphabet="0123456789T:-Z. ")))
def test_no_payload_does_anything_but_be_read_or_refused(body: dict[str, Any]) -> None:
    readers = (payloads.usage, payloads.trigger, lambda found: payloads.weather(found, SEOUL), lambda found: payloads.result(found, SEOUL))
    refusals = [outcome(partial(read, body)) for read in readers]
    assert all(refused is None or refused.detail.isprintable() for refused in refusals)


@given(body=st.binary())
def test_no_bytes_do_anything_but_be_decoded_or_refused(body: bytes) -> None:
    refused = outcome(lambda: dialects.decode(body))
    assert refused is None or refused.reason.code == "0010" or refused.reason.name == "out_of_range"
