"""Streams, events and the environment of several workers: what cannot be told is not said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders.exporters import LABELS, NOW, Page, World, datagram
from tests.builders.workload import Worker, refused


def results(page: Page) -> dict[str, float]:
    """Results by stream."""
    return {s.labels["stream"]: s.value for f in page.families for s in f.samples if s.name == "ai_stream_results_total"}


def test_streams_of_two_workers_add_up_and_the_newest_result_counts() -> None:
    collector, one, two = World().collector(), Worker(1), Worker(2)
    collector.accept(one.say(5, streams={"gate": [3, 3, NOW - 9], "yard": [0, 2, NOW - 5]}), 0)
    collector.accept(two.say(4, streams={"gate": [4, 4, NOW - 2]}), 0)
    page = Page(collector)
    assert results(page) == {"gate": 7, "yard": 2}
    assert page.value("ai_stream_frames_total", stream="gate", **LABELS) == 7
    assert page.value("ai_stream_frames_total", stream="yard") is None  # it counts results and no frames
    assert page.value("ai_stream_last_result_timestamp_seconds", stream="gate") == NOW - 2
    assert page.value("ai_streams_over_limit", **LABELS) == 0
    collector.accept(one.say(end=True, streams={"gate": [3, 3, NOW - 9], "yard": [0, 2, NOW - 5]}), 0)
    page = Page(collector)
    assert results(page) == {"gate": 7, "yard": 2}
    assert page.value("ai_stream_last_result_timestamp_seconds", stream="yard") == NOW - 5


def test_the_limit_holds_over_all_workers() -> None:
    collector, one, two = World().collector(), Worker(1), Worker(2)
    collector.accept(one.say(12, streams={f"a{n}": [1, 1, NOW] for n in range(12)}), 0)
    collector.accept(two.say(12, streams={f"b{n}": [1, 1, NOW - n] for n in range(12)}), 0)
    page = Page(collector)
    assert len(results(page)) == 17
    assert results(page)["other"] == 8
    assert page.value("ai_streams_over_limit", **LABELS) == 8


@pytest.mark.parametrize(("said", "shown"), [((3, 5), 5), ((0, 0), 0), ((7, 2), 7)])
def test_streams_that_two_workers_did_not_name_may_be_the_same(said: tuple[int, int], shown: int) -> None:
    collector = World().collector()
    for number, unnamed in enumerate(said):
        collector.accept(Worker(number).say(streams_over_limit=unnamed), 0)
    assert Page(collector).value("ai_streams_over_limit", **LABELS) == shown


def test_a_program_that_knows_no_streams_has_none() -> None:
    collector = World().collector()
    collector.accept(datagram(), 0)
    assert Page(collector).value("ai_streams_over_limit") is None


def test_a_stream_that_falls_or_disappears_is_refused() -> None:
    collector, one = World().collector(), Worker(1)
    collector.accept(one.say(2, streams={"gate": [2, 2, NOW]}), 0)
    collector.accept(one.say(streams={"gate": [2, 1, NOW]}), 0)
    collector.accept(one.say(streams={}), 0)
    assert refused(Page(collector)) == {"went_backwards": 2}


def event(total: int, at: float | None, confidence: float = 0.5) -> dict[str, Any]:
    """What is said of the one event."""
    return {"fire": {"total": total, **({} if at is None else {"at": at, "confidence": confidence})}}


def test_an_event_counted_without_a_time_makes_the_last_time_unknown_until_it_is_said() -> None:
    collector, one = World().collector(), Worker(1)
    collector.accept(one.say(events=event(1, NOW - 9)), 0)
    assert Page(collector).value("ai_event_last_timestamp_seconds", event="fire") == NOW - 9
    collector.accept(one.say(events=event(2, None)), 0)  # there was no room
    page = Page(collector)
    assert page.value("ai_events_total", event="fire") == 2
    assert page.value("ai_event_last_timestamp_seconds") is None
    assert page.value("ai_event_confidence_ratio") is None
    collector.accept(one.say(events=event(3, NOW - 1)), 0)
    assert Page(collector).value("ai_event_last_timestamp_seconds", event="fire") == NOW - 1


def test_an_unknown_time_of_one_worker_hides_the_older_time_of_another() -> None:
    collector, one, two = World().collector(), Worker(1), Worker(2)
    collector.accept(one.say(events=event(1, NOW - 9)), 0)
    collector.accept(two.say(events=event(1, None)), 0)
    page = Page(collector)
    assert page.value("ai_events_total", event="fire") == 2
    assert page.value("ai_event_last_timestamp_seconds") is None


def test_the_newest_sighting_of_all_workers_counts() -> None:
    collector, one, two = World().collector(), Worker(1), Worker(2)
    collector.accept(one.say(events=event(2, NOW - 3, 0.9)), 0)
    collector.accept(two.say(events=event(1, NOW - 8, 0.4)), 0)
    collector.accept(one.say(events=event(2, NOW - 3, 0.9), end=True), 0)
    page = Page(collector)
    assert page.value("ai_events_total", event="fire") == 3
    assert page.value("ai_event_last_timestamp_seconds", event="fire") == NOW - 3
    assert page.value("ai_event_confidence_ratio", event="fire") == 0.9


def test_a_clock_set_back_does_not_leave_a_time_ahead_of_it() -> None:
    world, one, two = World(), Worker(1), Worker(2)
    collector = world.collector()
    collector.accept(one.say(1, end=True, events=event(1, NOW)), 0)
    world.now -= 86_400
    collector.accept(two.say(1, at=world.now, last_frame=world.now, last_result=world.now - 1, events=event(1, world.now - 2)), 0)
    page = Page(collector)
    assert page.value("ai_last_result_timestamp_seconds", **LABELS) == world.now - 1
    assert page.value("ai_event_last_timestamp_seconds", event="fire") == world.now - 2


def test_an_ended_workers_environment_is_believed_no_longer() -> None:
    collector, one, two = World().collector(), Worker(1), Worker(2)
    seen = {"class": "03", "confidence": 0.8, "at": NOW}
    collector.accept(one.say(environment=seen), 0)
    collector.accept(two.say(), 0)
    assert Page(collector).value("ai_environment_state", environment="03") == 1
    collector.accept(one.say(environment=seen, end=True), 0)
    assert Page(collector).value("ai_environment_state", environment="03") is None
