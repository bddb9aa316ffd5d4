"""Finds p90's distance by itself: each series' quantile of scaled errors moves a little after every outcome.

    q ← max(0, q + e·max(0.1·q, 0.02)·(0.9 if x(t+h) > p90(t) else −0.1)),   p90 = p50 + q·scale,   e = max(1, √(36/(outcomes + 1)))
(adaptive conformal inference: Gibbs & Candès 2021). Whatever the errors look like, the share of outcomes under p90 is driven to 0.9, as
long as q need not lie under a quarter of the fleet's (nor of 2) for it: lower it would be missing for hours when a calm series wakes.
Because the distance is in units of local volatility it widens at once when a series becomes restless. A series without outcomes of
its own begins where the fleet is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from forecasting.api import Floats
from forecasting.calibration import UPPER_QUANTILE
from forecasting.origin import Outcomes

STEP: Final = 0.1
"""After ten misses too many the distance has doubled; a run of hits halves it within some 70, as a load that saturates needs."""
LEAST_STEP: Final = 0.02
"""In units of the series' one-step change; a distance of zero must be able to grow again."""
EAGER_POINTS: Final = 36.0
"""Until this many outcomes the steps are larger (×6 at first): a newcomer finds its place within an hour, not a day."""
FLEET_STEP: Final = 0.02
"""A fleet's step is an average over its series, so it may be as large as one half of a series' own and is still steadier."""
FIRST_DISTANCE: Final = 2.0
"""Before anything is known: twice the usual one-step change."""
LEAST_SHARE: Final = 0.25
"""A device that was calm for a day may wake: a quarter of the usual distance is no bound then, but grows to one within a dozen misses."""
LARGEST_DISTANCE: Final = 1e6
"""A jump of a million capacities is a broken sensor; the distance must be able to come back from it."""


@dataclass(frozen=True, slots=True)
class Distances:
    """``own`` S × H in scale units, ``outcomes`` S × H counts them, ``fleet`` H is where newcomers begin."""

    own: Floats
    outcomes: Floats
    fleet: Floats


def nothing_known(series: int, horizons: int) -> Distances:
    """Before the first outcome."""
    return Distances(np.full((series, horizons), FIRST_DISTANCE), np.zeros((series, horizons)), np.full(horizons, FIRST_DISTANCE))


def usual(distances: Distances) -> Floats:
    """The distance to use now, S × H: a series' own, but never far less than is usual; the fleet's before it has any outcome."""
    return np.where(
        distances.outcomes > 0, np.maximum(distances.own, LEAST_SHARE * np.maximum(distances.fleet, FIRST_DISTANCE)), distances.fleet
    )


def learn(distances: Distances, seen: Outcomes) -> Distances:
    """Take in the outcomes of all horizons: a series' distance moves by its own miss or hit, the fleet's by the share of misses."""
    error = (seen.came - seen.p50) / seen.scale
    usable = np.isfinite(error)
    begun = usual(distances)
    eager = np.maximum(1.0, np.sqrt(EAGER_POINTS / (distances.outcomes + 1.0)))
    step = np.maximum(STEP * np.abs(begun), LEAST_STEP) * eager
    moved = np.clip(begun + step * np.where(seen.came <= seen.p90, UPPER_QUANTILE - 1.0, UPPER_QUANTILE), 0.0, LARGEST_DISTANCE)
    cases = usable.sum(axis=0)
    outside = (usable & (error > distances.fleet)).sum(axis=0) / np.maximum(cases, 1)
    pace = FLEET_STEP * np.maximum(np.abs(distances.fleet), LEAST_STEP) / (1.0 - UPPER_QUANTILE)
    fleet = np.where(cases > 0, np.maximum(distances.fleet + pace * (outside - (1.0 - UPPER_QUANTILE)), 0.0), distances.fleet)
    return Distances(np.where(usable, moved, distances.own), distances.outcomes + usable, fleet)
