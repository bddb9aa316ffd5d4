"""An event loop that waits for work alone: where nothing but timers is left, its clock leaps to the next of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from selectors import DefaultSelector, SelectorKey
from typing import Any, TypeVar

T = TypeVar("T")


class LeapingClock(DefaultSelector):
    """Waits for threads as long as they take, and for nothing else; ``seconds`` is how far it has leapt."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.threads_at_work = 0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """As a selector's; while a thread works, no time passes."""
        if timeout == 0.0:
            return super().select(0.0)
        if timeout is None or self.threads_at_work:
            return super().select(None)
        self.seconds += timeout
        return super().select(0.0)


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop for what has timers and threads, and no sockets: whoever waits for those would see them hang."""

    def __init__(self) -> None:
        self.clock = LeapingClock()
        super().__init__(self.clock)

    def time(self) -> float:
        """Seconds since the loop was made, as its timers count them."""
        return self.clock.seconds

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """As an event loop's."""
        future = super().run_in_executor(executor, func, *args)
        self.clock.threads_at_work += 1
        future.add_done_callback(self._came_back)
        return future

    def _came_back(self, _: asyncio.Future[Any]) -> None:
        self.clock.threads_at_work -= 1


def run_leaping(main: Coroutine[Any, Any, T]) -> T:
    """As ``asyncio.run``, on a loop that leaps."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(main)
