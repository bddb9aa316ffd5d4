"""Which part of each device's load its workloads make up, and where that cannot be told apart from the rest."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.limits import Times
from decision_engine.core.snapshot import NOWHERE, READY, STOPPING, Bools, Floats, Ints
from decision_engine.observe.columns import ELSEWHERE
from decision_engine.observe.costs import MEASURED, CostBook, WorkloadCosts
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.placements import PlacementRows, ends_of
from decision_engine.observe.reader import source_rows
from decision_engine.observe.readings import Readings
from decision_engine.observe.signals import RATE_WINDOW_SCRAPES

COST_SIGNALS: Final = ("workload_cpu_cores", "workload_memory_bytes")
"""In the order of RESOURCES; GPU has none."""
R: Final = len(RESOURCES)
GONE_SECONDS: Final = 300.0
"""Longer than any measurement stays fresh; a placement that is listed again within it counts again."""
ALL: Final = R
"""The column of signatures that speaks of all placements."""
SETTLING_SCRAPES: Final = RATE_WINDOW_SCRAPES + 2.0
"""A rate is true once its whole window lies after the start; two more scrapes until that is seen."""


@dataclass(frozen=True, slots=True)
class DeviceShares:
    """D × R, as ratios of the device.

    ``measured`` is what its workloads take just now and can be subtracted from its load; ``expected`` what those that
    are subtracted will go on taking (NaN where unknown); ``unsettled`` where a placement came or left so lately that
    load and cost do not show it alike; ``restart`` and ``restart_at`` where and since when the unmeasured ones changed.
    """

    measured: Floats
    expected: Floats
    unsettled: Bools
    restart: Bools
    restart_at: Floats


@dataclass(frozen=True, slots=True)
class Measurements:
    """Of P listed placements: the fresh measurement P × (cores, bytes), NaN none, and P × R flags about those that run."""

    value: Floats
    settling: Bools
    unmeasured: Bools


class ShareKeeper:
    """Remembers which placements were ever measured, and which unmeasured ones each device carried."""

    def __init__(self, asked: frozenset[str], times: Times) -> None:
        self.cost_is_measured: Bools = np.array([*(name in asked for name in COST_SIGNALS), False])
        self._settling_seconds = SETTLING_SCRAPES * times.scrape_seconds
        self._ever_measured: list[set[str]] = [set() for _ in COST_SIGNALS]
        self._listed: frozenset[str] = frozenset()
        self._gone_at: dict[str, float] = {}
        self._device_ids: tuple[str, ...] = ()
        self._signature = np.zeros((0, R + 1), dtype=np.uint64)
        self._first_look: Bools = np.ones(0, dtype=bool)
        self._looked_since = float("nan")

    def follow(self, index: FleetIndex) -> None:
        """Follow the devices of the catalogue to their rows."""
        if index.device_ids == self._device_ids:
            return
        rows = source_rows(self._device_ids, index.device_ids)
        signature, first = np.zeros((len(rows), R + 1), dtype=np.uint64), np.ones(len(rows), dtype=bool)
        kept = rows >= 0
        signature[kept], first[kept] = self._signature[rows[kept]], self._first_look[rows[kept]]
        self._device_ids, self._signature, self._first_look = index.device_ids, signature, first

    def measure(self, readings: Readings, listed: PlacementRows, index: FleetIndex, book: CostBook) -> Measurements:
        """Find each listed placement's fresh measurement and teach the cost book those of settled Ready ones."""
        value = np.full((len(listed.ids), MEASURED), np.nan)
        for number, signal in enumerate(COST_SIGNALS):
            found = readings.placement_column(signal)
            rows = np.array([found.row.get(id_, ELSEWHERE) for id_ in listed.ids], dtype=np.int64)
            there = rows >= 0
            value[there, number] = np.where(found.column.fresh, found.column.value, np.nan)[rows[there]]
        if np.isnan(self._looked_since):
            self._looked_since = readings.now
        young = readings.now - listed.since < self._settling_seconds
        ready = listed.phase == READY
        teach = np.flatnonzero(ready & ~young & (listed.workload >= 0) & np.isfinite(value).any(axis=1))
        book.learn(readings.now, listed.workload[teach], value[teach], listed.variant[teach])
        # Just after a start nothing has been seen twice: who is not measured yet is settling, however long it has run.
        awaited = young | (readings.now - self._looked_since < self._settling_seconds)
        return self._flags(value, (young, awaited), listed, index)

    def shares(
        self, readings: Readings, listed: PlacementRows, index: FleetIndex, seen: tuple[Measurements, WorkloadCosts, Bools]
    ) -> DeviceShares:
        """Sum up by device. ``seen`` are the measurements, the expected costs and which devices' runtimes answered (D)."""
        measurements, costs, known = seen
        self._mourn(readings.now, listed, known)
        scale = np.stack([index.cores, index.memory_bytes], axis=1)
        measured, expected = np.zeros((len(index.device_ids), R)), np.zeros((len(index.device_ids), R))
        expected_by_id = (listed.phase == READY) & (listed.workload >= 0) & (listed.device >= 0)
        for number, signal in enumerate(COST_SIGNALS):
            by_estimate = expected_by_id & ~measurements.unmeasured[:, number]
            estimated = {listed.ids[row] for row in np.flatnonzero(by_estimate)}
            row, value, raw = _fresh_by_device(readings, signal, index, (estimated, frozenset(self._gone_at)))
            _sum_into(measured, number, row, value / scale[row, number])
            _sum_into(expected, number, row[raw], value[raw] / scale[row[raw], number])
            row, cost = listed.device[by_estimate], (costs.cores, costs.memory_bytes)[number][listed.workload[by_estimate]]
            _sum_into(expected, number, row, cost / scale[row, number])
        restart, restart_at, changed = self._compare(readings.now, listed, measurements, known)
        unsettled = _any_by_device(measurements.settling, listed.device, len(index.device_ids)) | changed[:, np.newaxis]
        return DeviceShares(measured, expected, unsettled & self.cost_is_measured, restart, restart_at)

    def _mourn(self, now: float, listed: PlacementRows, known: Bools) -> None:
        """Placements that left lately: their last measurement stays fresh for a while, but they cost nothing any more."""
        here = frozenset(listed.ids)
        silent = {device for device, answered in zip(self._device_ids, known.tolist(), strict=True) if not answered}
        for id_ in self._listed - here:
            if ends_of(id_)[1] not in silent:
                self._gone_at[id_] = now
        self._gone_at = {id_: at for id_, at in self._gone_at.items() if id_ not in here and now - at <= GONE_SECONDS}
        self._listed = here | {id_ for id_ in self._listed if ends_of(id_)[1] in silent}

    def _flags(self, value: Floats, ages: tuple[Bools, Bools], listed: PlacementRows, index: FleetIndex) -> Measurements:
        """Settling: begun lately, or measured soon or again. Unmeasured: never measured though there was time to; it is background.

        ``ages`` P say which are young, and whose first measurement may still be awaited.
        """
        young, awaited = ages
        running = (listed.phase == READY) | (listed.phase == STOPPING)
        settling = np.zeros((len(listed.ids), R), dtype=bool)
        unmeasured = np.zeros((len(listed.ids), R), dtype=bool)
        for number, ever in enumerate(self._ever_measured):
            fresh = np.isfinite(value[:, number])
            ever |= {listed.ids[row] for row in np.flatnonzero(fresh)}
            ever &= set(listed.ids)
            before = np.array([id_ in ever for id_ in listed.ids], dtype=bool)
            measurable = bool(self.cost_is_measured[number])
            settling[:, number] = running & measurable & (young | ((before | awaited) & ~fresh))
            unmeasured[:, number] = running & ~before & ~(awaited & measurable)
        gpu = np.full(len(listed.ids), np.nan)
        declared = listed.workload >= 0
        build = np.where(listed.variant != NOWHERE, listed.variant, np.append(index.variant, NOWHERE)[listed.workload])
        declared &= build != NOWHERE
        gpu[declared] = index.declared_gpu_ratio[build[declared]]
        unmeasured[:, MEASURED] = running & (gpu != 0.0)  # declared to need none of it: nothing to tell apart
        return Measurements(value, settling, unmeasured)

    def _compare(self, now: float, listed: PlacementRows, seen: Measurements, known: Bools) -> tuple[Bools, Floats, Bools]:
        """Where the unmeasured placements changed (D × R), since when, and where any placement did (D)."""
        devices = len(self._device_ids)
        here = listed.device >= 0
        names = np.array([zlib.crc32(id_.encode()) for id_ in listed.ids], dtype=np.uint64)
        groups = np.column_stack([seen.unmeasured, np.ones(len(listed.ids), dtype=bool)])
        signature = np.zeros((devices, R + 1), dtype=np.uint64)
        youngest = np.full((devices, R), -np.inf)
        for number in range(R + 1):
            rows = here & groups[:, number]
            np.add.at(signature[:, number], listed.device[rows], names[rows])
            if number < R:
                np.maximum.at(youngest[:, number], listed.device[rows], np.minimum(listed.since[rows], now))
        differs = (signature != self._signature) & known[:, np.newaxis]
        first = self._first_look[:, np.newaxis]
        restart = np.where(first, (youngest > -np.inf) & known[:, np.newaxis], differs[:, :R])
        restart_at = np.where(first, youngest, now)
        changed = differs[:, ALL] & ~self._first_look
        self._signature = np.where(known[:, np.newaxis], signature, self._signature)
        self._first_look = self._first_look & ~known
        return restart, restart_at, changed


