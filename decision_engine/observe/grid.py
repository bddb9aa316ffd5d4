"""Means of many series on one regular grid, in a ring that keeps the newest cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decision_engine.core.snapshot import Floats, Ints

NONE_YET: Final = -1
COUNT_LIMIT: Final = 60000
"""Samples that one cell counts, below what its 16 bits hold; a mean of so many no longer moves."""


@dataclass(slots=True)
class GridMeans:
    """Sums and counts of N series × T cells. Cell c covers [c, c + 1) × ``grid_seconds`` of Unix time, at slot c mod T.

    ``newest`` is the highest cell ever written. A cell without a sample has count 0 and is NaN, never 0.
    """

    grid_seconds: float
    sums: NDArray[np.float32]
    counts: NDArray[np.uint16]
    newest: int = NONE_YET

    @staticmethod
    def empty(rows: int, cells: int, grid_seconds: float) -> GridMeans:
        """Nothing known of N rows over T cells."""
        return GridMeans(grid_seconds, np.zeros((rows, cells), dtype=np.float32), np.zeros((rows, cells), dtype=np.uint16))

    @property
    def cells(self) -> int:
        """How many cells are kept."""
        return int(self.sums.shape[1])

    def cell_of(self, at: Floats) -> Ints:
        """The cell of each Unix time."""
        return np.floor(at / self.grid_seconds).astype(np.int64)

    def add(self, row: Ints, at: Floats, value: Floats, anew: bool = False) -> None:
        """Count samples in; those that are not numbers, too old or without a time are left out.

        With ``anew`` the cells that they fall into are emptied before, so that history read again does not count twice;
        a spoilt cell stays spoilt.
        """
        usable = np.isfinite(value) & np.isfinite(at)
        row, value, cell = row[usable], value[usable], self.cell_of(at[usable])
        if not len(row):
            return
        self._advance(int(cell.max()))
        slot = cell % self.cells
        kept = (cell > self.newest - self.cells) & (self.counts[row, slot] < COUNT_LIMIT)
        if anew:
            kept &= ~np.isnan(self.sums[row, slot])
            self.sums[row[kept], slot[kept]], self.counts[row[kept], slot[kept]] = 0, 0
        np.add.at(self.sums, (row[kept], slot[kept]), value[kept].astype(np.float32))
        np.add.at(self.counts, (row[kept], slot[kept]), np.uint16(1))

    def spoil(self, row: Ints, at: float) -> None:
        """Make the cell at a Unix time unknown for good: what happened in it cannot be told apart."""
        cell = int(np.floor(at / self.grid_seconds))
        self._advance(cell)
        if cell > self.newest - self.cells:
            self.sums[row, cell % self.cells] = np.nan
            self.counts[row, cell % self.cells] = np.maximum(self.counts[row, cell % self.cells], 1)

    def means(self, newest: int) -> Floats:
        """N × T means, the cell ``newest`` last; NaN where nothing is known."""
        cell = newest - self.cells + 1 + np.arange(self.cells)
        slot = cell % self.cells
        counts = self.counts[:, slot]
        counts[:, (cell > self.newest) | (cell <= self.newest - self.cells)] = 0
        means = np.full(counts.shape, np.nan)
        np.divide(self.sums[:, slot], counts, out=means, where=counts > 0)
        return means

    def forget_from(self, cell: int) -> None:
        """Forget this cell and all newer ones."""
        for later in range(max(cell, self.newest - self.cells + 1), self.newest + 1):
            self._clear(later)
        self.newest = min(self.newest, cell - 1)

    def realigned(self, source_row: Ints) -> GridMeans:
        """The same cells by new rows; −1 stands for a row that is new."""
        fresh = GridMeans.empty(len(source_row), self.cells, self.grid_seconds)
        kept = source_row >= 0
        fresh.sums[kept], fresh.counts[kept] = self.sums[source_row[kept]], self.counts[source_row[kept]]
        fresh.newest = self.newest
        return fresh

    def _advance(self, cell: int) -> None:
        if cell <= self.newest:
            return
        for later in range(max(self.newest + 1, cell - self.cells + 1), cell + 1):
            self._clear(later)
        self.newest = cell

    def _clear(self, cell: int) -> None:
        self.sums[:, cell % self.cells] = 0
        self.counts[:, cell % self.cells] = 0
