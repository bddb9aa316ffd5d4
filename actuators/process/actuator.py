"""The actuator for plain processes: every verb looks at the disk first, so any engine may take over from any other."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable

from actuators.api import Action, ActuatorUnreachable, Outcome, Receipt, RunningPlacement, Verb
from actuators.process.listing import describe
from actuators.process.naming import why_impossible, why_not_served, why_unclear
from actuators.process.record import Record
from actuators.process.settings import ProcessSettings
from actuators.process.shelf import Shelf
from actuators.process.starting import start

ORDERS_WAIT_SECONDS = 5.0
"""How long a verb waits for other engines' verbs on the same state directory; each takes about 0.05 s."""

CLEANUP_PAUSE_SECONDS = 0.05
KILLED_WITHIN_SECONDS = 3.0
"""How often a clean-up looks, and how long the kernel may take to end killed processes."""


class ProcessActuator:
    """Starts and stops AI programs as processes of this machine.

    ``clock`` answers Unix seconds. Several actuators, in several processes, may share one state directory.
    """

    def __init__(self, settings: ProcessSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._shelf = Shelf(settings.state_directory.absolute())

    async def act(self, action: Action) -> Receipt:
        """Carry out one verb; refused with a sentence when it is impossible here.

        Raises:
            ActuatorUnreachable: another engine kept the state directory busy; nothing was done.
        """
        return await asyncio.to_thread(self._act, action)

    async def placements(self) -> tuple[RunningPlacement, ...]:
        """List what runs, what failed and what is on its way out; kills what outlived its grace.

        Raises:
            ActuatorUnreachable: the state directory cannot be read.
        """
        return await asyncio.to_thread(self._placements)

    async def close(self) -> None:
        """Nothing is held between calls; what runs goes on running."""

    async def stop_all(self) -> tuple[str, ...]:
        """Stop everything in the state directory and wait, bounded by the grace; answers the placements left over.

        Raises:
            ActuatorUnreachable: the state directory cannot be read or is kept busy.
        """
        for running in await self.placements():
            name = running.placement
            await self.act(Action(f"stop-all {name}", Verb.STOP, name, running.workload, running.device))
        if await self._gone_within(self._settings.stop_grace_seconds):
            return ()
        for record in self._shelf.records():
            record.signal(signal.SIGKILL)
        await self._gone_within(KILLED_WITHIN_SECONDS)
        return tuple(running.placement for running in await self.placements())

    async def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while await self.placements():
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(CLEANUP_PAUSE_SECONDS)
        return True

    def _act(self, action: Action) -> Receipt:
        record = self._shelf.record(action.placement)
        if refusal := self._refusal(action, record):
            return Receipt(action.id, Outcome.REFUSED, refusal)
        try:
            with self._shelf.alone(ORDERS_WAIT_SECONDS) as alone:
                if not alone:
                    raise ActuatorUnreachable(f"The state directory {self._shelf.root} stayed busy for {ORDERS_WAIT_SECONDS:g} s.")
                if action.verb is Verb.START:
                    return start(action, record, self._settings, self._clock())
                return self._stop(action, record)
        except OSError as error:
            return Receipt(action.id, Outcome.FAILED, f"The order for {action.placement} failed on this machine: {error}.")

    def _refusal(self, action: Action, record: Record) -> str:
        """What is on disk may always be stopped, even when the settings no longer know its device or package."""
        if action.verb is Verb.START:
            return why_impossible(action, self._settings)
        if unclear := why_unclear(action):
            return unclear
        return "" if record.exists() else why_not_served(action.placement, self._settings)

    def _stop(self, action: Action, record: Record) -> Receipt:
        """Tell the program to end, once, and remember when; the rest is done by whoever looks later."""
        if not record.exists():
            return Receipt(action.id, Outcome.ALREADY)
        first = record.remembered("stopping") is None
        if first:
            record.remember("stopping", self._clock())
            record.signal(signal.SIGTERM)
        self._carry_on(record)
        return Receipt(action.id, Outcome.ACCEPTED if first else Outcome.ALREADY)

    def _placements(self) -> tuple[RunningPlacement, ...]:
        """List without waiting: while another verb is under way, that one tidies up and this one only looks."""
        try:
            with self._shelf.alone(0.0) as alone:
                if alone:
                    self._tidy()
                found = [describe(record, self._clock()) for record in self._shelf.records()]
        except OSError as error:
            raise ActuatorUnreachable(f"The state directory {self._shelf.root} cannot be used: {error}.") from error
        return tuple(running for running in found if running is not None)

    def _tidy(self) -> None:
        self._shelf.clear_leftovers()
        for record in self._shelf.records():
            self._carry_on(record)
            record.trim_output(self._settings.output_limit_bytes)

    def _carry_on(self, record: Record) -> None:
        """Carry a stop to its end: remove what is gone, kill what outlived its grace."""
        stopping = record.remembered("stopping")
        if stopping is None:
            return
        if not record.alive():
            record.remove()
        elif self._clock() - stopping >= self._settings.stop_grace_seconds:
            record.signal(signal.SIGKILL)
