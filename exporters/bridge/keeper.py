"""Keeps the bridge's totals on disk: events before they are answered, several at once, everything else every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from exporters.bridge.journal import Journal

SNAPSHOT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept: ``rows`` gives all totals, ``apply`` counts an entry that is kept now, ``say`` tells the operator."""

    rows: Callable[[], list[list[Any]]]
    apply: Callable[[dict[str, Any]], None]
    say: Callable[[str], None]


class NotKept(Exception):
    """An entry could not be written: it was not counted, and should be sent again."""


class Keeper:
    """One writer for one journal, in a thread, so that a slow disk holds up nobody but those who wait for it.

    ``number`` is the last entry's that ``totals`` hold already.
    """

    def __init__(self, journal: Journal, number: int, totals: Kept) -> None:
        self._journal = journal
        self._totals = totals
        self._number = number
        self._applied = number
        self._written: list[list[Any]] = []
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._disk = asyncio.Lock()
        self._failing = False
        self.failures = 0

    async def write(self, entry: dict[str, Any]) -> None:
        """Keep one entry, and count it in the totals once it is kept.

        Raises:
            NotKept: it could not be written, for whatever reason.
        """
        self._number += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(({"n": self._number, **entry}, future))
        self._wake.set()
        await future

    async def run(self) -> None:
        """Write for ever; cancel it to stop, then ``finish``. No error ends it: who waits is told, and the next ones are written."""
        snapshots = asyncio.create_task(self._snapshots())
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._append_waiting()
        finally:
            snapshots.cancel()

    async def finish(self) -> None:
        """Keep everything a last time."""
        await self._append_waiting()
        await self.snapshot()

    async def snapshot(self) -> None:
        """Keep all totals as they are now; a failure is said once, and tried again next time."""
        async with self._disk:
            try:
                rows, applied = self._totals.rows(), self._applied
                if rows == self._written:
                    return
                await asyncio.to_thread(self._journal.replace, rows, applied)
            except Exception as error:  # a defect must not end the writing
                self._failed(error)
            else:
                self._written = rows
                self._worked()

    async def _snapshots(self) -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_SECONDS)
            await self.snapshot()

    async def _append_waiting(self) -> None:
        """Everybody who waits now shares one writing."""
        async with self._disk:
            batch, self._waiting = self._waiting, []
            if not batch:
                return
            try:
                await asyncio.to_thread(self._journal.append, [entry for entry, _ in batch])
            except asyncio.CancelledError:  # nobody knows whether it was written
                _answer(batch, NotKept())
                raise
            except Exception as error:  # one error of a kind that nobody thought of must not leave all others waiting
                self._failed(error)
                _answer(batch, NotKept())
            else:
                self._worked()
                for entry, future in batch:
                    self._count(entry, future)

    def _count(self, entry: dict[str, Any], future: asyncio.Future[None]) -> None:
        """An entry is kept: count it, and let its sender be answered."""
        self._applied = entry["n"]
        try:
            self._totals.apply(entry)
        except Exception as error:  # of ours: the next ones count all the same
            self._failed(error)
            _answer([(entry, future)], NotKept())
        else:
            _answer([(entry, future)], None)

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        if not self._failing:
            why = getattr(error, "strerror", None) or f"a defect ({type(error).__name__}); please report it"
            self._totals.say(f"The state file cannot be written: {why}; events are answered with 503 until it can.")
        self._failing = True

    def _worked(self) -> None:
        if self._failing:
            self._totals.say("The state file can be written again.")
        self._failing = False


def _answer(batch: list[tuple[dict[str, Any], asyncio.Future[None]]], trouble: NotKept | None) -> None:
    for _, future in batch:
        if future.done():  # its sender has gone
            continue
        if trouble is None:
            future.set_result(None)
        else:
            future.set_exception(trouble)
