"""The past of every device's loads in memory: total, what its workloads measurably cost, and the background that stays."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.limits import Overload, Times
from decision_engine.core.snapshot import Bools, Floats, Ints
from decision_engine.observe.columns import RawSamples, ordered
from decision_engine.observe.grid import GridMeans
from decision_engine.observe.reader import source_rows
from decision_engine.observe.sustain import RecentSamples

R: Final = len(RESOURCES)
HOUR_SECONDS: Final = 3600.0
SLACK_SECONDS: Final = 60.0
"""Raw samples are kept this much longer than an overload must last, so that one found late is still seen whole."""


class History:
    """D devices × R resources; a series' row is ``device * R + resource``. Follows the catalogue with ``realign``."""

    def __init__(self, device_ids: tuple[str, ...], times: Times, overload: Overload) -> None:
        rows = len(device_ids) * R
        cells = max(math.ceil(times.history_hours * HOUR_SECONDS / times.grid_seconds), 1) + 1  # and the running one
        kept = math.ceil((overload.sustain_seconds + SLACK_SECONDS) / times.scrape_seconds) + 1
        self.device_ids = device_ids
        self._times = times
        self._total = GridMeans.empty(rows, cells, times.grid_seconds)
        self._cost = GridMeans.empty(rows, cells, times.grid_seconds)
        self._recent = RecentSamples.empty(rows, kept)
        self._restarted_at = np.full(rows, -np.inf)

    @property
    def grid_seconds(self) -> float:
        """The width of one cell."""
        return self._times.grid_seconds

    @property
    def scrape_seconds(self) -> float:
        """The time between two samples."""
        return self._times.scrape_seconds

    def extend(self, now: float, samples: dict[int, RawSamples]) -> None:
        """Take over raw loads by resource number, their rows being devices; what came before or comes from after ``now`` + one
        scrape is left out."""
        flat = _rows_of_series(samples)
        fresh = self._recent.newer(flat, now + self._times.scrape_seconds)
        self._total.add(fresh.row, fresh.at, fresh.value)
        self._recent.push(fresh)

    def extend_cost(self, now: float, cost: Floats, unsettled: Bools) -> None:
        """Take over what the workloads measurably cost at ``now``, D × R as ratios; NaN where that cannot be known.

        Where ``unsettled`` D × R, a workload has just come or left and load and cost do not show it alike: that cell of
        the background stays unknown.
        """
        self._cost.add(np.arange(cost.size), np.full(cost.size, now), cost.ravel())
        self._cost.spoil(np.flatnonzero(unsettled.ravel()), now)

    def fill(self, now: float, loads: dict[int, RawSamples]) -> None:
        """Put loads that were read again, by resource number, in place of what whole cells hold: that may be a part only."""
        self._fill(self._total, now, loads)

    def fill_cost(self, now: float, costs: dict[int, RawSamples]) -> None:
        """The same with costs, as ratios."""
        self._fill(self._cost, now, costs)

    def restart(self, where: Bools, at: Floats) -> None:
        """Begin the background anew where D × R says so, at Unix times D × R: what came or left cannot be subtracted."""
        self._restarted_at[where.ravel()] = np.maximum(self._restarted_at[where.ravel()], at.ravel()[where.ravel()])

    def background(self, now: float, cost_is_measured: Bools) -> Floats:
        """D × R × T means of what stays, the last whole cell before ``now`` last.

        Total minus measured cost where the resource's costs are measured (R), never below 0; NaN where either is
        unknown, and up to the last restart.
        """
        last = self._last_whole(now)
        total, cost = self._total.means(last)[:, 1:], self._cost.means(last)[:, 1:]
        measured = np.tile(cost_is_measured, len(self.device_ids))
        background = np.maximum(np.where(measured[:, np.newaxis], total - cost, total), 0.0)
        cell_start = (last - np.arange(background.shape[1])[::-1]) * self.grid_seconds
        background[cell_start < self._restarted_at[:, np.newaxis]] = np.nan
        return background.reshape(len(self.device_ids), R, -1)

    def total(self, now: float) -> Floats:
        """D × R × T means of the whole load, the last whole cell before ``now`` last; NaN where unknown."""
        return self._total.means(self._last_whole(now))[:, 1:].reshape(len(self.device_ids), R, -1)

    def start(self, now: float) -> float:
        """Unix time at which the oldest kept whole cell begins."""
        return (self._last_whole(now) - self._total.cells + 2) * self.grid_seconds

    def end(self, now: float) -> float:
        """Unix time at which the last whole cell ends."""
        return (self._last_whole(now) + 1) * self.grid_seconds

    def over_seconds(self, limits: Floats, now: float) -> Floats:
        """D × R: for how long raw samples have been at or over ``limits`` R without a break; a stale series is at 0.

        Counted from the first sample seen after a start, up to ``sustain_seconds`` and a minute.
        """
        by_row = np.tile(limits, len(self.device_ids))
        return self._recent.over_seconds(by_row, now, self._times.fresh_seconds).reshape(-1, R)

    def rewind(self, now: float) -> None:
        """After the clock went backwards: forget all that lies after ``now``."""
        cell = math.floor(now / self.grid_seconds)
        self._total.forget_from(cell)
        self._cost.forget_from(cell)
        self._recent.forget_after(now)
        self._restarted_at = np.minimum(self._restarted_at, now)

    def realign(self, device_ids: tuple[str, ...]) -> None:
        """Follow the catalogue: new devices start empty, the others keep their past."""
        if device_ids == self.device_ids:
            return
        rows = _series_rows(source_rows(self.device_ids, device_ids))
        self._total, self._cost = self._total.realigned(rows), self._cost.realigned(rows)
        self._recent = self._recent.realigned(rows)
        self._restarted_at = np.where(rows >= 0, self._restarted_at[rows] if len(self._restarted_at) else -np.inf, -np.inf)
        self.device_ids = device_ids

    def _last_whole(self, now: float) -> int:
        return math.floor(now / self.grid_seconds) - 1

    def _fill(self, grid: GridMeans, now: float, samples: dict[int, RawSamples]) -> None:
        flat = _rows_of_series(samples)
        past = flat.at < (self._last_whole(now) + 1) * self.grid_seconds
        grid.add(flat.row[past], flat.at[past], flat.value[past], anew=True)


def _rows_of_series(samples: dict[int, RawSamples]) -> RawSamples:
    """Samples by resource with devices as rows, as samples with series as rows."""
    row = [part.row * R + resource for resource, part in samples.items()]
    if not row:
        return RawSamples(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))
    parts = samples.values()
    return ordered(np.concatenate(row), np.concatenate([part.at for part in parts]), np.concatenate([part.value for part in parts]))


def _series_rows(device_rows: Ints) -> Ints:
    """Device rows as series rows; −1 stays −1 for each resource."""
    rows = device_rows[:, np.newaxis] * R + np.arange(R)
    return np.where(device_rows[:, np.newaxis] >= 0, rows, -1).ravel()
