"""Builders for the bridge's keeper: totals that remember what was applied, and a loop in which the keeper writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from exporters.bridge.journal import Journal
from exporters.bridge.keeper import Keeper, Kept

ENTRY = {"r": ["farm", "edge-07"], "p": 0.9}


class Counted:
    """Totals that remember what was applied, and what the operator was told; a snapshot of them is one row."""

    def __init__(self, folder: Path) -> None:
        self.applied: list[int] = []
        self.said: list[str] = []
        self.journal = Journal(folder / "bridge.state")
        self.kept = Kept(
            lambda: [["posts", ["/usage", "0000"], len(self.applied)]], lambda entry: self.applied.append(entry["n"]), self.said.append
        )


def living(counted: Counted, story: Callable[[Keeper], Coroutine[Any, Any, None]]) -> None:
    """Run a story while a keeper writes, and end it cleanly."""

    async def live() -> None:
        keeper = Keeper(counted.journal, 0, counted.kept)
        writing = asyncio.create_task(keeper.run())
        await story(keeper)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await keeper.finish()

    asyncio.run(live())
