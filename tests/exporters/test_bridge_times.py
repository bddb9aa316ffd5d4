"""How old a message may be, and when its event was: by the sender's own clock where that can be true."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders.bridge import NOW, RESULT, World, result, settings, weather, weather_v1

HOUR = 3600.0
YEAR = 365 * 86_400.0
WEATHER = "/save_edgeData"
AT = "ai_event_last_timestamp_seconds"


@pytest.mark.parametrize("age", [HOUR + 1, YEAR, NOW])
@pytest.mark.parametrize(("path", "make"), [(WEATHER, weather), (WEATHER, weather_v1), (RESULT, result)])
def test_what_is_older_than_an_hour_changes_nothing_and_is_counted(path: str, make: Any, age: float) -> None:
    one = World()
    assert one.post(path, make(at=NOW - age)) in ("0018", "400")
    assert one.refusals() == ["too_old"]
    assert one.value("edge_bridge_refused_total", path=path, reason="too_old") == 1
    assert one.value("ai_environment_state", environment="04") is None
    assert one.value("ai_events_total", event="fire") == 0
    assert one.value("ai_results_total") is None


@pytest.mark.parametrize(("most", "code"), [(7200, "0000"), (3000, "0018")])
def test_how_old_is_configured(most: float, code: str) -> None:
    one = World(settings(most_age_seconds=most))
    assert one.post(WEATHER, weather(at=NOW - HOUR)) == code


def test_a_clock_ahead_is_no_reason_to_refuse() -> None:
    one = World()
    assert one.post(WEATHER, weather(at=NOW + YEAR)) == "0000"
    assert one.value("ai_environment_state", environment="04", trust="high") == 1
    (sender,) = one.desk.senders.everybody()
    assert sender.paths[WEATHER].clock_ahead_seconds == YEAR


@pytest.mark.parametrize(
    ("said_at", "shown"),
    [
        pytest.param(NOW - 90, NOW - 90, id="its own time"),
        pytest.param(NOW - HOUR, NOW - HOUR, id="as old as may be"),
        pytest.param(NOW + 1, NOW, id="in the future: when it arrived"),
        pytest.param(NOW + YEAR, NOW, id="far in the future: when it arrived"),
    ],
)
def test_an_event_was_when_its_sender_says_where_that_can_be_true(said_at: float, shown: float) -> None:
    one = World()
    assert one.post(RESULT, result(at=said_at)) == "200"
    assert one.value(AT, event="fire") == shown
    assert one.value("ai_last_result_timestamp_seconds") == NOW


def test_an_older_event_that_comes_late_counts_and_is_not_the_last() -> None:
    one = World()
    one.post(RESULT, result(class_prob=0.9))
    one.post(RESULT, result(at=NOW - 600, class_prob=0.5))
    assert one.value("ai_events_total", event="fire") == 2
    assert one.value(AT, event="fire") == NOW
    assert one.value("ai_event_confidence_ratio", event="fire") == 0.9


def test_an_entry_that_was_kept_before_there_were_two_times_still_counts() -> None:
    one = World()
    entry = one.take(RESULT, result()).entry
    assert entry is not None
    one.desk.apply({key: value for key, value in entry.items() if key != "seen"})
    assert one.value("ai_events_total", event="fire") == 2
