"""The open connections of a page's server: how long each may take, and which one makes room when all places are taken."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Final


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


_WAITS, _ASKS, _IS_ANSWERED = range(3)
"""Nothing is asked yet; a request has begun and is not whole; the page is made and sent."""

USUAL: Final = Bounds()


@dataclass(slots=True)
class _Place:
    host: str
    stage: int
    until: float


class Connections:
    """Each with its host and the moment at which it is cut off.

    When it is crowded, a connection on which no request is whole gives way to a new one: of the host that has most of them, so
    that nobody loses a place to a crowd of somebody else's, and the one that has idled or asked for longest.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._lock = threading.Lock()
        self._places: dict[socket.socket, _Place] = {}  # the one that has been longest in its stage is the first

    def admit(self, connection: socket.socket, host: str) -> bool:
        """Take a new connection; False when all others are being answered, and none of their hosts has most of the places."""
        with self._lock:
            if len(self._places) >= self._bounds.most_connections:
                out = self._giving_way(host)
                if out is None:
                    return False
                del self._places[out]
                _cut(out)
            self._enter(connection, host, _WAITS)
            return True

    def waits(self, connection: socket.socket) -> None:
        """Its request is answered; one that was let go meanwhile stays so."""
        self._goes_on(connection, _WAITS)

    def asks(self, connection: socket.socket) -> None:
        """The first byte of a request has come."""
        self._goes_on(connection, _ASKS)

    def is_answered(self, connection: socket.socket) -> None:
        """The request is whole; the time for its answer goes on from the first byte."""
        self._goes_on(connection, _IS_ANSWERED)

    def forget(self, connection: socket.socket) -> None:
        """It is about to be closed."""
        with self._lock:
            self._places.pop(connection, None)

    def cut_late(self) -> None:
        """Cut off whoever took too long; its thread notices and ends."""
        now = time.monotonic()
        with self._lock:
            for connection, place in self._places.items():
                if now > place.until:
                    _cut(connection)

    def _goes_on(self, connection: socket.socket, stage: int) -> None:
        with self._lock:
            place = self._places.pop(connection, None)
            if place is not None:
                self._enter(connection, place.host, stage, place.until)

    def _enter(self, connection: socket.socket, host: str, stage: int, until: float = 0.0) -> None:
        if stage != _IS_ANSWERED:
            until = time.monotonic() + (self._bounds.idle_seconds if stage == _WAITS else self._bounds.request_seconds)
        self._places[connection] = _Place(host, stage, until)

    def _giving_way(self, newcomer: str) -> socket.socket | None:
        held = Counter(place.host for place in self._places.values())
        greedy, places = held.most_common(1)[0]
        for hosts in ({greedy}, held):
            for connection, place in self._places.items():
                if place.stage != _IS_ANSWERED and place.host in hosts:
                    return connection
        # All are being answered. A host that takes most places, and reads slowly, keeps no other out.
        if greedy == newcomer or 2 * places <= self._bounds.most_connections:
            return None
        return next(connection for connection, place in self._places.items() if place.host == greedy)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)
