"""Builders of small fleets for backtests, and of folders of traces."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from forecasting.api import Floats
from forecasting.backtest import Fleet
from tests.builders.forecasting import ar1

STEPS = (1, 3, 6, 12)
LIMIT = 0.8


def fleet(values: Floats, limit: float = LIMIT, grid_seconds: float = 60.0) -> Fleet:
    """Series that each belong to a machine of its own, with one limit."""
    series = values.shape[0]
    keys = tuple(f"device-{row}/load" for row in range(series))
    return Fleet("small", keys, values, grid_seconds, np.full(series, limit), np.arange(series))


def restless(series: int, points: int, seed: int = 1) -> Floats:
    """Loads about 0.6 that come up to 0.8 now and then."""
    return np.clip(0.6 + ar1(series, points, 0.12, 0.85, seed), 0.0, 1.0)


def ticking() -> Any:
    """A clock that is one second later whenever it is asked."""
    seconds = count()
    return lambda: float(next(seconds))


def trace_frame(values: Floats, dataset: str, step: int = 60) -> Any:
    """Series × points as rows of series_id, timestamp and value; two series to a machine."""
    import pandas as pd

    series, points = values.shape
    return pd.DataFrame(
        {
            "series_id": [f"{dataset}/machine-{row // 2}/metric-{row % 2}" for row in range(series) for _ in range(points)],
            "timestamp": np.tile(np.arange(points) * step, series),
            "value": values.astype(np.float32).ravel(),
        }
    )


def traces(folder: Path, points: int = 90) -> Path:
    """A folder with a parquet file, a CSV file, and one whose columns are others."""
    import pandas as pd

    trace_frame(restless(6, points), "shop").to_parquet(folder / "shop.parquet")
    trace_frame(restless(4, points, 2), "yard").to_csv(folder / "yard.csv", index=False)
    pd.DataFrame({"day": [1], "vm": ["a"]}).to_csv(folder / "days.csv", index=False)
    return folder
