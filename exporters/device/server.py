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

from exporters.device.connections import USUAL, Bounds, Connections
from exporters.device.exposition import PLAIN_TEXT
from exporters.device.request import BadRequest, Request, read_request

Page = Callable[[str], tuple[str, bytes]]
"""From a scraper's Accept header to the content type and the bytes of the page."""

Health = Callable[[], str]
"""What is wrong with whoever serves the page, in a sentence; "" where nothing is."""


def _well() -> str:
    return ""


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


class _Handler(StreamRequestHandler):
    disable_nagle_algorithm = True  # with it, each answer on a kept connection waits some 40 ms for a delayed acknowledgement
    page: ClassVar[staticmethod[[str], tuple[str, bytes]]]
    health: ClassVar[staticmethod[[], str]]
    connections: ClassVar[Connections]

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
                self.connections.is_answered(self.connection)
                self._answer(error.status, PLAIN_TEXT, f"{error}\n".encode(), Request("GET", keep=False))
                return False
            if request is not None:
                self.connections.is_answered(self.connection)
                self._answer(*self._find(request), request)
                return request.keep
        return False

    def _find(self, request: Request) -> tuple[HTTPStatus, str, bytes]:
        if request.method not in ("GET", "HEAD"):
            return HTTPStatus.METHOD_NOT_ALLOWED, PLAIN_TEXT, b"Pages can only be read here, with GET.\n"
        if request.path == _METRICS_PATH:
            return HTTPStatus.OK, *self.page(request.accept)
        if request.path == _HEALTH_PATH:
            wrong = self.health()
            status = HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK
            return status, PLAIN_TEXT, f"{wrong or 'ok'}\n".encode()
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
    connections: ClassVar[Connections]

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Answer in a thread, if there is a place; a refusal never waits for whoever was refused."""
        connection = _stream(request)
        if self.connections.admit(connection, _host(client_address)):
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

    def __init__(self, endpoint: Endpoint, page: Page, bounds: Bounds = USUAL, health: Health = _well) -> None:
        """Open the port; /healthz answers 503 with the sentence of ``health`` while there is one.

        Raises:
            OSError: the port is taken, or the host is none of this machine's.
        """
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        connections = Connections(bounds)
        handler = type("Handler", (_Handler,), {"page": staticmethod(page), "health": staticmethod(health), "connections": connections})
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


def _host(address: object) -> str:
    """Of a client's address, whose first part it is in every family."""
    return str(address[0]) if isinstance(address, tuple) and address else ""


def _stream(request: socket.socket | tuple[bytes, socket.socket]) -> socket.socket:
    """The connection itself; only servers of datagrams have the pair."""
    return request if isinstance(request, socket.socket) else request[1]
