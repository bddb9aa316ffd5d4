"""Notices when many series vanish at once: a dead switch or a broken relabelling is not a hundred broken devices."""

from __future__ import annotations

from typing import Final

import numpy as np

from decision_engine.core.snapshot import Bools, Floats, Ints

VANISHED_SHARE: Final = 0.10
VANISHED_SERIES: Final = 3
VANISHED_DEVICES: Final = 2
"""One silent device is its own trouble, however many series it has; the scenarios' page sets the other two."""


class VanishWatch:
    """Remembers when each device's series (D × S) were last there. Placements' series come and go with every move."""

    def __init__(self, signals: int) -> None:
        self._seen_at: Floats = np.full((0, signals), np.nan)

    def vanished(self, present: Bools, now: float, memory_seconds: float) -> tuple[int, int]:
        """How many series, of how many, were there within ``memory_seconds`` and are not any more; and note those ``present``.

        The memory is longer than a cycle because the devices behind one dead switch are not scraped at one moment.
        Counts (0, of) when they all belong to one device.
        """
        with np.errstate(invalid="ignore"):
            lately = now - self._seen_at <= memory_seconds
        gone = lately & ~present
        count = int(np.count_nonzero(gone))
        if int(np.count_nonzero(gone.any(axis=1))) < VANISHED_DEVICES:
            count = 0
        self._seen_at = np.where(present, now, self._seen_at)
        return count, int(np.count_nonzero(lately | present))

    def realign(self, source_row: Ints) -> None:
        """Follow the devices to their new rows; −1 stands for a device that is new."""
        seen_at = np.full((len(source_row), self._seen_at.shape[1]), np.nan)
        kept = source_row >= 0
        seen_at[kept] = self._seen_at[source_row[kept]]
        self._seen_at = seen_at

    def rewind(self, now: float) -> None:
        """Forget what was seen after ``now``, once the clock has gone backwards."""
        with np.errstate(invalid="ignore"):
            self._seen_at[self._seen_at > now] = np.nan


def too_many(gone: int, of: int) -> bool:
    """Whether so many vanished that it is the watching that broke."""
    return gone >= VANISHED_SERIES and gone > VANISHED_SHARE * of
