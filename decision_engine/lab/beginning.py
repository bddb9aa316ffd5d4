"""Brings a live lab up where there is room: chooses its ports, and moves aside when a part finds its own taken after all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decision_engine.lab.addresses import choose_addresses
from decision_engine.lab.children import AddressTaken, LabError, in_one_sentence
from decision_engine.lab.emulated import emulated_edges
from decision_engine.lab.folders import empty
from decision_engine.lab.parts import Parts, Programs
from decision_engine.lab.port_lock import choosing_ports
from decision_engine.lab.stage import Stage, write_files
from decision_engine.lab.telling import remark
from decision_engine.lab.tempo import LENT_CORES
from exporters.simulated.blueprint import PlantBlueprint
from exporters.simulated.live import LivePlant
from exporters.simulated.plant import Plant
from exporters.simulated.stories import default_story, loopback

if TYPE_CHECKING:
    from decision_engine.lab.live import LiveRun
    from decision_engine.lab.run import LabRequest

ATTEMPTS = 4
"""Each takes some seconds and passes over the ports of the ones before."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is known before any port is: the request, the folder, the programs, the story."""

    request: LabRequest
    directory: Path
    programs: Programs
    blueprint: PlantBlueprint


def beginning_of(request: LabRequest, directory: Path) -> Beginning:
    """Look for the programs and think the story up.

    Raises:
        LabError: a program is missing.
    """
    blueprint = default_story(request.devices, request.duration_seconds, request.seed, lent_device=True)
    return Beginning(request, directory, Programs.find(), blueprint)


async def begin(beginning: Beginning, stack: AsyncExitStack, stopped: asyncio.Event) -> LiveRun:
    """Start every part; what was started is ended by the stack.

    Raises:
        LabError: a part does not start, or no ports can be had; nothing of it runs on.
    """
    from decision_engine.lab.live import LiveRun

    machines = len(beginning.blueprint.devices)
    emulated = emulated_edges(beginning.request.emulated, first_host=machines + 1)
    hosts = [*(device.address for device in beginning.blueprint.devices), loopback(machines), *(edge.host for edge in emulated)]
    refused: set[int] = set()
    trouble = AddressTaken("")
    async with choosing_ports(stopped, remark):
        for _ in range(ATTEMPTS):
            addresses = choose_addresses(hosts, refused)
            stage = Stage(beginning.directory, addresses, beginning.blueprint, emulated)
            plant = await asyncio.to_thread(Plant, beginning.blueprint)
            async with AsyncExitStack() as attempt:
                try:
                    with in_one_sentence("the lab cannot be started"):
                        empty(beginning.directory)
                        write_files(stage)
                        parts = Parts(stage, beginning.programs, LENT_CORES)
                        run = LiveRun(beginning.request, stage, LivePlant(plant, time.time(), time.time), parts)
                        await unless_stopped(run.start(attempt), stopped)
                except AddressTaken as error:
                    trouble = error
                    refused.update(astuple(addresses))
                    continue
                stack.push_async_callback(attempt.pop_all().aclose)
                return run
    raise LabError(f"{trouble}; the lab moved aside {ATTEMPTS} times and gives up")


async def unless_stopped(work: Coroutine[Any, Any, None], stopped: asyncio.Event) -> None:
    """Do the work, but let go of it when somebody wants the lab to end: a part that hangs must not hold a person up.

    Raises:
        LabError: it was stopped before the work was done.
    """
    doing, waiting = asyncio.ensure_future(work), asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait((doing, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise LabError("stopped by hand while it was starting")
        await doing
    finally:
        for task in (doing, waiting):
            task.cancel()
        await asyncio.gather(doing, waiting, return_exceptions=True)


async def together(*parts: Awaitable[None]) -> None:
    """Wait for all of them, then raise the first trouble: nothing goes on starting behind the back of whoever tidies up."""
    outcomes = await asyncio.gather(*parts, return_exceptions=True)
    troubles = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for trouble in sorted(troubles, key=lambda one: not isinstance(one, AddressTaken)):
        raise trouble
