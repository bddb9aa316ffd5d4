"""Builds small stories about builds of AIs: weather that turns, an update, and AIs that break; four calm edges with a camera each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from exporters.simulated.blueprint import EnvironmentChange, Fault, PlantBlueprint, PlantBuild, PlantDevice, PlantWorkload
from exporters.simulated.stories import (
    ANALYSIS_BASE,
    ANALYSIS_CORES,
    ANALYSIS_DEVICE_ID,
    ANALYSIS_GPU_FACTOR,
    ANALYSIS_MEMORY_BYTES,
    EDGE_CORES,
    EDGE_MEMORY_BYTES,
    loopback,
)

TALE_STREAM = 22

PACKAGE = "detector"
SUNNY, RAIN, CLOUD, SNOW, SUNRISE = "01", "02", "03", "04", "05"
OLD_VERSION, NEW_VERSION = "01", "02"

EDGES = 4
HERO = "cam-02"
"""The camera that things happen to; its home is edge-02."""

BASE_RATIOS = ((0.35, 0.30, 0.18), (0.50, 0.40, 0.30))
"""Lowest and highest load of an edge without its AI: beside its own there is room for a second build far below 0.85, so
that nothing but what the tale is about gives a reason to act."""

BUILD_COSTS = {
    SUNNY: (0.40, 600e6, 0.08),
    RAIN: (0.48, 640e6, 0.10),
    CLOUD: (0.42, 600e6, 0.08),
    SNOW: (0.48, 640e6, 0.10),
}
"""Cores, bytes and GPU of the build for each class: where drops and flakes must be told from people, the model is larger.
There is none for sunrise, on purpose."""

TURNS_SECONDS, TURNS_BACK_SECONDS = 30.0, 150.0
"""After a look at the calm, and with time enough for a swap within 60 s and a long rest of what has been swapped."""

WEATHER_SECONDS = 240.0

SQUARE_WAVE_SECONDS, SQUARE_WAVE_FLIPS = 30.0, 10
"""The field's own trial: half a minute of each class, for five minutes."""

UPDATE_SECONDS = 300.0
"""A canary, its verification and the rest in waves, at the lab's pace."""

CRASH_SECONDS = (30.0, 31.0)
"""The AI ends by itself once; whoever starts it again later finds it healthy."""


def weather_story(seed: int) -> PlantBlueprint:
    """Rain at HERO from TURNS_SECONDS to TURNS_BACK_SECONDS, with builds for sun, rain, cloud and snow."""
    changes = (_seen(TURNS_SECONDS, RAIN), _seen(TURNS_BACK_SECONDS, SUNNY))
    return _calm(seed, WEATHER_SECONDS, _builds_by_class(), changes)


def square_wave_story(seed: int) -> PlantBlueprint:
    """HERO sees rain and sun in turns, SQUARE_WAVE_SECONDS each; it ends in the sun that it began with."""
    changes = tuple(
        _seen(flip * SQUARE_WAVE_SECONDS, RAIN if flip % 2 else SUNNY)
        for flip in range(1, SQUARE_WAVE_FLIPS + 1)
    )  # fmt: skip
    return _calm(seed, (SQUARE_WAVE_FLIPS + 2) * SQUARE_WAVE_SECONDS, _builds_by_class(), changes)


def missing_build_story(seed: int) -> PlantBlueprint:
    """HERO sees a sunrise from TURNS_SECONDS on, for which there is no build."""
    return _calm(seed, WEATHER_SECONDS, _builds_by_class(), (_seen(TURNS_SECONDS, SUNRISE),))


def failing_build_story(seed: int) -> PlantBlueprint:
    """The weather of ``weather_story``, but the image of the build for rain cannot be pulled."""
    blueprint = weather_story(seed)
    return replace(
        blueprint,
        builds=tuple(replace(build, start_fails="image_pull") if build.environment_class == RAIN else build for build in blueprint.builds),
    )


def update_story(seed: int) -> PlantBlueprint:
    """Every camera runs OLD_VERSION while NEW_VERSION is there as well; the weather stays."""
    return _calm(seed, UPDATE_SECONDS, (_build(SUNNY, OLD_VERSION), _build(SUNNY, NEW_VERSION)))


def bad_update_story(seed: int) -> PlantBlueprint:
    """As ``update_story``, but NEW_VERSION crashes at every start."""
    bad = replace(_build(SUNNY, NEW_VERSION), start_fails="crash")
    return _calm(seed, UPDATE_SECONDS, (_build(SUNNY, OLD_VERSION), bad))


def crash_story(seed: int) -> PlantBlueprint:
    """The AI of HERO ends by itself once, at the beginning of CRASH_SECONDS."""
    blueprint = update_story(seed)
    crash = Fault("crash", f"{PACKAGE}/{HERO}/main", *CRASH_SECONDS)
    return replace(blueprint, duration_seconds=WEATHER_SECONDS, builds=(_build(SUNNY, OLD_VERSION),), faults=(crash,))


TALES: dict[str, Callable[[int], PlantBlueprint]] = {
    "weather": weather_story,
    "square_wave": square_wave_story,
    "missing_build": missing_build_story,
    "failing_build": failing_build_story,
    "update": update_story,
    "bad_update": bad_update_story,
    "crash": crash_story,
}
"""Every tale by its name, made from a seed."""


def _calm(
    seed: int, duration_seconds: float, builds: tuple[PlantBuild, ...], changes: tuple[EnvironmentChange, ...] = ()
) -> PlantBlueprint:
    """EDGES edges whose loads stay calm, and an analysis server without a camera."""
    bases = np.random.default_rng([seed, TALE_STREAM]).uniform(*BASE_RATIOS, (EDGES, len(BASE_RATIOS[0]))).tolist()
    edges = [
        PlantDevice(f"edge-{row + 1:02d}", loopback(row), EDGE_CORES, EDGE_MEMORY_BYTES, base=(cpu, memory, gpu))
        for row, (cpu, memory, gpu) in enumerate(bases)
    ]
    server = PlantDevice(
        ANALYSIS_DEVICE_ID, loopback(EDGES), ANALYSIS_CORES, ANALYSIS_MEMORY_BYTES,
        role="analysis", base=ANALYSIS_BASE, gpu_factor=ANALYSIS_GPU_FACTOR,
    )  # fmt: skip
    workloads = tuple(_sunny_detector(f"cam-{row + 1:02d}", edge.id) for row, edge in enumerate(edges))
    return PlantBlueprint(seed, (*edges, server), workloads, duration_seconds, builds=builds, environment_changes=changes)


def _sunny_detector(camera: str, home: str) -> PlantWorkload:
    cores, memory_bytes, gpu_ratio = BUILD_COSTS[SUNNY]
    return PlantWorkload(
        f"{PACKAGE}/{camera}/main", camera, home, cores, memory_bytes, gpu_ratio, environment_class=SUNNY, version=OLD_VERSION
    )  # fmt: skip


def _builds_by_class() -> tuple[PlantBuild, ...]:
    return tuple(_build(environment_class, OLD_VERSION) for environment_class in BUILD_COSTS)


def _build(environment_class: str, version: str) -> PlantBuild:
    return PlantBuild(PACKAGE, environment_class, version, *BUILD_COSTS[environment_class])


def _seen(at_seconds: float, environment_class: str) -> EnvironmentChange:
    return EnvironmentChange(HERO, at_seconds, environment_class)
