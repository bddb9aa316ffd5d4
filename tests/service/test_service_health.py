"""Health tells the truth: while starting, when blind, when the loop hangs, and when somebody moves the clock."""

from __future__ import annotations

import asyncio

import pytest

from decision_engine.service.loop import STUCK_AFTER_CYCLES
from tests.builders.service import CYCLE_SECONDS, UNREACHABLE, Client, Story, body_of, served

HOUR_SECONDS = 3600.0
LONGEST_SECONDS = STUCK_AFTER_CYCLES * CYCLE_SECONDS


def test_not_ready_before_the_first_cycle(story: Story) -> None:
    async def use(client: Client) -> None:
        starting = await body_of(await client.get("/readyz"), 503)
        assert starting == {"status": "starting", "reason": "no cycle has ended yet"}
        assert await body_of(await client.get("/healthz")) == {"status": "ok"}
        assert "no cycle" in (await body_of(await client.get("/api/v1/fleet"), 503))["error"]

    served(story, use)


def test_not_ready_while_blind_and_ready_again_afterwards(story: Story) -> None:
    async def use(client: Client) -> None:
        story.source.trouble = UNREACHABLE
        await story.live(2.0)
        blind = await body_of(await client.get("/readyz"), 503)
        assert blind["status"] == "engine_blind"
        assert "cannot be reached" in blind["reason"]
        assert (await body_of(await client.get("/api/v1/fleet")))["blind"] == "prometheus_unreachable"
        assert await body_of(await client.get("/healthz")) == {"status": "ok"}
        story.source.trouble = None
        await story.live(2.0)
        assert await body_of(await client.get("/readyz")) == {"status": "ready", "unreachable": []}

    served(story, use)


def test_stuck_when_cycles_are_missing(story: Story) -> None:
    async def use(client: Client) -> None:
        await story.live(1.0)
        story.uptime.seconds += LONGEST_SECONDS
        assert await body_of(await client.get("/healthz")) == {"status": "ok"}
        story.uptime.seconds += 1.0
        for path in ("/healthz", "/readyz"):
            stuck = await body_of(await client.get(path), 503)
            assert stuck == {"status": "stuck", "reason": f"no cycle has come to a good end for {LONGEST_SECONDS + 1:.0f} s"}
        await story.live(1.0)
        assert await body_of(await client.get("/healthz")) == {"status": "ok"}

    served(story, use)


def test_stuck_when_the_first_cycle_never_ends(story: Story) -> None:
    async def use(client: Client) -> None:
        story.uptime.seconds += LONGEST_SECONDS + 1.0
        assert (await body_of(await client.get("/healthz"), 503))["status"] == "stuck"

    served(story, use)


def test_stuck_when_every_cycle_fails(story: Story) -> None:
    async def use(client: Client) -> None:
        await story.live(1.0)
        story.source.trouble = RuntimeError("a bug of ours")
        await story.live(LONGEST_SECONDS + 1.0)
        assert (await body_of(await client.get("/healthz"), 503))["status"] == "stuck"

    served(story, use)


@pytest.mark.parametrize("jump_seconds", [HOUR_SECONDS, -HOUR_SECONDS], ids=["an hour ahead", "an hour back"])
def test_a_jump_of_the_clock_neither_raises_an_alarm_nor_hides_one(story: Story, jump_seconds: float) -> None:
    asyncio.run(story.live(2.0))
    story.jumped_seconds = jump_seconds
    assert story.loop.seconds_late() is None
    asyncio.run(story.live(2.0))
    assert story.loop.latest is not None
    assert story.loop.latest.snapshot.now == story.clock()
    assert story.loop.seconds_late() is None
    story.uptime.seconds += LONGEST_SECONDS + 1.0
    assert story.loop.seconds_late() == LONGEST_SECONDS + 1.0
