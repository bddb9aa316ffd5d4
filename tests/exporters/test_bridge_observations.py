"""What our own publisher posts: taken or refused with HTTP's own status and a reason, for its own camera, and within the room there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporters.bridge import room
from exporters.workload.collector import REFUSALS
from exporters.workload.wire import parse
from tests.builders.bridge import FIRE, NOW, RESULT, TOKEN, World, result, settings, source, usage, with_token
from tests.builders.exporters import World as Device
from tests.builders.exporters import datagram

SESSION = "ab" * 16


def says(device: str = "edge-07", generation: int = 3, **changed: Any) -> bytes:
    return datagram(**{"placement": f"yolo/cam-07/main@{device}#{generation}", "session": SESSION, **changed})


def answer(one: World, body: bytes, token: str = "") -> tuple[int, str, str]:
    """Status, code and reason."""
    reply = one.take("/observations", body, token).reply
    said = json.loads(reply.body)
    return reply.status, said["code"], said.get("reason", "")


def count(page: str) -> int:
    return sum(len(family.samples) for family in text_string_to_metric_families(page))


def test_what_cannot_follow_is_refused_with_its_reason_and_no_success_is_reported() -> None:
    one = World()
    assert answer(one, says(seq=5, frames=10)) == (200, "0000", "")
    assert answer(one, says(seq=5, frames=10)) == (409, "0019", "old_sequence")
    assert answer(one, says(seq=6, frames=9)) == (409, "0019", "went_backwards")
    assert one.value("edge_bridge_refused_total", path="/observations", reason="went_backwards") == 1
    assert one.value("ai_observations_refused_total", reason="old_sequence") == 1


def test_the_collector_says_why_it_did_not_take_one() -> None:
    collector = Device().collector()
    assert [collector.accept(datagram(seq=seq), 0) for seq in (2, 1, 2, 3)] == ["", "old_sequence", "old_sequence", ""]
    assert collector.accept(b"{}", 0) == "format_version"


@pytest.mark.parametrize(
    ("body", "token", "expected"),
    [
        (b"{}", "", (400, "0019", "bad_observation")),
        (says("edge-99"), "", (404, "0004", "unmapped")),
        (says(), "wrong-token-of-nobody", (401, "0005", "wrong_token")),
        (says("edge-08"), TOKEN, (409, "0004", "identity_conflict")),
    ],
)
def test_every_refusal_has_a_status_that_a_program_understands(
    tmp_path: Path, body: bytes, token: str, expected: tuple[int, str, str]
) -> None:
    tables = [source(), source(device="edge-08", username=None, nid=None, eid=None)]
    one = World(settings(tmp_path, source=tables, token=[with_token(tmp_path, device="edge-07")]))
    assert answer(one, body, token) == expected


@pytest.mark.parametrize(
    ("camera", "status"),
    [
        pytest.param(None, 200, id="none: the workload's"),
        pytest.param("cam-07", 200, id="the workload's"),
        pytest.param("cam-01", 200, id="the device's own"),
        pytest.param("cam-09", 409, id="another's"),
    ],
)
def test_a_device_says_nothing_of_another_ones_camera(camera: str | None, status: int) -> None:
    one = World(settings(source=[source(device="edge-01", camera="cam-01", username=None, nid=None, eid=None)]))
    said: dict[str, Any] = {} if camera is None else {"camera": camera}
    body = says("edge-01", environment={"class": "02", "confidence": 0.9, "at": NOW}, **said)
    assert answer(one, body)[0] == status
    assert one.value("ai_environment_state", camera="cam-09", environment="02") is None


def test_nobody_speaks_for_what_the_bridge_itself_has_seen() -> None:
    one = World(settings(source=[source(alias="edge-07")]))
    answered = answer(one, says("edge-07", generation=0))
    assert answered[0] == 400
    assert answered[2] == "bad_observation"


def flooded(**limits: int) -> World:
    """A fleet whose fire, results and publisher are known, and strangers that make up devices, programs and names."""
    tables = [source(alias="edge-07"), source(device="edge-08", username="edge-08", nid=None, eid="e8", camera="cam-08", confirmed=False)]
    one = World(settings(source=tables, allow_unmapped=True, limits=limits))
    for number in range(400):
        events = {f"e{number}-{each}": {"total": 0} for each in range(20)}
        one.post("/observations", says(f"made-up-{number % 90}", number, session=f"{number:032x}", events=events))
    one.post("/usage", usage())
    one.post(RESULT, result())
    one.post("/observations", says(session="cd" * 16))
    return one


def test_devices_and_names_that_a_stranger_makes_up_have_an_end() -> None:
    one = flooded(series_of_low_trust=2000)
    page = one.page
    assert 1000 < count(page) < 2500
    assert one.value("edge_bridge_refused_total", reason="too_many_placements") is not None
    assert (one.value("ai_frames_total", device="edge-07", trust="high") or 0) > 0


def test_programs_that_are_known_go_on_where_there_is_no_room_for_more() -> None:
    one = World(settings(source=[source(confirmed=False)], limits={"series_of_low_trust": 1}))
    assert answer(one, says(seq=1))[0] == 200
    assert answer(one, says(seq=1, session="cd" * 16)) == (429, "9999", "too_many_placements")
    assert answer(one, says(seq=2, events={"fire": {"total": 0}, "fall": {"total": 0}, "new": {"total": 0}}))[2] == "too_many_placements"
    assert answer(one, says(seq=3))[0] == 200


def test_a_page_never_holds_more_than_its_series_and_trust_low_goes_first() -> None:
    one = flooded(series=900)
    page = one.page
    assert count(page) <= 900
    assert one.value("ai_events_total", event="fire", workload="fire/cam-07/main", trust="high") == 1
    assert one.value("edge_cpu_usage_ratio", device="edge-07", trust="high") == 0.123
    assert one.value("ai_results_total", workload="fire/cam-07/main", trust="high") == 1
    assert (one.value("ai_frames_total", device="edge-07", trust="high") or 0) > 0
    assert page.count("ai_frames_total{") < flooded().page.count("ai_frames_total{")
    assert (one.value("edge_bridge_refused_total", path="/metrics", reason="too_many_series") or 0) > 0


def test_of_trust_high_the_biggest_goes_first_and_a_fire_never() -> None:
    tables = [source(), source(device="edge-08", username=None, nid=None, eid="e8", camera="cam-08")]
    one = World(settings(source=tables, ai=[{**FIRE, "others": "result"}], limits={"series": 150}))
    for number in range(30):
        one.post(RESULT, result(eid="e8", class_=0, version=str(number)))
    one.post(RESULT, result(eid="e8"))
    one.post(RESULT, result())
    assert count(one.page) <= 150
    assert one.value("ai_results_total", device="edge-07") == 1
    assert one.value("ai_results_total", device="edge-08", version="1") is None
    assert one.value("ai_events_total", device="edge-08", event="fire") == 1


BRIDGES = st.tuples(st.just("farm"), st.sampled_from(["a", "b", "c"]), st.sampled_from(["high", "low"]))
PARTS = st.dictionaries(st.tuples(st.sampled_from([room.OBSERVED, room.RESULTS, room.REST, room.EVENTS]), BRIDGES), st.integers(1, 50))


@given(found=PARTS, most=st.integers(0, 300))
def test_no_more_is_left_out_than_must_be_and_trust_high_only_after_trust_low(found: dict[room.Part, int], most: int) -> None:
    gone = room.left_out(found, most)
    kept = {part: size for part, size in found.items() if part not in gone}
    assert sum(kept.values()) <= most or all(part == room.EVENTS and bridge[2] == "high" for part, bridge in kept)
    assert not gone or sum(kept.values()) + max(found[one] for one in gone) > most
    if any(bridge[2] == "high" for _, bridge in gone):
        assert not [bridge for _, bridge in kept if bridge[2] == "low"]


@given(streams=st.integers(0, 17), events=st.integers(0, 32), environment=st.booleans())
def test_a_collector_never_gives_more_series_than_it_says(streams: int, events: int, environment: bool) -> None:
    names = [*(f"s{number}" for number in range(min(streams, 16))), *(["other"] if streams > 16 else [])]
    seen: dict[str, Any] = {"environment": {"class": "02", "confidence": 0.9, "at": NOW}} if environment else {}
    body = says(
        frames=20, results=20, empty=1, ambiguous=0, streams={name: [1, 1, NOW] for name in names}, streams_over_limit=0,
        events={f"e{number}": {"total": 1, "at": NOW, "confidence": 0.5} for number in range(events)}, **seen,
    )  # fmt: skip
    collector = Device().collector()
    collector._world = type(collector._world)(lambda: NOW, lambda: 0.0, lambda pid: None)
    collector.take(parse(body, NOW), 0)
    told = sum(len(family.samples) for family in collector.collect())
    assert len(REFUSALS) < told <= collector.series()
