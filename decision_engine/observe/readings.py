"""What one cycle read: a column for each signal, and the raw samples that history is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from decision_engine.core.reading import Quality
from decision_engine.observe.columns import Column, RawSamples, no_samples


@dataclass(frozen=True, slots=True)
class PlacementColumn:
    """Readings of one signal by placement; ``row`` finds a placement's row in ``column``."""

    row: dict[str, int]
    column: Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """All that was read at ``now``.

    ``blind`` is "" or the reason code why Prometheus could not be believed, ``sentence`` the same for a person; the
    last known values are then still there, and stale. ``devices`` and ``cameras`` hold columns of D and C rows by signal,
    ``placements`` those by placement, ``samples`` the raw samples of this read by device row for signals with history.
    ``queries`` were sent over ``window_seconds`` (each signal asked alone costs one more where an answer to several was
    too big); ``last_good_at`` is the read before this one that was not blind (NaN: none).
    """

    now: float
    blind: str
    sentence: str
    devices: dict[str, Column]
    placements: dict[str, PlacementColumn]
    samples: dict[str, RawSamples]
    queries: int
    window_seconds: float
    last_good_at: float
    cameras: dict[str, Column] = field(default_factory=dict)

    def device_column(self, signal: str, rows: int) -> Column:
        """A device signal's column; absent readings where it is not asked."""
        return self.devices.get(signal) or absent(rows)

    def placement_column(self, signal: str) -> PlacementColumn:
        """A placement signal's column; an empty one where it is not asked."""
        return self.placements.get(signal) or PlacementColumn({}, absent(0))

    def camera_column(self, signal: str, rows: int) -> Column:
        """A camera signal's column, that of the environment holding numbers of classes; absent readings where it is not asked."""
        return self.cameras.get(signal) or absent(rows)

    def samples_of(self, signal: str) -> RawSamples:
        """A device signal's raw samples of this read."""
        return self.samples.get(signal) or no_samples()


def absent(rows: int) -> Column:
    """A column of which nothing is known."""
    return Column(np.full(rows, np.nan), np.full(rows, np.nan), np.full(rows, int(Quality.ABSENT), dtype=np.int8))
