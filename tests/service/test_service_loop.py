"""The loop goes on whatever one cycle does, keeps its rhythm, and ends when asked to or when nothing can be written down."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from decision_engine.execute.faults import JournalError
from decision_engine.service.loop import STOP_WITHIN_SECONDS
from tests.builders.leaping_loop import run_leaping
from tests.builders.service import UNREACHABLE, WITHIN_SECONDS, Story, until

RHYTHM_SECONDS, SLOW_RHYTHM_SECONDS = 0.05, 0.25
HOUR_SECONDS = 3600.0


def quick(story: Story, rhythm_seconds: float = RHYTHM_SECONDS) -> None:
    """Give a story a rhythm, and something to see."""
    limits = story.engine.limits
    story.engine.limits = replace(limits, times=replace(limits.times, cycle_seconds=rhythm_seconds))
    story.plant.advance(1.0)
    story.plant_source.scrape()


def run_for(story: Story, seconds: float) -> None:
    """Run the loop for some seconds of its own clock and stop it."""

    async def scenario() -> None:
        running = asyncio.create_task(story.loop.run())
        await asyncio.wait({running}, timeout=seconds)
        story.loop.stop()
        await running

    run_leaping(asyncio.wait_for(scenario(), WITHIN_SECONDS))


def cycles_of(story: Story) -> int:
    return story.engine._number


def test_it_keeps_its_rhythm(story: Story) -> None:
    quick(story)
    before = cycles_of(story)
    run_for(story, 10 * RHYTHM_SECONDS)
    assert 10 <= cycles_of(story) - before <= 11


def test_a_failing_cycle_does_not_end_it(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    quick(story)
    story.source.trouble = ZeroDivisionError("a bug of ours")

    async def scenario() -> None:
        running = asyncio.create_task(story.loop.run())
        await until(lambda: len(caplog.records) >= 3)
        assert story.loop.latest is None
        story.source.trouble = None
        await until(lambda: story.loop.latest is not None)
        story.loop.stop()
        await running

    with caplog.at_level(logging.ERROR):
        run_leaping(asyncio.wait_for(scenario(), WITHIN_SECONDS))
    assert {record.getMessage() for record in caplog.records} == {
        "a cycle failed with ZeroDivisionError: a bug of ours; the next one begins anew"
    }
    assert [bool(record.exc_info) for record in caplog.records][:3] == [True, False, False]


def test_failing_cycles_do_not_make_it_spin(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    quick(story)
    story.source.trouble = ZeroDivisionError("a bug of ours")
    run_for(story, 6 * RHYTHM_SECONDS)
    assert 6 <= len(caplog.records) <= 7


def test_a_journal_that_cannot_be_written_ends_it(story: Story) -> None:
    quick(story)
    story.source.trouble = UNREACHABLE  # to be blind is a decision, which must be written down
    story.engine.journal.close()
    with pytest.raises(JournalError, match=r"is closed: nothing was written"):
        run_for(story, WITHIN_SECONDS)


def test_whoever_listens_is_told_when_it_ends_by_itself(story: Story) -> None:
    quick(story)
    story.source.trouble = UNREACHABLE
    story.engine.journal.close()

    async def scenario() -> None:
        with story.loop.broadcast.listen() as listener:
            with pytest.raises(JournalError):
                await story.loop.run()
            assert await listener.next() is None

    run_leaping(asyncio.wait_for(scenario(), WITHIN_SECONDS))


def test_a_cycle_longer_than_the_rhythm_is_followed_at_once_and_missed_ones_are_not_made_up(story: Story) -> None:
    quick(story, SLOW_RHYTHM_SECONDS)
    begun: list[float] = []

    async def scenario() -> None:
        story.source.gate = asyncio.Event()
        running = asyncio.create_task(story.loop.run())
        await asyncio.sleep(3 * SLOW_RHYTHM_SECONDS)  # three rhythms are missed
        assert cycles_of(story) == first
        story.source.gate.set()
        opened = asyncio.get_running_loop().time()
        while cycles_of(story) < first + 3:
            await asyncio.sleep(0.002)
            if len(begun) < cycles_of(story) - first:
                begun.append(asyncio.get_running_loop().time() - opened)
        story.loop.stop()
        await running

    first = cycles_of(story)
    run_leaping(asyncio.wait_for(scenario(), WITHIN_SECONDS))
    assert begun[1] - begun[0] < SLOW_RHYTHM_SECONDS  # at once
    assert begun[2] - begun[1] > 0.5 * SLOW_RHYTHM_SECONDS  # and then at the rhythm again


@pytest.mark.parametrize("jump_seconds", [HOUR_SECONDS, -HOUR_SECONDS], ids=["an hour ahead", "an hour back"])
def test_a_jump_of_the_clock_makes_it_neither_spin_nor_sleep(story: Story, jump_seconds: float) -> None:
    quick(story)

    async def scenario() -> None:
        running = asyncio.create_task(story.loop.run())
        await asyncio.sleep(4 * RHYTHM_SECONDS)
        story.jumped_seconds = jump_seconds
        before = cycles_of(story)
        await asyncio.sleep(10 * RHYTHM_SECONDS)
        counted.append(cycles_of(story) - before)
        story.loop.stop()
        await running

    counted: list[int] = []
    run_leaping(asyncio.wait_for(scenario(), WITHIN_SECONDS))
    assert 10 <= counted[0] <= 11


def test_a_stop_waits_for_the_cycle_under_way(story: Story) -> None:
    quick(story)

    async def scenario() -> None:
        story.source.gate = asyncio.Event()
        running = asyncio.create_task(story.loop.run())
        await until(lambda: story.source.asked > 0)
        story.loop.stop()
        asyncio.get_running_loop().call_later(0.1, story.source.gate.set)
        await running

    run_leaping(asyncio.wait_for(scenario(), WITHIN_SECONDS))
    assert story.loop.latest is not None


def test_a_stop_does_not_wait_for_a_cycle_that_hangs(story: Story) -> None:
    quick(story)

    async def scenario() -> float:
        story.source.gate = asyncio.Event()
        running = asyncio.create_task(story.loop.run())
        await until(lambda: story.source.asked > 0)
        story.loop.stop()
        began = asyncio.get_running_loop().time()
        await running
        return asyncio.get_running_loop().time() - began

    assert run_leaping(asyncio.wait_for(scenario(), WITHIN_SECONDS)) == pytest.approx(STOP_WITHIN_SECONDS)
    assert story.loop.latest is None


def test_trouble_is_said_when_it_comes_and_when_it_goes(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "decision_engine.service.loop"):
        story.source.trouble = UNREACHABLE
        asyncio.run(story.live(3.0))
        story.source.trouble = None
        asyncio.run(story.live(3.0))
    said = [record.getMessage() for record in caplog.records if "hold" not in record.getMessage()]
    assert said == [
        "Prometheus at http://127.0.0.1:1 cannot be reached (asked for cpu, memory, gpu, last_result, last_frame, environment_confidence)",
        "Prometheus answers again as it should",
    ]
