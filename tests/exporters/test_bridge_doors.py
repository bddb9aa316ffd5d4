"""Who comes in, and who makes room: connections without sockets, on a clock of real seconds that are few."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from exporters.bridge.doors import UNREAD_SECONDS, Doors
from exporters.bridge.replies import ADDRESS_REFUSED
from exporters.bridge.settings import Limits
from exporters.bridge.strangers import Strangers, is_allowed
from tests.builders.bridge import World, settings

WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"


class Line(asyncio.Transport):
    """One end of a connection that goes nowhere."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 1)})
        self.is_cut = False

    def abort(self) -> None:
        self.is_cut = True

    def close(self) -> None:
        self.is_cut = True

    def is_closing(self) -> bool:
        return self.is_cut

    def write(self, data: object) -> None:
        """Into the void."""


class Street:
    """Doors for so many connections, whose answers take for ever."""

    def __init__(self, most: int, admits: Callable[[str], bool] = lambda address: True) -> None:
        self.doors = Doors(self._never, Limits(connections=most), admits)

    @staticmethod
    async def _never(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        await asyncio.Event().wait()
        raise AssertionError

    async def come(self, address: str, says: bytes = b"") -> Line:
        """Connect, and say something."""
        line, connection = Line(address), self.doors()
        connection.connection_made(line)
        if says and not line.is_cut:
            connection.data_received(says)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return line

    async def crowd(self, count: int, address: str, says: bytes = b"") -> list[Line]:
        """Several."""
        return [await self.come(address, says) for _ in range(count)]


def living(story: Callable[[], Awaitable[Any]]) -> None:
    """Run a story, and end what it leaves open."""

    async def live() -> None:
        await story()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(live())


@pytest.mark.parametrize("says", [b"", b"P", HALF_A_BODY], ids=["silent", "one letter", "half a body"])
def test_who_does_not_ask_to_the_end_makes_room_for_another_address(says: bytes) -> None:
    async def story() -> None:
        street = Street(20)
        first, second = await street.crowd(10, "10.0.0.1", says), await street.crowd(10, "10.0.0.2", says)
        assert not any(line.is_cut for line in first + second)
        good = [await street.come(f"10.0.1.{number}", WHOLE) for number in range(10)]
        assert not any(line.is_cut for line in good)
        assert sum(line.is_cut for line in first + second) == 10
        assert sum(line.is_cut for line in first) == 5  # the address that has most gives up one

    living(story)


def test_who_is_being_answered_makes_room_for_nobody() -> None:
    async def story() -> None:
        street = Street(4)
        asking = [await street.come(f"10.0.0.{number}", WHOLE) for number in range(4)]
        assert (await street.come("10.0.0.9")).is_cut
        assert not any(line.is_cut for line in asking)

    living(story)


def test_one_address_has_half_and_its_oldest_half_asked_goes_first() -> None:
    async def story() -> None:
        street = Street(8)
        old = await street.crowd(4, "10.0.0.1", b"P")
        assert (await street.come("10.0.0.1", b"P")).is_cut, "those that came a moment ago may not have been read yet"
        await asyncio.sleep(UNREAD_SECONDS + 0.05)
        new = await street.come("10.0.0.1", WHOLE)
        assert [line.is_cut for line in old] == [True, False, False, False]
        assert not new.is_cut
        assert not (await street.come("10.0.0.2", WHOLE)).is_cut

    living(story)


def test_a_connection_that_was_cut_leaves_no_trace() -> None:
    async def story() -> None:
        street = Street(4)
        for number in range(50):
            line, connection = Line(f"10.0.0.{number}"), street.doors()
            connection.connection_made(line)
            connection.data_received(b"P")
            connection.connection_lost(None)
        assert not (await street.come("10.0.0.9", WHOLE)).is_cut
        assert list(street.doors._of_address) == ["10.0.0.9"]

    living(story)


def test_a_stranger_takes_no_place_and_is_counted() -> None:
    world = World(settings(allow=["10.0.0.0/8"]))

    async def story() -> None:
        street = Street(2, Strangers(world.desk))
        assert all(line.is_cut for line in await street.crowd(5, "192.168.0.9", b"P"))
        assert not (await street.come("10.0.0.1", WHOLE)).is_cut

    living(story)
    assert world.desk.totals.refused[("other", ADDRESS_REFUSED.name)] == 5
    assert [one["who"] for one in world.desk.refusals.listed()] == ["from 192.168.0.9"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.1.2.3", True), ("11.0.0.1", False), ("::ffff:10.1.2.3", True), ("fe80::1%eth0", True), ("", False), ("nonsense", False)],
)
def test_an_address_is_in_a_network_however_it_is_written(address: str, expected: bool) -> None:
    networks = settings(allow=["10.0.0.0/8", "fe80::/10"]).allow
    assert is_allowed(address, networks) is expected
    assert is_allowed(address, ())
