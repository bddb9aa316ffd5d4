"""Builders of histories: flat, noisy and ramping fleets, each from a seed."""

from __future__ import annotations

import numpy as np

from forecasting.api import Floats, Series

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
