"""Draws the background load of every device before anything moves, so that no action can ever change it.

background(t) = base + a·sin(2πt/P + φ) + noise(t) + Σ height·envelope(t)
noise(t) = ρ·noise(t − tick) + √(1 − ρ²)·σ·ε(t),  ρ = exp(−tick/τ)                      (AR(1), stationary)
envelope: half a cosine up over the rise, 1 over the hold, half a cosine down over the fall
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporters.simulated.blueprint import CPU, GPU, MEMORY, RESOURCES, Episode, PlantBlueprint

Loads = NDArray[np.float32]
Floats = NDArray[np.float64]

PAST_STREAM, WAVE_STREAM, NOISE_STREAM = 1, 2, 3
"""Every purpose draws from a stream of its own, so that one more number for one shifts none of another."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Background loads, one column per tick: ``background`` is T × D × R (NaN where there is no GPU).

    Row 0 belongs to story time −``history_ticks`` × tick; ``past`` are the overloads that the history contains.
    """

    background: Loads
    history_ticks: int
    past: tuple[Episode, ...]

    def column(self, tick: int) -> Loads:
        """Loads (D × R) during the tick that begins at story time ``tick`` × tick length.

        Past its end the story is played backwards and forwards again: a lab that is left running never runs dry.
        """
        row, last = max(tick + self.history_ticks, 0), len(self.background) - 1
        if row > last:
            span = last - self.history_ticks
            turned = (row - last) % (2 * span)
            row = last - turned if turned <= span else self.history_ticks + turned - span
        column: Loads = self.background[row]
        return column


def draw_curves(blueprint: PlantBlueprint) -> Curves:
    """Compute every background load of a blueprint; depends on the blueprint alone."""
    tick = blueprint.tick_seconds
    history_ticks = round(blueprint.history_seconds / tick)
    ticks = history_ticks + math.ceil((blueprint.duration_seconds + blueprint.slack_seconds) / tick) + 1
    story: Floats = np.asarray((np.arange(ticks) - history_ticks) * tick, dtype=np.float64)
    past = draw_past(blueprint)
    background = _noise(blueprint, ticks)
    background += _waves(blueprint, story)
    background += np.array([device.base for device in blueprint.devices], dtype=np.float32)
    rows = {device.id: row for row, device in enumerate(blueprint.devices)}
    shares = np.array([1.0, blueprint.weather.memory_share, blueprint.weather.gpu_share], dtype=np.float32)
    for episode in (*past, *blueprint.episodes):
        first, last = np.searchsorted(story, (episode.starts_seconds, episode.ends_seconds))
        hump = episode.height_ratio * envelope(episode, story[first:last])
        background[first:last, rows[episode.device]] += hump[:, None].astype(np.float32) * shares
    np.clip(background, 0.0, None, out=background)
    background[:, [row for row, device in enumerate(blueprint.devices) if not device.has_gpu], GPU] = np.nan
    return Curves(background, history_ticks, past)


def envelope(episode: Episode, story_seconds: Floats) -> Floats:
    """Share of the episode's height at each story time, in [0, 1]."""
    up = _eased(story_seconds - episode.starts_seconds, episode.rise_seconds)
    down = _eased(episode.ends_seconds - story_seconds, episode.fall_seconds)
    return np.asarray(np.minimum(up, down))


def _eased(since_seconds: Floats, length_seconds: float) -> Floats:
    """Half a cosine from 0 to 1 over a length of time; a step where the length is 0."""
    if length_seconds <= 0.0:
        return np.asarray(since_seconds >= 0.0, dtype=np.float64)
    return np.asarray((1.0 - np.cos(np.pi * np.clip(since_seconds / length_seconds, 0.0, 1.0))) / 2.0)


def draw_past(blueprint: PlantBlueprint) -> tuple[Episode, ...]:
    """The overloads of every edge in its history, oldest first per device; the other roles have none."""
    rng = np.random.default_rng([blueprint.seed, PAST_STREAM])
    habits, cost = blueprint.past, home_costs(blueprint)
    episodes: list[Episode] = []
    for row, device in enumerate(blueprint.devices):
        if device.role != "edge":
            continue
        starts = -blueprint.history_seconds + float(rng.uniform(0.0, habits.every_seconds[1]))
        while starts < 0.0:
            rise, hold, fall, top = (
                float(rng.uniform(*bounds)) for bounds in (habits.rise_seconds, habits.hold_seconds, habits.fall_seconds, habits.top_ratio)
            )
            episode = Episode(device.id, starts, rise, hold, fall, max(top - device.base[CPU] - float(cost[row, CPU]), 0.0))
            if episode.ends_seconds <= -habits.quiet_seconds:
                episodes.append(episode)
            starts += float(rng.uniform(*habits.every_seconds))
    return tuple(episodes)


def home_costs(blueprint: PlantBlueprint) -> Floats:
    """What the workloads at home add to each device's load: D × R ratios."""
    rows = {device.id: row for row, device in enumerate(blueprint.devices)}
    cost = np.zeros((len(rows), len(RESOURCES)))
    for workload, build in zip(blueprint.workloads, blueprint.home_builds(), strict=True):
        if (row := rows.get(workload.home)) is not None:
            device = blueprint.devices[row]
            cost[row, CPU] += build.cost_cores / device.cores
            cost[row, MEMORY] += build.cost_memory_bytes / device.memory_bytes
            cost[row, GPU] += build.cost_gpu_ratio * device.gpu_factor
    return cost


def _waves(blueprint: PlantBlueprint, story: Floats) -> Loads:
    rng = np.random.default_rng([blueprint.seed, WAVE_STREAM])
    weather, shape = blueprint.weather, (len(blueprint.devices), len(RESOURCES))
    period = rng.uniform(*weather.wave_period_seconds, shape)
    phase = rng.uniform(0.0, 2.0 * np.pi, shape)
    angle = 2.0 * np.pi * story[:, None, None] / period + phase
    return np.asarray(weather.wave_ratio * np.sin(angle), dtype=np.float32)


def _noise(blueprint: PlantBlueprint, ticks: int) -> Loads:
    rng = np.random.default_rng([blueprint.seed, NOISE_STREAM])
    weather = blueprint.weather
    kept = np.float32(math.exp(-blueprint.tick_seconds / weather.noise_memory_seconds))
    noise = rng.standard_normal((ticks, len(blueprint.devices), len(RESOURCES)), dtype=np.float32)
    noise *= np.float32(weather.noise_ratio)
    noise[1:] *= np.float32(math.sqrt(1.0 - float(kept) ** 2))
    for tick in range(1, ticks):
        noise[tick] += kept * noise[tick - 1]
    return noise
