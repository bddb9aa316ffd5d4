"""Tokens and roles: who gets in, who may do what, and what the journal says about it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from decision_engine.config import Token, load_tokens
from decision_engine.service.app import make_app
from decision_engine.service.tokens import LOCAL
from tests.builders.service import MAX_BODY_BYTES, WITHIN_SECONDS, Client, Story, body_of, served

VIEWER, OPERATOR, ALERTMANAGER = "viewer-secret-0123456789", "operator-secret-0123456789", "alertmanager-secret-01234"
READ_PATHS = ["/healthz", "/readyz", "/metrics", "/api/v1/fleet", "/api/v1/targets", "/api/v1/decisions", "/api/v1/stream", "/nowhere"]
RELOAD = "/api/v1/catalog/reload"


@pytest.fixture
def tokens(tmp_path: Path) -> tuple[Token, ...]:
    path = tmp_path / "tokens"
    path.write_text(
        f"# who role token\nkim viewer {VIEWER}\nlee operator {OPERATOR}\nalerts alertmanager {ALERTMANAGER}\n", encoding="utf-8"
    )
    path.chmod(0o600)
    return load_tokens(path)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "asks for a bearer token"),
        ({"Authorization": "Bearer"}, "asks for a bearer token"),
        ({"Authorization": f"Basic {OPERATOR}"}, "not known here"),
        (bearer("wrong-secret-0123456789"), "not known here"),
        (bearer(OPERATOR[:-1]), "not known here"),
        (bearer(f"{OPERATOR}x"), "not known here"),
    ],
    ids=["none", "empty", "another scheme", "wrong", "too short", "too long"],
)
def test_without_a_good_token_nothing_is_told(story: Story, tokens: tuple[Token, ...], headers: dict[str, str], said: str) -> None:
    async def use(client: Client) -> None:
        for path in READ_PATHS:
            answer = await client.get(path, headers=headers)
            assert said in (await body_of(answer, 401))["error"]
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert said in (await body_of(await client.post(RELOAD, headers=headers), 401))["error"]

    served(story, use, tokens)
    assert story.engine.journal.operators(10) == ()


def test_a_token_that_is_no_text_is_a_wrong_one(story: Story, tokens: tuple[Token, ...]) -> None:
    async def scenario() -> bytes:
        async with TestServer(make_app(story.loop, tokens, MAX_BODY_BYTES)) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    answer = asyncio.run(asyncio.wait_for(scenario(), WITHIN_SECONDS))
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.endswith(b'{"error":"the token given is not known here"}')


def test_a_viewer_may_read_but_not_act(story: Story, tokens: tuple[Token, ...]) -> None:
    async def use(client: Client) -> None:
        assert await body_of(await client.get("/healthz", headers=bearer(VIEWER))) == {"status": "ok"}
        assert await body_of(await client.get("/api/v1/decisions", headers=bearer(VIEWER))) == {"decisions": []}
        refused = await body_of(await client.post(RELOAD, headers=bearer(VIEWER)), 403)
        assert refused == {"error": f"kim has the role viewer, which may not POST {RELOAD}"}

    served(story, use, tokens)
    assert story.engine.journal.operators(10) == ()


def test_an_operator_may_act_and_the_journal_names_who_did(story: Story, tokens: tuple[Token, ...]) -> None:
    async def use(client: Client) -> None:
        assert await body_of(await client.get("/healthz", headers={"Authorization": f"bearer  {OPERATOR}"})) == {"status": "ok"}
        reloaded = await body_of(await client.post(RELOAD, headers=bearer(OPERATOR)))
        assert reloaded == {"catalog_version": story.engine.catalog_version}

    served(story, use, tokens)
    (note,) = story.engine.journal.operators(10)
    assert (note.who, note.role, note.what, note.at) == ("lee", "operator", "catalog reload", story.clock())


def test_alertmanager_may_do_neither(story: Story, tokens: tuple[Token, ...]) -> None:
    async def use(client: Client) -> None:
        for path in READ_PATHS:
            assert "alertmanager" in (await body_of(await client.get(path, headers=bearer(ALERTMANAGER)), 403))["error"]
        assert "alertmanager" in (await body_of(await client.post(RELOAD, headers=bearer(ALERTMANAGER)), 403))["error"]

    served(story, use, tokens)


def test_without_tokens_whoever_is_on_the_machine_is_the_operator(story: Story) -> None:
    async def use(client: Client) -> None:
        await body_of(await client.post(RELOAD))

    served(story, use)
    assert [(note.who, note.role) for note in story.engine.journal.operators(10)] == [(LOCAL.name, LOCAL.role)]


@dataclass
class CountingToken:
    """Counts how often it is compared."""

    name: str
    role: str
    secret: str
    compared: list[str] = field(default_factory=list)

    def matches(self, given: str) -> bool:
        self.compared.append(given)
        return given == self.secret


@pytest.mark.parametrize("given", ["first", "last", "neither"])
def test_every_token_is_compared_whichever_was_given(story: Story, given: str) -> None:
    """What one comparison takes is hmac.compare_digest's affair (tests/config); here none may be left out."""
    tokens = [CountingToken("a", "viewer", "first"), CountingToken("b", "viewer", "middle"), CountingToken("c", "viewer", "last")]

    async def use(client: Client) -> None:
        assert (await client.get("/healthz", headers=bearer(given))).status == (401 if given == "neither" else 200)

    served(story, use, tokens)
    assert [token.compared for token in tokens] == [[given]] * 3
