"""Reads the configuration again on request, in a thread, so that a file on a server that does not answer holds up nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from exporters.bridge.loading import ConfigurationError
from exporters.bridge.settings import Settings

PATIENCE_SECONDS: Final = 10.0

Say = Callable[[str], None]


class Rereading:
    """One reading at a time; who asks during one has another one after it. ``read`` runs in a thread; ``take`` goes on by what it
    found, where this was made, and says in a sentence what it did.

    The thread ends with the process: one that hangs in a read keeps no place among those who write the state file, and does
    not hold up a stop.
    """

    def __init__(self, read: Callable[[], Settings], take: Callable[[Settings], str], say: Say) -> None:
        self._read = read
        self._take = take
        self._say = say
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        self._reading = False
        self.patience_seconds = PATIENCE_SECONDS

    def ask(self) -> None:
        """Read again, soon."""
        self._asked.set()

    async def run(self) -> None:
        """Read whenever somebody asks, for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            if self._reading:
                self._say("The configuration stays as it was: the last reading of its files has not ended yet.")
                continue
            await self._once()

    async def _once(self) -> None:
        outcome: asyncio.Future[Settings] = self._loop.create_future()
        self._reading = True
        threading.Thread(target=self._in_thread, args=(outcome,), name="rereading", daemon=True).start()
        try:
            self._say(self._take(await asyncio.wait_for(outcome, self.patience_seconds)))
        except TimeoutError:
            self._say(f"The configuration stays as it was: its files could not be read within {self.patience_seconds:g} s.")
        except ConfigurationError as error:
            self._say("The configuration stays as it was, because the file is wrong:")
            for sentence in error.sentences:
                self._say(sentence)
        except Exception as error:  # a defect of ours must not end the reading for ever
            self._say(f"The configuration stays as it was, because of a defect ({type(error).__name__}); please report it.")

    def _in_thread(self, outcome: asyncio.Future[Settings]) -> None:
        settings: Settings | None = None
        trouble: Exception | None = None
        try:
            settings = self._read()
        except Exception as error:  # whatever it is, who waits is told
            trouble = error
        with suppress(RuntimeError):  # the bridge has ended meanwhile
            self._loop.call_soon_threadsafe(self._told, outcome, settings, trouble)

    def _told(self, outcome: asyncio.Future[Settings], settings: Settings | None, trouble: Exception | None) -> None:
        self._reading = False
        if outcome.done():  # nobody waits any longer
            return
        if settings is not None:
            outcome.set_result(settings)
        elif trouble is not None:
            outcome.set_exception(trouble)
