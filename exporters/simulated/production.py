"""Lets the placements that run work for one tick: frames arrive, results are made, CPU time is used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporters.simulated.columns import EPSILON_FRAMES, Columns, PlantPhase, whole
from exporters.simulated.draws import FITTING, MISFIT, SLOW_FROM_RATIO, TABLE, Draws, many
from exporters.simulated.sky import fits
from exporters.simulated.tables import Tables

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick of story time, the CPU load that devices want (D, may pass 1), and for each camera whether it sends frames
    and which environment it sees (the sky's numbers)."""

    from_seconds: float
    until_seconds: float
    cpu_wanted: Floats
    camera_up: NDArray[np.bool_]
    seen: Ints


@dataclass(frozen=True, slots=True)
class Made:
    """Which cameras got results in a tick, with the story time of the first and the last; one entry per placement."""

    cameras: Ints
    first: Floats
    last: Floats


def produce(columns: Columns, tables: Tables, draws: Draws, tick: Tick) -> Made:
    """Work for one tick, changing the columns. A device that wants more CPU than it has makes fewer results in it."""
    rows = np.flatnonzero(columns.phase == PlantPhase.READY)
    workload, device = columns.workload[rows], columns.device[rows]
    begin = np.maximum(tick.from_seconds, columns.ready_at[rows])
    seconds = np.maximum(tick.until_seconds - begin, 0.0)
    speed = 1.0 / np.maximum(tick.cpu_wanted[device], 1.0)
    seeing = tick.camera_up[tables.camera[workload]]
    rate = tables.frames_per_second[workload] * seeing
    # An AI without frames idles: it holds its memory and uses no CPU time worth counting.
    columns.cpu_seconds[rows] += tables.cost_cores[columns.build[rows]] * speed * seconds * seeing

    arrived = columns.frames[rows] + rate * seconds
    _, last_frame = _when(columns.frames[rows], arrived, begin, rate)
    columns.last_frame[rows] = np.fmax(columns.last_frame[rows], last_frame)
    columns.frames[rows] = arrived

    done = columns.results[rows] + rate * speed * seconds
    first, last = _when(columns.results[rows], done, begin, rate * speed)
    sure = np.where(fits(columns.environment[rows], tick.seen[tables.camera[workload]]), FITTING, MISFIT)
    slow = np.searchsorted(SLOW_FROM_RATIO, tick.cpu_wanted[device], side="right")
    _observe(columns, draws, rows, done, (slow, sure))
    columns.last_result[rows] = np.fmax(columns.last_result[rows], last)
    columns.results[rows] = done
    some = ~np.isnan(first)
    return Made(tables.camera[workload[some]], first[some], last[some])


def _when(before: Floats, after: Floats, begin: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """Times of the first and the last frame completed between two amounts; NaN where none was."""
    old, new = whole(before), whole(after)
    some = new > old
    pace = np.where(some, rate, 1.0)
    # What EPSILON_FRAMES counted early may lie a hair before the tick; it is not let out of it.
    first = np.maximum(begin + (old + 1 - before) / pace, begin)
    last = np.maximum(begin + (new - before) / pace, begin)
    return np.where(some, first, np.nan), np.where(some, last, np.nan)


def _observe(columns: Columns, draws: Draws, rows: Ints, done: Floats, levels: tuple[Ints, Ints]) -> None:
    """Add the latencies and confidences of the new results to the histograms; ``levels`` of both."""
    level, sure = levels
    old, new = whole(columns.results[rows]), whole(done)
    start = (columns.offset[rows] + old) % TABLE
    end = start + (new - old)
    columns.latency_counts[rows] += draws.latency[level, end] - draws.latency[level, start]
    columns.latency_seconds[rows] += draws.latency_seconds[level, end] - draws.latency_seconds[level, start]
    columns.confidence_counts[rows] += draws.confidence[sure, end] - draws.confidence[sure, start]
    columns.confidence_sum[rows] += draws.confidence_sum[sure, end] - draws.confidence_sum[sure, start]


def settle(columns: Columns, tables: Tables, draws: Draws, past_seconds: float, seen: Ints) -> None:
    """Give placements that ran all through the past, each camera seeing the same ``seen`` all the time, the counters that
    they would have by now, each at its own phase."""
    sure = np.where(fits(columns.environment, seen[tables.camera[columns.workload]]), FITTING, MISFIT)
    for row in range(len(columns)):
        workload = columns.workload[row]
        rate = tables.frames_per_second[workload]
        amount = past_seconds * rate + columns.offset[row] / TABLE
        columns.frames[row] = columns.results[row] = amount
        columns.cpu_seconds[row] = tables.cost_cores[columns.build[row]] * past_seconds
        if amount < 1.0:
            continue
        columns.last_frame[row] = columns.last_result[row] = -((amount + EPSILON_FRAMES) % 1.0) / rate
        offset, results = int(columns.offset[row]), int(whole(columns.results[row : row + 1])[0])
        columns.latency_counts[row], columns.latency_seconds[row] = many(draws.latency, draws.latency_seconds, offset, results)
        columns.confidence_counts[row], columns.confidence_sum[row] = many(
            draws.confidence, draws.confidence_sum, offset, results, int(sure[row])
        )
