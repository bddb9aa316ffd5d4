"""Who reads the bridge's pages: with the token where one is needed, and never held up by those who read slowly."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from exporters.bridge.places import MOST_AT_ONCE, PATIENCE_SECONDS
from exporters.workload.publish import Options, Publisher
from tests.builders.bridge import TOKEN, usage
from tests.builders.bridge_live import BridgeProcess, running_bridge

pytestmark = pytest.mark.real

READER = {"Authorization": f"Bearer {TOKEN}-of-prometheus"}
SENDER = {"Authorization": f"Bearer {TOKEN}"}
CONFIGURATION = """
tokens_only = true
page_token_file = "prometheus"
[[token]]
name = "gate"
token_file = "gate"
[[source]]
device = "edge-07"
cluster = "farm"
camera = "cam-07"
"""
USAGE = json.dumps(usage()).encode()


def tokens(folder: Path) -> str:
    """A configuration whose token files lie in this folder."""
    (folder / "prometheus").write_text(f"{TOKEN}-of-prometheus")
    (folder / "gate").write_text(TOKEN)
    return CONFIGURATION


def test_pages_are_read_with_their_token_and_it_opens_nothing_else(tmp_path: Path) -> None:
    with running_bridge(tmp_path, tokens(tmp_path)) as bridge:
        for path in ("/metrics", "/sources"):
            assert bridge.ask(path)[0] == 401
            assert bridge.ask(path, headers=SENDER)[0] == 401
            assert bridge.ask(path, headers=READER)[0] == 200
        assert bridge.ask("/healthz")[0] == 200
        assert json.loads(bridge.ask("/usage", USAGE, READER)[1])["code"] == "0005"
        assert json.loads(bridge.ask("/usage", USAGE, SENDER)[1])["code"] == "0000"
        assert TOKEN not in bridge.said + bridge.ask("/sources", headers=READER)[1]


def test_slow_readers_give_up_their_places(tmp_path: Path) -> None:
    """The page is longer than what the system takes in for somebody who does not read: 36,000 lines, about six million bytes."""
    words = 'device = "edge-{0:04d}"\ncluster = "farm"\ncamera = "cam-{0:04d}"\nconfirmed = true\n'
    sources = "".join("[[source]]\n" + words.format(number) for number in range(3000))
    events = ", ".join(f'"{number}" = "event-{number}"' for number in range(12))
    ai = f'[[ai]]\nainame = "FireAI"\npackage = "fire"\nevents = {{ {events} }}\n'
    with running_bridge(tmp_path, sources + ai + "[limits]\nevent_series = 40000\nseries = 200000\n") as bridge:
        slow = []
        for _ in range(MOST_AT_ONCE):
            door = socket.socket()
            door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            door.connect(("127.0.0.1", bridge.port))
            door.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            slow.append(door)
        time.sleep(2.0)
        begin = time.monotonic()
        status, page = bridge.ask("/metrics")
        assert (status, page.count("ai_events_total{")) == (200, 36_000)
        assert time.monotonic() - begin < PATIENCE_SECONDS + 2.0
        for door in slow:
            door.close()


@pytest.mark.parametrize("length", [400, 5000])
def test_a_chunked_body_is_not_longer_for_coming_at_once(tmp_path: Path, length: int) -> None:
    with running_bridge(tmp_path, "[limits]\nbody_bytes = 300\n") as bridge:
        body = b"x" * length
        head = b"POST /usage HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        with socket.create_connection(("127.0.0.1", bridge.port), timeout=5) as door:
            door.sendall(head + b"%x\r\n" % length + body + b"\r\n0\r\n\r\n")
            assert b'"0016"' in door.recv(65536)
        assert bridge.value("edge_bridge_refused_total", reason="too_large") == 1


def published(bridge: BridgeProcess, placement: str, folder: Path) -> tuple[int, int]:
    """How many observations a publisher counts as sent and unsent after one of each kind of call."""
    (folder / "token").write_text(TOKEN)
    url = f"http://127.0.0.1:{bridge.port}/observations"
    one = Publisher("yolo/cam-07/main", placement, "01", "1", url=url, token_file=str(folder / "token"), options=Options(heartbeat=False))
    one.frame()
    one.close()
    return one.sent, one.unsent


def test_a_publisher_counts_what_was_taken_and_nothing_else(tmp_path: Path) -> None:
    with running_bridge(tmp_path, tokens(tmp_path)) as bridge:
        sent, unsent = published(bridge, "yolo/cam-07/main@edge-07#1", tmp_path)
        assert (sent > 0, unsent) == (True, 0)
        sent, unsent = published(bridge, "yolo/cam-07/main@edge-99#1", tmp_path)
        assert (sent, unsent > 0) == (0, True)
