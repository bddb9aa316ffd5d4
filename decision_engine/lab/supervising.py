"""Starts the lab's children again when they die, and says so; a part that was killed on purpose is left to its breaker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from decision_engine.lab.breaking import Breaker
from decision_engine.lab.children import Child, LabError
from decision_engine.lab.listener import anybody_listens, endpoint_of, listener_in
from decision_engine.lab.parts import Parts

POLL_SECONDS = 0.25
RESTART_AFTER_SECONDS = {"engine": 2.0, "prometheus": 30.0, "alertmanager": 5.0, "exporter": 2.0}
"""Prometheus is left down for a while: whoever killed it wants to see what an engine does that cannot see."""


class Supervisor:
    """Watches all children; ``trouble`` is told about every death that was not on purpose."""

    def __init__(self, parts: Parts, breaker: Breaker, trouble: Callable[[str], None]) -> None:
        self._parts = parts
        self._breaker = breaker
        self._trouble = trouble
        self._restarting: set[asyncio.Task[None]] = set()
        self._mourned: set[str] = set()

    async def run(self) -> None:
        """Watch for ever."""
        try:
            while True:
                for child in self._parts.all:
                    if not child.alive and child.name not in self._breaker.broken and child.name not in self._mourned:
                        self._mourned.add(child.name)
                        task = asyncio.create_task(self._restart(child))
                        self._restarting.add(task)
                        task.add_done_callback(self._restarting.discard)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            for task in self._restarting:
                task.cancel()

    async def _restart(self, child: Child) -> None:
        seconds = RESTART_AFTER_SECONDS[child.name]
        self._trouble(f"{child.name} died; the lab starts it again in {seconds:g} s unless somebody else does ({child.last_words()})")
        await asyncio.sleep(seconds)
        host, port = endpoint_of(child.ready_url)
        if listener_in(child.directory, host, port):
            return
        if anybody_listens(host, port):
            self._trouble(f"{child.name} stays down: a program that is not this lab's listens on {host}:{port} now")
            return
        try:
            await child.start()
        except LabError as error:
            self._trouble(str(error))
            return
        self._mourned.discard(child.name)
