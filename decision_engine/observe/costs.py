"""What one workload costs: as measured lately, else as its like are measured, else as declared, else unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from decision_engine.core.snapshot import NOWHERE, Bools, Floats, Ints
from decision_engine.observe.index import FleetIndex, VariantKey
from decision_engine.observe.reader import source_rows

MEMORY_SECONDS: Final = 120.0
"""Time constant of the mean: some minutes, so that one busy second in front of a camera moves no plan."""
KEPT_SECONDS: Final = 3600.0
"""A measurement older than this no longer speaks for the workload."""
MEASURED: Final = 2
"""CPU and memory are measured per workload; GPU load cannot be split by process."""


@dataclass(frozen=True, slots=True)
class WorkloadCosts:
    """Expected cost of one placement of each of W workloads, NaN where unknown; ``measured`` where CPU and memory both are.

    ``by_variant`` V × (cores, bytes, GPU ratio) is the same for a build of which nothing but its kind is known.
    """

    cores: Floats
    memory_bytes: Floats
    gpu_ratio: Floats
    measured: Bools
    by_variant: Floats


@dataclass(slots=True)
class CostBook:
    """Running means of W workloads × (cores, bytes): ``taken`` measurements went in, the last at ``measured_at``; and the
    row of the build that was measured (NOWHERE: none, or one that is not declared)."""

    workload_ids: tuple[str, ...]
    mean: Floats
    measured_at: Floats
    taken: Floats
    variant: Ints
    variants: tuple[VariantKey, ...] = ()

    @staticmethod
    def empty() -> CostBook:
        """Nothing measured yet, of no workload."""
        none = np.empty((0, MEASURED))
        return CostBook((), none, none, none, np.empty(0, dtype=np.int64))

    def follow(self, index: FleetIndex) -> None:
        """Follow the workloads and builds of the catalogue to their rows."""
        if index.variants != self.variants:
            row = [index.variant_row.get(key, NOWHERE) for key in self.variants]
            self.variant = np.array([*row, NOWHERE], dtype=np.int64)[self.variant]  # NOWHERE reads the last
            self.variants = index.variants
        if index.workload_ids == self.workload_ids:
            return
        rows = source_rows(self.workload_ids, index.workload_ids)
        blank = np.full((len(rows), MEASURED), np.nan)
        mean, measured_at, taken = blank.copy(), blank, np.zeros_like(blank)
        kept = rows >= 0
        mean[kept], measured_at[kept], taken[kept] = self.mean[rows[kept]], self.measured_at[rows[kept]], self.taken[rows[kept]]
        self.variant = np.where(kept, np.append(self.variant, NOWHERE)[rows], NOWHERE)
        self.workload_ids, self.mean, self.measured_at, self.taken = index.workload_ids, mean, measured_at, taken

    def learn(self, now: float, workload: Ints, value: Floats, variant: Ints) -> None:
        """Take over measurements of Ready placements: ``workload`` and ``variant`` rows (K) and ``value`` K × (cores, bytes), NaN unknown.

        A workload measured at two placements counts as their mean; one that runs another variant than before starts anew.
        """
        other = workload[self.variant[workload] != variant]
        self.mean[other], self.measured_at[other], self.taken[other] = np.nan, np.nan, 0
        self.variant[workload] = variant
        for number in range(MEASURED):
            known = np.isfinite(value[:, number])
            sums = np.bincount(workload[known], weights=value[known, number], minlength=len(self.workload_ids))
            counts = np.bincount(workload[known], minlength=len(self.workload_ids))
            rows = np.flatnonzero(counts)
            self._move(rows, number, sums[rows] / counts[rows], now)

    def estimate(self, now: float, index: FleetIndex, unmeasured_factor: float) -> WorkloadCosts:
        """The expected costs; what is only declared is multiplied by ``unmeasured_factor``, GPU load (never measured) too."""
        with np.errstate(invalid="ignore"):
            valid = now - self.measured_at <= KEPT_SECONDS
        measured = np.where(valid, self.mean, np.nan)
        runs = np.where(self.variant != NOWHERE, self.variant, index.variant)
        cores = _first_known(self._pooled(measured[:, 0], index), index.declared_cores * unmeasured_factor)
        memory = _first_known(self._pooled(measured[:, 1], index), index.declared_memory_bytes * unmeasured_factor)
        by_variant = np.stack([cores, memory, index.declared_gpu_ratio * unmeasured_factor], axis=1)
        expected = np.vstack([by_variant, np.full(by_variant.shape[1], np.nan)])[runs]  # NOWHERE reads the last
        return WorkloadCosts(
            cores=_first_known(measured[:, 0], expected[:, 0]),
            memory_bytes=_first_known(measured[:, 1], expected[:, 1]),
            gpu_ratio=expected[:, 2],
            measured=valid[:, 0] & valid[:, 1],
            by_variant=by_variant,
        )

    def _pooled(self, measured: Floats, index: FleetIndex) -> Floats:
        """For each of V builds the mean over all measured workloads that run its package for its class; NaN where none does."""
        known = np.isfinite(measured) & (self.variant != NOWHERE)
        pool, size = index.pool[self.variant[known]], int(index.pool.max(initial=-1)) + 1
        counts = np.bincount(pool, minlength=size)
        means = np.full(size, np.nan)
        np.divide(np.bincount(pool, weights=measured[known], minlength=size), counts, out=means, where=counts > 0)
        return np.asarray(means[index.pool])

    def rewind(self, now: float) -> None:
        """After the clock went backwards: no measurement is newer than now."""
        self.measured_at = np.minimum(self.measured_at, now)

    def _move(self, rows: Ints, number: int, value: Floats, now: float) -> None:
        """Exponentially weighted mean for uneven steps: weight 1 − exp(−Δt / τ).

        The n-th measurement weighs at least 1/n, as in a plain mean: the first one, perhaps a rate over half a window,
        must not stand for minutes.
        """
        elapsed = np.maximum(np.nan_to_num(now - self.measured_at[rows, number]), 0.0)
        self.taken[rows, number] += 1
        weight = np.maximum(-np.expm1(-elapsed / MEMORY_SECONDS), 1.0 / self.taken[rows, number])
        before = np.where(np.isnan(self.mean[rows, number]), value, self.mean[rows, number])
        self.mean[rows, number] = before + weight * (value - before)
        self.measured_at[rows, number] = now


def _first_known(*columns: Floats) -> Floats:
    """Row by row, the first column that knows something."""
    answer = columns[0]
    for column in columns[1:]:
        answer = np.where(np.isnan(answer), column, answer)
    return answer
