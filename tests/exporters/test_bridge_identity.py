"""Tokens, limits and secrets: who is believed, how much is taken, and what is never shown."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from exporters.bridge import sources
from exporters.bridge.refusals import shown
from exporters.bridge.senders import FORGOTTEN_SECONDS
from tests.builders.bridge import FIRE, RESULT, TOKEN, World, result, settings, source, usage, weather, with_token
from tests.builders.tables import in_one_test

CPU = "edge_cpu_usage_ratio"


def test_a_token_says_which_device_sends_when_its_name_says_nothing(tmp_path: Path) -> None:
    one = World(settings(tmp_path, token=[with_token(tmp_path, device="edge-07")], source=[source(confirmed=False)]))
    assert one.post("/usage", usage(username="root"), TOKEN) == "0000"
    assert one.post("/save_edgeData", weather(nid="-"), TOKEN) == "0000"
    assert one.value(CPU, device="edge-07", trust="high") == 0.123
    assert one.value("ai_environment_state", environment="04", trust="high") == 1


def test_a_token_without_a_device_makes_a_mapping_trusted(tmp_path: Path) -> None:
    one = World(settings(tmp_path, token=[with_token(tmp_path)], source=[source(confirmed=False)]))
    one.post("/usage", usage())
    one.post("/usage", usage(cpu=50), TOKEN)
    assert one.value(CPU, trust="low") == 0.123
    assert one.value(CPU, trust="high") == 0.5
    assert one.post("/usage", usage(username="root"), TOKEN) == "0004"


def test_a_token_does_not_speak_for_another_device(tmp_path: Path) -> None:
    tables = [source(), source(device="edge-08", username="edge-08", nid=None, eid=None)]
    one = World(settings(tmp_path, token=[with_token(tmp_path, device="edge-07")], source=tables))
    assert one.post("/usage", usage(username="edge-08"), TOKEN) == "0004"
    assert one.refusals() == ["identity_conflict"]
    assert one.value(CPU) is None


@pytest.mark.parametrize("token", ["wrong-token-of-nobody", TOKEN[:-1], TOKEN + "x", "\udcff" * 20, " "])
def test_a_wrong_token_is_refused_even_where_none_is_needed(tmp_path: Path, token: str) -> None:
    one = World(settings(tmp_path, token=[with_token(tmp_path)]))
    assert one.post("/usage", usage(), token) == "0005"
    assert one.post(RESULT, result(), token) == "401"
    assert one.value(CPU) is None


def test_where_tokens_are_needed_a_post_without_one_is_refused(tmp_path: Path) -> None:
    one = World(settings(tmp_path, token=[with_token(tmp_path)], tokens_only=True))
    assert one.post("/usage", usage()) == "0021"
    assert one.post("/usage", usage(), TOKEN) == "0000"


def test_events_are_promised_for_every_trust_they_may_come_with(tmp_path: Path) -> None:
    one = World(settings(tmp_path, token=[with_token(tmp_path)], source=[source(confirmed=False)]))
    assert one.value("ai_events_total", event="fire", trust="high") == 0
    assert one.value("ai_events_total", event="fire", trust="low") == 0


def test_names_that_cannot_be_shown_are_senders_of_their_own() -> None:
    macs = [f"aa:bb:cc:dd:ee:{number:02x}" for number in range(20)]
    tables = [source(device=f"edge-{n:02d}", username=mac, nid=None, eid=None) for n, mac in enumerate(macs)]
    one = World(settings(source=tables))
    for second in range(60):
        for number in range(second % 10, 20, 10):  # each every ten seconds, one after the other
            assert one.post("/usage", usage(username=macs[number])) == "0000"
        one.now += 1.0
    assert [one.value(CPU, device=f"edge-{number:02d}") for number in range(20)] == [0.123] * 20
    assert len(one.desk.senders.everybody()) == 20
    assert "aa:bb" not in b"".join(sources.pieces(one.desk, 0.0)).decode()


@pytest.mark.parametrize(
    ("tables", "username", "trust"),
    [
        pytest.param({"nid": "0x01", "username": None}, "edge-07", "low", id="the id was not listed"),
        pytest.param({"nid": "0x01", "username": None}, "0x01", None, id="listed as another field"),
        pytest.param({"nid": None, "username": "gate"}, "gate", "high", id="listed"),
        pytest.param({"nid": None, "username": None, "alias": "gate"}, "gate", "high", id="listed for all fields"),
        pytest.param({"nid": None, "username": None}, "edge-07", "high", id="no name but the id"),
        pytest.param({"nid": "0x01", "username": None, "alias": "edge-07"}, "edge-07", "high", id="the id listed"),
    ],
)
def test_confirmed_is_what_was_listed_and_nothing_else(tables: dict[str, Any], username: str, trust: str | None) -> None:
    one = World(settings(source=[source(**{"eid": None, **tables})]))
    one.post("/usage", usage(username=username))
    assert [known for known in ("high", "low") if one.value(CPU, trust=known) is not None] == ([trust] if trust else [])


def test_a_name_without_the_token_is_another_sender_and_shortens_nobodys_interval(tmp_path: Path) -> None:
    one = World(settings(tmp_path, token=[with_token(tmp_path)], source=[source(confirmed=False)]))
    for second in range(39):
        one.post("/usage", usage(), address="10.0.0.66")
        if second % 10 == 0:
            one.post("/usage", usage(cpu=50), TOKEN)
        one.now += 1.0
    assert one.value(CPU, trust="high") == 0.5


FIELDS = ["username", "func", "ai_class", "cpu", "nid", "res_class", "eid", "sid", "ainame", "version", "class_", "time"]
SECRETS = ["rtsp://admin:hunter2@10.0.0.9/stream", "password=hunter2", "Bearer hunter2", "admin:hunter2", "hunter2@host", "a hunter2 b"]


@in_one_test(("place", "secret"), product(FIELDS, SECRETS))
def test_no_credential_in_any_field_is_shown_anywhere(place: str, secret: str) -> None:
    one = World(settings(source=[source(package="yolo")]))
    replies = [
        one.take(path, {**body, place.rstrip("_"): secret}).reply.body.decode()
        for path, body in (("/usage", usage()), ("/save_edgeData", weather()), (RESULT, result()), ("/optimize_by_version", {}))
    ]
    listed = b"".join(sources.pieces(one.desk, 0.0)).decode()
    assert json.loads(listed)["senders"]
    assert "hunter2" not in listed + one.page + "".join(replies)


def test_a_token_in_the_wrong_field_is_not_shown_either(tmp_path: Path) -> None:
    one = World(settings(tmp_path, token=[with_token(tmp_path)]))
    reply = one.take("/usage", usage(username=TOKEN)).reply.body.decode()
    assert TOKEN not in reply + b"".join(sources.pieces(one.desk, 0.0)).decode() + one.page + repr(one.settings)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("edge-07", "edge-07"),
        ("맑음", "맑음"),
        ("x" * 41, "(41 characters, not shown)"),
        ("", "(0 characters, not shown)"),
        ("a b", "(3 characters, not shown)"),
        (10**400, "(a number too large)"),
        (True, "1"),
        ([1], "(not shown)"),
        (None, "(not shown)"),
    ],
)
def test_what_is_shown_of_a_value(value: object, text: str) -> None:
    assert shown(value) == text


def test_unmapped_senders_have_a_bounded_number_of_places_and_mapped_ones_always_have_one() -> None:
    one = World(settings(limits={"unmapped_senders": 3}))
    for number in range(5):
        one.post("/usage", usage(username=f"stranger-{number}"))
    assert one.refusals()[:2] == ["too_many_senders"] * 2
    assert one.post("/usage", usage()) == "0000"
    assert len(one.desk.senders.everybody()) == 4
    one.now += FORGOTTEN_SECONDS + 1
    one.post("/usage", usage(username="stranger-9"))
    assert one.refusals()[0] == "unmapped"


def test_unmapped_devices_are_forgotten_after_an_hour() -> None:
    one = World(settings(allow_unmapped=True))
    one.post("/usage", usage(username="edge-99"))
    one.post("/usage", usage())
    one.now += FORGOTTEN_SECONDS + 1
    one.desk.tidy(one.now, one.now)
    assert one.value("edge_bridge_last_seen_timestamp_seconds", device="edge-99") is None
    assert one.value("edge_bridge_last_seen_timestamp_seconds", device="edge-07") is not None


def test_an_ai_described_for_other_devices_is_not_known_here() -> None:
    tables = [source(), source(device="edge-08", camera="cam-08", username=None, nid=None, eid="0x08")]
    one = World(settings(source=tables, ai=[{**FIRE, "devices": ["edge-08"]}]))
    assert one.post(RESULT, result()) == "404"
    assert one.post(RESULT, result(eid="0x08")) == "200"
    assert one.value("ai_events_total", device="edge-07") is None
