"""The exporter's page on a loopback port: heads, odd addresses, crowds, and clients that never finish."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from prometheus_client import CollectorRegistry, Gauge

from exporters.device import server
from exporters.device.server import Endpoint, PageServer

WITHIN_SECONDS = 5.0


@pytest.fixture
def page() -> Iterator[PageServer]:
    registry = CollectorRegistry()
    Gauge("edge_test", "A number", registry=registry).set(1)
    serving = PageServer(Endpoint("127.0.0.1", 0), registry)
    serving.start()
    yield serving
    serving.stop()


def connect(page: PageServer) -> socket.socket:
    return socket.create_connection((page.endpoint.host, page.endpoint.port), timeout=WITHIN_SECONDS)


def rest_of(connection: socket.socket) -> bytes:
    """All that is said until the other side ends."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def ask(page: PageServer, line: str) -> tuple[bytes, bytes]:
    """Head and body of the answer to one request."""
    with connect(page) as connection:
        connection.sendall(f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head, _, body = rest_of(connection).partition(b"\r\n\r\n")
    return head, body


def test_a_head_is_the_answer_without_its_body(page: PageServer) -> None:
    for path in ("/metrics", "/healthz", "/nowhere"):
        (head, nothing), (whole, body) = ask(page, f"HEAD {path}"), ask(page, f"GET {path}")
        assert head.split(b"\r\n")[0] == whole.split(b"\r\n")[0]
        assert f"Content-Length: {len(body)}".encode() in head
        assert nothing == b""
        assert body


@pytest.mark.parametrize("address", ["http://[::1/metrics", "http://[x]/metrics"])
def test_an_address_that_cannot_be_read_is_answered(page: PageServer, address: str) -> None:
    head, body = ask(page, f"GET {address}")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert body == b"This is no address that can be read.\n"


def test_a_kept_connection_is_answered_again_and_again(page: PageServer) -> None:
    with connect(page) as connection:
        for _ in range(3):
            connection.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
            assert connection.recv(4096).endswith(b"ok\n")


@pytest.mark.parametrize(
    ("limit", "begun"),
    [("_REQUEST_SECONDS", b"GET /metrics HTTP/1.1\r\nX: "), ("_IDLE_SECONDS", b"")],
    ids=["a letter at a time", "nothing"],
)
def test_whoever_never_finishes_is_cut_off(page: PageServer, monkeypatch: pytest.MonkeyPatch, limit: str, begun: bytes) -> None:
    monkeypatch.setattr(server, limit, 0.2)
    with connect(page) as connection:
        connection.sendall(begun)
        began = time.monotonic()
        connection.settimeout(0.05)
        while time.monotonic() - began < WITHIN_SECONDS:
            try:
                if not connection.recv(1):
                    break
            except TimeoutError:
                if begun:
                    connection.sendall(b"a")
            except ConnectionResetError:
                break
        assert time.monotonic() - began < WITHIN_SECONDS / 2


def test_silent_connections_make_room_and_whoever_asks_is_answered(page: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST_CONNECTIONS", 3)
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(page)) for _ in range(3)]
        assert ask(page, "GET /healthz")[1] == b"ok\n"
        assert rest_of(silent[0]) == b""  # the one that waited longest


def test_a_crowd_in_the_middle_of_its_requests_is_not_joined(page: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST_CONNECTIONS", 2)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(connect(page)).sendall(b"GET /met")
        time.sleep(0.2)  # until their first bytes were seen
        with connect(page) as late:
            assert rest_of(late).startswith(b"HTTP/1.1 503 ")


def test_a_burst_is_not_lost(page: PageServer) -> None:
    assert server._Server.request_queue_size >= 128
