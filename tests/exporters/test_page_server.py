"""The exporter's page on a loopback port: heads, odd addresses, crowds, and clients that never finish."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.device import server
from exporters.device.connections import Bounds, Connections
from exporters.device.request import BadRequest, read_request
from exporters.device.server import Endpoint, PageServer

WITHIN_SECONDS = 5.0


@contextmanager
def serving(bounds: Bounds | None = None) -> Iterator[PageServer]:
    """A page of one word, in the type that was asked for."""
    opened = PageServer(Endpoint("127.0.0.1", 0), lambda accept: (accept or "text/none", b"page\n"), bounds or Bounds())
    opened.start()
    try:
        yield opened
    finally:
        opened.stop()


@pytest.fixture
def page() -> Iterator[PageServer]:
    with serving() as opened:
        yield opened


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
    ("bounds", "begun"),
    [(Bounds(request_seconds=0.2), b"GET /metrics HTTP/1.1\r\nX: "), (Bounds(idle_seconds=0.2, request_seconds=0.4), b"")],
    ids=["a letter at a time", "nothing"],
)
def test_whoever_never_finishes_is_cut_off(bounds: Bounds, begun: bytes) -> None:
    with serving(bounds) as page, connect(page) as connection:
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


def test_silent_connections_make_room_and_whoever_asks_is_answered() -> None:
    with serving(Bounds(most_connections=3)) as page, ExitStack() as stack:
        silent = [stack.enter_context(connect(page)) for _ in range(3)]
        assert ask(page, "GET /healthz")[1] == b"ok\n"
        assert rest_of(silent[0]) == b""  # the one that waited longest


def test_whoever_asks_half_makes_room_for_whoever_asks() -> None:
    with serving(Bounds(most_connections=2)) as page, ExitStack() as stack:
        half = [stack.enter_context(connect(page)) for _ in range(2)]
        for connection in half:
            connection.sendall(b"GET /met")
            time.sleep(0.1)  # until its first bytes were seen
        for _ in range(5):
            assert ask(page, "GET /healthz")[1] == b"ok\n"
        assert rest_of(half[0]) == b""


def test_a_crowd_that_is_being_answered_is_not_joined() -> None:
    """Three of one host with two places: those that have asked first keep them until they are answered."""
    asked, answered = threading.Semaphore(0), threading.Event()

    def slow(accept: str) -> tuple[str, bytes]:
        asked.release()
        assert answered.wait(WITHIN_SECONDS)
        return "text/none", b"page\n"

    opened = PageServer(Endpoint("127.0.0.1", 0), slow, Bounds(most_connections=2))
    opened.start()
    with ExitStack() as stack:
        stack.callback(opened.stop)
        first = [stack.enter_context(connect(opened)) for _ in range(2)]
        for connection in first:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert asked.acquire(timeout=WITHIN_SECONDS)
        late = stack.enter_context(connect(opened))
        assert rest_of(late).startswith(b"HTTP/1.1 503 ")
        answered.set()
        assert all(rest_of(connection).endswith(b"page\n") for connection in first)


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """Six connections that nobody is at the other end of."""
    pairs = [socket.socketpair() for _ in range(6)]
    yield [one for one, _ in pairs]
    for pair in pairs:
        for end in pair:
            end.close()


def is_cut(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def test_the_host_with_most_connections_makes_room_and_no_other(sockets: list[socket.socket]) -> None:
    places = Connections(Bounds(most_connections=4))
    lone, *crowd, late, later = sockets
    places.admit(lone, "scraper")
    for connection in crowd:
        places.admit(connection, "crowd")
        places.asks(connection)
    assert places.admit(late, "crowd") and places.admit(later, "another")
    assert [is_cut(connection) for connection in sockets] == [False, True, True, False, False, False]


def test_slow_readers_of_one_host_keep_no_other_host_out(sockets: list[socket.socket]) -> None:
    places = Connections(Bounds(most_connections=3))
    for connection in sockets[:3]:
        places.admit(connection, "crowd")
        places.asks(connection)
        places.is_answered(connection)
    assert not places.admit(sockets[3], "crowd")
    assert places.admit(sockets[4], "scraper")
    assert [is_cut(connection) for connection in sockets[:3]] == [True, False, False]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"nonsense\r\n\r\n", b"400", id="no-request"),
        pytest.param(b"GET / SPDY/3\r\n\r\n", b"400", id="another-protocol"),
        pytest.param(b"GET / HTTP/1.1\r\nnothing\r\n\r\n", b"400", id="header-without-colon"),
        pytest.param(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", b"431", id="endless-line"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 70 + b"\r\n", b"431", id="endless-headers"),
        pytest.param(b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405", id="post"),
        pytest.param(b"GET /healthz HTTP/1.0\r\n\r\n", b"200", id="old-http-closes-by-itself"),
        pytest.param(b"GET /metrics?x=1 HTTP/1.1\r\nAccept: a/b\r\nCONNECTION: Close\r\n\r\n", b"200", id="query"),
        pytest.param(b"GET http://x/metrics HTTP/1.1\r\nConnection: close\r\n\r\n", b"200", id="whole-address"),
    ],
)
def test_each_request_has_its_answer_and_what_cannot_be_kept_is_closed(page: PageServer, request_bytes: bytes, status: bytes) -> None:
    with connect(page) as connection:
        connection.sendall(request_bytes)
        assert rest_of(connection).startswith(b"HTTP/1.1 " + status)


def test_what_a_scraper_accepts_reaches_the_page(page: PageServer) -> None:
    with connect(page) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\naccept: a/b\r\nAccept: c/d\r\nConnection: close\r\n\r\n")
        assert b"Content-Type: a/b, c/d\r\n" in rest_of(connection)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_an_error_or_nothing(data: bytes) -> None:
    try:
        request = read_request(BytesIO(data))
    except BadRequest as error:
        answered = HTTPStatus(error.status).value // 100 == 4
    else:
        answered = request is None or data.startswith(request.method.encode("latin-1"))
    assert answered


def test_it_stops_at_once_and_gives_the_port_back() -> None:
    with serving() as page:
        began = time.monotonic()
        page.stop()
        assert time.monotonic() - began < WITHIN_SECONDS / 2
        PageServer(page.endpoint, lambda accept: ("", b"")).stop()


def test_a_burst_is_not_lost(page: PageServer) -> None:
    assert server._Server.request_queue_size >= 128


def test_health_is_told_and_what_is_wrong_is_a_sentence() -> None:
    wrong = [""]
    opened = PageServer(Endpoint("127.0.0.1", 0), lambda accept: ("text/none", b"page\n"), health=lambda: wrong[0])
    opened.start()
    try:
        assert ask(opened, "GET /healthz")[1] == b"ok\n"
        wrong[0] = "Nobody listens."
        head, body = ask(opened, "GET /healthz")
        assert (head.split(b"\r\n")[0], body) == (b"HTTP/1.1 503 Service Unavailable", b"Nobody listens.\n")
        assert ask(opened, "GET /metrics")[1] == b"page\n"
    finally:
        opened.stop()
