"""A few places for those who read a long page: who reads slowly gives up its place to the next one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

MOST_AT_ONCE: Final = 4
"""A few Prometheus servers and a person; each page takes tens of milliseconds of one core."""
PATIENCE_SECONDS: Final = 1.0
"""A page is read within milliseconds; so long a place is one's own even where others wait."""


class Places:
    """At most ``most`` at once; where somebody waits, the one that has been there longest is cut off after a second."""

    def __init__(self, most: int = MOST_AT_ONCE, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._most = most
        self._patience_seconds = patience_seconds
        self._taken: dict[object, tuple[float, Callable[[], None]]] = {}  # the one that came first is the first
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def one(self, cut: Callable[[], None]) -> AsyncIterator[None]:
        """Have a place; ``cut`` ends the reading from outside."""
        clock = asyncio.get_running_loop().time
        while len(self._taken) >= self._most:
            longest, (since, end) = next(iter(self._taken.items()))
            left = since + self._patience_seconds - clock()
            if left <= 0:
                del self._taken[longest]
                end()
                break
            self._freed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._freed.wait(), left)
        mine = object()
        self._taken[mine] = (clock(), cut)
        try:
            yield
        finally:
            self._taken.pop(mine, None)
            self._freed.set()
