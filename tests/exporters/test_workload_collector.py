"""Placements over restarts, losses, duplicates and ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.workload.collector import REFUSALS, Bounds
from tests.builders.exporters import LABELS, NOW, PLACEMENT, Page, World, body, datagram

OTHER = "b" * 32


def refused(page: Page) -> dict[str, float]:
    """What was refused, by reason."""
    counts = {reason: page.value("ai_observations_refused_total", reason=reason) for reason in REFUSALS}
    return {reason: count for reason, count in counts.items() if count}


def test_one_observation_becomes_every_family() -> None:
    collector = World().collector()
    collector.accept(datagram(events={"fire": {"total": 1, "at": NOW - 1, "confidence": 0.8}, "fall": {"total": 0}}), 0)
    page = Page(collector)
    assert page.value("ai_frames_total", **LABELS) == 1
    assert page.value("ai_inference_latency_seconds_bucket", le="0.025", **LABELS) == 0
    assert page.value("ai_inference_latency_seconds_bucket", le="0.05", **LABELS) == 1
    assert page.value("ai_inference_latency_seconds_count", **LABELS) == 1
    assert page.value("ai_inference_latency_seconds_sum", **LABELS) == 0.04
    assert page.value("ai_confidence_ratio_bucket", le="0.4", **LABELS) == 0
    assert page.value("ai_confidence_ratio_bucket", le="0.5", **LABELS) == 1
    assert page.value("ai_last_result_timestamp_seconds", **LABELS) == NOW - 0.1
    assert page.value("ai_process_cpu_seconds_total", **LABELS) == 1.5
    assert page.value("ai_events_total", event="fire", **LABELS) == 1
    assert page.value("ai_event_last_timestamp_seconds", event="fire") == NOW - 1
    assert page.value("ai_event_confidence_ratio", event="fire") == 0.8
    assert page.value("ai_events_total", event="fall", **LABELS) == 0
    assert page.value("ai_event_last_timestamp_seconds", event="fall") is None
    assert page.value("ai_observations_lost_total", **LABELS) == 0
    assert refused(page) == {}


def test_before_the_first_frame_there_is_no_time_and_no_memory_that_was_not_said() -> None:
    silent = body()
    for absent in ("last_frame", "last_result", "resident_bytes"):
        del silent[absent]
    collector = World().collector()
    collector.accept(json.dumps(silent).encode(), 0)
    page = Page(collector)
    assert page.value("ai_last_frame_timestamp_seconds") is None
    assert page.value("ai_last_result_timestamp_seconds") is None
    assert page.value("ai_process_resident_memory_bytes") is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"seq": 5}, "old_sequence", id="duplicate"),
        pytest.param({"seq": 3}, "old_sequence", id="late"),
        pytest.param({"seq": 6, "frames": 9}, "went_backwards", id="a-total-falls"),
        pytest.param({"seq": 6, "frames": 10, "events": {}}, "went_backwards", id="an-event-disappears"),
        pytest.param({"seq": 6, "frames": 10, "version": "2"}, "identity_changed", id="another-version-in-one-session"),
        pytest.param({"seq": 0}, "number", id="the-parsers-word"),
    ],
)
def test_what_cannot_follow_changes_nothing_and_is_counted(changes: dict[str, Any], reason: str) -> None:
    collector = World().collector()
    collector.accept(datagram(seq=5, frames=10), 0)
    collector.accept(datagram(**changes), 0)
    page = Page(collector)
    assert page.value("ai_frames_total", **LABELS) == 10
    assert refused(page) == {reason: 1}


def test_gaps_are_what_never_arrived_and_the_programs_own_count_is_believed_for_what_was_before() -> None:
    collector = World().collector()
    collector.accept(datagram(seq=100, lost=90), 0)
    collector.accept(datagram(seq=101, lost=90), 0)
    collector.accept(datagram(seq=105, lost=92), 0)  # two that it knows of, one on the way
    assert Page(collector).value("ai_observations_lost_total", **LABELS) == 93


def test_a_restart_goes_on_where_the_last_session_ended() -> None:
    collector = World().collector()
    collector.accept(datagram(seq=7, frames=10, cpu_seconds=30.0, events={"fire": {"total": 2, "at": NOW - 5, "confidence": 0.7}}), 0)
    collector.accept(datagram(session=OTHER, frames=3, cpu_seconds=1.0), 0)
    page = Page(collector)
    assert page.value("ai_frames_total", **LABELS) == 13
    assert page.value("ai_process_cpu_seconds_total", **LABELS) == 31.0
    assert page.value("ai_inference_latency_seconds_count", **LABELS) == 2
    assert page.value("ai_events_total", event="fire") == 2
    assert page.value("ai_event_last_timestamp_seconds", event="fire") == NOW - 5
    collector.accept(datagram(seq=8, frames=11), 0)  # a straggler of the first session
    page = Page(collector)
    assert page.value("ai_frames_total", **LABELS) == 13
    assert refused(page) == {"session_over": 1}


def test_a_restart_as_another_version_makes_series_of_its_own() -> None:
    collector = World().collector()
    collector.accept(datagram(frames=10), 0)
    collector.accept(datagram(session=OTHER, frames=3, version="2"), 0)
    page = Page(collector)
    assert page.value("ai_frames_total", **{**LABELS, "version": "2"}) == 3
    assert (page.value("ai_frames_total", **LABELS), page.value("ai_workers", **LABELS)) == (10, 0), "its last words stay for a minute"


def test_goodbye_ends_a_placement_for_good_and_its_last_words_are_scraped() -> None:
    world = World()
    collector = world.collector()
    collector.accept(datagram(), 0)
    last = {"events": {"fire": {"total": 1, "at": NOW, "confidence": 0.9}}}
    collector.accept(datagram(seq=3, end=True, **last), 0)
    collector.accept(datagram(seq=2), 0)
    world.pass_seconds(60.0)
    page = Page(collector)
    assert (page.value("ai_events_total", event="fire"), page.value("ai_workers")) == (1, 0)
    assert page.value("ai_process_resident_memory_bytes") is None, "nobody is there who has memory"
    assert collector.programs() == ()
    assert refused(page) == {"session_over": 1}
    world.pass_seconds(0.1)
    assert Page(collector).value("ai_events_total") is None


def test_another_sessions_goodbye_leaves_the_running_one_alone() -> None:
    collector = World().collector()
    collector.accept(datagram(), 0)
    collector.accept(datagram(session=OTHER, seq=9, end=True), 0)
    assert Page(collector).value("ai_frames_total", **LABELS) == 1


def test_silence_is_forgotten_after_its_time_and_may_be_broken() -> None:
    world = World()
    collector = world.collector()
    collector.accept(datagram(), 0)
    world.pass_seconds(60)
    assert Page(collector).value("ai_frames_total") == 1
    world.pass_seconds(0.1)
    assert Page(collector).value("ai_frames_total") is None
    collector.accept(datagram(seq=2), 0)
    assert Page(collector).value("ai_frames_total") == 1


@pytest.mark.parametrize("after", [pytest.param({}, id="dead"), pytest.param({40: (40, 8)}, id="its-id-is-somebody-elses")])
def test_a_placement_ends_with_its_process(after: dict[int, tuple[int, int]]) -> None:
    world = World()
    world.processes = {40: (40, 7)}
    collector = world.collector()
    collector.accept(datagram(), 40)
    assert collector.programs()[0].process == (40, 7)
    assert Page(collector).value("ai_frames_total") == 1
    world.processes = after
    assert collector.programs() == ()
    assert Page(collector).value("ai_workers") == 0
    world.pass_seconds(60.1)
    assert Page(collector).value("ai_frames_total") is None


def test_a_restart_under_another_process_is_no_end() -> None:
    world = World()
    world.processes = {40: (40, 7), 41: (41, 9)}
    collector = world.collector()
    collector.accept(datagram(frames=10), 40)
    collector.accept(datagram(session=OTHER, frames=1), 41)
    del world.processes[40]
    assert Page(collector).value("ai_frames_total", **LABELS) == 11


def test_a_process_that_cannot_be_seen_is_no_witness() -> None:
    collector = World().collector()
    collector.accept(datagram(cpu_seconds=4.0), 999)
    (program,) = collector.programs()
    assert (program.placement, program.process, program.cpu_seconds) == (PLACEMENT, None, 4.0)


def test_the_number_of_placements_is_bounded_and_the_ended_make_room() -> None:
    world = World()
    collector = world.collector(Bounds(max_placements=2))
    for number in (1, 2, 3):
        collector.accept(datagram(placement=f"yolo/cam-07/main@edge-07#{number}", session=f"{number:032x}"), 0)
    assert len(collector.programs()) == 2
    assert refused(Page(collector)) == {"too_many_placements": 1}
    world.pass_seconds(61)
    collector.accept(datagram(placement="yolo/cam-07/main@edge-07#3", session=f"{3:032x}"), 0)
    assert [program.placement[-2:] for program in collector.programs()] == ["#3"]


def seen(environment: str, at: float, confidence: float | None = 0.9) -> dict[str, Any]:
    """What a program says of its camera's environment."""
    return {"class": environment, "confidence": confidence, "at": at}


