"""Whatever goes wrong while the state is written, those who wait are told so at once and the next ones are written."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from exporters.bridge.keeper import Keeper, Kept, NotKept
from tests.builders.bridge_keeper import ENTRY, Counted, living


def test_an_error_that_nobody_thought_of_fails_those_who_wait_and_nobody_after_them(tmp_path: Path) -> None:
    counted = Counted(tmp_path)

    async def story(keeper: Keeper) -> None:
        for damage in (object(), {1: 2, (): 3}):  # a TypeError each
            with pytest.raises(NotKept):
                await asyncio.wait_for(keeper.write({**ENTRY, "x": damage}), 5)
        assert (counted.applied, keeper.failures) == ([], 2)
        await asyncio.wait_for(keeper.write(dict(ENTRY)), 5)
        assert counted.applied == [3]

    living(counted, story)
    assert counted.said[0].startswith("The state file cannot be written: a defect (TypeError)")
    assert len(counted.said) == 2


def test_an_entry_that_cannot_be_counted_and_totals_that_cannot_be_read_end_nothing(tmp_path: Path) -> None:
    counted = Counted(tmp_path)
    applied: list[int] = []

    def apply(entry: dict[str, Any]) -> None:
        if entry["n"] == 1:
            raise KeyError("r")
        applied.append(entry["n"])

    def rows() -> list[list[Any]]:
        if not applied:
            raise RuntimeError("changed size during iteration")
        return []

    counted.kept = Kept(rows, apply, counted.said.append)

    async def story(keeper: Keeper) -> None:
        await keeper.snapshot()
        first, second = await asyncio.gather(keeper.write(dict(ENTRY)), keeper.write(dict(ENTRY)), return_exceptions=True)
        assert (type(first), second, applied) == (NotKept, None, [2])

    living(counted, story)
