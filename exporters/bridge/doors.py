"""The HTTP connections: so many at once, so many of one address, and each cut off that takes too long to ask or to take its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, Final

from aiohttp import StreamReader, web

from exporters.bridge.settings import Limits

IDLE_SECONDS: Final = 60.0
"""A connection on which no whole request came for this long is closed; senders post much more often."""

LINGERING_SECONDS: Final = 1.0
"""So long the rest of a refused body is read and thrown away, so that its sender gets to see why."""

UNREAD_SECONDS: Final = 0.25
"""A connection that is younger may have posted something that is not read yet; it makes no room for others of its own address."""

SHARE_OF_ONE: Final = 2
"""One address has at most this part of all connections: half, since all of a farm may come through one proxy."""

_SHORT_SECONDS: Final = 0.05

GRACE_SECONDS: Final = 2.0
"""A request that is late is answered first; only who does not take the answer either is cut off."""

_LOUDEST: Final = logging.CRITICAL + 1
"""The library would write a traceback for each line of nonsense that a stranger sends."""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _Connection(web.RequestHandler):
    """One connection, which tells the doors when it is busy; ``body`` is of the request that is being answered."""

    __slots__ = ("_doors", "address", "body")

    def __init__(self, doors: Doors, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(doors, loop=loop, **options)
        self._doors = doors
        self.address = ""
        self.body: StreamReader | None = None

    @property
    def is_answered(self) -> bool:
        """Whether its request has come as a whole."""
        return self.body is not None and self.body.is_eof()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Come in, if its address is allowed and there is room."""
        super().connection_made(transport)
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
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
    """A server that holds at most ``limits.connections``, and of one address at most half of them; strangers are not let in.

    A new one takes the place of one that waits or has not asked to the end: of its own address where that has too many, else of
    the address that has most, and there of the one that does so longest. ``admits`` says whether an address is let in.
    """

    def __init__(self, handler: Handler, limits: Limits, admits: Callable[[str], bool]) -> None:
        super().__init__(self._answer)
        self.limits = limits
        self._handler = handler
        self._admits = admits
        self._of_address: dict[str, set[_Connection]] = {}
        self._running = asyncio.get_running_loop()
        self._draining = False
        self._quiet = asyncio.Event()  # while draining: nobody asks any more
        self._waiting: dict[_Connection, float] = {}
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

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """A request's head has come, perhaps together with the one before."""
        if isinstance(connection := request.protocol, _Connection):
            connection.body = request.content
            self.asks(connection)
        return await self._handler(request)

    def entered(self, connection: _Connection) -> None:
        """There is one more."""
        if not self._admits(connection.address):
            connection.cut()
            return
        self._waiting[connection] = self._running.time()
        mates = self._of_address.setdefault(connection.address, set())
        mates.add(connection)
        if len(mates) > max(1, self.limits.connections // SHARE_OF_ONE):
            self._make_room(connection, mates)
        elif len(self._waiting) + len(self._asking) > self.limits.connections:
            most = max(map(len, self._of_address.values()))
            self._make_room(connection, {one for crowd in self._of_address.values() if len(crowd) == most for one in crowd})

    def _make_room(self, newest: _Connection, crowd: Collection[_Connection]) -> None:
        """One of a crowd goes: the one that has waited or asked longest, but none that is being answered; if there is none, the newest."""
        latest = self._running.time() - (UNREAD_SECONDS if newest in crowd else 0.0)
        began = {one: self._waiting.get(one) or self._asking.get(one, latest) for one in crowd if one is not newest and not one.is_answered}
        longest = min(began, key=began.__getitem__, default=newest)
        one_too_many = longest if began.get(longest, latest) < latest else newest
        self.left(one_too_many)
        one_too_many.cut()

    def left(self, connection: _Connection) -> None:
        """There is one less."""
        self._waiting.pop(connection, None)
        self._asking.pop(connection, None)
        mates = self._of_address.get(connection.address, set())
        mates.discard(connection)
        if not mates:
            self._of_address.pop(connection.address, None)
        self._say_when_quiet()

    def asks(self, connection: _Connection) -> None:
        """A request has begun, if none was under way."""
        if self._waiting.pop(connection, None) is not None:
            self._asking[connection] = self._running.time()

    def answered(self, connection: _Connection) -> None:
        """The request is over."""
        connection.body = None
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
        oldest = self._running.time() - self.limits.request_seconds - GRACE_SECONDS
        for connection in [connection for connection, since in self._asking.items() if since < oldest]:
            connection.cut()
