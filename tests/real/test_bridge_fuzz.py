"""Nonsense over real sockets: no 5xx, no traceback, no growing memory, and good senders are answered all the while."""

from __future__ import annotations

import json
import random
import re
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from tests.builders.bridge import result, trigger, usage, weather, weather_v1
from tests.builders.bridge_live import ROOT, BridgeProcess, running_bridge

pytestmark = pytest.mark.real

SEED = 20240808
CASES, ROUNDS = 600, 4
WARM_UP = 800
AT_ONCE = 16
IMPATIENT_SECONDS = 0.5
LEAST_ANSWERED = 0.6
MOST_GROWTH_BYTES = 6_000_000
PATHS = ["/usage", "/save_edgeData", "/optimize_by_weather", "/result", "/optimize_by_version", "/observations", "/metrics", "/sources"]
STRANGE_PATHS = [
    "/edgeconfig.xml",
    "/",
    "//usage",
    "/usage/../result",
    "/%ff%00",
    "/usage?a=b#c",
    "*",
    "http://[bad/usage",
    "/" + "x" * 3000,
]
STRANGE_HEADERS = [
    "Transfer-Encoding: chunked",
    "Content-Type: application/x-www-form-urlencoded",
    "Expect: 100-continue",
    "Upgrade: websocket",
    "Content-Encoding: gzip",
    "Authorization: Bearer \xff\xfe",
    "Authorization: Basic Og==",
    "X: " + "y" * 9000,
    "no colon",
]
GOOD = [usage(), weather(at=time.time()), weather_v1(at=time.time()), result(at=time.time()), trigger()]
METHODS = ["POST"] * 12 + ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW", "post", ""]


def body(chance: random.Random) -> bytes:
    """A payload with some of it broken, or no payload at all."""
    kind = chance.randrange(6)
    if kind == 0:
        return chance.randbytes(chance.randrange(300))
    good = dict(chance.choice(GOOD))
    for key in chance.sample(sorted(good), k=chance.randrange(3)):
        good[key] = chance.choice([None, "", -1, 1e308, "x" * 5000, [], {}, True, "\ud800", "\x00", "root", chance.random(), 10**30])
    if kind == 1:
        good["username"] = good["nid"] = good["eid"] = f"stranger-{chance.randrange(10**9)}"
    text = json.dumps(good)
    text = json.dumps(text) if kind == 2 else text
    data = text.encode()
    if kind == 3:
        cut = chance.randrange(len(data))
        return data[:cut] + chance.randbytes(chance.randrange(4)) + data[cut + chance.randrange(4) :]
    return data


def request(chance: random.Random) -> bytes:
    """One request, often a strange one."""
    data = body(chance)
    length = chance.choice([len(data)] * 20 + [0, 10**12, -1, len(data) + 5])
    headers = [f"Content-Length: {length}"]
    if chance.randrange(10) == 0:
        headers.append(chance.choice(STRANGE_HEADERS))
    line = f"{chance.choice(METHODS)} {chance.choice([*PATHS, *STRANGE_PATHS])} HTTP/1.{chance.choice('1111190')}"
    head = f"{line}\r\nHost: a\r\nConnection: close\r\n"
    return (head + "".join(f"{header}\r\n" for header in headers) + "\r\n").encode("latin-1") + data


def statuses(bridge: BridgeProcess, data: bytes) -> list[int]:
    """Send bytes and read the statuses of what comes back; the line stays open, as a real sender's does while it waits.

    What is no whole request is never answered: then this hangs up, as an impatient sender does.
    """
    received = b""
    hung_up = suppress(ConnectionResetError, BrokenPipeError, TimeoutError)
    with socket.create_connection(("127.0.0.1", bridge.port), timeout=10) as door, hung_up:
        door.sendall(data)
        door.settimeout(IMPATIENT_SECONDS)
        while piece := door.recv(65536):
            received += piece
    return [int(found) for found in re.findall(rb"(?:^|\n)HTTP/1\.[01] (\d{3}) ", received)]


def bombard(bridge: BridgeProcess, chance: random.Random, cases: int) -> Counter[int]:
    """Send so many requests, some at once; the answers' statuses, 0 for none."""
    data = [request(chance) if number % 7 else chance.randbytes(chance.randrange(400)) for number in range(cases)]
    with ThreadPoolExecutor(AT_ONCE) as senders:
        return Counter(status for answer in senders.map(partial(statuses, bridge), data) for status in answer or [0])


def test_nonsense_breaks_nothing(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with running_bridge(tmp_path, (ROOT / "docs/examples/bridge.example.toml").read_text()) as bridge:
        answered = bombard(bridge, chance, WARM_UP)
        warm = bridge.resident_bytes()
        for _ in range(ROUNDS):
            answered += bombard(bridge, chance, CASES)
            good = json.dumps(usage(username="EdgeCCTV07")).encode()
            assert json.loads(bridge.ask("/usage", good)[1])["code"] == "0000"
        grown = bridge.resident_bytes() - warm
        sent = WARM_UP + ROUNDS * CASES
        assert sent - answered[0] > sent * LEAST_ANSWERED, answered  # a fuzz that hears nothing proves nothing
        assert answered[200] > sent / 3, answered
        assert not {status: count for status, count in answered.items() if status >= 500}
        assert grown < MOST_GROWTH_BYTES
        assert bridge.value("edge_bridge_refused_total", reason="internal") is None
        assert "Traceback" not in bridge.said and "defect" not in bridge.said
