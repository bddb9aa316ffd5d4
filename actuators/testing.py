"""The suite that every actuator must pass: idempotence, honest refusals, and a list that says what really runs.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        asyncio.run(check(MyRuntime()))

Each check gets a fresh runtime and raises AssertionError with a sentence. It starts generations from 101 on, so a runtime
may have placements of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from actuators.api import Action, Actuator, Outcome, Phase, Receipt, RunningPlacement, Verb, placement_id

FIRST_GENERATION = 101
DONE = {Outcome.ACCEPTED, Outcome.ALREADY}


class Runtime(Protocol):
    """A runtime under test. ``devices`` are at least two that it serves; ``workload`` is one that it can run.

    ``unknown_device`` and ``unknown_workload`` are well-formed names that it cannot know. ``waits`` is how often the suite
    may wait for something to become true.
    """

    devices: tuple[str, ...]
    workload: str
    unknown_device: str
    unknown_workload: str
    waits: int

    async def make(self) -> Actuator:
        """Make a new actuator object on the same runtime; the caller closes it."""
        ...

    async def wait(self) -> None:
        """Let a little time pass, real or imaginary."""
        ...


Check = Callable[[Runtime], Coroutine[Any, Any, None]]


async def start_is_idempotent(runtime: Runtime) -> None:
    """The same start twice, by id and by placement, is accepted once and has one effect."""
    async with _Hand(runtime) as hand:
        first = await hand.start()
        _expect(first.outcome is Outcome.ACCEPTED, f"the first start must be accepted, not {first}")
        for order in ("start-1", "start-again"):
            again = await hand.start(order=order)
            _expect(again.outcome is Outcome.ALREADY, f"a start of what runs must be already so, not {again}")
        await hand.until_listed(1)


async def stop_is_idempotent(runtime: Runtime) -> None:
    """A second stop changes nothing and is no error, while stopping and after."""
    async with _Hand(runtime) as hand:
        await hand.start()
        await hand.until_ready()
        first = await hand.stop()
        _expect(first.outcome is Outcome.ACCEPTED, f"the first stop must be accepted, not {first}")
        again = await hand.stop()
        _expect(again.outcome is Outcome.ALREADY, f"the second stop must be already so, not {again}")
        await hand.until_listed(0)
        after = await hand.stop()
        _expect(after.outcome is Outcome.ALREADY, f"a stop of what is gone must be already so, not {after}")


async def concurrent_verbs_have_one_effect(runtime: Runtime) -> None:
    """Starts at the same moment, from two actuator objects, leave one placement; stops at the same moment leave none."""
    async with _Hand(runtime) as hand, _Hand(runtime) as other:
        starts = await asyncio.gather(hand.start(order="a"), other.start(order="b"), hand.start(order="c"))
        _expect({receipt.outcome for receipt in starts} <= DONE, f"no start of several may fail: {starts}")
        _expect(any(receipt.outcome is Outcome.ACCEPTED for receipt in starts), f"one of them must be accepted: {starts}")
        await hand.until_ready()
        await hand.until_listed(1)
        stops = await asyncio.gather(hand.stop(order="d"), other.stop(order="e"), hand.stop(order="f"))
        _expect({receipt.outcome for receipt in stops} <= DONE, f"no stop of several may fail: {stops}")
        await hand.until_listed(0)


async def unknown_device_is_refused(runtime: Runtime) -> None:
    """A start on a device that the runtime does not serve is refused with a sentence."""
    async with _Hand(runtime, device=runtime.unknown_device) as hand:
        _refused(await hand.start(), runtime.unknown_device)
        await hand.until_listed(0)


async def unknown_workload_is_refused(runtime: Runtime) -> None:
    """A start of a workload that the runtime cannot run is refused with a sentence."""
    async with _Hand(runtime, workload=runtime.unknown_workload) as hand:
        _refused(await hand.start(), runtime.unknown_workload.split("/", maxsplit=1)[0])
        await hand.until_listed(0)


async def nonsense_is_refused(runtime: Runtime) -> None:
    """A name that is no placement's, and an order for another device than its placement's, are refused."""
    async with _Hand(runtime) as hand:
        placement = placement_id(runtime.workload, runtime.devices[0], FIRST_GENERATION)
        mixed = Action("mixed", Verb.START, placement, runtime.workload, runtime.devices[1])
        _refused(await hand.actuator.act(mixed), runtime.devices[1])
        for verb in Verb:
            _refused(await hand.actuator.act(Action("bad", verb, "nonsense", runtime.workload, runtime.devices[0])), "nonsense")
        await hand.until_listed(0)


async def stop_of_what_never_ran_is_already(runtime: Runtime) -> None:
    """Nothing there is exactly what a stop wants."""
    async with _Hand(runtime) as hand:
        receipt = await hand.stop()
        _expect(receipt.outcome is Outcome.ALREADY, f"a stop of what never ran must be already so, not {receipt}")


async def list_says_what_was_started(runtime: Runtime) -> None:
    """Each start appears once, under its own name, starting or ready, then ready, with a time that the phase began."""
    async with _Hand(runtime) as hand, _Hand(runtime, device=runtime.devices[1]) as other:
        await asyncio.gather(hand.start(), other.start())
        for one in (hand, other):
            seen = await one.until_ready()
            _expect(set(seen) <= {Phase.STARTING, Phase.READY}, f"a healthy start is starting, then ready; seen were {seen}")
            _expect(seen == sorted(seen, key=[Phase.STARTING, Phase.READY].index), f"ready must not fall back to starting: {seen}")
            (row,) = await one.until_listed(1)
            named = (row.workload, row.device, row.generation)
            _expect(named == (one.workload, one.device, FIRST_GENERATION), f"{row.placement} is listed as {named}")
            _expect((row.environment_class, row.version) == ("01", "01"), f"{row.placement} must name its class 01 and version 01")
            await runtime.wait()
            (later,) = await one.until_listed(1)
            _expect(row.since == later.since, f"ready since {row.since} became {later.since} by waiting; it is when the phase began")


async def stop_leaves_the_others(runtime: Runtime) -> None:
    """Stopping one placement of a workload leaves its other placement as it was."""
    async with _Hand(runtime) as hand, _Hand(runtime, device=runtime.devices[1]) as other:
        await hand.start()
        await other.start()
        await hand.until_ready()
        await other.until_ready()
        await hand.stop()
        await hand.until_listed(0)
        (row,) = await other.until_listed(1)
        _expect(row.phase is Phase.READY, f"{row.placement} must still be ready, not {row.phase}")


async def stop_while_starting_leaves_nothing(runtime: Runtime) -> None:
    """A start that is called off before it is ready does not become ready later."""
    async with _Hand(runtime) as hand:
        await hand.start()
        await hand.stop()
        await hand.until_listed(0)
        await runtime.wait()
        await hand.until_listed(0)


async def stopped_can_start_again(runtime: Runtime) -> None:
    """A placement that is gone can be started again under the same name."""
    async with _Hand(runtime) as hand:
        await hand.start()
        await hand.stop()
        await hand.until_listed(0)
        receipt = await hand.start(order="start-2")
        _expect(receipt.outcome is Outcome.ACCEPTED, f"a new start of what is gone must be accepted, not {receipt}")
        await hand.until_ready()


async def another_actuator_sees_the_same(runtime: Runtime) -> None:
    """After a crash of the engine a new actuator object finds what runs, and can stop it."""
    async with _Hand(runtime) as hand:
        await hand.start()
        await hand.until_ready()
        (before,) = await hand.until_listed(1)
        await hand.actuator.close()
        async with _Hand(runtime) as heir:
            (after,) = await heir.until_listed(1)
            _expect(before == after, f"the heir sees {after}, its forerunner saw {before}")
            _expect((await heir.start()).outcome is Outcome.ALREADY, "the heir's start of what runs must be already so")
            await heir.stop()
            await heir.until_listed(0)


CHECKS: tuple[Check, ...] = (
    start_is_idempotent,
    stop_is_idempotent,
    concurrent_verbs_have_one_effect,
    unknown_device_is_refused,
    unknown_workload_is_refused,
    nonsense_is_refused,
    stop_of_what_never_ran_is_already,
    list_says_what_was_started,
    stop_leaves_the_others,
    stop_while_starting_leaves_nothing,
    stopped_can_start_again,
    another_actuator_sees_the_same,
)


class _Hand:
    """One actuator object and one placement to try it on; leaves nothing running."""

    actuator: Actuator

    def __init__(self, runtime: Runtime, workload: str = "", device: str = "") -> None:
        self.workload = workload or runtime.workload
        self.device = device or runtime.devices[0]
        self.placement = placement_id(self.workload, self.device, FIRST_GENERATION)
        self._runtime = runtime

    async def __aenter__(self) -> _Hand:
        self.actuator = await self._runtime.make()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop(order="clean-up")
        await self.actuator.close()

    async def start(self, order: str = "start-1") -> Receipt:
        return await self._act(Verb.START, order)

    async def stop(self, order: str = "stop-1") -> Receipt:
        return await self._act(Verb.STOP, order)

    async def _act(self, verb: Verb, order: str) -> Receipt:
        action = Action(order, verb, self.placement, self.workload, self.device, environment_class="01", version="01")
        receipt = await self.actuator.act(action)
        _expect(receipt.action_id == order, f"the receipt for {order} names the action {receipt.action_id!r}")
        return receipt

    async def listed(self) -> tuple[RunningPlacement, ...]:
        return tuple(row for row in await self.actuator.placements() if row.placement == self.placement)

    async def until_listed(self, times: int) -> tuple[RunningPlacement, ...]:
        rows = await self.listed()
        for _ in range(self._runtime.waits):
            if len(rows) == times:
                break
            await self._runtime.wait()
            rows = await self.listed()
        _expect(len(rows) == times, f"{self.placement} must be listed {times} times, not {len(rows)}: {rows}")
        return rows

    async def until_ready(self) -> list[Phase]:
        """Wait until the placement is Ready; answers the phases seen on the way, each once, in order."""
        seen: list[Phase] = []
        for _ in range(self._runtime.waits):
            for row in await self.listed():
                if not seen or seen[-1] is not row.phase:
                    seen.append(row.phase)
            if Phase.READY in seen[-1:]:
                return seen
            await self._runtime.wait()
        raise AssertionError(f"{self.placement} did not become ready; its phases were {seen}")


def _refused(receipt: Receipt, named: str) -> None:
    _expect(receipt.outcome is Outcome.REFUSED, f"this must be refused, not {receipt}")
    _expect(named in receipt.detail and receipt.detail.endswith("."), f"a refusal is a sentence that names {named}: {receipt.detail!r}")


def _expect(true: bool, otherwise: str) -> None:
    # Not an assert statement: the suite must bite under «python -O» too.
    if not true:
        raise AssertionError(otherwise)
