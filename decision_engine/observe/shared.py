"""One running question for all who ask the same at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Answer = TypeVar("Answer")


class Shared(Generic[Answer]):
    """Questions by their text. Those of the moment asked last are remembered, answered or not; earlier ones are forgotten."""

    def __init__(self) -> None:
        self._at = float("nan")
        self._tasks: dict[str, asyncio.Task[Answer]] = {}

    async def answer(self, text: str, at: float, question: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """The answer of ``question``, which is begun by the first who asks this text at this moment; its error too."""
        if at != self._at:
            self._at, self._tasks = at, {}
        if text not in self._tasks:
            task = asyncio.ensure_future(question())
            task.add_done_callback(_seen)
            self._tasks[text] = task
        return await asyncio.shield(self._tasks[text])

    def cancel(self) -> None:
        """End what still runs."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()


def _seen(task: asyncio.Task[Any]) -> None:
    """Look at a failure once, so that asyncio does not report it again when nobody was left to wait for it."""
    if not task.cancelled():
        task.exception()
