"""A configuration is taken whole or not at all, and every mistake in it is said at once with its key."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exporters.bridge.loading import ConfigurationError, load, parse
from exporters.bridge.serving import warnings
from exporters.bridge.settings import Settings, zone_named
from exporters.device.server import Endpoint
from tests.builders.bridge import FIRE, TOKEN, WEATHER_AI, settings, source, with_token
from tests.builders.contract import ROOT

EXAMPLE = ROOT / "docs/examples/bridge.example.toml"


def mistakes(folder: Path, **tables: Any) -> list[str]:
    """What is wrong with edge-07's settings after these changes."""
    with pytest.raises(ConfigurationError) as caught:
        settings(folder, **tables)
    return caught.value.sentences


def test_the_example_is_a_configuration() -> None:
    read = load(EXAMPLE)
    assert [one.destination.device for one in read.sources] == ["edge-07", "edge-08"]
    assert read.ais[0].events == {"1": "fire", "2": "smoke"}


def test_the_examples_commented_keys_are_keys_too(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^# (?=\[|\w+ = )", "", EXAMPLE.read_text(encoding="utf-8"))
    (tmp_path / "tokens").mkdir()
    for name in ("gate-3", "service", "prometheus"):
        (tmp_path / "tokens" / name).write_text(f"{TOKEN}-{name}")
    read = parse(tomllib.loads(text), tmp_path)
    assert (read.tokens[0].device, read.ais[0].sids, read.state_file) == ("edge-07", ("0xs1",), Path("/var/lib/edgeshift/bridge.state"))
    assert read.service is not None and read.service.url == "http://127.0.0.1:8780"


def test_the_examples_limits_are_the_defaults() -> None:
    assert load(EXAMPLE).limits == Settings().limits


@pytest.mark.parametrize(
    ("tables", "key"),
    [
        ({"listen": "6432"}, "listen"),
        ({"listen": "host:99999"}, "listen"),
        ({"advertise": "http://a:b@c:6432"}, "advertise"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"result_path": "result"}, "result_path"),
        ({"result_path": "/usage"}, "result_path"),
        ({"interval_seconds": 0}, "interval_seconds"),
        ({"interval_seconds": float("nan")}, "interval_seconds"),
        ({"allow": ["everybody"]}, "allow"),
        ({"tokens_only": "yes"}, "tokens_only"),
        ({"tokens_only": True}, "tokens_only"),
        ({"colour": "red"}, "colour"),
        ({"source": {"device": "edge-07"}}, "source"),
        ({"source": ["edge-07"]}, "source[1]"),
        ({"source": [source(device="Edge 07")]}, "source[1].device"),
        ({"source": [source(device=None)]}, "source[1].device"),
        ({"source": [source(cluster=None)]}, "source[1].cluster"),
        ({"source": [source(camera="x" * 65)]}, "source[1].camera"),
        ({"source": [source(username="root")]}, "source[1].username"),
        ({"source": [source(username="3f2a9c01b7de")]}, "source[1].username"),
        ({"source": [source(username=["a", ""])]}, "source[1].username"),
        ({"source": [source(confirmed=1)]}, "source[1].confirmed"),
        ({"source": [source(class_map={"4": "4"})]}, "source[1].class_map.4"),
        ({"source": [source(class_map={"4": 4})]}, "source[1].class_map"),
        ({"source": [source(), source(device="edge-08")]}, "source[2].username"),
        ({"source": [source(), source(username="b", nid=None, eid=None, cluster="other")]}, "source[2].cluster"),
        ({"source": [source(), source(device="edge-08", username="8", nid="edge-07", eid=None)]}, "source[2].nid"),
        ({"source": [source(username="edge-08"), source(device="edge-08", username="8", nid=None, eid=None)]}, "source[1].username"),
        ({"source": [source(), source(device="edge-08", username="0x01", nid=None, eid=None)]}, "source[2].username"),
        ({"source": [source(), source(device="edge-08", username=None, nid=None, eid=None, alias="0xn1")]}, "source[2].alias"),
        ({"source": [source(alias="x"), source(username=None, nid="x", eid=None)]}, "source[2].nid"),
        ({"most_age_seconds": 1}, "most_age_seconds"),
        ({"page_token_file": "nowhere"}, "page_token_file"),
        ({"limits": {"series": 5}}, "ai"),
        ({"source": [source(camera=None, package="yolo")]}, "source[1].package"),
        ({"source": [source(colour="red")]}, "source[1].colour"),
        ({"ai": [{**FIRE, "package": "Fire AI"}]}, "ai[1].package"),
        ({"ai": [{"package": "fire", "others": "result"}]}, "ai[1].ainame"),
        ({"ai": [{**FIRE, "events": {"1": "Fire!"}}]}, "ai[1].events.1"),
        ({"ai": [{**FIRE, "results": ["1"]}]}, "ai[1]"),
        ({"ai": [{**FIRE, "others": "guess"}]}, "ai[1].others"),
        ({"ai": [{**FIRE, "devices": ["edge-99"]}]}, "ai[1].devices"),
        ({"ai": [{"ainame": "X", "package": "x"}]}, "ai[1]"),
        ({"ai": [{**FIRE, "version": "a b"}]}, "ai[1].version"),
        ({"ai": [FIRE, FIRE]}, "ai[2].ainame"),
        ({"limits": {"event_series": 1}}, "ai"),
        ({"limits": {"body_bytes": 0}}, "limits.body_bytes"),
        ({"limits": {"connections": 1.5}}, "limits.connections"),
        ({"limits": {"cats": 3}}, "limits.cats"),
        ({"service": {"url": "http://user:pw@host"}}, "service.url"),
        ({"service": {"url": "ftp://host"}}, "service.url"),
        ({"service": {"url": "http://host/path"}}, "service.url"),
        ({"service": {"url": "http://host:port"}}, "service.url"),
        ({"token": [{"name": "gate-3", "token_file": "nowhere"}]}, "token[1].token_file"),
        ({"token": [{"name": "gate-3"}]}, "token[1].token_file"),
    ],
)
def test_a_mistake_is_said_with_its_key(tmp_path: Path, tables: dict[str, Any], key: str) -> None:
    found = mistakes(tmp_path, **tables)
    assert [sentence for sentence in found if sentence.startswith(f"{key}: ") and sentence.endswith(".")], found
    assert not [sentence for sentence in found if "user:pw" in sentence or "a:b@" in sentence]


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    found = mistakes(tmp_path, zone="Mars", colour="red", source=[source(device="Edge")], ai=[{**FIRE, "others": "guess"}])
    assert len(found) == 4


