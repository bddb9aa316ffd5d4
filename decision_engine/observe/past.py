"""Reads history again by range queries: at the start, for devices that are new, and after a gap."""

from __future__ import annotations

import math

import numpy as np

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.snapshot import Floats
from decision_engine.observe.columns import ELSEWHERE, RawSamples, flatten
from decision_engine.observe.history import History
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.placements import ends_of
from decision_engine.observe.reader import device_row_of
from decision_engine.observe.shares import COST_SIGNALS, SETTLING_SCRAPES
from decision_engine.observe.signals import Signal
from decision_engine.observe.source import Samples, Source


async def fill_history(history: History, source: Source, signals: dict[str, Signal], index: FleetIndex, span: tuple[float, float]) -> None:
    """Read the whole grid cells of ``span`` (start and now, Unix time) again.

    Raises:
        PrometheusUnavailable: a query failed; what was read before it is kept.
    """
    start, now = max(span[0], history.start(span[1])), span[1]
    first, cells = int(start // history.grid_seconds), int((history.end(now) - start) // history.grid_seconds + 1)
    if start >= history.end(now):
        return
    for resource, name in enumerate(RESOURCES):
        signal = signals.get(name)
        if signal is not None and signal.history:
            answer = await source.past(signal, start, now, history.grid_seconds)
            history.fill(now, {resource: flatten(answer, lambda labels: device_row_of(labels, index))})
    scales = (index.cores, index.memory_bytes)
    for resource, name in enumerate(COST_SIGNALS):
        signal = signals.get(name)
        if signal is not None and signal.history:
            answer = await source.past(signal, start, now, history.grid_seconds)
            costs = unsettled_cells_unknown(summed_by_device(answer, index, (first, cells), history.grid_seconds), _settling_cells(history))
            history.fill_cost(now, {resource: _as_samples(costs / scales[resource][:, np.newaxis], first, history.grid_seconds)})


def summed_by_device(answer: tuple[Samples, ...], index: FleetIndex, cells: tuple[int, int], grid_seconds: float) -> Floats:
    """D × C sums over each device's workloads, for C cells from a first one.

    0 where no workload published anything: then none was measured there, and nothing is to be subtracted.
    """
    first, count = cells
    sums = np.zeros((len(index.device_ids), count))
    for series in answer:
        device = series.labels.get("device") or ends_of(series.labels.get("placement", ""))[1]
        row = index.device_row.get(device, ELSEWHERE)
        if row == ELSEWHERE:
            continue
        cell = np.floor(np.asarray(series.times, dtype=np.float64) / grid_seconds).astype(np.int64) - first
        inside = (cell >= 0) & (cell < count)
        np.add.at(sums[row], cell[inside], np.asarray(series.values, dtype=np.float64)[inside])
    return sums


def unsettled_cells_unknown(sums: Floats, cells: int) -> Floats:
    """The sums with NaN where nothing was published within ``cells`` of a cell in which something was.

    A rate begins some scrapes after its program and a gap in the scrapes ends it early: such a 0 is not «costs nothing».
    """
    published = sums > 0
    near = published.copy()
    for distance in range(1, cells + 1):
        near[:, distance:] |= published[:, :-distance]
        near[:, :-distance] |= published[:, distance:]
    return np.where(near & ~published, np.nan, sums)


def _settling_cells(history: History) -> int:
    return math.ceil(SETTLING_SCRAPES * history.scrape_seconds / history.grid_seconds)


def _as_samples(sums: Floats, first: int, grid_seconds: float) -> RawSamples:
    """The sums as one sample in the middle of each cell."""
    devices, count = sums.shape
    at = (first + np.arange(count) + 0.5) * grid_seconds
    return RawSamples(np.repeat(np.arange(devices), count), np.tile(at, devices), sums.ravel())
