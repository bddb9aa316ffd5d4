"""The live stream: events in order for whoever reads, and no waiting for whoever does not."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import ExitStack
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestServer

from decision_engine.service import app, stream
from decision_engine.service.app import make_app
from decision_engine.service.stream import BYTES_WAITING_MOST, EVENTS_WAITING_MOST, LISTENERS_MOST, Broadcast, Listener, TooManyListeners
from tests.builders.service import ACTED_BY_SECONDS, CALM_SECONDS, MAX_BODY_BYTES, WITHIN_SECONDS, Client, Story, body_of, served, until

Event = tuple[int, str, dict[str, Any]]
QUICK_SECONDS = 1.0


async def next_event(answer: ClientResponse) -> Event | None:
    """Read one server-sent event; None at the stream's end."""
    fields: dict[str, str] = {}
    async for line in answer.content:
        if line == b"\n" and fields:
            return int(fields["id"]), fields["event"], json.loads(fields["data"])
        name, _, rest = line.decode().partition(": ")
        if name:
            fields[name] = rest.strip()
    return None


def ends(connection: socket.socket) -> bool:
    """Whether the other side has dropped it, after what had been sent before."""
    connection.settimeout(WITHIN_SECONDS / 2)
    try:
        while connection.recv(2**20):
            continue
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def listeners(story: Story) -> int:
    return len(story.loop.broadcast._listeners)


def test_events_come_in_the_order_in_which_things_happened(story: Story) -> None:
    async def use(client: Client) -> None:
        answer = await client.get("/api/v1/stream")
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert not any(name.lower().startswith("access-control") for name in answer.headers)
        story.pass_unwatched(CALM_SECONDS)
        await story.live(ACTED_BY_SECONDS - CALM_SECONDS)
        story.loop.broadcast.close()
        events = []
        while (event := await next_event(answer)) is not None:
            events.append(event)
        assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
        cycles = [body["at"] for _, name, body in events if name == "cycle"]
        assert cycles == sorted(cycles)
        assert len(cycles) == ACTED_BY_SECONDS - CALM_SECONDS
        act = next(place for place, (_, name, body) in enumerate(events) if name == "decision" and body["verdict"] == "act")
        begun = next(place for place, (_, name, body) in enumerate(events) if name == "transition")
        told = next(place for place, (_, name, _) in enumerate(events) if name == "cycle" and place > act)
        assert act < begun < told
        assert events[begun][2]["move"]["id"] == events[act][2]["id"]
        assert events[told][2]["moves"][0]["id"] == events[act][2]["id"]
        assert {"seconds", "queries", "trouble", "devices", "workloads"} <= set(events[told][2])

    served(story, use)


def test_nothing_is_written_out_for_nobody(story: Story) -> None:
    asyncio.run(story.live(2.0))
    assert not story.loop.broadcast.heard

    async def use(client: Client) -> None:
        answer = await client.get("/api/v1/stream")
        await story.live(1.0)
        event = await next_event(answer)
        assert event is not None
        assert event[0] == 1  # numbered from the first that anybody heard

    served(story, use)


def test_a_listener_that_leaves_is_forgotten(story: Story) -> None:
    async def use(client: Client) -> None:
        answer = await client.get("/api/v1/stream")
        await until(lambda: listeners(story) == 1)
        answer.close()
        while story.loop.broadcast.heard:
            await story.live(1.0)

    served(story, use)


def test_a_late_listener_of_a_stopped_service_is_sent_home(story: Story) -> None:
    story.loop.broadcast.close()

    async def use(client: Client) -> None:
        assert await next_event(await client.get("/api/v1/stream")) is None

    served(story, use)


def test_a_quiet_stream_says_that_it_is_there(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "KEEP_ALIVE_SECONDS", 0.01)

    async def use(client: Client) -> None:
        answer = await client.get("/api/v1/stream")
        assert await answer.content.readline() == b": still here\n"

    served(story, use)


