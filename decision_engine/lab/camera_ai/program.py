"""The AI program itself: train, say ready, then take picture after picture, analyse it and publish what came of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from decision_engine.lab.camera_ai.model import CellModel, WeatherModel, confidence, look, train_cells, train_weather
from decision_engine.lab.camera_ai.scenes import frame_at
from decision_engine.lab.camera_ai.schedule import Schedule

WEATHER_FRAMES = 8
"""The weather that is published is the mean over so many pictures: one odd picture is no change of weather."""


class Publishing(Protocol):
    """What the program needs of ``exporters.workload.publish.Publisher``."""

    def frame(self) -> None:
        """Count one frame received."""

    def result(self, latency_seconds: float, confidence: float) -> None:
        """Count one frame analysed."""

    def environment(self, environment_class: str, confidence: float) -> None:
        """Say which environment class the camera sees."""

    def flush(self) -> None:
        """Hand over the totals now."""


class Living(Protocol):
    """What the program needs of its ``Lifetime``."""

    serving: bool

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; False as soon as the program must end."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """What to analyse: the variant's class, the camera's street and weather, and how often."""

    environment_class: str
    seed: int
    schedule: Schedule
    frames_per_second: float
    ready_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one picture: P(object) by cell, its confidence, and the weather seen with its probability."""

    probability: NDArray[np.float64]
    confidence: float
    weather: str
    weather_confidence: float


@dataclass(slots=True)
class Analyser:
    """Both models of one variant, and the last few looks at the weather."""

    cells: CellModel
    weather: WeatherModel
    looks: deque[NDArray[np.float64]] = field(default_factory=lambda: deque(maxlen=WEATHER_FRAMES))

    def analyse(self, pixels: NDArray[np.float32]) -> Finding:
        """Analyse one picture (H × W × 3 in [0, 1])."""
        probability = look(self.cells, pixels)
        self.looks.append(self.weather.probabilities(pixels))
        mean = np.mean(self.looks, axis=0)
        best = int(mean.argmax())
        return Finding(probability, confidence(probability), self.weather.classes[best], float(mean[best]))


def train(environment_class: str) -> Analyser:
    """Train the variant of one class; every copy of a variant is the same model."""
    return Analyser(train_cells(environment_class, seed=0), train_weather(seed=0))


def run(job: Job, publisher: Publishing, lifetime: Living, clock: Callable[[], float] = time.time) -> None:
    """Train and analyse until the lifetime ends; ``clock`` answers Unix seconds."""
    analyser = train(job.environment_class)
    lifetime.serving = True
    if not lifetime.wait(0.0):
        return
    if job.ready_file is not None:
        job.ready_file.touch()
    interval = 1.0 / job.frames_per_second
    due = time.monotonic()
    first = True
    while lifetime.wait(due - time.monotonic()):
        _one_frame(job, analyser, publisher, clock())
        if first:
            publisher.flush()
            first = False
        # A late program skips pictures instead of hurrying after them.
        due = max(due + interval, time.monotonic())


def _one_frame(job: Job, analyser: Analyser, publisher: Publishing, at: float) -> None:
    frame = frame_at(job.schedule.weather_at(at), job.seed, at)
    publisher.frame()
    begun = time.perf_counter()
    finding = analyser.analyse(frame.pixels)
    publisher.result(time.perf_counter() - begun, finding.confidence)
    publisher.environment(finding.weather, finding.weather_confidence)
