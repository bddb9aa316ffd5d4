"""One look at the fleet: read, extend history, learn costs; what the engine calls once a cycle."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.limits import Limits
from decision_engine.core.snapshot import Bools, Floats
from decision_engine.observe.costs import CostBook
from decision_engine.observe.history import History
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.outlook import background_series
from decision_engine.observe.past import fill_history
from decision_engine.observe.placements import ObservedPlacement, PlacementRows
from decision_engine.observe.reader import FleetReader
from decision_engine.observe.readings import Readings
from decision_engine.observe.shares import DeviceShares, ShareKeeper
from decision_engine.observe.signals import Signal
from decision_engine.observe.snapshot import Sight, answering
from decision_engine.observe.source import PrometheusUnavailable, Source
from forecasting.api import Series

EVERYTHING = -math.inf
"""All of the history that is kept is still to be read."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found: the sight for ``assemble``; today's workload cost for ``outlook`` (D × R ratios, NaN unknown);
    and a sentence when history could not be read again, which hinders no decision but the forecast's."""

    sight: Sight
    cost_now: Floats
    history_trouble: str


class FleetWatch:
    """Reader, history and cost book of one engine, kept in step. Not to be used by two tasks at once."""

    def __init__(self, source: Source, signals: tuple[Signal, ...], limits: Limits) -> None:
        """Take over the signals.

        Raises:
            SignalError: they cost more queries a cycle than allowed.
        """
        self._source = source
        self._signals = {signal.name: signal for signal in signals}
        self._limits = limits
        # An overload that began before this engine did is known at its first look.
        first_window_seconds = limits.overload.sustain_seconds + limits.times.fresh_seconds
        self._reader = FleetReader(source, signals, limits.times, first_window_seconds)
        self.history = History((), limits.times, limits.overload)
        self._book = CostBook.empty()
        self._keeper = ShareKeeper(frozenset(self._signals), limits.times)
        self._unread_from: float | None = EVERYTHING
        self._try_again_at = EVERYTHING
        self._expected: Floats = np.empty((0, len(RESOURCES)))

    async def look(self, now: float, index: FleetIndex, running: Iterable[ObservedPlacement], unreachable: frozenset[str]) -> Look:
        """Look once at Unix time ``now``; ``unreachable`` are the clusters whose runtime did not answer.

        Trouble with Prometheus is never raised: ``sight.readings.blind`` names it.
        """
        self._follow(index)
        readings = await self._reader.read(now, index)
        if readings.blind == "clock_backwards":
            self._rewind(now)
        self.history.extend(now, {number: readings.samples_of(name) for number, name in enumerate(RESOURCES)})
        listed, known = PlacementRows.of(running, index), answering(index, unreachable)
        trouble = ""
        if not readings.blind:
            trouble = await self._catch_up(readings, index)
            self._expected = self._learn(readings, listed, known, index)
        sight = Sight(
            index=index,
            readings=readings,
            placements=listed,
            known=known,
            over_seconds=self.history.over_seconds(self._ratios(), now),
            costs=self._book.estimate(now, index, self._limits.moving.unmeasured_cost_factor),
        )
        return Look(sight, self._expected, trouble)

    def series(self, look: Look) -> Series:
        """The background of all devices for the forecaster, S = D × R; changes once per grid step, when ``end`` moves on."""
        room = self._ratios() - look.cost_now
        sight = look.sight
        return background_series(self.history, self._keeper.cost_is_measured, room, sight.index.device_ids, sight.readings.now)

    async def close(self) -> None:
        """Give back the source's connections."""
        await self._source.close()

    def _learn(self, readings: Readings, listed: PlacementRows, known: Bools, index: FleetIndex) -> Floats:
        """Learn what workloads cost and what that means for each device's background; the cost to be expected, D × R."""
        measurements = self._keeper.measure(readings, listed, index, self._book)
        costs = self._book.estimate(readings.now, index, self._limits.moving.unmeasured_cost_factor)
        shares = self._keeper.shares(readings, listed, index, (measurements, costs, known))
        self._keep(shares, readings, index)
        return shares.expected

    def _keep(self, shares: DeviceShares, readings: Readings, index: FleetIndex) -> None:
        """Only what is as fresh as the load may be subtracted from it."""
        fresh = np.stack([readings.device_column(name, len(index.device_ids)).fresh for name in RESOURCES], axis=1)
        self.history.extend_cost(readings.now, np.where(fresh, shares.measured, np.nan), shares.unsettled)
        self.history.restart(shares.restart, shares.restart_at)

    async def _catch_up(self, readings: Readings, index: FleetIndex) -> str:
        """Read again what is missing; a sentence when that failed, and then not before one grid step has passed."""
        if readings.now - readings.last_good_at >= self.history.grid_seconds:
            self._unread_from = min(readings.last_good_at, math.inf if self._unread_from is None else self._unread_from)
        if self._unread_from is None or readings.now < self._try_again_at:
            return ""
        try:
            await fill_history(self.history, self._source, self._signals, index, (self._unread_from, readings.now))
        except PrometheusUnavailable as trouble:
            self._try_again_at = readings.now + self.history.grid_seconds
            return f"History is incomplete and will be read again: {trouble.sentence}"
        self._unread_from = None
        return ""

    def _ratios(self) -> Floats:
        return np.array(self._limits.overload.ratios)

    def _follow(self, index: FleetIndex) -> None:
        """Follow the catalogue; what is expected of devices that were edited is unknown until the next good read."""
        if index.device_ids != self.history.device_ids:
            if not set(index.device_ids) <= set(self.history.device_ids):
                self._unread_from = EVERYTHING
            self._expected = np.full((len(index.device_ids), len(RESOURCES)), np.nan)
        self.history.realign(index.device_ids)
        self._book.follow(index)
        self._keeper.follow(index)

    def _rewind(self, now: float) -> None:
        self.history.rewind(now)
        self._book.rewind(now)
        self._try_again_at = min(self._try_again_at, now)
