"""How much quicker forecasts of a whole fleet at once are than a loop of scikit-learn models; run as a module (-m)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge

from forecasting import hierarchy
from forecasting.api import Floats, ForecastState, Series
from forecasting.events import level_not_reached
from forecasting.forecasters import RegressionForecaster
from forecasting.learned import LearnedForecaster
from forecasting.regression import RegressionSettings, fit_lines
from forecasting.state import digest

SERIES, POINTS, REPEATS = 300, 240, 3
LOOPED_SERIES = 10
"""The loop over every origin is timed on this many series and given per series: all of them would take half a minute."""
LEARNED_FLEETS = (3_000, 30_000)
"""A thousand devices and ten thousand, with three resources each."""
LEARNED_POINTS, LEARNED_REFRESHES = 130, 12
"""Twelve refreshes: in as many every series' coefficients are solved once."""
ACTS_FROM, ACTS_WITHIN = 0.3, 1
"""The engine's default probability and deciding horizon."""
LOOPED_DEVICES = 30
MATURED_ROWS = 200
"""What the learning forecaster's forgetting of 0.995 amounts to."""
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


def settled(series: int, points: int) -> tuple[LearnedForecaster, list[Series], ForecastState]:
    """A learning forecaster that knows its fleet, and the histories of its next refreshes."""
    steps = np.random.default_rng(1).normal(0.0, 0.02, (series, points + LEARNED_REFRESHES + 1))
    loads = np.clip(0.5 + np.cumsum(steps, axis=1), 0.0, 1.0)
    histories = [Series(loads[:, at : at + points], 30.0 * at, 30.0, np.full(series, 0.85)) for at in range(LEARNED_REFRESHES + 1)]
    forecaster = LearnedForecaster()
    return forecaster, histories[1:], forecaster.forecast(histories[0], None, histories[0].end)[1]


def learned_seconds(series: int) -> float:
    """Mean processor time of a refresh: a column learnt from, p50, p90 and P(event) at four horizons, a twelfth of the refits, the level
    that each series will hardly reach, which targets are chosen by, and the digest that names the model: all that the engine does.
    """
    forecaster, histories, state = settled(series, LEARNED_POINTS)
    started = time.process_time()
    for history in histories:
        table, state = forecaster.forecast(history, state, history.end)
        table.p_over(history.limits)
        level_not_reached(table, ACTS_FROM, ACTS_WITHIN)
        digest(state)
    return (time.process_time() - started) / len(histories)


def ridges_of_features(devices: int) -> float:
    """Processor time of what a loop costs at each refresh: per device and horizon one Ridge on its own last 200 matured rows."""
    generator = np.random.default_rng(2)
    started = time.process_time()
    for _ in range(devices):
        for _ in SETTINGS.horizon_steps:
            seen, came = generator.normal(size=(MATURED_ROWS, hierarchy.SIZE)), generator.normal(size=MATURED_ROWS)
            Ridge(alpha=30.0).fit(seen, came).predict(seen[-1:])
    return time.process_time() - started


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
        *learned_rows(),
        row("forecast with bounds and skill, against Ridge at every origin alone", whole * MICROSECONDS, looped * MICROSECONDS),
    ]


def learned_rows() -> list[dict[str, Any]]:
    """The learning forecaster's refresh, refits included, beside a loop that only fits and predicts."""
    looped = ridges_of_features(LOOPED_DEVICES) / LOOPED_DEVICES * MICROSECONDS
    return [
        row(
            f"refresh that learns, {series:,} series, against a loop of Ridge models",
            learned_seconds(series) / series * MICROSECONDS,
            looped,
        )
        for series in LEARNED_FLEETS
    ]


if __name__ == "__main__":
    for line in rows():
        print(f"{line['name']}: {line['ours']:.1f} against {line['alternative']:.1f} {line['unit']}, {line['ratio']:.1f} times quicker")
