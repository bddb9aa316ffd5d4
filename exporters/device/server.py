"""Serves the page of metrics over HTTP: /metrics for Prometheus, /healthz for whoever asks whether the exporter lives."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import ClassVar, Final
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

_IDLE_SECONDS: Final = 60.0
"""A connection on which nothing is asked for this long is closed; scrapes come much more often."""

_REQUEST_SECONDS: Final = 10.0
"""A request with its answer is over after this long: whoever sends or reads a letter at a time is cut off."""

_MOST_CONNECTIONS: Final = 32
"""Each has a thread; a few Prometheus servers and a person need a handful, and a small board has memory for no more."""

_BACKLOG: Final = 128
"""Connections that wait to be taken: a burst of that many loses nobody."""

_CROWDED: Final = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

_PLAIN_TEXT: Final = "text/plain; charset=utf-8"
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

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[socket.socket, float] = {}  # the one that waits longest is the first
        self._asking: dict[socket.socket, float] = {}

    def admit(self, connection: socket.socket) -> bool:
        """Take a new connection, in place of the one that waits longest when all places are taken; False when none waits."""
        with self._lock:
            if len(self._waiting) + len(self._asking) >= _MOST_CONNECTIONS:
                if not self._waiting:
                    return False
                longest = next(iter(self._waiting))
                del self._waiting[longest]
                _cut(longest)
            self._waiting[connection] = time.monotonic() + _IDLE_SECONDS
            return True

    def waits(self, connection: socket.socket) -> None:
        """Its request is answered; one that was let go meanwhile stays so."""
        with self._lock:
            if self._asking.pop(connection, None) is not None:
                self._waiting[connection] = time.monotonic() + _IDLE_SECONDS

    def asks(self, connection: socket.socket) -> None:
        """The first byte of a request has come."""
        with self._lock:
            if self._waiting.pop(connection, None) is not None:
                self._asking[connection] = time.monotonic() + _REQUEST_SECONDS

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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # with it, each answer on a kept connection waits some 40 ms for a delayed acknowledgement
    wbufsize = -1  # headers and body leave together
    registry: ClassVar[CollectorRegistry]
    connections: ClassVar[_Connections]

    def handle_one_request(self) -> None:
        """Wait for the first byte as long as may be waited, then for the rest as long as may be asked."""
        self.connections.waits(self.connection)
        if not self.rfile.peek(1):  # type: ignore[attr-defined]  # it is a BufferedReader, declared as less
            self.close_connection = True
            return
        self.connections.asks(self.connection)
        super().handle_one_request()

    def do_GET(self) -> None:
        try:
            path = urlsplit(self.path).path
        except ValueError:
            self._answer(HTTPStatus.BAD_REQUEST, _PLAIN_TEXT, b"This is no address that can be read.\n")
            return
        if path == _METRICS_PATH:
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, content_type, encode(self.registry))
        elif path == _HEALTH_PATH:
            self._answer(HTTPStatus.OK, _PLAIN_TEXT, b"ok\n")
        else:
            self._answer(HTTPStatus.NOT_FOUND, _PLAIN_TEXT, f"There are {_METRICS_PATH} and {_HEALTH_PATH} here.\n".encode())

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a line for each scrape would bury what matters."""

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = _BACKLOG
    connections: ClassVar[_Connections]

    def server_bind(self) -> None:
        """Bind without the parent's question to the name service for our own name, which can hang for seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

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
        """Called by the serving thread twice a second and after each new connection."""
        self.connections.cut_late()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up in the middle of an answer is no event."""


class PageServer:
    """The page of one registry at one endpoint; it listens from the start and answers in threads of its own."""

    def __init__(self, endpoint: Endpoint, registry: CollectorRegistry) -> None:
        """Open the port.

        Raises:
            OSError: the port is taken, or the host is none of this machine's.
        """
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        connections = _Connections()
        handler = type("Handler", (_Handler,), {"registry": registry, "connections": connections})
        server = type("Server", (_Server,), {"address_family": family, "connections": connections})
        self._server: ThreadingHTTPServer = server((endpoint.host, endpoint.port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self.endpoint = Endpoint(endpoint.host, self._server.server_port)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and give the port back."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


def _stream(request: socket.socket | tuple[bytes, socket.socket]) -> socket.socket:
    """The connection itself; only servers of datagrams have the pair."""
    return request if isinstance(request, socket.socket) else request[1]


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)
