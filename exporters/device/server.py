"""Serves the page of metrics over HTTP: /metrics for Prometheus, /healthz for whoever asks whether the exporter lives."""

from __future__ import annotations

import socket
import threading
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # with it, each answer on a kept connection waits some 40 ms for a delayed acknowledgement
    wbufsize = -1  # headers and body leave together
    timeout = _IDLE_SECONDS
    registry: ClassVar[CollectorRegistry]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == _METRICS_PATH:
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, content_type, encode(self.registry))
        elif path == _HEALTH_PATH:
            self._answer(HTTPStatus.OK, _PLAIN_TEXT, b"ok\n")
        else:
            self._answer(HTTPStatus.NOT_FOUND, _PLAIN_TEXT, f"There are {_METRICS_PATH} and {_HEALTH_PATH} here.\n".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a line for each scrape would bury what matters."""

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without the parent's question to the name service for our own name, which can hang for seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

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
        handler = type("Handler", (_Handler,), {"registry": registry})
        server = type("Server", (_Server,), {"address_family": family})
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
