"""Health tells the truth: while starting, when blind, when the loop hangs, and when somebody moves the clock."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from decision_engine.core.reading import Quality
from decision_engine.service.loop import STUCK_AFTER_CYCLES
from decision_engine.service.views import seen_view
from tests.builders.service import CYCLE_SECONDS, UNREACHABLE, Client, Story, body_of, served

HOUR_SECONDS = 3600.0
LONGEST_SECONDS = STUCK_AFTER_CYCLES * CYCLE_SECONDS


def devices(story: Story) -> int:
    return len(story.engine.catalog.devices)


def all_seen(story: Story) -> str:
    return f"{devices(story)} of {devices(story)} devices seen"


def test_not_ready_before_the_first_cycle(story: Story) -> None:
    async def use(client: Client) -> None:
        starting = await body_of(await client.get("/readyz"), 503)
        assert starting == {
            "status": "starting",
            "reason": "no cycle has ended yet",
            "seen": f"0 of {devices(story)} devices seen",
            "seen_at": None,
        }
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
        ready = await body_of(await client.get("/readyz"))
        assert ready == {"status": "ready", "unreachable": [], "seen": all_seen(story), "seen_at": story.clock()}

    served(story, use)


def test_stuck_when_cycles_are_missing(story: Story) -> None:
    async def use(client: Client) -> None:
        await story.live(1.0)
        story.uptime.seconds += LONGEST_SECONDS
        assert await body_of(await client.get("/healthz")) == {"status": "ok"}
        story.uptime.seconds += 1.0
        for path in ("/healthz", "/readyz"):
            stuck = await body_of(await client.get(path), 503)
            assert (stuck["status"], stuck["reason"]) == ("stuck", f"no cycle has come to a good end for {LONGEST_SECONDS + 1:.0f} s")
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


def test_not_ready_at_once_when_a_cycle_fails_and_ready_after_the_next_good_one(story: Story) -> None:
    async def use(client: Client) -> None:
        await story.live(2.0)
        good = story.clock()
        story.source.trouble = RuntimeError("a bug of ours\nwith a second line")
        await story.live(CYCLE_SECONDS)
        failing = await body_of(await client.get("/readyz"), 503)
        reason = "the newest cycle failed with RuntimeError: a bug of ours; the service's log says where"
        assert failing == {"status": "failing", "reason": reason, "seen": all_seen(story), "seen_at": good}
        assert await body_of(await client.get("/healthz")) == {"status": "ok"}
        story.source.trouble = None
        await story.live(CYCLE_SECONDS)
        assert (await body_of(await client.get("/readyz")))["seen_at"] == story.clock()

    served(story, use)


def test_a_device_counts_as_seen_with_any_fresh_load(story: Story) -> None:
    asyncio.run(story.live(2.0))
    assert story.loop.latest is not None
    snapshot = story.loop.latest.snapshot
    quality = snapshot.devices.quality.copy()
    quality[0, :] = int(Quality.STALE)
    quality[1, 1:] = int(Quality.ABSENT)
    partly = replace(snapshot, devices=replace(snapshot.devices, quality=quality))
    assert seen_view(partly, 99) == {"seen": f"{devices(story) - 1} of {devices(story)} devices seen", "seen_at": snapshot.now}


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
