"""A place at the pages is one's own for a moment, and then for as long as nobody waits for it."""

from __future__ import annotations

import asyncio

import pytest

from exporters.bridge.places import Places

AT_ONCE = 0.0
NEVER = 3600.0


def read(places: Places, readers: int) -> tuple[list[int], int]:
    """So many come one after the other and stay; who was cut off, and how many came in without waiting."""
    cut: list[int] = []
    came: list[int] = []

    async def one(number: int) -> None:
        async with places.one(lambda: cut.append(number)):
            came.append(number)
            await asyncio.Event().wait()

    async def all_of_them() -> None:
        tasks = []
        for number in range(readers):
            tasks.append(asyncio.create_task(one(number)))
            for _ in range(5):
                await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(all_of_them())
    return cut, len(came)


@pytest.mark.parametrize(
    ("patience", "cut", "came"),
    [pytest.param(AT_ONCE, [0, 1], 4, id="the longest makes room"), pytest.param(NEVER, [], 2, id="whoever just came is left alone")],
)
def test_the_one_that_reads_longest_makes_room(patience: float, cut: list[int], came: int) -> None:
    assert read(Places(most=2, patience_seconds=patience), 4) == (cut, came)


def test_a_place_that_is_given_back_goes_to_the_one_that_waits() -> None:
    order: list[str] = []

    async def story() -> None:
        places = Places(most=1, patience_seconds=NEVER)

        async def second() -> None:
            async with places.one(lambda: order.append("cut")):
                order.append("second")

        async with places.one(lambda: order.append("cut")):
            waiting = asyncio.create_task(second())
            await asyncio.sleep(0)
            order.append("first")
        await asyncio.wait_for(waiting, 5)

    asyncio.run(story())
    assert order == ["first", "second"]
