"""What a column of samples saw and said, kept until its longest horizon has passed, and what has come of it by then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.api import Floats, Singles
from forecasting.choice import METHODS
from forecasting.rolling import known_loads, newest_columns


@dataclass(frozen=True, slots=True)
class Origin:
    """One past column's view and word on S series.

    ``last`` and ``scale`` S; ``features`` F × S; ``said`` S × H × M; ``p50``, ``p90``, ``probability`` and ``margin`` S × H;
    ``experts`` S × H × 2 is the probability by the learnt event model and by the line alone, one of which was believed;
    ``limits`` S × 2 are the series' limit and its own rare level; ``rows`` S × 2 × SHARED and ``ahead`` S × 2 × H × 2 are
    what the crossing model saw of both.
    """

    last: Floats
    scale: Singles
    features: Singles
    said: Singles
    p50: Singles
    p90: Singles
    probability: Singles
    experts: Singles
    margin: Singles
    limits: Floats
    rows: Singles
    ahead: Singles


@dataclass(frozen=True, slots=True)
class Outcomes:
    """For each horizon what was said that many steps ago, and what has come: S × H each, ``said`` S × H × M and ``experts`` S × H × 2;
    NaN where nothing was said.

    ``came`` is the newest value, ``highest`` the maximum since the origin (NaN unless all values since are known).
    """

    last: Floats
    scale: Floats
    limit: Floats
    p50: Floats
    p90: Floats
    probability: Floats
    margin: Floats
    said: Singles
    experts: Singles
    came: Floats
    highest: Floats


def outcomes(origins: tuple[Origin, ...], loads: Floats, horizon_steps: tuple[int, ...]) -> Outcomes:
    """Set the newest columns of S × C loads beside what the origins (newest first) said of them."""
    recent = known_loads(newest_columns(loads, horizon_steps[-1]))
    series, horizons = recent.shape[0], len(horizon_steps)
    last, scale, limit, p50, p90, probability, margin, highest = np.full((8, series, horizons), np.nan)
    said = np.full((series, horizons, len(METHODS)), np.nan, np.float32)
    experts = np.full((series, horizons, 2), np.nan, np.float32)
    for horizon, steps in enumerate(horizon_steps):
        if steps > len(origins):
            break
        then = origins[steps - 1]
        last[:, horizon], scale[:, horizon], limit[:, horizon] = then.last, then.scale, then.limits[:, 0]
        p50[:, horizon], p90[:, horizon] = then.p50[:, horizon], then.p90[:, horizon]
        probability[:, horizon], margin[:, horizon] = then.probability[:, horizon], then.margin[:, horizon]
        said[:, horizon], experts[:, horizon] = then.said[:, horizon], then.experts[:, horizon]
        highest[:, horizon] = recent[:, -steps:].max(axis=1)
    came = np.repeat(recent[:, -1:], horizons, axis=1)
    return Outcomes(last, scale, limit, p50, p90, probability, margin, said, experts, came, highest)