@pytest.mark.parametrize(
    ("tokens", "key"),
    [
        ([{"device": "edge-99"}], "token[1].device"),
        ([{}, {"name": "other"}], "token[1].token_file"),
        ([{}, {}], "token[2].name"),
    ],
)
def test_tokens_agree_with_the_rest(tmp_path: Path, tokens: list[dict[str, Any]], key: str) -> None:
    found = mistakes(tmp_path, token=[with_token(tmp_path, **changed) for changed in tokens])
    assert any(sentence.startswith(f"{key}: ") for sentence in found), found


@pytest.mark.parametrize("secret", ["short", "", "has blanks in the middle", "x" * 300, "ünïcödé-but-long-enough"])
def test_a_token_file_holds_one_good_line(tmp_path: Path, secret: str) -> None:
    (found,) = mistakes(tmp_path, token=[with_token(tmp_path, secret)])
    assert secret not in found or not secret


def test_who_reads_pages_has_a_token_that_cannot_post(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, token=[with_token(tmp_path)], page_token_file="token")
    assert found.startswith("page_token_file: holds the same token")


def test_a_name_may_stand_under_several_fields_of_one_source() -> None:
    assert len(settings(source=[source(username="0x01", alias=["edge-07", "0x01"])]).sources) == 1


@pytest.mark.parametrize("text", [b"listen = ", b"\xff\xfe", b"listen = 1\nlisten = 2"])
def test_a_file_that_is_no_toml_is_one_sentence(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "bridge.toml").write_bytes(text)
    with pytest.raises(ConfigurationError, match="is not TOML"):
        load(tmp_path / "bridge.toml")


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(("name", "hours"), [("+09:00", 9.0), ("-03:30", -3.5), ("+00:00", 0.0)])
def test_a_zone_may_be_an_offset(name: str, hours: float) -> None:
    assert zone_named(name).utcoffset(None) == timedelta(hours=hours)


@pytest.mark.parametrize("name", ["+9", "+99:00", "../etc", "", "+ab:cd"])
def test_what_is_no_zone_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="no such zone"):
        zone_named(name)


@pytest.mark.parametrize(
    ("tables", "listen", "told"),
    [
        ({}, "127.0.0.1", "127.0.0.1:6432"),
        ({"listen": "0.0.0.0:6432"}, "0.0.0.0", None),
        ({"listen": "10.0.0.1:7000"}, "10.0.0.1", "10.0.0.1:7000"),
        ({"listen": "0.0.0.0:6432", "advertise": "192.168.0.14:6432"}, "0.0.0.0", "192.168.0.14:6432"),
    ],
)
def test_senders_are_told_an_address_that_can_be_posted_to(tables: dict[str, Any], listen: str, told: str | None) -> None:
    read = settings(**tables)
    assert (read.listen.host, read.told and str(read.told)) == (listen, told)


def test_another_port_on_the_command_line_is_told_to_senders_too() -> None:
    moved = Endpoint("127.0.0.1", 7000)
    assert replace(Settings(), listen=moved).told == moved
    assert replace(settings(advertise="127.0.0.1:6432"), listen=moved).told == Endpoint("127.0.0.1", 6432)


def test_an_open_door_is_said_and_a_closed_one_is_not() -> None:
    assert warnings(Settings()) == []
    assert len(warnings(settings(listen="0.0.0.0:6432"))) == 1
    assert warnings(settings(listen="0.0.0.0:6432", allow=["10.0.0.0/8"])) == []


@pytest.mark.parametrize(
    ("url", "said"), [("http://127.0.0.1:8780", 0), ("http://[::1]:8780", 0), ("http://10.0.0.1:8780", 1), ("https://10.0.0.1", 0)]
)
def test_a_token_that_would_travel_in_the_clear_is_said(tmp_path: Path, url: str, said: int) -> None:
    (tmp_path / "token").write_text(TOKEN)
    assert len(warnings(settings(tmp_path, service={"url": url, "token_file": "token"}))) == said


def test_an_ai_may_be_described_for_each_sid() -> None:
    assert len(settings(ai=[{**FIRE, "sid": "0xs1"}, {**FIRE, "sid": "0xs2"}, WEATHER_AI]).ais) == 3
