"""Turns the engine's cycle at its rhythm, and tells the stream, the metrics and the log what each one concluded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec

from decision_engine.catalog.store import CatalogError
from decision_engine.core.explain import sentence
from decision_engine.engine import CycleReport, Engine
from decision_engine.execute.faults import JournalError
from decision_engine.service.events import events_of
from decision_engine.service.metrics import EngineMetrics
from decision_engine.service.stream import Broadcast

log = logging.getLogger(__name__)

STUCK_AFTER_CYCLES = 12.0
"""No cycle for this many rhythms (a minute at the default) means that the loop is stuck."""
STOP_WITHIN_SECONDS = 1.0
"""How long a stop waits for the cycle under way; one that waits for a dead server is broken off, and the journal knows how far it came."""


class Loop:
    """One engine, turned until stopped.

    ``clock`` gives Unix seconds, which may jump; ``uptime`` gives seconds that never do, and alone says how late a cycle is.
    """

    def __init__(
        self, engine: Engine, metrics: EngineMetrics, clock: Callable[[], float], uptime: Callable[[], float] = time.monotonic
    ) -> None:
        self.engine = engine
        self.metrics = metrics
        self.broadcast = Broadcast()
        self.latest: CycleReport | None = None
        self.clock = clock
        self._uptime = uptime
        self._ended_at = uptime()
        self._stopping = asyncio.Event()
        self._turning: asyncio.Task[None] | None = None
        self._alone = asyncio.Lock()  # an engine is not to be used by two tasks at once, and a reload is a use
        self._trouble = ""
        self._fault = ""

    async def run(self) -> None:
        """Turn until ``stop``; a cycle that takes longer than its rhythm is followed at once by the next, missed ones are not made up.

        Raises:
            JournalError: nothing can be written down any more, so nothing may be done either.
        """
        rhythm = self.engine.limits.times.cycle_seconds
        loop_time = asyncio.get_running_loop().time
        due = loop_time()
        try:
            while not self._stopping.is_set():
                await self._turn_until_stopped()
                due = max(due + rhythm, loop_time())
                await self._rest(due - loop_time())
        finally:
            self.broadcast.close()

    async def turn(self) -> None:
        """One cycle and all that is told about it; whatever fails in it is noted, and the next one begins anew.

        Raises:
            JournalError: the conclusion could not be written down.
        """
        try:
            async with self._alone:
                self.latest = report = await self.engine.cycle(self.clock())
            self._ended_at = self._uptime()
            self.metrics.observe(report)
            await self._tell(report)
            self._log(report)
            self._fault = ""
        except JournalError:
            raise
        except Exception as error:
            self._note_fault(error)  # the loop outlives it; /healthz and the metrics tell when it goes on

    @property
    def fault(self) -> str:
        """What the newest cycle failed with; "" when it came to a good end."""
        return self._fault

    def stop(self) -> None:
        """End after the cycle under way, which gets ``STOP_WITHIN_SECONDS``. To be called inside the event loop."""
        self._stopping.set()
        self.broadcast.close()
        if self._turning is not None:
            asyncio.get_running_loop().call_later(STOP_WITHIN_SECONDS, self._turning.cancel)

    def seconds_late(self) -> float | None:
        """How long no cycle has come to a good end, once that is too long; None while all is well."""
        late = self._uptime() - self._ended_at
        return late if late > STUCK_AFTER_CYCLES * self.engine.limits.times.cycle_seconds else None

    async def reload_catalog(self) -> tuple[str, ...]:
        """Read the catalogue anew, between two cycles; the errors, when it was refused and the old one stays."""
        try:
            async with self._alone:
                await self.engine.reload_catalog()
        except CatalogError as error:
            return tuple(error.errors)
        self.metrics.actuators = self.engine.actuator_names
        return ()

    async def _turn_until_stopped(self) -> None:
        self._turning = asyncio.create_task(self.turn())
        try:
            await self._turning
        except asyncio.CancelledError:
            if not self._stopping.is_set():
                raise
            log.warning("the cycle under way was broken off; what it had begun is finished or undone at the next start")
        finally:
            self._turning = None

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _tell(self, report: CycleReport) -> None:
        """Tell whoever listens; a whole fleet is written out beside the event loop."""
        if not self.broadcast.heard:
            return
        for event, data in await asyncio.to_thread(_written_out, report):
            self.broadcast.send(event, data)

    def _log(self, report: CycleReport) -> None:
        """Every decision once, and trouble when it comes and goes."""
        for decision in report.record.decisions:
            log.info("%s %s: %s", decision.verdict, decision.id, sentence(decision))
        if report.trouble != self._trouble:
            log.warning("%s", report.trouble) if report.trouble else log.info("Prometheus answers again as it should")
            self._trouble = report.trouble

    def _note_fault(self, error: Exception) -> None:
        """A new fault is logged whole, the same one again in one line."""
        said = f"{type(error).__name__}: {error}"
        log.error("a cycle failed with %s; the next one begins anew", said, exc_info=None if said == self._fault else error)
        self._fault = said


def _written_out(report: CycleReport) -> list[tuple[str, bytes]]:
    return [(event, msgspec.json.encode(body)) for event, body in events_of(report)]
