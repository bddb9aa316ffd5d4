"""One cycle, start to end: observe, forecast, decide, write down, act. Everything around it only feeds it or shows it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from decision_engine.catalog.model import Catalog
from decision_engine.catalog.store import CatalogStore
from decision_engine.core.decide import Policy, decide
from decision_engine.core.limits import Limits
from decision_engine.core.memory import CycleRecord, Memory, ReceiptRecord, remember
from decision_engine.core.records import encode
from decision_engine.core.snapshot import Snapshot
from decision_engine.execute.cycle_file import RecordedCycle, settings_digest_of
from decision_engine.execute.dispatcher import Dispatcher, Observed
from decision_engine.execute.journal import Journal
from decision_engine.execute.recorder import Recorder
from decision_engine.foresight import Foresight
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.snapshot import Learned, assemble
from decision_engine.observe.watch import FleetWatch

log = logging.getLogger(__name__)

MOVE_QUANTILE = 0.95
MOVES_TO_LEARN_FROM = 5
"""Fewer finished moves than this say less about the next one than the configured prior."""


@dataclass(frozen=True, slots=True)
class EngineParts:
    """What an engine is made of; one place wires it (``decision_engine.wiring``)."""

    watch: FleetWatch
    foresight: Foresight
    dispatcher: Dispatcher
    journal: Journal
    recorder: Recorder
    catalog_store: CatalogStore
    policies: Sequence[Policy]
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleReport:
    """What one cycle concluded and what it cost; ``unreachable`` are actuators that did not answer, ``trouble`` a sentence."""

    number: int
    snapshot: Snapshot
    record: CycleRecord
    memory: Memory
    receipts: ReceiptRecord | None
    seconds: float
    queries: int
    unreachable: frozenset[str]
    trouble: str


class Engine:
    """Turns cycles. Not to be used by two tasks at once."""

    def __init__(self, parts: EngineParts, memory: Memory) -> None:
        """Take over the parts and what the journal remembers; reads the catalogue.

        Raises:
            CatalogError: the catalogue cannot be read.
        """
        self._parts = parts
        self.memory = memory
        self.limits = parts.limits
        self.journal = parts.journal
        self._settings_digest = settings_digest_of(parts.limits)
        self._number = parts.recorder.next_number()
        self._take_catalog(*parts.catalog_store.load())

    @property
    def actuator_names(self) -> tuple[str, ...]:
        """The actuators that the catalogue names."""
        return tuple(sorted({cluster.actuator for cluster in self.catalog.clusters.values()}))

    async def cycle(self, now: float, act: bool = True) -> CycleReport:
        """Live through one cycle at Unix time ``now``; with ``act`` False nothing is written down and nothing is done.

        Raises:
            JournalError: the conclusion could not be written down, so nothing was done.
        """
        began, parts = perf_counter(), self._parts
        observed = await parts.dispatcher.placements()
        silent = self._silent_actuators(observed)
        clusters = frozenset(cluster.id for cluster in self.catalog.clusters.values() if cluster.actuator in silent)
        look = await parts.watch.look(now, self._index, observed.placements, clusters)
        move_seconds = self._move_seconds_p95()
        outlook = await parts.foresight.outlook(parts.watch, look, self.limits, move_seconds)
        learned = Learned(move_seconds, parts.foresight.digest)
        snapshot = assemble(look.sight, outlook, self.limits, learned)
        before = self.memory
        record, after = decide(snapshot, parts.policies, self.limits, before)
        receipts = None
        if act:
            receipts = await self._write_and_act(record, after, now)
            await asyncio.to_thread(self._record_cycle, snapshot, before, record)
        self._number += 1
        return CycleReport(
            number=self._number, snapshot=snapshot, record=record, memory=self.memory if act else after, receipts=receipts,
            seconds=perf_counter() - began, queries=look.sight.readings.queries, unreachable=silent,
            trouble=look.history_trouble or look.sight.readings.sentence,
        )  # fmt: skip

    async def dry_cycle(self, now: float) -> CycleReport:
        """A cycle that ends before acting; what it has seen counts as a first look, in memory only."""
        report = await self.cycle(now, act=False)
        self.memory = report.memory
        return report

    async def reload_catalog(self) -> None:
        """Read the catalogue anew, whole or not at all.

        Raises:
            CatalogError: it was refused; the old one stays.
        """
        self._take_catalog(*await asyncio.to_thread(self._parts.catalog_store.load))

    async def close(self, now: float) -> None:
        """Leave to the next run what was learned and give everything back; what runs goes on running."""
        self._parts.foresight.save(now)
        await self._parts.dispatcher.close()
        await self._parts.watch.close()
        await asyncio.to_thread(self.journal.close)

    async def _write_and_act(self, record: CycleRecord, after: Memory, now: float) -> ReceiptRecord | None:
        """Write down before acting; then send the orders and write down what came of them."""
        if record.empty:
            return None
        await asyncio.to_thread(self.journal.append, record)
        self.memory = after
        orders = [transition.order for transition in record.transitions if transition.order is not None]
        if not orders:
            return None
        receipts = await self._parts.dispatcher.dispatch(orders, self.catalog, now)
        await asyncio.to_thread(self.journal.append, receipts)
        self.memory = remember(self.memory, receipts)
        return receipts

    def _record_cycle(self, snapshot: Snapshot, before: Memory, record: CycleRecord) -> None:
        recorder = self._parts.recorder
        if not recorder.wants(self._number, record):
            return
        cycle = RecordedCycle(
            number=self._number, snapshot=snapshot, memory=before, record=encode(record), settings_digest=self._settings_digest,
            model_digest=snapshot.model_digest,
        )  # fmt: skip
        trouble = recorder.record(cycle)
        if trouble:
            log.warning("%s", trouble)

    def _take_catalog(self, catalog: Catalog, version: str) -> None:
        self.catalog, self.catalog_version = catalog, version
        self._index = FleetIndex.of(catalog, version)

    def _silent_actuators(self, observed: Observed) -> frozenset[str]:
        """Actuators of the catalogue that did not answer, or that nobody configured: what runs there is unknown."""
        answering = self._parts.dispatcher.names - set(observed.unreachable)
        return frozenset(self.actuator_names) - answering

    def _move_seconds_p95(self) -> float:
        """How long a move takes: learned from finished ones, the configured prior until there are enough."""
        seconds = self.memory.move_seconds
        if len(seconds) < MOVES_TO_LEARN_FROM:
            return self.limits.foresight.move_seconds_prior
        return float(np.quantile(seconds, MOVE_QUANTILE))
