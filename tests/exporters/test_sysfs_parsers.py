"""What thermal zones say, and what they must not be believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.contract import COLDEST_CELSIUS, HOTTEST_CELSIUS
from exporters.device.sensor import MISSING, OUT_OF_RANGE, SWITCHED_OFF, UNPARSABLE, SensorError
from exporters.device.sysfs import parse_celsius, parse_zone_type, throttle_limit_celsius, zone_names


@pytest.mark.parametrize(
    ("text", "celsius"),
    [
        pytest.param("48250\n", 48.25, id="warm"),
        pytest.param("0\n", 0.0, id="freezing-point-is-a-temperature"),
        pytest.param("-12000\n", -12.0, id="winter"),
    ],
)
def test_millidegrees(text: str, celsius: float) -> None:
    assert parse_celsius(text) == celsius


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("-256000\n", SWITCHED_OFF, id="power-off-sentinel"),
        pytest.param("-255999\n", OUT_OF_RANGE, id="colder-than-silicon"),
        pytest.param("999000\n", OUT_OF_RANGE, id="too-hot-for-silicon"),
        pytest.param("\n", MISSING, id="empty"),
        pytest.param("48.2\n", UNPARSABLE, id="not-whole"),
        pytest.param("٤٨٠٠٠", UNPARSABLE, id="digits-of-another-script"),
    ],
)
def test_no_temperature(text: str, reason: str) -> None:
    with pytest.raises(SensorError) as caught:
        parse_celsius(text)
    assert caught.value.reason == reason


@given(st.text(max_size=12) | st.integers().map(str))
def test_garbage_is_an_error_or_a_temperature_that_silicon_can_have(text: str) -> None:
    try:
        celsius = parse_celsius(text)
    except SensorError:
        return
    assert COLDEST_CELSIUS <= celsius <= HOTTEST_CELSIUS


@pytest.mark.parametrize(
    ("trips", "limit"),
    [
        pytest.param([("critical", "104500"), ("passive", "99000"), ("active", "45000")], 99.0, id="passive-only"),
        pytest.param([("passive\n", "99000\n"), ("passive\n", "85000\n")], 85.0, id="lowest"),
        pytest.param([("passive", "-273200"), ("passive", "95000")], 95.0, id="switched-off-trip"),
        pytest.param([("critical", "104500")], None, id="switching-off-is-not-throttling"),
        pytest.param([], None, id="none"),
    ],
)
def test_throttling_begins_at_the_lowest_passive_trip(trips: list[tuple[str, str]], limit: float | None) -> None:
    assert throttle_limit_celsius(trips) == limit


@pytest.mark.parametrize(
    ("trips", "reason"),
    [
        pytest.param([("passive", "x"), ("passive", "95000")], UNPARSABLE, id="an-unreadable-trip-may-be-the-lowest"),
        pytest.param([("", "85000"), ("passive", "95000")], UNPARSABLE, id="so-may-one-of-no-kind"),
        pytest.param([("passive", "999000"), ("passive", "95000")], OUT_OF_RANGE, id="hotter-than-silicon"),
        pytest.param([("passive", "0")], SWITCHED_OFF, id="zero-is-no-limit"),
    ],
)
def test_a_limit_that_cannot_be_known_is_none(trips: list[tuple[str, str]], reason: str) -> None:
    with pytest.raises(SensorError, match=reason):
        throttle_limit_celsius(trips)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("CPU-therm\n", "CPU-therm", id="jetson"),
        pytest.param("x86_pkg_temp\n", "x86_pkg_temp", id="pc"),
        pytest.param("", None, id="empty"),
        pytest.param("-256000\n", None, id="a-number-below-zero"),
        pytest.param("a\0b", None, id="not-printable"),
        pytest.param("a" * 65, None, id="too-long"),
    ],
)
def test_a_zone_is_called_by_its_type_or_not_at_all(text: str, name: str | None) -> None:
    if name is None:
        with pytest.raises(SensorError):
            parse_zone_type(text)
    else:
        assert parse_zone_type(text) == name


@given(
    st.dictionaries(st.integers(0, 9).map(lambda n: f"thermal_zone{n}"), st.sampled_from(["a", "a_1", "a_2", "", "thermal_zone1", "b\n"]))
)
def test_zone_names_never_collide(types: dict[str, str]) -> None:
    names = zone_names(types)
    assert names.keys() == types.keys()
    assert len(set(names.values())) == len(types)


def test_a_shared_type_gets_the_zones_number() -> None:
    assert zone_names({"thermal_zone0": "acpitz", "thermal_zone1": "acpitz", "thermal_zone2": "x86_pkg_temp"}) == {
        "thermal_zone0": "acpitz_0",
        "thermal_zone1": "acpitz_1",
        "thermal_zone2": "x86_pkg_temp",
    }
