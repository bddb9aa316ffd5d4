"""A small live plant behind a real control port on loopback, under a clock that only the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp

from actuators.api import Actuator
from actuators.simulated import RemoteActuator
from exporters.simulated.control import Control, serve_control
from exporters.simulated.live import LivePlant
from tests.builders.plant import CAM_1, UNIX_OFFSET_SECONDS, small_plant


@dataclass
class Clock:
    now: float = UNIX_OFFSET_SECONDS

    def __call__(self) -> float:
        return self.now


@dataclass
class RemoteRuntime:
    """A plant behind its control port as a runtime for the suite; waiting moves the clock."""

    url: str
    clock: Clock
    devices: tuple[str, ...] = ("edge-02", "edge-03")
    workload: str = CAM_1
    unknown_device: str = "edge-99"
    unknown_workload: str = "ghost/cam-01/main"
    waits: int = 40

    async def make(self) -> Actuator:
        return RemoteActuator(self.url)

    async def wait(self) -> None:
        self.clock.now += 0.5


@dataclass
class World:
    """A small live plant under a clock of the test's own."""

    clock: Clock = field(default_factory=Clock)

    def run(self, use: Callable[[LivePlant, Control, aiohttp.ClientSession], Awaitable[None]]) -> None:
        async def all_of_it() -> None:
            live = LivePlant(small_plant(), UNIX_OFFSET_SECONDS, self.clock)
            control = await serve_control(live, "127.0.0.1", 0)
            try:
                async with aiohttp.ClientSession(trust_env=False) as session:
                    await use(live, control, session)
            finally:
                await control.close()

        asyncio.run(asyncio.wait_for(all_of_it(), 30.0))
