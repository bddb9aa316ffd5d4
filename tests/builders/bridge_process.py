"""A real HTTP receiver on loopback that a test tells how to behave: it answers, redirects, fails, is slow or says rubbish."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What was received, and how to answer: a status and a body, where to redirect, or how long to wait before each byte of the answer."""

    status: int = 200
    body: bytes = b'{"code":"0000","message":"done"}'
    location: str = ""
    drip_seconds: float = 0.0
    rubbish: bytes = b""
    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/observations"


@contextmanager
def receiver(**behaviour: Any) -> Iterator[Receiver]:
    """Serve until the block ends."""
    state = Receiver(**behaviour)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            state.tokens.append(self.headers.get("Authorization", ""))
            state.paths.append(self.path)
            try:
                self._answer()
            except OSError:  # the sender did not wait
                return

        def _answer(self) -> None:
            if state.drip_seconds:
                for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100:
                    self.wfile.write(bytes([letter]))
                    time.sleep(state.drip_seconds)
            if state.rubbish:
                self.wfile.write(state.rubbish)
                return
            self.send_response(state.status)
            if state.location:
                self.send_header("Location", state.location)
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing."""

    with Server(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield state
        server.shutdown()
        thread.join()
