"""Reads what a backtest lives through: folders of traces (parquet or CSV) or a range of Prometheus, as series on one grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from decision_engine.backtest.remarks import Recorded, of_samples, of_step, percent
from forecasting.backtest import Fleet
from forecasting.methods import PERSISTENCE

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS: Final = ("series_id", "timestamp", "value")
ENDINGS: Final = (".parquet", ".csv")
RARE: Final = "p95"
RARE_QUANTILE: Final = 0.95
MOST_CELLS: Final = 100_000_000
"""Series × columns of one source: 0.8 GB as they are read; what methods say of them is several times that."""
LARGEST_PLACE: Final = 2.0**62
"""A column beyond this has no number that could be counted."""
SAID_CHARACTERS: Final = 120
NEARLY_NONE: Final = 0.02
NEARLY_ALL: Final = 0.98
MOST_BETWEEN: Final = 0.05
"""Of recorded classes, averages over a turn are neither 0 nor 1, but few."""
DRAW_SEED: Final = 0
"""Which series are drawn where there are more than asked for: always the same."""


class BacktestError(Exception):
    """Something that a person can mend; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a source is used; 0: all of it."""

    max_series: int = 0
    max_points: int = 0


@dataclass(frozen=True, slots=True)
class TraceFolder:
    """The files that can be read, by dataset, and the names of those whose columns are others."""

    files: Mapping[str, Path]
    others: tuple[str, ...]


def trace_folder(folder: Path, wanted: Sequence[str]) -> TraceFolder:
    """Look at a folder of traces; ``wanted`` names datasets, none means all.

    Raises:
        BacktestError: no such folder, nothing in it that can be read, an unknown dataset, or a wanted one with other columns.
    """
    if not folder.is_dir():
        raise BacktestError(f"{folder} is no folder; name one that holds traces (--traces or EDGESHIFT_TRACES)")
    found = {path.stem: path for path in sorted(folder.iterdir(), reverse=True) if path.suffix in ENDINGS}
    if not found:
        raise BacktestError(f"{folder} holds no .parquet and no .csv file; each is one dataset with the columns {', '.join(COLUMNS)}")
    for name in wanted:
        if name not in found:
            raise BacktestError(f"there is no dataset {name} in {folder}; there are {', '.join(sorted(found))}")
    readable = {name: path for name, path in sorted(found.items()) if set(COLUMNS) <= set(_columns(path))}
    chosen = wanted or tuple(readable)
    strange = [name for name in (wanted or sorted(found)) if name not in readable]
    if (wanted and strange) or not readable:
        has = ", ".join(_columns(found[strange[0]])) or "none"
        raise BacktestError(f"{found[strange[0]].name} has the columns {has}; {', '.join(COLUMNS)} are needed")
    return TraceFolder({name: readable[name] for name in chosen}, tuple(strange))


def read_trace(name: str, path: Path, extent: Extent) -> Recorded:
    """One file as a fleet without limits yet; its series begin side by side, as the clocks of some traces are their own.

    Raises:
        BacktestError: the file is damaged or empty.
    """
    import pandas as pd

    with _readable(path):
        frame = pd.read_parquet(path, columns=list(COLUMNS)) if path.suffix == ENDINGS[0] else pd.read_csv(path, usecols=list(COLUMNS))
        if frame["series_id"].isna().any():
            raise ValueError("a series_id is missing")
        if not pd.api.types.is_numeric_dtype(frame["timestamp"].dtype) and path.suffix == ENDINGS[0]:
            raise ValueError(f"timestamp is {frame['timestamp'].dtype}, not a number of seconds")
        frame["series_id"] = frame["series_id"].astype(str)
        frame["value"] = pd.to_numeric(frame["value"])
        frame["timestamp"] = pd.to_numeric(frame["timestamp"])
    machines = frame["series_id"].str.split("/").str[:2].str.join("/")
    return on_grid(name, frame.assign(machine=machines), extent, None)


def on_grid(name: str, frame: DataFrame, extent: Extent, start_and_step: tuple[float, float] | None) -> Recorded:
    """Samples (series_id, timestamp, value, machine) as series × columns, each in the nearest; of two in one column the later row counts.

    ``start_and_step`` is the grid in seconds; None: each series begins at its first sample, and the step is the median distance.

    Raises:
        BacktestError: no samples, or more cells than memory should hold.
    """
    frame = _drawn(frame, extent.max_series)
    frame = frame[np.isfinite(frame["timestamp"])].sort_values(["series_id", "timestamp"], kind="stable")
    if frame.empty:
        raise BacktestError(f"{name} holds no samples")
    columns, step = _columns_and_step(name, frame, start_and_step)
    if extent.max_points:
        frame, columns = frame[columns < extent.max_points], columns[columns < extent.max_points]
    rows = frame.groupby("series_id", sort=True).ngroup().to_numpy()
    keys = tuple(frame["series_id"].unique())
    shape = (len(keys), int(columns.max()) + 1)
    if shape[0] * shape[1] > MOST_CELLS:
        raise BacktestError(f"{name} would be {shape[0]} series × {shape[1]} steps of {step:g} s; use --max-points and --max-series")
    values = np.full(shape, np.nan)
    values[rows, columns] = frame["value"].to_numpy(dtype=np.float64)
    first = frame.drop_duplicates("series_id")["machine"]
    machines: NDArray[np.int64] = np.unique(first.to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)
    remarks = of_samples(values, len(frame), len(frame) - len(np.unique(rows * shape[1] + columns)))
    if start_and_step is None:
        remarks += of_step(step)
    return Recorded(name, keys, values, step, np.full(shape[0], np.nan), machines, remarks)


def _drawn(frame: DataFrame, most: int) -> DataFrame:
    """The samples of so many series at most (0: all)."""
    ids = frame["series_id"].unique()
    if not 0 < most < len(ids):
        return frame
    return frame[frame["series_id"].isin(set(np.random.default_rng(DRAW_SEED).choice(ids, most, replace=False)))]


def _columns_and_step(name: str, frame: DataFrame, start_and_step: tuple[float, float] | None) -> tuple[NDArray[np.int64], float]:
    """The nearest column of each sample, and the distance of two columns in seconds.

    Raises:
        BacktestError: a column has no number that could be counted.
    """
    if start_and_step is None:
        by_series = frame.groupby("series_id", sort=True)["timestamp"]
        apart = by_series.diff()
        step = float(apart[apart > 0].median()) if (apart > 0).any() else 1.0
        since = frame["timestamp"] - by_series.transform("min")
    else:
        start, step = start_and_step
        since = frame["timestamp"] - start
    places = np.rint(since.to_numpy(dtype=np.float64) / step)
    if not ((places >= 0.0) & (places < LARGEST_PLACE)).all():
        raise BacktestError(f"{name} has timestamps that are no seconds of any clock, or lie outside the range that was asked for")
    return places.astype(np.int64), step


def refuse_loads(fleet: Fleet) -> None:
    """The chain of classes knows 0 and 1; a load between them would be scored as if it were one of them.

    Raises:
        BacktestError: too many values are neither.
    """
    known = fleet.values[np.isfinite(fleet.values)]
    between = float(np.mean((known > NEARLY_NONE) & (known < NEARLY_ALL))) if known.size else 0.0
    if between > MOST_BETWEEN:
        raise BacktestError(
            f"--method {PERSISTENCE} forecasts classes, 0 or 1, and {percent(between)} of the values of {fleet.name} lie between them"
        )


def limits_of(fleet: Fleet, limit: str) -> NDArray[np.float64]:
    """A limit for each series (S): a number, or its own 95 % quantile over all that was read (NaN in a series without samples).

    Raises:
        BacktestError: the words are neither.
    """
    if limit == RARE:
        known = np.where(np.isfinite(fleet.values), fleet.values, np.nan)
        some = np.isfinite(known).any(axis=1)
        quantile = np.full(len(known), np.nan)
        quantile[some] = np.nanquantile(known[some], RARE_QUANTILE, axis=1)
        return quantile
    try:
        number = float(limit)
    except ValueError as error:
        raise BacktestError(f"--limit {limit} is neither a load such as 0.8 nor {RARE}") from error
    if not np.isfinite(number):
        raise BacktestError(f"--limit {limit} is neither a load such as 0.8 nor {RARE}")
    return np.full(len(fleet.keys), number)


def _columns(path: Path) -> list[str]:
    """The names of a file's columns.

    Raises:
        BacktestError: it cannot be read.
    """
    with _readable(path):
        if path.suffix == ENDINGS[1]:
            import pandas as pd

            return [str(name) for name in pd.read_csv(path, nrows=0).columns]
        from pyarrow import parquet  # type: ignore[import-untyped]

        return [str(name) for name in parquet.read_schema(path).names]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what can go wrong with one file into a sentence."""
    try:
        yield
    except ImportError as error:
        raise BacktestError(f"{path.name} needs pyarrow to be read; install pyarrow, or use .csv files") from error
    except (OSError, ValueError, TypeError) as error:  # pyarrow's and pandas' own errors are ValueErrors
        why = getattr(error, "strerror", None) or " ".join(str(error).split())[:SAID_CHARACTERS] or type(error).__name__
        raise BacktestError(f"{path} cannot be read: {why}") from error