def _fresh_by_device(
    readings: Readings, signal: str, index: FleetIndex, named: tuple[set[str], frozenset[str]]
) -> tuple[Ints, Floats, Bools]:
    """Fresh measurements of one cost signal on catalogued devices, and which of them no estimate stands for; ``named`` are those
    with an estimate, and those that are gone."""
    found = readings.placement_column(signal)
    fresh = found.column.fresh
    estimated, gone = named
    here = [
        (index.device_row.get(ends_of(id_)[1], ELSEWHERE), row, id_ not in estimated)
        for id_, row in found.row.items()
        if fresh[row] and id_ not in gone
    ]
    here = [place for place in here if place[0] != ELSEWHERE]
    device = np.array([place[0] for place in here], dtype=np.int64)
    return device, found.column.value[[place[1] for place in here]], np.array([place[2] for place in here], dtype=bool)


def _sum_into(table: Floats, column: int, row: Ints, value: Floats) -> None:
    table[:, column] += np.bincount(row, weights=value, minlength=len(table))


def _any_by_device(flags: Bools, device: Ints, devices: int) -> Bools:
    """D × R: whether any placement on the device has the flag."""
    here = device >= 0
    answer = np.zeros((devices, flags.shape[1]), dtype=bool)
    np.logical_or.at(answer, device[here], flags[here])
    return answer