def test_the_environment_is_the_cameras_and_the_newest_word_counts() -> None:
    world = World()
    collector = world.collector()
    collector.accept(datagram(environment=seen("02", NOW - 1)), 0)
    collector.accept(datagram(session=OTHER, placement="yolo/cam-07/main@edge-07#2", environment=seen("03", NOW - 9, 0.4)), 0)
    page = Page(collector)
    assert page.value("ai_environment_state", camera="cam-07", environment="02") == 1
    assert page.value("ai_environment_state", camera="cam-07", environment="03") == 0
    assert page.value("ai_environment_confidence_ratio", camera="cam-07") == 0.9
    world.pass_seconds(59)
    collector.accept(datagram(seq=2, environment=seen("02", NOW - 1)), 0)
    world.pass_seconds(1)
    assert Page(collector).value("ai_environment_state", environment="02") is None  # said too long ago, though the program lives


def test_an_unknown_environment_is_none_of_the_six_and_has_no_confidence() -> None:
    collector = World().collector()
    collector.accept(datagram(environment=seen("unknown", NOW)), 0)
    page = Page(collector)
    assert [page.value("ai_environment_state", environment=f"0{n}") for n in range(1, 7)] == [0] * 6
    assert page.value("ai_environment_confidence_ratio") is None


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 12)), min_size=1, max_size=30))
def test_counters_never_fall_whatever_the_order_of_arrival(arrivals: list[tuple[int, int]]) -> None:
    collector, before, lost = World().collector(), 0.0, 0.0
    for session, seq in arrivals:
        collector.accept(datagram(session=f"{session:032x}", seq=seq, frames=10 * seq), 0)
        page = Page(collector)
        frames, missing = page.value("ai_frames_total", **LABELS), page.value("ai_observations_lost_total", **LABELS)
        assert frames is not None
        assert missing is not None
        assert frames >= before
        assert missing >= lost
        before, lost = frames, missing
    newest: dict[int, int] = {}
    for session, seq in arrivals:  # a session counts until another one takes over, by its newest number
        if not newest or session == list(newest)[-1] or session not in newest:
            newest[session] = max(seq, newest.get(session, 0))
    assert before == 10 * sum(newest.values())
