"""The datagram's parser distrusts everything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.contract import CONFIDENCE_BUCKETS_RATIO, ENVIRONMENT_CLASSES, LATENCY_BUCKETS_SECONDS
from exporters.workload import publish, wire
from exporters.workload.wire import REASONS, Observation, Sighting, Stream, WireError, parse
from tests.builders.exporters import NOW, PLACEMENT, WORKLOAD, body, datagram
from tests.builders.tables import in_one_test


def test_an_observation() -> None:
    seen = parse(datagram(events={"fire": {"total": 2, "at": NOW - 3, "confidence": 0.9}, "fall": {"total": 0}}), NOW)
    assert seen.labels == (WORKLOAD, PLACEMENT, "01", "1.2")
    assert seen.placement == PLACEMENT
    assert (seen.totals.frames, seen.totals.results, seen.totals.cpu_seconds) == (1, 1, 1.5)
    assert seen.totals.latency.sum == 0.04
    assert dict(seen.totals.events) == {"fire": 2, "fall": 0}
    assert dict(seen.sightings) == {"fire": Sighting(NOW - 3, 0.9)}
    assert (seen.last_frame, seen.last_result, seen.resident_bytes) == (NOW - 0.2, NOW - 0.1, 1000)
    assert (seen.environment, seen.camera) == (None, "cam-07")


def test_a_camera_not_named_is_the_workloads() -> None:
    assert parse(datagram(camera=""), NOW).camera == "cam-07"


def test_what_senders_say_since_there_are_workers() -> None:
    streams = {**{str(n): [0, 0, None] for n in range(15)}, "gate": [1, 1, NOW - 1], "other": [0, 0, None]}
    told = {"empty": 0, "ambiguous": 1, "waited_cpu_seconds": 0.5, "streams": streams, "streams_over_limit": 3}
    seen = parse(datagram(worker="b" * 32, **told), NOW)
    assert (seen.worker, seen.totals.empty, seen.totals.ambiguous, seen.totals.waited_cpu_seconds) == ("b" * 32, 0, 1, 0.5)
    assert seen.streams is not None
    assert (len(seen.streams), seen.streams["gate"], seen.streams_over_limit) == (17, Stream(1, 1, NOW - 1), 3)
    old = parse(datagram(), NOW)
    assert (old.worker, old.totals.empty, old.totals.ambiguous, old.streams, old.streams_over_limit) == ("", None, None, None, None)


BUCKETS = {"sum": 1.0, "counts": [0] * 11}


@in_one_test(
    ("changes", "reason"),
    [
        pytest.param({"v": 2}, "format_version", id="another-version"),
        pytest.param({"v": True}, "format_version", id="true-is-not-one"),
        pytest.param({"workload": "yolo/cam-07"}, "identity", id="workload-of-two-parts"),
        pytest.param({"workload": 7}, "identity", id="workload-is-a-number"),
        pytest.param({"placement": "yolo/cam-08/main@edge-07#1"}, "identity", id="placement-of-another-workload"),
        pytest.param({"placement": WORKLOAD + "@edge-07#x"}, "identity", id="generation-is-a-word"),
        pytest.param({"workload": "a/\ud800/c", "placement": "a/\ud800/c@d#1"}, "identity", id="lone-surrogate"),
        pytest.param({"class": "0" * 33}, "identity", id="class-too-long"),
        pytest.param({"class": None}, "identity", id="class-is-null"),
        pytest.param({"version": "a b"}, "identity", id="version-with-a-blank"),
        pytest.param({"camera": ["x"]}, "identity", id="camera-is-a-list"),
        pytest.param({"session": "XYZ"}, "identity", id="session-not-hex"),
        pytest.param({"seq": 0}, "number", id="seq-zero"),
        pytest.param({"seq": 1.5}, "number", id="seq-a-fraction"),
        pytest.param({"frames": -1}, "number", id="negative-frames"),
        pytest.param({"frames": True}, "number", id="true-frames"),
        pytest.param({"frames": 10**400}, "number", id="too-many-frames"),
        pytest.param({"frames": "7"}, "number", id="frames-in-quotes"),
        pytest.param({"cpu_seconds": float("nan")}, "number", id="nan"),
        pytest.param({"cpu_seconds": float("inf")}, "number", id="infinity"),
        pytest.param({"resident_bytes": -1}, "number", id="negative-memory"),
        pytest.param({"at": NOW + 3600}, "time_in_future", id="sent-in-the-future"),
        pytest.param({"last_result": NOW * 1000}, "time_in_future", id="milliseconds"),
        pytest.param({"last_frame": None}, "number", id="null-time"),
        pytest.param({"latency": {"sum": 1.0, "counts": [0] * 10}}, "buckets", id="too-few-buckets"),
        pytest.param({"confidence": None}, "buckets", id="no-histogram"),
        pytest.param({"confidence": {**BUCKETS, "counts": [0.5] * 11}}, "number", id="half-an-observation"),
        pytest.param({"latency": {**BUCKETS, "sum": -1}}, "number", id="negative-sum"),
        pytest.param({"events": [1]}, "events", id="events-is-a-list"),
        pytest.param({"events": {"a\nb": {"total": 1}}}, "events", id="event-with-a-newline"),
        pytest.param({"events": {"x" * 65: {"total": 1}}}, "events", id="event-too-long"),
        pytest.param({"events": {"fire": 3}}, "events", id="event-is-a-number"),
        pytest.param({"events": {str(n): {"total": 0} for n in range(33)}}, "events", id="too-many-events"),
        pytest.param({"events": {"fire": {"total": 1, "at": NOW + 999}}}, "time_in_future", id="event-in-the-future"),
        pytest.param({"events": {"fire": {"total": 1, "at": NOW, "confidence": 1.1}}}, "number", id="surer-than-sure"),
        pytest.param({"worker": "me"}, "identity", id="worker-not-hex"),
        pytest.param({"worker": None}, "identity", id="worker-is-null"),
        pytest.param({"empty": 1.5}, "number", id="half-an-empty-result"),
        pytest.param({"empty": 2}, "contradiction", id="more-empty-than-results"),
        pytest.param({"ambiguous": 2}, "contradiction", id="more-ambiguous-than-confidences"),
        pytest.param({"waited_cpu_seconds": 1.6}, "contradiction", id="waited-for-more-than-was-used"),
        pytest.param({"streams": [1]}, "streams", id="streams-is-a-list"),
        pytest.param({"streams": {str(n): [0, 0, None] for n in range(17)}}, "streams", id="too-many-streams"),
        pytest.param({"streams": {"a\nb": [1, 1, None]}}, "streams", id="stream-with-a-newline"),
        pytest.param({"streams": {"": [1, 1, None]}}, "streams", id="stream-without-a-name"),
        pytest.param({"streams": {"a": [1, 1]}}, "streams", id="a-stream-too-short"),
        pytest.param({"streams": {"a": {"frames": 1}}}, "streams", id="a-stream-is-an-object"),
        pytest.param({"streams": {"a": [-1, 1, None]}}, "number", id="negative-frames-of-a-stream"),
        pytest.param({"streams": {"a": [1, 1, NOW + 999]}}, "time_in_future", id="a-stream-in-the-future"),
        pytest.param({"streams": {"a": [1, 1, None], "b": [0, 1, None]}}, "contradiction", id="more-results-by-stream-than-in-all"),
        pytest.param({"streams": {"a": [2, 0, None]}}, "contradiction", id="more-frames-by-stream-than-in-all"),
        pytest.param({"streams_over_limit": -1}, "number", id="fewer-than-no-streams"),
        pytest.param({"environment": {"class": "07", "at": NOW}}, "environment", id="no-such-environment"),
        pytest.param({"environment": {"class": ["01"], "at": NOW}}, "environment", id="environment-is-a-list"),
        pytest.param({"environment": "01"}, "environment", id="environment-is-a-word"),
        pytest.param({"environment": {"class": "01"}}, "number", id="environment-without-time"),
    ],
)
def test_what_is_refused_and_why(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(WireError) as caught:
        parse(datagram(**changes), NOW)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "not_json", id="empty"),
        pytest.param(b"\xff\xfe", "not_json", id="not-utf-8"),
        pytest.param(b"[]", "not_json", id="list"),
        pytest.param(b"[" * 8000, "not_json", id="deep"),
        pytest.param(b"1" * 8000, "not_json", id="long-number"),
        pytest.param(b'{"v":' + b" " * 9000 + b"1}", "too_long", id="too-long"),
        pytest.param(b'{"v":1,"x":NaN}', "number", id="nan-anywhere"),
        pytest.param(b"{}", "format_version", id="nothing-in-it"),
    ],
)
def test_bytes_that_are_no_observation(data: bytes, reason: str) -> None:
    with pytest.raises(WireError) as caught:
        parse(data, NOW)
    assert caught.value.reason == reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3)
)


def accepted(data: bytes) -> Observation | None:
    """What the parser makes of it; None where it refuses for a reason that is counted."""
    try:
        return parse(data, NOW)
    except WireError as error:
        if error.reason not in REASONS:
            raise AssertionError(f"{error.reason} is counted nowhere") from error
        return None


@given(key=st.sampled_from(sorted(body())), value=JSON | st.dictionaries(st.sampled_from(["sum", "counts", "fire", "class", "at"]), JSON))
def test_any_value_in_any_place_is_an_observation_or_a_counted_refusal(key: str, value: object) -> None:
    seen = accepted(json.dumps(body(**{key: value})).encode("utf-8", "replace"))
    if seen is None:
        return
    assert seen.at <= NOW + 60
    assert min(seen.totals.frames, seen.totals.results, seen.totals.cpu_seconds, *seen.totals.latency.counts) >= 0
    assert seen.placement.isprintable()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_counted_refusal(data: bytes) -> None:
    with pytest.raises(WireError) as caught:
        parse(data, NOW)
    assert caught.value.reason in REASONS


def test_the_publishers_copies_of_shared_numbers_are_the_same() -> None:
    assert publish.LATENCY_BUCKETS_SECONDS == LATENCY_BUCKETS_SECONDS
    assert publish.CONFIDENCE_BUCKETS_RATIO == CONFIDENCE_BUCKETS_RATIO
    assert publish.ENVIRONMENT_CLASSES == ENVIRONMENT_CLASSES
    for name in ("FORMAT_VERSION", "MAX_DATAGRAM_BYTES", "MAX_EVENTS", "MAX_STREAMS", "OTHER_STREAMS", "UNKNOWN_ENVIRONMENT"):
        assert getattr(publish, name) == getattr(wire, name), name