def test_a_slow_reader_is_let_go_and_nobody_waits_for_it(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reads everything, one nothing at all: sending never blocks, the first hears all, the second loses its connection."""
    monkeypatch.setattr(app, "READ_WITHIN_SECONDS", 0.3)
    large = json.dumps("x" * 500_000).encode()

    async def scenario() -> None:
        server = TestServer(make_app(story.loop, (), MAX_BODY_BYTES))
        await server.start_server()
        assert server.port is not None
        assert server.runner is not None
        connections = server.runner.server
        assert connections is not None
        lazy = socket.create_connection(("127.0.0.1", server.port))
        try:
            lazy.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await until(lambda: listeners(story) == 1)
            eager, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**22)
            writer.write(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await until(lambda: listeners(story) == 2)
            heard, slowest = 0, 0.0
            while listeners(story) == 2:
                began = time.perf_counter()
                story.loop.broadcast.send("cycle", large)
                slowest = max(slowest, time.perf_counter() - began)
                await eager.readuntil(b"data: ")
                await eager.readuntil(b'"\n')
                heard += 1
            assert slowest < QUICK_SECONDS
            assert heard >= 1
            story.loop.broadcast.send("cycle", b'"after"')
            await eager.readuntil(b'"after"')
            await until(lambda: len(connections.connections) == 1)  # dropped although it never read a word
            assert await asyncio.to_thread(ends, lazy), "its connection was left open"
            writer.close()
            await writer.wait_closed()
        finally:
            lazy.close()
            await server.close()

    asyncio.run(asyncio.wait_for(scenario(), WITHIN_SECONDS))


@pytest.mark.parametrize(
    ("size", "kept"),
    [(10, EVENTS_WAITING_MOST), (BYTES_WAITING_MOST // 4, 4), (BYTES_WAITING_MOST * 2, 1)],
    ids=["many small ones", "a few large ones", "one that is larger than all that is allowed"],
)
def test_what_waits_for_a_listener_is_bounded(size: int, kept: int) -> None:
    async def scenario() -> None:
        listener, message = Listener(), b"x" * size
        assert [listener.offer(message) for _ in range(kept)] == [True] * kept
        assert listener.offer(message) is False
        assert await listener.next() is None

    asyncio.run(scenario())


def test_a_listener_that_keeps_up_may_hear_any_amount() -> None:
    async def scenario() -> None:
        broadcast = Broadcast()
        with broadcast.listen() as listener:
            for number in range(1, 3 * EVENTS_WAITING_MOST):
                broadcast.send("cycle", b"{}")
                assert await listener.next() == b"id: %d\nevent: cycle\ndata: {}\n\n" % number
            broadcast.close()
            assert await listener.next() is None
        assert not broadcast.heard

    asyncio.run(scenario())


def test_listeners_beyond_the_last_place_are_refused_until_one_leaves(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LISTENERS_MOST", 2)

    async def use(client: Client) -> None:
        first = await client.get("/api/v1/stream")
        await client.get("/api/v1/stream")
        full = await client.get("/api/v1/stream")
        said = await body_of(full, 503)
        assert said == {"error": "the stream has its 2 listeners already; close one of them or ask again later"}
        assert full.headers["Connection"] == "close"
        first.close()
        while listeners(story) == 2:
            await story.live(1.0)
        await until(lambda: len(story.loop.broadcast._places) == 1)
        assert (await client.get("/api/v1/stream")).status == 200

    served(story, use)


def test_whoever_was_let_go_keeps_its_place_until_its_connection_has_ended() -> None:
    async def scenario() -> None:
        broadcast = Broadcast()
        with ExitStack() as stack:
            for _ in range(LISTENERS_MOST):
                stack.enter_context(broadcast.listen())
            for _ in range(EVENTS_WAITING_MOST + 1):
                broadcast.send("cycle", b"{}")
            assert not broadcast.heard
            with pytest.raises(TooManyListeners, match=str(LISTENERS_MOST)), broadcast.listen():
                pass
        with broadcast.listen():
            assert broadcast.heard

    asyncio.run(scenario())


def test_little_is_kept_for_a_listener_beside_the_event_under_way(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[int] = []
    monkeypatch.setattr(app, "_taken", Taken(limits))

    async def use(client: Client) -> None:
        answer = await client.get("/api/v1/stream")
        story.loop.broadcast.send("cycle", b"{}")
        assert await answer.read() == b""
        assert limits == [app.WRITE_BUFFER_BYTES]

    served(story, use)


class Taken:
    """Looks at the connection in place of writing to it, and ends the stream."""

    def __init__(self, limits: list[int]) -> None:
        self.limits = limits

    async def __call__(self, message: bytes, request: web.Request, response: web.StreamResponse) -> bool:
        assert isinstance(request.transport, asyncio.WriteTransport)
        self.limits.append(request.transport.get_write_buffer_limits()[1])
        return False
