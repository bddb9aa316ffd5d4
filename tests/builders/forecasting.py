"""Builders of histories: flat, noisy and ramping fleets, each from a seed."""

from __future__ import annotations

import numpy as np

from forecasting.api import Floats, Forecaster, ForecastState, ForecastTable, Series
from forecasting.learned import LearnedForecaster, LearnedSettings
from forecasting.learner import LearnerSettings

END = 1_700_000_000.0
GRID_SECONDS = 5.0
LIMIT = 0.85


def history(values: Floats, limit: float = LIMIT) -> Series:
    """A history on the lab's grid with one limit for all series."""
    return Series(values=values, end=END, grid_seconds=GRID_SECONDS, limits=np.full(values.shape[0], limit))


def ar1(series: int, points: int, deviation: float, correlation: float, seed: int) -> Floats:
    """AR(1) noise about 0 with the given standard deviation, series × points, stationary from the first point."""
    generator = np.random.default_rng(seed)
    shocks = generator.normal(0.0, deviation * np.sqrt(1.0 - correlation**2), (series, points))
    noise = np.empty((series, points))
    noise[:, 0] = generator.normal(0.0, deviation, series)
    for column in range(1, points):
        noise[:, column] = correlation * noise[:, column - 1] + shocks[:, column]
    return noise


def ramps(series: int, points: int, begins: tuple[int, ...], seed: int, deviation: float = 0.02) -> Floats:
    """Loads of 0.55 that ramp to 0.95 over 12 points at each of ``begins``, stay 20 points and ramp down over 12."""
    base = np.full(points + 128, 0.55)
    shape = np.concatenate([np.linspace(0.55, 0.95, 13)[1:], np.full(20, 0.95), np.linspace(0.95, 0.55, 13)[1:]])
    for begin in begins:
        base[begin : begin + shape.size] = shape
    return np.clip(base[:points] + ar1(series, points, deviation, 0.5, seed), 0.0, 1.0)


def learned(horizon_steps: tuple[int, ...] = (1, 3, 6, 12), skill_step: int = 3, day_points: int = 0) -> LearnedForecaster:
    """A learner with other horizons, another step that its gate is judged at, or days."""
    return LearnedForecaster(LearnedSettings(learner=LearnerSettings(horizon_steps, skill_step, day_points)))


def past(values: Floats, column: int, keys: tuple[str, ...] = (), limit: float = LIMIT, width: int = 130) -> Series:
    """What a refresh at ``column`` sees of S × T values: the newest ``width`` columns until then."""
    seen = values[:, max(0, column + 1 - width) : column + 1]
    return Series(seen, END + GRID_SECONDS * column, GRID_SECONDS, np.full(values.shape[0], limit), keys)


def lived(
    forecaster: Forecaster, values: Floats, columns: range, state: ForecastState | None = None, keys: tuple[str, ...] = ()
) -> tuple[list[ForecastTable], ForecastState | None]:
    """Refresh at each of the columns, the state handed on: every table, and the last state."""
    tables = []
    for column in columns:
        history_now = past(values, column, keys)
        table, state = forecaster.forecast(history_now, state, history_now.end)
        tables.append(table)
    return tables, state


def events(series: int, points: int, seed: int) -> Floats:
    """Loads that wander about their own level and now and then climb over 0.85 for some steps: enough for every model to learn from."""
    generator = np.random.default_rng(seed)
    level = generator.uniform(0.3, 0.65, (series, 1))
    begins = generator.uniform(size=(series, points)) < 0.02
    climb = np.zeros((series, points))
    for column in range(1, points):
        climb[:, column] = np.where(begins[:, column], 0.08, climb[:, column - 1] * 1.35) * (climb[:, column - 1] < 0.5)
    return np.clip(level + climb + ar1(series, points, 0.03, 0.7, seed), 0.0, 1.0)
