"""Floods: what strangers and forgers post takes nothing from those who are known, and least of all a fire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exporters.bridge.limits import BURST_SECONDS, Bucket, Rates, peer
from tests.builders.bridge import RESULT, TOKEN, World, result, settings, source, trigger, usage, with_token

FORGER = "10.0.0.66"
SMALL = {"requests_per_second": 30, "requests_per_second_of_one_address": 20, "requests_per_second_of_one": 5}
FIRES = "ai_events_total"


def world(folder: Path, **tables: Any) -> World:
    return World(settings(folder, **{"limits": SMALL, "token": [with_token(folder)], **tables}))


FLOODS = [
    pytest.param(RESULT, result(class_=0), "", id="a known eid, plain results"),
    pytest.param(RESULT, result(class_=5), "", id="a known eid, refused"),
    pytest.param(RESULT, result(), "", id="a known eid, forged fires"),
    pytest.param(RESULT, b"junk", "", id="junk"),
    pytest.param(RESULT, result(), "wrong-token-of-nobody", id="a wrong token"),
    pytest.param("/usage", usage(username="stranger"), "", id="an unknown name"),
    pytest.param("/nowhere", b"{}", "", id="no path of ours"),
]


@pytest.mark.parametrize(("path", "body", "token"), FLOODS)
@pytest.mark.parametrize("confirmed", [True, False])
def test_a_flood_from_elsewhere_silences_no_fire(tmp_path: Path, path: str, body: object, token: str, confirmed: bool) -> None:
    one = world(tmp_path, source=[source(confirmed=confirmed)])
    for _ in range(401):
        one.post(path, body, token, FORGER)
    assert one.desk.totals.refused[(path, "rate")] > 300
    assert one.post(RESULT, result()) == "200"
    assert one.post(RESULT, result(), TOKEN) == "200"


@pytest.mark.parametrize(("path", "body", "token"), [flood for flood in FLOODS if flood.id != "a known eid, forged fires"])
def test_a_flood_through_the_same_address_silences_no_fire_either(tmp_path: Path, path: str, body: object, token: str) -> None:
    one = world(tmp_path)
    for _ in range(401):
        one.post(path, body, token)
    assert one.post(RESULT, result()) == "200"
    assert one.value(FIRES, event="fire", trust="high") == 1


def test_a_token_is_a_budget_of_its_own_wherever_it_posts_from(tmp_path: Path) -> None:
    one = world(tmp_path)
    for _ in range(401):
        one.post(RESULT, result())
    assert one.post(RESULT, result()) == "429"
    assert [one.post(RESULT, result(), TOKEN) for _ in range(20)].count("429") == 10


def test_trust_low_at_an_address_takes_nothing_from_trust_high_there(tmp_path: Path) -> None:
    tables = [source(), *(source(device=f"edge-{n}", username=f"u{n}", nid=None, eid=None, confirmed=False) for n in range(10, 30))]
    one = world(tmp_path, source=tables)
    for _ in range(10):
        for number in range(10, 30):
            one.post("/usage", usage(username=f"u{number}"))
    assert one.post("/usage", usage(username="u10")) == "9999"
    assert one.post("/usage", usage()) == "0000"


def test_triggers_have_a_rate_too(tmp_path: Path) -> None:
    one = world(tmp_path)
    assert [one.post("/optimize_by_version", trigger(), TOKEN) for _ in range(20)].count("9999") == 10


def test_a_sender_has_its_own_rate_and_takes_nothing_from_others() -> None:
    one = World(settings(source=[source(), source(device="edge-08", username="edge-08", nid=None, eid=None)],
                         limits={"requests_per_second_of_one": 5}))  # fmt: skip
    codes = [one.post("/usage", usage()) for _ in range(20)]
    assert (codes.count("0000"), codes.count("9999")) == (10, 10)
    assert one.post("/usage", usage(username="edge-08")) == "0000"
    one.now += 1.0
    assert [one.post("/usage", usage()) for _ in range(6)].count("0000") == 5
    assert one.value("edge_bridge_refused_total", reason="rate") == 11


def test_strangers_together_have_a_rate_too() -> None:
    one = World(settings(limits={"requests_per_second": 3}))
    codes = [one.post("/usage", b"nonsense", address=f"10.0.1.{number}") for number in range(10)]
    assert codes.count("9999") == 4


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = Bucket(10.0, 0.0)
    assert sum(bucket.take(1e6) for _ in range(100)) == 10 * BURST_SECONDS


def test_forgotten_senders_do_not_pile_up() -> None:
    rates = Rates(1.0, most=3)
    assert all(rates.take((f"sender {number}",), 0.0) for number in range(100))
    assert len(rates._buckets) == 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
    ],
)
def test_an_ipv6_host_is_its_network(one: str, other: str, same: bool) -> None:
    assert (peer(one) == peer(other)) is same
