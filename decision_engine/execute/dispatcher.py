"""The only door out: turns orders into actions, hands them to the right actuator in time, and never raises.

It does not repeat anything by itself: the journalled move repeats its order in a later cycle, and ids stay the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from actuators.api import Action, Actuator, ActuatorUnreachable, Outcome, Receipt, RunningPlacement
from decision_engine.catalog.model import Catalog
from decision_engine.core.memory import ReceiptNote, ReceiptRecord
from decision_engine.core.orders import Order
from decision_engine.execute.addressing import Refused, addressed

DETAIL_KEPT = 300
"""Characters of an unexpected error that are kept: enough to recognise it, too few for a page of JSON."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long an actuator may take, in seconds; ``act_by_actuator`` and ``list_by_actuator`` override by name."""

    act_seconds: float = 5.0
    list_seconds: float = 3.0
    act_by_actuator: Mapping[str, float] = field(default_factory=dict)
    list_by_actuator: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """What runs, sorted by name; ``unreachable`` are actuators whose devices are unknown now, with the sentence why."""

    placements: tuple[RunningPlacement, ...]
    unreachable: Mapping[str, str]


class Dispatcher:
    """Speaks to all actuators, by name; several at once, one order after the other for one placement."""

    def __init__(self, actuators: Mapping[str, Actuator], limits: TimeLimits | None = None) -> None:
        self._actuators = dict(actuators)
        self._limits = limits or TimeLimits()

    @property
    def names(self) -> frozenset[str]:
        """The actuators that there are."""
        return frozenset(self._actuators)

    async def dispatch(self, orders: Sequence[Order], catalog: Catalog, now: float) -> ReceiptRecord:
        """Send orders and wait for their receipts, which come in the order of ``orders``; for the journal as it is."""
        notes: list[ReceiptNote | None] = [None] * len(orders)
        lanes: dict[str, list[int]] = {}
        for index, order in enumerate(orders):
            lanes.setdefault(order.placement, []).append(index)

        async def walk(lane: list[int]) -> None:
            for index in lane:
                notes[index] = await self._carry_out(orders[index], catalog)

        await asyncio.gather(*(walk(lane) for lane in lanes.values()))
        return ReceiptRecord(at=now, receipts=tuple(note for note in notes if note is not None))

    async def placements(self) -> Observed:
        """Ask every actuator what runs; who does not answer in time is unreachable, which is not «nothing runs»."""
        names = list(self._actuators)
        answers = await asyncio.gather(*(self._list(name) for name in names))
        seen = [placement for answer in answers if not isinstance(answer, str) for placement in answer]
        silent = {name: answer for name, answer in zip(names, answers, strict=True) if isinstance(answer, str)}
        return Observed(tuple(sorted(seen, key=lambda placement: placement.placement)), silent)

    async def close(self) -> None:
        """Close every actuator, also when one of them fails; what runs goes on running."""
        await asyncio.gather(*(actuator.close() for actuator in self._actuators.values()), return_exceptions=True)

    async def _carry_out(self, order: Order, catalog: Catalog) -> ReceiptNote:
        found = addressed(order, catalog)
        if isinstance(found, Refused):
            return _note(order, Outcome.REFUSED, found.reason)
        actuator = self._actuators.get(found.actuator)
        if actuator is None:
            return _note(order, Outcome.REFUSED, f"{order.device} is served by actuator {found.actuator}, which is not configured")
        receipt = await self._act(found.actuator, actuator, found.action)
        return _note(order, receipt.outcome, receipt.detail)

    async def _act(self, name: str, actuator: Actuator, action: Action) -> Receipt:
        seconds = self._limits.act_by_actuator.get(name, self._limits.act_seconds)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await actuator.act(action)
        except Exception as error:  # whatever an actuator does, the move must go on by its own clock
            why = _late(name, seconds) if limit.expired() else _fault(name, error)
            return Receipt(action.id, Outcome.FAILED, f"order to {action.verb.value} {action.placement}: {why}")

    async def _list(self, name: str) -> tuple[RunningPlacement, ...] | str:
        seconds = self._limits.list_by_actuator.get(name, self._limits.list_seconds)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await self._actuators[name].placements()
        except Exception as error:  # one broken actuator must not hide what the others run
            return _late(name, seconds) if limit.expired() else _fault(name, error)


def _late(name: str, seconds: float) -> str:
    return f"actuator {name} did not answer within {seconds:g} s"


def _fault(name: str, error: Exception) -> str:
    said = " ".join(str(error).split())[:DETAIL_KEPT]
    if isinstance(error, ActuatorUnreachable):
        return f"actuator {name} is unreachable: {said or 'it gave no reason'}"
    return f"actuator {name} failed: {type(error).__name__}: {said}"


def _note(order: Order, outcome: Outcome, detail: str) -> ReceiptNote:
    return ReceiptNote(order.move_id, order.verb, outcome.value, detail)
