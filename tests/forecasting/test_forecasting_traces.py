"""On recorded loads, where a folder of them is named: is the regression's p50 nearer than the last value, and is p90 a p90?"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from forecasting.api import Floats
from forecasting.forecasters import RegressionForecaster
from forecasting.regression import RegressionSettings
from tests.builders.forecasting import END, history

TRACES = os.environ.get("EDGESHIFT_TRACES", "")
HISTORY, MOST_SERIES, ORIGINS = 200, 60, range(200, 320, 20)


def rows(path: Path) -> Floats:
    """Evenly chosen series of one data set, series × 332, from their beginnings; NaN after a short one's end."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(path)
    series = [group["value"].to_numpy(dtype=np.float64) for _, group in frame.groupby("series_id")]
    columns = ORIGINS[-1] + max(RegressionSettings().horizon_steps)
    chosen = series[:: max(1, len(series) // MOST_SERIES)][:MOST_SERIES]
    return np.array([np.concatenate([one[:columns], np.full(max(columns - one.size, 0), np.nan)]) for one in chosen])


@pytest.mark.skipif(not TRACES, reason="EDGESHIFT_TRACES names no folder of traces")
def test_regression_is_no_worse_than_the_last_value_on_recorded_loads() -> None:
    pytest.importorskip("pyarrow", reason="reading parquet needs pyarrow")
    paths = sorted(path for path in Path(TRACES).glob("*.parquet") if path.stem != "planetlab_days")
    steps = np.array(RegressionSettings().horizon_steps)
    ratios = []
    for path in paths:
        values = rows(path)
        ours, naive, under = [], [], []
        for origin in ORIGINS:
            table, _ = RegressionForecaster().forecast(history(values[:, origin - HISTORY : origin]), None, END)
            outcome = values[:, origin - 1 + steps]
            known = np.isfinite(outcome) & np.isfinite(table.p50)
            ours.append(np.where(known, np.abs(outcome - table.p50), np.nan))
            naive.append(np.where(known, np.abs(outcome - values[:, origin - 1, None]), np.nan))
            under.append(np.where(known, outcome <= table.p90, np.nan))
        ratio = np.nanmean(np.concatenate(ours), axis=0) / np.nanmean(np.concatenate(naive), axis=0)
        ratios.append(ratio)
        print(
            f"{path.stem:12s} MAE over last value {np.round(ratio, 3)}  under p90 {np.round(np.nanmean(np.concatenate(under), axis=0), 3)}"
        )
    overall = np.exp(np.mean(np.log(ratios), axis=0))
    print(f"{'all':12s} MAE over last value {np.round(overall, 3)}")
    assert (overall < 1.05).all()
