"""The HTTP connections: so many at once, and each cut off that takes too long to ask or to take its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

IDLE_SECONDS: Final = 60.0
"""A connection on which no whole request came for this long is closed; senders post much more often."""

LINGERING_SECONDS: Final = 1.0
"""So long the rest of a refused body is read and thrown away, so that its sender gets to see why."""

UNREAD_SECONDS: Final = 1.0
"""A connection that is younger may have posted something that is not read yet; it makes no room for others."""

_SHORT_SECONDS: Final = 0.05

GRACE_SECONDS: Final = 2.0
"""A request that is late is answered first; only who does not take the answer either is cut off."""

_LOUDEST: Final = logging.CRITICAL + 1
"""The library would write a traceback for each line of nonsense that a stranger sends."""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _Connection(web.RequestHandler):
    """One connection, which tells the doors when it is busy."""

    __slots__ = ("_doors",)

    def __init__(self, doors: Doors, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(doors, loop=loop, **options)
        self._doors = doors

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Come in, if there is room."""
        super().connection_made(transport)
        self._doors.entered(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Go."""
        self._doors.left(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """The first bytes of a request begin its time."""
        self._doors.asks(self)
        super().data_received(data)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write the answer; with it the request's time ends."""
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._doors.answered(self)

    def end(self) -> None:
        """End it once everything is sent."""
        if self.transport is not None:
            self.transport.close()

    def cut(self) -> None:
        """End it at once, whatever is still to be sent."""
        if self.transport is not None:
            self.transport.abort()


class Doors(web.Server):
    """A server that holds at most ``most`` connections; a new one takes the place of the one that waits longest, or is refused."""

    def __init__(self, handler: Handler, most: int, request_seconds: float) -> None:
        super().__init__(handler)
        self._most = most
        self._request_seconds = request_seconds
        self._running = asyncio.get_running_loop()
        self._draining = False
        self._quiet = asyncio.Event()  # while draining: nobody asks any more
        self._waiting: dict[_Connection, float] = {}  # the one that waits longest is the first
        self._asking: dict[_Connection, float] = {}
        logger = logging.Logger("edgeshift.bridge.http", _LOUDEST)
        self._options: dict[str, Any] = {
            "keepalive_timeout": IDLE_SECONDS,
            "access_log": None,
            "auto_decompress": False,
            "logger": logger,
            "lingering_time": LINGERING_SECONDS,
        }

    def __call__(self) -> web.RequestHandler:
        """Make a connection's protocol."""
        return _Connection(self, self._running, **self._options)

    def entered(self, connection: _Connection) -> None:
        """There is one more."""
        self._waiting[connection] = self._running.time()
        if len(self._waiting) + len(self._asking) > self._most:
            longest, since = next(iter(self._waiting.items()))
            one_too_many = longest if self._running.time() - since > UNREAD_SECONDS else connection
            del self._waiting[one_too_many]
            one_too_many.cut()

    def left(self, connection: _Connection) -> None:
        """There is one less."""
        self._waiting.pop(connection, None)
        self._asking.pop(connection, None)
        self._say_when_quiet()

    def asks(self, connection: _Connection) -> None:
        """A request has begun, if none was under way."""
        if connection not in self._asking:
            self._waiting.pop(connection, None)
            self._asking[connection] = self._running.time()

    def answered(self, connection: _Connection) -> None:
        """The request is over."""
        if self._asking.pop(connection, None) is not None:
            self._waiting[connection] = self._running.time()
            if self._draining:
                connection.end()
            self._say_when_quiet()

    def _say_when_quiet(self) -> None:
        if self._draining and not self._asking:
            self._quiet.set()

    async def drain(self, seconds: float) -> None:
        """Let those end that ask now, for at most so many seconds, and nobody ask again."""
        await asyncio.sleep(_SHORT_SECONDS)  # what was posted a moment ago may not have been read yet
        self._draining = True
        for connection in list(self._waiting):
            connection.end()
        if self._asking:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), seconds)

    def cut_late(self) -> None:
        """Cut off whoever takes too long; to be called every second or so."""
        oldest = self._running.time() - self._request_seconds - GRACE_SECONDS
        for connection in [connection for connection, since in self._asking.items() if since < oldest]:
            connection.cut()
