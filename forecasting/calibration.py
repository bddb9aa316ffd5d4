"""Honest bounds: spread and p90 from matured errors of the same method, drawn to the fleet's where a series has few.

Equations, per series and horizon of h steps, with n matured errors e:
    log s² = (n·log mean(e²) + k·log prior²) / (n + k)      geometric, so that a restless fleet hardly touches a quiet series
    spread = s · (1 + 1/√(2(ν+1))),  ν = n/h                one standard error of a standard deviation, s/√(2ν), added: errors
                                                            of overlapping horizons count once per h steps
    q = the ⌈(n+1)·0.9⌉-th smallest e                        split conformal quantile (Papadopoulos 2002; Lei et al. 2018)
    p90 = p50 + max(0, (n·q + m·spread·u) / (n + m))        u: the fleet's median of q / √mean(e²), Φ⁻¹(0.9) until known
The conformal guarantee needs exchangeable errors; those of a time series are so only on the average over calm and busy
times: bounds learnt in busy hours are wide for a calm one, and a first ramp after calm hours lies outside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from forecasting.api import Floats

UPPER_QUANTILE: Final = 0.9
"""The interface promises p90."""
NORMAL_P90: Final = 1.2815515655446004
"""Φ⁻¹(0.9): the quantile in deviations until errors have shown another one."""
LEAST_SPREAD: Final = 0.003
"""A load printed in whole per cents has a rounding error of 0.01/√12 deviations: nothing is known better than that."""
PRIOR_ERRORS: Final = 8.0
"""The prior weighs as much as 8 errors: with 8 of its own a deviation is known within about ±25 % (1/√(2·8))."""
PRIOR_QUANTILE_ERRORS: Final = 20.0
"""A 90 % quantile needs about 20 errors before two of them lie beyond it."""
POOL_LEAST_ERRORS: Final = 20.0
"""Series with fewer matured errors do not speak for the fleet."""
POOL_LEAST_SERIES: Final = 10
"""From this many series on today's pool is believed; below it a remembered pool of more series is preferred."""
POOL_SHARE: Final = 0.75
"""A newcomer is taken for a restless member of the fleet (upper quartile), not for an average one."""


@dataclass(frozen=True, slots=True)
class Errors:
    """What S series' matured errors say, S × H each: how many, log of their mean square, conformal quantile / deviation."""

    count: Floats
    log_square: Floats
    quantile_ratio: Floats


@dataclass(frozen=True, slots=True)
class Pool:
    """What the fleet's errors say at H horizons: a restless member's log mean square, the usual quantile ratio; NaN if unknown."""

    log_square: Floats
    quantile_ratio: Floats
    series: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """Spread and p90, S × H each."""

    spread: Floats
    p90: Floats


def summarise_errors(error: Floats) -> tuple[Floats, Floats, Floats]:
    """Count, log mean square and conformal quantile ratio (S each) of S × N errors of one horizon; NaN errors do not count."""
    known = np.isfinite(error)
    count = known.sum(axis=1).astype(np.float64)
    square = np.square(np.where(known, error, 0.0)).sum(axis=1) / np.where(count > 0, count, np.nan)
    log_square = np.log(np.maximum(square, LEAST_SPREAD**2))
    rank = np.ceil((count + 1.0) * UPPER_QUANTILE)
    usable = (rank <= count) & (count > 0)
    ordered = np.sort(error, axis=1)  # NaN last
    column = np.where(usable, rank - 1.0, 0.0).astype(np.int64)
    quantile = np.take_along_axis(ordered, column[:, None], axis=1)[:, 0]
    return count, log_square, np.where(usable, quantile / np.exp(log_square / 2.0), np.nan)


def pool_errors(errors: Errors) -> Pool:
    """The fleet's word at each horizon, from the series with at least ``POOL_LEAST_ERRORS`` errors there."""
    speaks = errors.count >= POOL_LEAST_ERRORS
    series = int(speaks.any(axis=1).sum())
    horizons = errors.count.shape[1]
    log_square, ratio = np.full(horizons, np.nan), np.full(horizons, np.nan)
    for horizon in range(horizons):
        rows = speaks[:, horizon]
        if rows.any():
            log_square[horizon] = np.quantile(errors.log_square[rows, horizon], POOL_SHARE)
            known = errors.quantile_ratio[rows, horizon]
            known = known[np.isfinite(known)]
            ratio[horizon] = np.median(known) if known.size else np.nan
    return Pool(log_square, ratio, series)


def better_pool(today: Pool, remembered: Pool | None) -> Pool:
    """Today's pool, or the remembered one while today's rests on few series and the remembered one on more."""
    if remembered is None or today.series >= POOL_LEAST_SERIES or remembered.series <= today.series:
        return today
    return remembered


def shrunk_spread(log_square: Floats, count: Floats, prior_log_square: Floats, steps: Floats | float) -> Floats:
    """Deviation of errors, drawn to its prior and widened for how few independent errors it rests on (see the module)."""
    own = np.where(count > 0, log_square, 0.0)
    mixed = (count * own + PRIOR_ERRORS * prior_log_square) / (count + PRIOR_ERRORS)
    widening = 1.0 + 1.0 / np.sqrt(2.0 * (count / steps + 1.0))
    return np.asarray(np.exp(mixed / 2.0) * widening)


def bounds(p50: Floats, errors: Errors, pool: Pool, fitted_log_square: Floats, steps: Floats) -> Bounds:
    """Spread and p90 of S × H forecasts.

    ``fitted_log_square`` S × H is the log of the variance that the current window's own fit predicts: the prior is the
    wider one of it and the fleet's, so neither a calm fleet nor a lucky window makes a newcomer look known.
    """
    prior = np.fmax(fitted_log_square, pool.log_square)
    spread = shrunk_spread(errors.log_square, errors.count, prior, steps)
    usual = np.where(np.isnan(pool.quantile_ratio), NORMAL_P90, pool.quantile_ratio)
    counted = np.where(np.isnan(errors.quantile_ratio), 0.0, errors.count)
    own = np.where(counted > 0, errors.quantile_ratio * np.exp(errors.log_square / 2.0), 0.0)
    margin = (counted * own + PRIOR_QUANTILE_ERRORS * usual * spread) / (counted + PRIOR_QUANTILE_ERRORS)
    spread = np.where(np.isnan(p50), np.nan, spread)
    return Bounds(spread, p50 + np.maximum(margin, 0.0))
