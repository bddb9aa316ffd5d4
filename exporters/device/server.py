"""Serves the page of metrics over HTTP: /metrics for Prometheus, /healthz for whoever asks whether the exporter lives."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import ClassVar, Final

from exporters.device.exposition import PLAIN_TEXT
from exporters.device.request import BadRequest, Request, read_request

Page = Callable[[str], tuple[str, bytes]]
"""From a scraper's Accept header to the content type and the bytes of the page."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What connections may take.

    A connection on which nothing is asked for ``idle_seconds`` is closed; scrapes come much more often. A request with its
    answer is over after ``request_seconds``, or half as much again: whoever sends or reads a letter at a time is cut off.
    Each connection has a thread; a few Prometheus servers and a person need a handful, and a small board has memory for no more.
    """

    idle_seconds: float = 60.0
    request_seconds: float = 10.0
    most_connections: int = 32


_BACKLOG: Final = 128
"""Connections that wait to be taken: a burst of that many loses nobody."""

_CROWDED: Final = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

_DATE: Final = "%a, %d %b %Y %H:%M:%S GMT"
_METRICS_PATH: Final = "/metrics"
_HEALTH_PATH: Final = "/healthz"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to listen: a host name or address without brackets, and a port (0: any that is free)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class _Connections:
    """The open connections, each with the moment at which it is cut off; those that wait for a request make room when it is crowded."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._lock = threading.Lock()
        self._waiting: dict[socket.socket, float] = {}  # the one that waits longest is the first
        self._asking: dict[socket.socket, float] = {}

    def admit(self, connection: socket.socket) -> bool:
        """Take a new connection, in place of the one that waits longest when all places are taken; False when none waits."""
        with self._lock:
            if len(self._waiting) + len(self._asking) >= self._bounds.most_connections:
                if not self._waiting:
                    return False
                longest = next(iter(self._waiting))
                del self._waiting[longest]
                _cut(longest)
            self._waiting[connection] = time.monotonic() + self._bounds.idle_seconds
            return True

    def waits(self, connection: socket.socket) -> None:
        """Its request is answered; one that was let go meanwhile stays so."""
        with self._lock:
            if self._asking.pop(connection, None) is not None:
                self._waiting[connection] = time.monotonic() + self._bounds.idle_seconds

    def asks(self, connection: socket.socket) -> None:
        """The first byte of a request has come."""
        with self._lock:
            if self._waiting.pop(connection, None) is not None:
                self._asking[connection] = time.monotonic() + self._bounds.request_seconds

    def forget(self, connection: socket.socket) -> None:
        """It is about to be closed."""
        with self._lock:
            self._waiting.pop(connection, None)
            self._asking.pop(connection, None)

    def cut_late(self) -> None:
        """Cut off whoever took too long; its thread notices and ends."""
        now = time.monotonic()
        with self._lock:
            for connection, until in (*self._waiting.items(), *self._asking.items()):
                if now > until:
                    _cut(connection)


class _Handler(StreamRequestHandler):
    disable_nagle_algorithm = True  # with it, each answer on a kept connection waits some 40 ms for a delayed acknowledgement
    page: ClassVar[staticmethod[[str], tuple[str, bytes]]]
    connections: ClassVar[_Connections]

    def handle(self) -> None:
        """Answer one request after the other until either side ends."""
        while self._handle_one():
            self.connections.waits(self.connection)

    def _handle_one(self) -> bool:
        """Wait for the first byte as long as may be waited, then for the rest as long as may be asked."""
        with suppress(ConnectionError):
            if not self.rfile.peek(1):  # type: ignore[attr-defined]  # it is a BufferedReader, declared as less
                return False
            self.connections.asks(self.connection)
            try:
                request = read_request(self.rfile)
            except BadRequest as error:
                self._answer(error.status, PLAIN_TEXT, f"{error}\n".encode(), Request("GET", keep=False))
                return False
            if request is not None:
                self._answer(*self._find(request), request)
                return request.keep
        return False

    def _find(self, request: Request) -> tuple[HTTPStatus, str, bytes]:
        if request.method not in ("GET", "HEAD"):
            return HTTPStatus.METHOD_NOT_ALLOWED, PLAIN_TEXT, b"Pages can only be read here, with GET.\n"
        if request.path == _METRICS_PATH:
            return HTTPStatus.OK, *self.page(request.accept)
        if request.path == _HEALTH_PATH:
            return HTTPStatus.OK, PLAIN_TEXT, b"ok\n"
        return HTTPStatus.NOT_FOUND, PLAIN_TEXT, f"There are {_METRICS_PATH} and {_HEALTH_PATH} here.\n".encode()

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes, request: Request) -> None:
        """Head and body in one piece, so that they leave together."""
        end = "" if request.keep else "Connection: close\r\n"
        allow = "Allow: GET, HEAD\r\n" if status is HTTPStatus.METHOD_NOT_ALLOWED else ""
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nDate: {time.strftime(_DATE, time.gmtime())}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{allow}{end}\r\n"
        )
        self.connection.sendall(head.encode("latin-1") + (b"" if request.method == "HEAD" else body))


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = _BACKLOG
    connections: ClassVar[_Connections]

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Answer in a thread, if there is a place; a refusal never waits for whoever was refused."""
        connection = _stream(request)
        if self.connections.admit(connection):
            super().process_request(request, client_address)
            return
        with suppress(OSError):
            connection.setblocking(False)
            connection.send(_CROWDED)
        self.shutdown_request(request)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close the connection and give its place back."""
        self.connections.forget(_stream(request))
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Called by the serving thread a few times within a request's seconds, and after each new connection."""
        self.connections.cut_late()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up in the middle of an answer is no event."""


class PageServer:
    """One page at one endpoint; it listens from the start and answers in threads of its own."""

    def __init__(self, endpoint: Endpoint, page: Page, bounds: Bounds = Bounds()) -> None:
        """Open the port.

        Raises:
            OSError: the port is taken, or the host is none of this machine's.
        """
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        connections = _Connections(bounds)
        handler = type("Handler", (_Handler,), {"page": staticmethod(page), "connections": connections})
        server = type("Server", (_Server,), {"address_family": family, "connections": connections})
        self._server: ThreadingTCPServer = server((endpoint.host, endpoint.port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(bounds.request_seconds / 2,), name="metrics", daemon=True)
        self.endpoint = Endpoint(endpoint.host, int(self._server.server_address[1]))

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and give the port back."""
        if self._thread.is_alive():
            with suppress(OSError):
                self._server.socket.shutdown(socket.SHUT_RDWR)  # it wakes the thread, which otherwise looks up seldom
            self._server.shutdown()
        self._server.server_close()


def _stream(request: socket.socket | tuple[bytes, socket.socket]) -> socket.socket:
    """The connection itself; only servers of datagrams have the pair."""
    return request if isinstance(request, socket.socket) else request[1]


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)
