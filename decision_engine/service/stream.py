"""The live stream: every listener gets every event from now on; one that reads too slowly is let go, never waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

EVENTS_WAITING_MOST = 256
"""A listener this far behind is not reading any more."""
BYTES_WAITING_MOST = 64 * 2**20
"""One event carries the whole fleet, some megabytes at ten thousand devices; more than this must not be kept for anybody."""

LISTENERS_MOST = 64
"""A console, a narration and some scripts each hold one; what waits for one that does not read costs memory, so there is an end to it."""


class TooManyListeners(Exception):
    """All places at the stream are taken; the text is a sentence for whoever asked."""


class Listener:
    """What one reader has still to be told. Belongs to one event loop."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._waiting_bytes = 0

    def offer(self, message: bytes) -> bool:
        """Keep one more message for it; False when it is too far behind, and then it is told nothing more."""
        crowded = self._waiting_bytes > 0 and self._waiting_bytes + len(message) > BYTES_WAITING_MOST
        if crowded or self._queue.qsize() >= EVENTS_WAITING_MOST:
            while not self._queue.empty():
                self._queue.get_nowait()
            self.end()
            return False
        self._waiting_bytes += len(message)
        self._queue.put_nowait(message)
        return True

    def end(self) -> None:
        """Say that there is no more after what is waiting."""
        self._queue.put_nowait(None)

    async def next(self) -> bytes | None:
        """Wait for the next message; None when there is no more."""
        message = await self._queue.get()
        self._waiting_bytes -= len(message or b"")
        return message


class Broadcast:
    """Fans events out to at most ``LISTENERS_MOST`` listeners."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._places: set[Listener] = set()  # with those that were let go, until their connection has ended
        self._number = 0
        self._closed = False

    @property
    def heard(self) -> bool:
        """Whether anybody listens; nobody is told a fleet that nobody wants to hear of."""
        return bool(self._listeners)

    def send(self, event: str, data: bytes) -> None:
        """Offer an event with its JSON to every listener; returns at once."""
        self._number += 1
        message = b"id: %d\nevent: %s\ndata: %s\n\n" % (self._number, event.encode(), data)
        self._listeners = {listener for listener in self._listeners if listener.offer(message)}

    def close(self) -> None:
        """Tell every listener, and whoever comes later, that there is no more."""
        self._closed = True
        for listener in self._listeners:
            listener.end()

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """Be told everything that is sent inside the block.

        Raises:
            TooManyListeners: there is no place left.
        """
        if len(self._places) >= LISTENERS_MOST:
            raise TooManyListeners(f"the stream has its {LISTENERS_MOST} listeners already; close one of them or ask again later")
        listener = Listener()
        self._places.add(listener)
        if self._closed:
            listener.end()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._places.discard(listener)
            self._listeners.discard(listener)
