"""Builds a real engine on a plant in virtual time, with its loop, and serves it on a loopback port for one test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from decision_engine.engine import Engine
from decision_engine.evaluation.fleet import fleet_document
from decision_engine.evaluation.plant_source import PlantSource
from decision_engine.evaluation.virtual import STORY_BEGAN_UNIX_SECONDS as BEGAN
from decision_engine.lab.tempo import LAB_LIMITS
from decision_engine.observe.signals import Signal
from decision_engine.observe.source import PrometheusUnavailable, Samples, Source
from decision_engine.service.app import make_app
from decision_engine.service.loop import Loop
from decision_engine.service.metrics import EngineMetrics
from decision_engine.service.tokens import TokenLike
from decision_engine.wiring import build_virtual_engine
from exporters.simulated.stories import default_story
from tests.builders.journal import write_empty_journal
from tests.builders.plant import plant_of

CYCLE_SECONDS = LAB_LIMITS.times.cycle_seconds
CALM_SECONDS = 30.0
"""Until then nobody would do anything."""
ACTED_BY_SECONDS = 60.0
"""By then the story's overload was foreseen, its move decided and ended, and its promise not yet checked."""
MAX_BODY_BYTES = 10_000
WITHIN_SECONDS = 20.0
LOOK_SECONDS = 0.01


@dataclass
class Uptime:
    """Seconds that only the test moves."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Switched:
    """A source that can be broken: ``trouble`` is raised at every question, ``gate`` is waited for."""

    source: Source
    trouble: Exception | None = None
    gate: asyncio.Event | None = None
    asked: int = 0

    async def ask(self, signal: Signal, at: float, window_seconds: float) -> tuple[Samples, ...]:
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.trouble is not None:
            raise self.trouble
        return await self.source.ask(signal, at, window_seconds)

    async def past(self, signal: Signal, start: float, end: float, step_seconds: float) -> tuple[Samples, ...]:
        return await self.source.past(signal, start, end, step_seconds)

    async def close(self) -> None:
        await self.source.close()


_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # in C where libyaml is there, else in Python

UNREACHABLE = PrometheusUnavailable("prometheus_unreachable", "Prometheus at http://127.0.0.1:1 cannot be reached")


@dataclass
class Story:
    """A small fleet whose edge-03 will be overloaded, a real engine that watches it, and the loop around that."""

    directory: Path
    uptime: Uptime = field(default_factory=Uptime)
    jumped_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.plant = plant_of(default_story(4, 120.0, 1, lent_device=False))
        self.plant_source = PlantSource(self.plant, BEGAN, LAB_LIMITS.times)
        self.source = Switched(self.plant_source)
        self.catalog_path = self.directory / "fleet.yaml"
        self.document = fleet_document(self.plant.blueprint, 9750)
        self.write_catalog(self.document)
        write_empty_journal(self.directory / "journal.sqlite")
        self.engine: Engine = build_virtual_engine(self.source, self.plant, BEGAN, self.catalog_path, LAB_LIMITS)
        self.loop = Loop(self.engine, EngineMetrics("1.2.3", self.engine.actuator_names), self.clock, self.uptime)

    def clock(self) -> float:
        """Unix seconds of the story, as a machine says them whose clock was moved by ``jumped_seconds``."""
        return BEGAN + self.plant.time + self.jumped_seconds

    def write_catalog(self, document: dict[str, Any]) -> None:
        self.catalog_path.write_text(yaml.dump(document, Dumper=_DUMPER), encoding="utf-8")

    def pass_unwatched(self, seconds: float) -> None:
        """Let virtual time go by without an engine, which takes long over every look; it has proven nothing when it begins."""
        for _ in range(int(seconds / CYCLE_SECONDS)):
            self.plant.advance(CYCLE_SECONDS)
            self.uptime.seconds += CYCLE_SECONDS
            self.plant_source.scrape()

    async def live(self, seconds: float) -> None:
        """Turn cycle after cycle in virtual time."""
        for _ in range(int(seconds / CYCLE_SECONDS)):
            self.plant.advance(CYCLE_SECONDS)
            self.uptime.seconds += CYCLE_SECONDS
            self.plant_source.scrape()
            await self.loop.turn()

    async def close(self) -> None:
        await self.engine.close(self.clock())


Client = TestClient[Any, Any]


def served(story: Story, use: Callable[[Client], Awaitable[None]], tokens: Sequence[TokenLike] = ()) -> None:
    """Serve a story on loopback while ``use`` asks; its loop is not turning."""

    async def all_of_it() -> None:
        server = TestServer(make_app(story.loop, tokens, MAX_BODY_BYTES))
        async with TestClient(server) as client:
            await use(client)

    asyncio.run(asyncio.wait_for(all_of_it(), WITHIN_SECONDS))


async def until(holds: Callable[[], bool], within_seconds: float = WITHIN_SECONDS / 2) -> None:
    """Wait for something, looking often; not for ever."""
    for _ in range(int(within_seconds / LOOK_SECONDS)):
        if holds():
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise AssertionError(f"it did not happen within {within_seconds:g} s")


async def body_of(answer: ClientResponse, status: int = 200) -> Any:
    """The JSON of an answer, by the strict rules; no answer may invite pages of other sites."""
    text = await answer.text()
    assert answer.status == status, text
    assert answer.content_type == "application/json", text
    assert [name for name in answer.headers if name.lower().startswith("access-control")] == []
    return json.loads(text, parse_constant=_refuse)


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")
