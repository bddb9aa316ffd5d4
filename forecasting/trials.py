"""What each method says of some series now, and how it did at every past origin of the same history."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from forecasting.api import Floats, Series
from forecasting.baselines import LastValues, last_values, rolling_volatility
from forecasting.calibration import LEAST_SPREAD, Errors, shrunk_spread, summarise_errors
from forecasting.events import probability_under
from forecasting.gate import Words
from forecasting.regression import Path, RegressionSettings, fitted_log_square, look_back, origin_path
from forecasting.rolling import carried_forward, highest_ahead, known_loads, matured_sum, newest_columns, silent_columns


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some series, ``loads`` cut to the columns that are looked at, with the margin rule's word on them."""

    loads: Floats
    limits: Floats
    naive: LastValues


@dataclass(frozen=True, slots=True)
class Trial:
    """What the regression says of some series before the fleet is asked: p50, the fit's own log variance (S × H), errors, words."""

    p50: Floats
    log_square: Floats
    errors: Errors
    words: Words


def loads_until(history: Series, now: float, settings: RegressionSettings) -> Floats:
    """Known loads with one unknown column for each whole grid step that has passed since ``history.end``."""
    loads = known_loads(history.values)
    behind = (now - history.end) / history.grid_seconds if history.grid_seconds > 0.0 else 0.0
    silent = min(max(math.floor(behind), 0), settings.window_points) if math.isfinite(behind) else 0
    return silent_columns(loads, silent)


def chunks(loads: Floats, limits: Floats, settings: RegressionSettings) -> Iterator[Chunk]:
    """Cut S × T into chunks of series (at least one, perhaps empty), each as wide as the settings look back."""
    columns = lead_columns(settings) + settings.columns
    bounds = np.asarray(limits, dtype=np.float64)
    for first in range(0, max(loads.shape[0], 1), settings.chunk_series):
        rows = slice(first, first + settings.chunk_series)
        part = newest_columns(loads[rows], columns)
        yield Chunk(part, bounds[rows], last_values(part, settings.horizon_steps, settings.margin))


def lead_columns(settings: RegressionSettings) -> int:
    """Columns before the first origin's window, so that the margin rule has its whole window there too."""
    return settings.margin.volatility_points + settings.skill_step


def regression_trial(chunk: Chunk, settings: RegressionSettings) -> Trial:
    """Run the regression at all origins of a chunk; the newest is now and gives the forecast."""
    loads = chunk.loads[:, lead_columns(settings) :]
    origins = look_back(loads, settings)
    p50, log_square, counts, squares, ratios = [], [], [], [], []
    under = np.ones((loads.shape[0], settings.origins + 1))
    for steps in settings.horizon_steps:
        path = origin_path(origins, steps, settings)
        fitted = fitted_log_square(origins.lines, steps, settings)
        if steps <= settings.skill_step:
            under = under * probability_under(path.p50, spread_at_origins(path, fitted, steps), chunk.limits[:, None])
        count, square, ratio = summarise_errors(path.error)
        p50.append(path.p50[:, -1])
        log_square.append(fitted[:, -1])
        counts.append(count)
        squares.append(square)
        ratios.append(ratio)
    errors = Errors(np.stack(counts, axis=1), np.stack(squares, axis=1), np.stack(ratios, axis=1))
    return Trial(np.stack(p50, axis=1), np.stack(log_square, axis=1), errors, _beside_rule(chunk, 1.0 - under, settings))


def spread_at_origins(path: Path, fitted: Floats, steps: int) -> Floats:
    """The spread that each origin could have known: as ``calibration.bounds``, but the prior is the fit's alone."""
    known = np.isfinite(path.error)
    squares = matured_sum(np.square(np.where(known, path.error, 0.0)), steps)
    count = matured_sum(known.astype(np.float64), steps)
    log_square = np.log(np.maximum(squares / np.maximum(count, 1.0), LEAST_SPREAD**2))
    return shrunk_spread(log_square, count, fitted, steps)


def naive_words(chunk: Chunk, settings: RegressionSettings) -> Words:
    """What the last value with its scatter said at every origin of a chunk."""
    lead = lead_columns(settings) + settings.window_points - 1
    last = carried_forward(chunk.loads, settings.margin.carry_points)[:, lead:]
    under = np.ones(last.shape)
    for steps in settings.horizon_steps:
        if steps <= settings.skill_step:
            distance = rolling_volatility(chunk.loads, steps, settings.margin).distance[:, lead:]
            under = under * probability_under(last, np.maximum(distance, LEAST_SPREAD), chunk.limits[:, None])
    return _beside_rule(chunk, 1.0 - under, settings)


def _beside_rule(chunk: Chunk, probability: Floats, settings: RegressionSettings) -> Words:
    """Probabilities at the origins beside the margin rule's word there."""
    steps, margin = settings.skill_step, settings.margin
    lead = lead_columns(settings) + settings.window_points - 1
    deviation = rolling_volatility(chunk.loads, steps, margin).deviation[:, lead:]
    last = carried_forward(chunk.loads, margin.carry_points)[:, lead:]
    return Words(probability, last + margin.margin_deviations * deviation, last, highest_ahead(chunk.loads[:, lead:], steps))
