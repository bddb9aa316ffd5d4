"""How much quicker the regression is for a whole fleet at once than a loop of scikit-learn models; run as a module (-m)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge

from forecasting.api import Floats, Series
from forecasting.forecasters import RegressionForecaster
from forecasting.regression import RegressionSettings, fit_lines

SERIES, POINTS, REPEATS = 300, 240, 3
LOOPED_SERIES = 10
"""The loop over every origin is timed on this many series and given per series: all of them would take half a minute."""
SETTINGS = RegressionSettings()
MICROSECONDS = 1e6


def fleet() -> Floats:
    """Loads that wander between 0 and 1, series × points, the same in every run."""
    steps = np.random.default_rng(0).normal(0.0, 0.02, (SERIES, POINTS))
    return np.clip(0.5 + np.cumsum(steps, axis=1), 0.0, 1.0)


def loop_of_ridges(loads: Floats, last_columns: range) -> None:
    """One weighted Ridge per series and origin over the same window, asked for the same horizons."""
    window = SETTINGS.window_points
    at = np.arange(1.0 - window, 1.0)[:, None]
    ahead = np.array(SETTINGS.horizon_steps, dtype=np.float64)[:, None]
    weight = SETTINGS.weight_decay ** -at[:, 0]
    for row in loads:
        for column in last_columns:
            model = Ridge(alpha=1e-6)
            model.fit(at, row[column - window + 1 : column + 1], sample_weight=weight)
            model.predict(ahead)


def one_ridge(newest: Floats) -> None:
    """One weighted Ridge with every series as a target: scikit-learn's own way, where no series has a gap."""
    window = SETTINGS.window_points
    at = np.arange(1.0 - window, 1.0)[:, None]
    model = Ridge(alpha=1e-6)
    model.fit(at, newest.T, sample_weight=SETTINGS.weight_decay ** -at[:, 0])
    model.predict(np.array(SETTINGS.horizon_steps, dtype=np.float64)[:, None])


def quickest_seconds(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Shortest processor time of some runs: what the work costs when nobody disturbs it."""
    took = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        took.append(time.process_time() - started)
    return min(took)


def row(name: str, ours: float, alternative: float) -> dict[str, Any]:
    """One line of the table; ``ratio`` says how many times quicker ours is."""
    return {"name": name, "ours": ours, "alternative": alternative, "ratio": alternative / ours, "unit": "µs per series"}


def rows() -> list[dict[str, Any]]:
    """Time both ways in the same run: one line per series now, and a whole forecast over all its origins."""
    loads = fleet()
    history = Series(values=loads, end=0.0, grid_seconds=30.0, limits=np.full(SERIES, 0.85))
    forecaster = RegressionForecaster(SETTINGS)
    newest = loads[:, -SETTINGS.window_points :]
    lines = quickest_seconds(lambda: fit_lines(newest, SETTINGS)) / SERIES
    together = quickest_seconds(lambda: one_ridge(newest)) / SERIES
    ridges = quickest_seconds(lambda: loop_of_ridges(loads, range(POINTS - 1, POINTS)), repeats=1) / SERIES
    whole = quickest_seconds(lambda: forecaster.forecast(history, None, 0.0)) / SERIES
    origins = range(POINTS - 1 - SETTINGS.origins, POINTS)
    looped = quickest_seconds(lambda: loop_of_ridges(loads[:LOOPED_SERIES], origins), repeats=1) / LOOPED_SERIES
    return [
        row("a line in time per series, against a loop of Ridge models", lines * MICROSECONDS, ridges * MICROSECONDS),
        row("a line in time per series, against one Ridge of many targets", lines * MICROSECONDS, together * MICROSECONDS),
        row("forecast with bounds and skill, against Ridge at every origin alone", whole * MICROSECONDS, looped * MICROSECONDS),
    ]


if __name__ == "__main__":
    for line in rows():
        print(f"{line['name']}: {line['ours']:.1f} against {line['alternative']:.1f} {line['unit']}, {line['ratio']:.1f} times quicker")
