"""How long before each overload an alarm stood: the lead time that an action has, as it turned out.

An onset is a column at or above a series' limit after two below it: sooner after an overload nothing could have been said two steps
ahead. It was foreseen with lead k at horizon h, if k ≤ h steps before it P(reaches the limit within h) was at or above the alarm's level
and the series has stayed below its limit since; of several such k the largest counts. The same words as in ``forecasting.alarms``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.api import Floats
from forecasting.origin import Origin
from forecasting.rolling import known_loads


@dataclass(frozen=True, slots=True)
class Leads:
    """Of one column, by horizon (H each): onsets that could have been foreseen, those that were, and the sum of their leads in steps."""

    onsets: Floats
    foreseen: Floats
    steps: Floats

    @classmethod
    def none(cls, horizons: int) -> Leads:
        """A column at which nothing began."""
        return cls(*(np.zeros(horizons) for _ in range(3)))


def leads(origins: tuple[Origin, ...], newest: Floats, horizon_steps: tuple[int, ...], alarm: float) -> Leads:
    """Look back from the newest column (S loads) at what ``origins`` (newest first) said; ``alarm`` is the probability that alarms.

    A horizon counts for a series that was known as many steps ago.
    """
    if len(origins) < 2:
        return Leads.none(len(horizon_steps))
    limits = origins[0].limits[:, 0]
    rows = np.flatnonzero((known_loads(newest) >= limits) & (origins[0].last < limits) & (origins[1].last < limits))
    found = np.zeros((len(rows), len(horizon_steps)))
    below = np.ones(len(rows), dtype=np.bool_)
    steps = np.asarray(horizon_steps)
    for lead, origin in enumerate(origins[: horizon_steps[-1]], 1):
        below = below & (origin.last[rows] < origin.limits[rows, 0])
        said = (origin.probability[rows] >= alarm) & (steps >= lead)
        found = np.where(below[:, None] & said, float(lead), found)
    spoken = [
        np.isfinite(origins[step - 1].last[rows]) if step <= len(origins) else np.zeros(len(rows), np.bool_) for step in horizon_steps
    ]
    counts = np.stack(spoken, axis=1)
    found = np.where(counts, found, 0.0)
    return Leads(counts.sum(axis=0, dtype=np.float64), (found > 0.0).sum(axis=0, dtype=np.float64), found.sum(axis=0))
