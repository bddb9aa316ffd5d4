"""The production middle in virtual time: a plant instead of Prometheus and runtimes, and no clock but the story's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from decision_engine.engine import CycleReport, Engine
from decision_engine.evaluation.plant_source import PlantSource
from exporters.simulated.plant import Plant

STORY_BEGAN_UNIX_SECONDS = 1_700_000_000.0
"""Virtual stories begin at this moment, always: equal seeds give equal decisions, ids included."""


@dataclass(frozen=True, slots=True)
class VirtualWorld:
    """A plant, its do-nothing twin, the source that reads the plant, and the engine that acts on it."""

    plant: Plant
    twin: Plant
    source: PlantSource
    engine: Engine


async def live_through(world: VirtualWorld, duration_seconds: float) -> AsyncIterator[CycleReport]:
    """Cycle after cycle up to the end of the story; the world stands still while the engine thinks."""
    cycle_seconds = world.engine.limits.times.cycle_seconds
    for _ in range(int(duration_seconds / cycle_seconds)):
        world.plant.advance(cycle_seconds)
        world.twin.advance(cycle_seconds)
        world.source.scrape()
        yield await world.engine.cycle(world.plant.time + STORY_BEGAN_UNIX_SECONDS)
