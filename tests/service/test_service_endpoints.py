"""Every endpoint as a program sees it: shapes, limits, and one sentence of JSON for whatever is wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import pytest

from decision_engine.catalog.targets import scrape_targets
from decision_engine.service.metrics import EngineMetrics
from tests.builders.service import ACTED_BY_SECONDS, MAX_BODY_BYTES, Client, Story, body_of, served


class BrokenMetrics(EngineMetrics):
    """A page with a bug."""

    def page(self) -> bytes:
        raise ZeroDivisionError


HANGUL = re.compile(r"[가-힣]")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    story = Story(tmp_path_factory.mktemp("story"))
    asyncio.run(story.live(ACTED_BY_SECONDS))
    yield story
    asyncio.run(story.close())


def test_the_fleet_is_shown_whole(told: Story) -> None:
    async def use(client: Client) -> None:
        fleet = await body_of(await client.get("/api/v1/fleet"))
        assert fleet["at"] == told.clock()
        assert fleet["blind"] is None
        assert fleet["catalog_version"] == told.engine.catalog_version
        assert [device["id"] for device in fleet["devices"]] == sorted(told.engine.catalog.devices)
        assert {workload["id"] for workload in fleet["workloads"]} == set(told.engine.catalog.workloads)
        edge = next(device for device in fleet["devices"] if device["id"] == "edge-03")
        assert set(edge["load"]) == set(edge["forecast"]) == {"cpu", "memory", "gpu"}
        assert 0.0 < edge["load"]["cpu"]["ratio"] < 1.0
        assert edge["load"]["cpu"]["quality"] == "fresh"
        forecast = edge["forecast"]["cpu"]
        assert len(forecast["horizon_seconds"]) == len(forecast["p50"]) == len(forecast["p90"]) == len(forecast["p_over"])
        assert all(workload["placements"][0]["phase"] == "ready" for workload in fleet["workloads"])

    served(told, use)


def test_targets_are_those_of_the_catalogue(told: Story) -> None:
    async def use(client: Client) -> None:
        assert await body_of(await client.get("/api/v1/targets")) == scrape_targets(told.engine.catalog)

    served(told, use)


def test_decisions_come_newest_first_and_by_what_was_asked(told: Story) -> None:
    async def use(client: Client) -> None:
        every = (await body_of(await client.get("/api/v1/decisions")))["decisions"]
        assert [one["at"] for one in every] == sorted((one["at"] for one in every), reverse=True)
        assert {one["verdict"] for one in every} >= {"act", "hold"}
        acts = (await body_of(await client.get("/api/v1/decisions?verdict=act")))["decisions"]
        assert acts == [one for one in every if one["verdict"] == "act"]
        first = (await body_of(await client.get("/api/v1/decisions?limit=1")))["decisions"]
        assert first == every[:1]
        rest = (await body_of(await client.get(f"/api/v1/decisions?before={every[0]['id']}")))["decisions"]
        assert rest == every[1:]
        of_device = (await body_of(await client.get("/api/v1/decisions?device=edge-03")))["decisions"]
        assert of_device == [one for one in every if one["move"] and "edge-03" in (one["move"]["source"], one["move"]["target"])]
        assert (await body_of(await client.get("/api/v1/decisions?workload=nobody")))["decisions"] == []

    served(told, use)


def test_one_decision_tells_what_became_of_it(told: Story) -> None:
    async def use(client: Client) -> None:
        (act,) = (await body_of(await client.get("/api/v1/decisions?verdict=act&limit=1")))["decisions"]
        whole = await body_of(await client.get(f"/api/v1/decisions/{act['id']}"))
        assert {key: whole[key] for key in act} == act
        assert act["sentence"].startswith("edge-03 will pass 85 % CPU in")
        assert act["promise"]["source"] == "edge-03"
        assert act["proposal"]["evidence"][0]["fresh"] is True
        states = [step["what"]["move"]["state"] for step in whole["history"] if step["kind"] == "transition"]
        assert states[0] == "starting"
        assert states[-1] == "done"
        assert any(step["kind"] == "receipt" for step in whole["history"])

    served(told, use)


@pytest.mark.parametrize("path", ["/api/v1/decisions?verdict=act", "/api/v1/decisions/{id}"])
def test_korean_is_spoken_when_asked_for(told: Story, path: str) -> None:
    async def use(client: Client) -> None:
        (act,) = (await body_of(await client.get("/api/v1/decisions?verdict=act&limit=1")))["decisions"]
        place = path.format(id=act["id"])
        answer = await body_of(await client.get(f"{place}{'&' if '?' in place else '?'}language=ko"))
        sentence = answer["decisions"][0]["sentence"] if "decisions" in answer else answer["sentence"]
        assert HANGUL.search(sentence)
        assert not HANGUL.search(act["sentence"])

    served(told, use)


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/", 404, "there is nothing at /"),
        ("GET", "/api/v1/nothing", 404, "there is nothing at /api/v1/nothing"),
        ("GET", "/api/v1/decisions/0000000000000000", 404, "there is no decision 0000000000000000"),
        ("GET", "/api/v1/decisions?limit=0", 400, "limit '0' is not a number from 1 to 500"),
        ("GET", "/api/v1/decisions?limit=501", 400, "limit '501' is not a number from 1 to 500"),
        ("GET", "/api/v1/decisions?limit=-1", 400, "limit '-1'"),
        ("GET", "/api/v1/decisions?limit=", 400, "limit ''"),
        ("GET", "/api/v1/decisions?limit=%D9%A3", 400, "is not a number"),
        ("GET", f"/api/v1/decisions?limit={'9' * 5000}", 400, "is not a number"),
        ("GET", "/api/v1/decisions?verdict=maybe", 400, "verdict 'maybe' is not one of act, hold, refuse"),
        ("GET", "/api/v1/decisions?language=fr", 400, "language 'fr' is not one of en, ko"),
        ("POST", "/healthz", 405, "/healthz cannot be asked with POST; it takes GET, HEAD"),
        ("DELETE", "/api/v1/fleet", 405, "cannot be asked with DELETE"),
        ("GET", "/api/v1/catalog/reload", 405, "it takes POST"),
        ("OPTIONS", "/api/v1/catalog/reload", 405, "cannot be asked with OPTIONS"),
    ],
)
def test_what_is_wrong_is_one_sentence(told: Story, method: str, path: str, status: int, said: str) -> None:
    async def use(client: Client) -> None:
        headers = {"Origin": str(client.make_url("/")).rstrip("/"), "Access-Control-Request-Method": "POST"}
        answer = await client.request(method, path, headers=headers)
        body = await body_of(answer, status)
        assert list(body) == ["error"]
        assert said in body["error"]
        assert "\n" not in body["error"]
        assert ("Allow" in answer.headers) == (status == 405)

    served(told, use)


def test_the_stream_is_not_asked_for_its_head(told: Story) -> None:
    """It would wait for ever for a body that a HEAD never has."""

    async def use(client: Client) -> None:
        assert (await client.head("/api/v1/stream")).status == 405

    served(told, use)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_too_large_a_body_is_refused(told: Story, method: str, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * (MAX_BODY_BYTES // 10)

    async def use(client: Client) -> None:
        before = told.engine.journal.operators(10)
        data = pieces() if chunked else b"x" * (MAX_BODY_BYTES + 1)
        path = "/api/v1/catalog/reload" if method == "POST" else "/healthz"
        body = await body_of(await client.request(method, path, data=data), 413)
        assert f"larger than the {MAX_BODY_BYTES} bytes" in body["error"]
        assert told.engine.journal.operators(10) == before

    served(told, use)


def test_a_fault_of_ours_is_a_sentence_and_no_traceback(story: Story) -> None:
    story.engine.journal.close()

    async def use(client: Client) -> None:
        closed = await body_of(await client.get("/api/v1/decisions"), 503)
        assert closed["error"].startswith("journal ")
        assert "is closed" in closed["error"]
        story.loop.metrics = BrokenMetrics("1.2.3", ())
        broken = await body_of(await client.get("/metrics"), 500)
        assert broken == {"error": "GET /metrics failed here, not with you; the service's log says why"}

    served(story, use)
