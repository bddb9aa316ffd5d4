"""Without tokens no foreign page and no bent name is answered, and nonsense costs neither a 500 nor a traceback."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.test_utils import TestServer

from decision_engine.service.app import make_app
from decision_engine.service.origin import is_local
from decision_engine.service.quiet import ONE_LINE_PER_SECONDS, SERVER_LOGGER, OneLine
from tests.builders.service import MAX_BODY_BYTES, WITHIN_SECONDS, Client, Story, Uptime, body_of, served

RELOAD = "/api/v1/catalog/reload"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8780", "127.0.0.1", "127.1.2.3:1", "[::1]", "[::1]:8780"])
def test_this_machine_by_its_own_names(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8780", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.7", "0.0.0.0", "[::1",
     "localhost@evil.example", "evil.example@localhost", "localhost:port", "localhost:", "localhost/x", "localhost#x", "[::2]:1"],
)  # fmt: skip
def test_whatever_is_not_this_machine(host: str) -> None:
    assert not is_local(host)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Host": "evil.example:8780"}, "Host"),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, "Host"),
        ({"Host": "localhost:8780", "Origin": "http://evil.example"}, "Origin is foreign"),
        ({"Host": "localhost:8780", "Origin": "http://localhost:3000"}, "Origin is foreign"),
        ({"Host": "localhost:8780", "Origin": "null"}, "Origin is foreign"),
    ],
    ids=["another name", "a bent name", "another site", "another port of this machine", "a sandboxed page"],
)
def test_strangers_are_refused_and_nothing_is_done(story: Story, method: str, headers: dict[str, str], said: str) -> None:
    async def use(client: Client) -> None:
        path = RELOAD if method == "POST" else "/api/v1/fleet"
        body = await body_of(await client.request(method, path, headers=headers), 403)
        assert list(body) == ["error"]
        assert said in body["error"]

    served(story, use)
    assert story.engine.journal.operators(10) == ()


def test_its_own_page_may_ask(story: Story) -> None:
    async def use(client: Client) -> None:
        await body_of(await client.post(RELOAD, headers={"Host": "localhost:8780", "Origin": "http://localhost:8780"}))

    served(story, use)
    assert len(story.engine.journal.operators(10)) == 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_cannot_be_unpacked_is_400_and_at_most_one_line(
    story: Story, encoding: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(SERVER_LOGGER), "filters", [])

    async def use(client: Client) -> None:
        for _ in range(3):
            body = await body_of(await client.post(RELOAD, data=b"abcde", headers={"Content-Encoding": encoding}), 400)
            assert body == {"error": "the request's body is not in the encoding that its headers name"}

    served(story, use)
    assert story.engine.journal.operators(10) == ()
    assert len([record for record in caplog.records if record.name == SERVER_LOGGER]) <= 1
    assert "Traceback" not in caplog.text


def test_malformed_requests_are_answered_and_one_line_tells(
    story: Story, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(SERVER_LOGGER), "filters", [])

    async def ask(port: int, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    async def scenario() -> None:
        async with TestServer(make_app(story.loop, (), MAX_BODY_BYTES)) as server:
            assert server.port is not None
            for request in (b"GET http://[::1/x HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"):
                assert (await ask(server.port, request)).startswith(b"HTTP/1.0 400 ")

    asyncio.run(asyncio.wait_for(scenario(), WITHIN_SECONDS))
    (line,) = [record for record in caplog.records if record.name == SERVER_LOGGER]
    assert "the client's fault, InvalidURLError" in line.getMessage()
    assert "Traceback" not in caplog.text


def fault(error: Exception) -> logging.LogRecord:
    return logging.LogRecord(SERVER_LOGGER, logging.ERROR, "", 0, "Error from %s", ("100%",), (type(error), error, None))


def test_held_back_lines_are_counted_and_our_own_faults_stay_whole() -> None:
    uptime = Uptime()
    quiet = OneLine(uptime)
    first, later, ours = fault(BadHttpMessage("x\ny")), fault(BadHttpMessage("x")), fault(ZeroDivisionError())
    assert quiet.filter(first)
    assert first.getMessage() == "Error from 100%: the client's fault, BadHttpMessage"
    assert first.exc_info is None
    assert [quiet.filter(fault(BadHttpMessage("x"))) for _ in range(3)] == [False] * 3
    assert quiet.filter(ours)
    assert ours.exc_info is not None
    uptime.seconds += ONE_LINE_PER_SECONDS
    assert quiet.filter(later)
    assert later.getMessage().endswith("(3 more like it since the last line)")
