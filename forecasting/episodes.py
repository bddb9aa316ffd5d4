"""How long overloads usually last, from the runs at or above the limit that a history has seen begin and end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecasting.api import Floats
from forecasting.rolling import CARRY_POINTS, blocks, carried_forward, known_loads

UNKNOWN, UNDER, OVER = -1, 0, 1


def usual_overload_seconds(values: Floats, limits: Floats, grid_seconds: float) -> Floats:
    """Median length in seconds of each series' past runs at or above its limit; NaN where there was none.

    ``values`` is S × T, ``limits`` S. A run counts where both its beginning and its end were seen: one that touches the
    edge of the history or a long gap is of unknown length, and so is the one that is still going on.
    """
    limit = np.asarray(limits, dtype=np.float64)
    median = np.full(values.shape[0], np.nan)
    some = np.flatnonzero((values >= limit[:, None]).any(axis=1))  # most series of a good fleet have none
    for rows in blocks(len(some)):
        chosen = some[rows]
        median[chosen] = _median_run(values[chosen], limit[chosen, None])
    return median * grid_seconds


def _median_run(values: Floats, limit: Floats) -> Floats:
    """Median length of the runs of each of S × T at or above the limits S × 1, in columns; NaN where there was none."""
    loads = carried_forward(known_loads(values), CARRY_POINTS)
    phase = np.where(np.isnan(loads) | np.isnan(limit), UNKNOWN, np.where(loads >= limit, OVER, UNDER)).astype(np.int8)
    edge = np.full((phase.shape[0], 1), UNKNOWN, dtype=np.int8)
    before = np.concatenate([edge, phase[:, :-1]], axis=1) if phase.shape[1] else phase
    after = np.concatenate([phase[:, 1:], edge], axis=1) if phase.shape[1] else phase
    rows, starts = np.nonzero((phase == OVER) & (before != OVER))
    _, ends = np.nonzero((phase == OVER) & (after != OVER))
    seen = (before[rows, starts] == UNDER) & (after[rows, ends] == UNDER)
    return _median_per_row(rows[seen], (ends - starts + 1.0)[seen], phase.shape[0])


def _median_per_row(rows: NDArray[np.int64], lengths: Floats, series: int) -> Floats:
    """Median of the lengths of each row, NaN for rows without one; ``rows`` rise."""
    ordered = lengths[np.lexsort((lengths, rows))]
    count = np.bincount(rows, minlength=series)
    first = np.cumsum(count) - count
    some = count > 0
    low = first[some] + (count[some] - 1) // 2
    high = first[some] + count[some] // 2
    median = np.full(series, np.nan)
    median[some] = (ordered[low] + ordered[high]) / 2.0
    return median
