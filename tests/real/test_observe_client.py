"""The client against loopback servers that misbehave: every trouble has one name and one sentence, and no secret leaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from decision_engine.observe.client import Endpoint, PrometheusClient
from decision_engine.observe.source import PrometheusUnavailable, Samples

pytestmark = pytest.mark.real

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SECRET = "hunter2"
GOOD = json.dumps({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [7, "1"]}]}}).encode()


async def good(request: web.Request) -> web.StreamResponse:
    return web.Response(body=GOOD, content_type="application/json")


async def redirect(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound(f"http://127.0.0.1:1/?token={SECRET}")


async def forbidden(request: web.Request) -> web.StreamResponse:
    return web.Response(status=403, text=f"bad token {request.headers.get('Authorization')}")


async def bad_query(request: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "error", "errorType": "bad_data", "error": "parse error\nat char 3"}, status=400)


async def overloaded(request: web.Request) -> web.StreamResponse:
    return web.Response(status=503, text="<html>busy</html>")


async def slow(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(2.0)
    return await good(request)


async def huge(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(100):
        await response.write(b" " * 65536)
    return response


async def broken_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(GOOD))})
    await response.prepare(request)
    await response.write(GOOD[:20])
    assert request.transport is not None
    request.transport.close()
    return response


async def html(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>login</html>", content_type="text/html")


async def asking(handler: Handler, token: str = "", user: str = "") -> tuple[Samples, ...]:
    app = web.Application()
    app.router.add_route("*", "/prom/{rest:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    client = PrometheusClient(Endpoint(f"http://{user}127.0.0.1:{port}/prom", token, timeout_seconds=0.5, answer_limit_bytes=1_000_000))
    try:
        return await client.instant("up", 1_700_000_000.0)
    finally:
        await client.close()
        await runner.cleanup()


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        pytest.param(redirect, "prometheus_redirect", id="redirect"),
        pytest.param(forbidden, "prometheus_refused", id="403"),
        pytest.param(bad_query, "prometheus_error", id="400"),
        pytest.param(overloaded, "prometheus_error", id="503"),
        pytest.param(slow, "prometheus_timeout", id="slow"),
        pytest.param(huge, "prometheus_too_big", id="huge"),
        pytest.param(broken_off, "prometheus_malformed", id="broken-off"),
        pytest.param(html, "prometheus_malformed", id="html"),
    ],
)
@pytest.mark.parametrize("credential", [{"token": SECRET}, {"user": f"reader:{SECRET}@"}], ids=["token", "password"])
def test_trouble_is_named_without_a_secret(handler: Handler, code: str, credential: dict[str, str]) -> None:
    with pytest.raises(PrometheusUnavailable) as trouble:
        asyncio.run(asking(handler, **credential))
    assert trouble.value.reason_code == code
    assert SECRET not in trouble.value.sentence
    assert "\n" not in trouble.value.sentence
    assert "127.0.0.1" in trouble.value.sentence


def test_nobody_listening_is_unreachable() -> None:
    async def scenario() -> None:
        client = PrometheusClient(Endpoint("http://127.0.0.1:1"))
        try:
            await client.instant("up", 0.0)
        finally:
            await client.close()

    with pytest.raises(PrometheusUnavailable) as trouble:
        asyncio.run(scenario())
    assert trouble.value.reason_code == "prometheus_unreachable"


@pytest.mark.parametrize(
    ("credential", "sent"),
    [
        pytest.param({"token": SECRET}, f"Bearer {SECRET}", id="token"),
        pytest.param({"user": "reader:hunter2@"}, "Basic cmVhZGVyOmh1bnRlcjI=", id="password"),
        pytest.param({}, None, id="none"),
    ],
)
def test_a_question_carries_the_moment_the_credential_and_no_wish_for_compression(credential: dict[str, str], sent: str | None) -> None:
    seen: dict[str, object] = {}

    async def remember(request: web.Request) -> web.StreamResponse:
        seen.update(path=request.path, form=dict(await request.post()), headers=dict(request.headers))
        return await good(request)

    (series,) = asyncio.run(asking(remember, **credential))
    headers = seen["headers"]
    assert isinstance(headers, dict)
    assert seen["path"] == "/prom/api/v1/query"
    assert seen["form"] == {"query": "up", "time": "1700000000.000"}
    assert headers.get("Authorization") == sent
    assert headers["Accept-Encoding"] == "identity"
    assert list(series.values) == [1.0]
