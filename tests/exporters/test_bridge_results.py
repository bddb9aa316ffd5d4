"""What a result of C-07 means: an environment, a security event or a plain result, by the configured map of its AI."""

from __future__ import annotations

import json
from math import nextafter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.bridge.totals import Tally
from exporters.contract import ENVIRONMENT_CLASSES
from exporters.workload.observation import AMBIGUOUS_BAND_RATIO
from exporters.workload.publish import AMBIGUOUS_BAND, Options, Publisher
from tests.builders.bridge import FIRE, RESULT, World, result, settings

FIRES = "ai_events_total"


def world(**tables: Any) -> World:
    return World(settings(**tables))


def seen(one: World) -> str | None:
    """The class that the camera sees; None where nothing is said of it."""
    states = {one_class: one.value("ai_environment_state", environment=one_class) for one_class in ENVIRONMENT_CLASSES}
    return next((one_class for one_class, state in states.items() if state == 1), None)


def test_a_fire_counts_from_zero_with_its_time_and_confidence() -> None:
    one = world()
    assert one.value(FIRES, event="fire", device="edge-07", trust="high") == 0
    assert one.value("ai_event_last_timestamp_seconds") is None
    assert one.post(RESULT, result()) == "200"
    labels = {"workload": "fire/cam-07/main", "placement": "fire/cam-07/main@edge-07#0", "event": "fire", "trust": "high"}
    assert one.value(FIRES, **labels) == 1
    assert one.value("ai_event_last_timestamp_seconds", **labels) == one.now
    assert one.value("ai_event_confidence_ratio", **labels) == 0.7
    assert one.value(FIRES, event="smoke") == 0
    assert one.value("ai_results_total", version="0.01v") == 1


@pytest.mark.parametrize(
    ("changed", "events", "results", "environment"),
    [
        pytest.param({"class_": "1"}, 1, 1, None, id="an event"),
        pytest.param({"class_": 0}, 0, 1, None, id="a plain result"),
        pytest.param({"ainame": "WeatherAI", "class_": "03"}, 0, 1, "03", id="an environment"),
        pytest.param({"ainame": "WeatherAI", "class_": 3}, 0, 1, "03", id="a bare number, assumed"),
    ],
)
def test_the_map_of_the_ainame_says_what_a_class_is(changed: dict[str, Any], events: int, results: int, environment: str | None) -> None:
    one = world()
    assert one.post(RESULT, result(**changed)) == "200"
    assert one.value(FIRES, event="fire", trust="high") == events
    assert one.value("ai_results_total") == results
    assert seen(one) == environment


@pytest.mark.parametrize(
    ("changed", "code", "reason"),
    [
        ({"ainame": "OtherAI"}, "404", "unmapped_ai"),
        ({"class_": 5}, "400", "unmapped_class"),
        ({"ainame": "WeatherAI", "class_": 9}, "400", "unknown_class"),
        ({"eid": "0x99"}, "404", "unmapped"),
        ({"eid": "root"}, "404", "identifies_nothing"),
        ({"class_prob": 7}, "400", "out_of_range"),
        ({"sid": "-"}, "400", "missing_field"),
    ],
)
def test_a_result_that_nobody_described_counts_nothing(changed: dict[str, Any], code: str, reason: str) -> None:
    one = world()
    assert one.post(RESULT, result(**changed)) == code
    assert one.refusals() == [reason]
    assert one.value("ai_results_total") is None
    assert one.value(FIRES, event="fire") == 0


def test_an_ai_is_found_by_its_sid_where_two_have_one_name() -> None:
    one = world(ai=[FIRE, {**FIRE, "package": "precise", "sid": "0xs9"}])
    one.post(RESULT, result(sid="0xs9"))
    one.post(RESULT, result(sid="0xs1"))
    assert one.value(FIRES, workload="precise/cam-07/main", event="fire") == 1
    assert one.value(FIRES, workload="fire/cam-07/main", event="fire") == 1


@given(confidence=st.floats(0.0, 1.0) | st.sampled_from([0.4, 0.6, nextafter(0.4, 1), nextafter(0.6, 1)]))
def test_bridge_and_publisher_mean_the_same_by_ambiguous(confidence: float) -> None:
    outlet: list[bytes] = []
    options = Options(heartbeat=False, interval_seconds=0.0, send=outlet.append)
    with Publisher("yolo/cam-07/main", "yolo/cam-07/main@edge-07#0", "01", "1", options=options) as publisher:
        publisher.result(0.1, confidence)
    tally = Tally()
    tally.count(confidence, 0.0)
    assert tally.ambiguous == json.loads(outlet[-1])["ambiguous"]
    assert AMBIGUOUS_BAND_RATIO == AMBIGUOUS_BAND


def test_confidence_is_counted_in_its_bucket_and_in_the_ambiguous_band() -> None:
    one = world()
    for confidence in (0.39, 0.4, 0.5, 0.6, 0.61):
        one.post(RESULT, result(class_=0, class_prob=confidence))
    assert one.value("ai_results_ambiguous_total") == 2
    assert one.value("ai_confidence_ratio_bucket", le="0.4") == 2
    assert one.value("ai_confidence_ratio_count") == 5


def test_events_stay_when_their_sender_is_silent() -> None:
    one = world()
    one.post(RESULT, result())
    one.now += 86_400
    assert one.value(FIRES, event="fire") == 1
    assert one.value("ai_results_total") == 1


def test_too_many_versions_are_counted_together() -> None:
    one = world(limits={"versions_of_one": 2})
    for number in range(5):
        one.post(RESULT, result(class_=0, version=f"{number}"))
    assert one.value("ai_results_total", version="1") == 1
    assert one.value("ai_results_total", version="other") == 3
