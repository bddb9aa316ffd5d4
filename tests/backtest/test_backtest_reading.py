"""Samples become series on one grid, whatever order, gaps and clocks they come with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from decision_engine.backtest.reading import BacktestError, Extent, limits_of, on_grid, read_trace
from decision_engine.observe.range_frames import CHUNK_POINTS, RangeQuery, chunks, series_id
from tests.builders.backtest import fleet

NAN = float("nan")
ALL = Extent()


def samples(*rows: tuple[str, float, float]) -> Any:
    """Rows of series, time and value, each series a machine of its own."""
    frame = pd.DataFrame(rows, columns=["series_id", "timestamp", "value"])
    return frame.assign(machine=frame["series_id"])


@pytest.mark.parametrize(
    ("rows", "grid", "expected"),
    [
        ([("a", 0, 1), ("a", 60, 2), ("b", 6000, 3), ("b", 6060, 4)], None, [[1, 2], [3, 4]]),
        ([("a", 60, 2), ("a", 0, 1), ("a", 120, 3)], None, [[1, 2, 3]]),
        ([("a", 0, 1), ("a", 60, 2), ("a", 120, 2.5), ("a", 240, 3)], None, [[1, 2, 2.5, NAN, 3]]),
        ([("a", 0, 1), ("a", 61, 2), ("a", 119, 3)], None, [[1, 2, 3]]),
        ([("a", 0, 1), ("a", 60, 2), ("a", 60, 5)], None, [[1, 5]]),
        ([("a", 100, 1), ("a", 160, 2), ("b", 160, 3)], (100.0, 60.0), [[1, 2], [NAN, 3]]),
        ([("a", NAN, 9), ("a", 0, 1), ("a", 60, NAN)], None, [[1, NAN]]),
    ],
    ids=["side by side", "unsorted", "a gap", "nearly regular", "twice: the later row", "one clock", "no time, no number"],
)
def test_samples_on_a_grid(rows: list[tuple[str, float, float]], grid: tuple[float, float] | None, expected: list[list[float]]) -> None:
    np.testing.assert_array_equal(on_grid("small", samples(*rows), ALL, grid).values, np.array(expected, dtype=np.float64))


def test_only_so_much_is_used_and_always_the_same() -> None:
    rows = [(name, 60.0 * at, at / 10) for name in "abcdef" for at in range(5)]
    once, again = (on_grid("small", samples(*rows), Extent(2, 3), None) for _ in range(2))
    assert once.values.shape == (2, 3)
    assert once.keys == again.keys
    assert once.machines.tolist() == [0, 1]


def test_what_memory_should_not_hold_is_refused() -> None:
    with pytest.raises(BacktestError, match="use --max-points"):
        on_grid("small", samples(("a", 0, 1), ("a", 1, 1), ("a", 2, 1), ("a", 1e9, 1)), ALL, None)


def test_no_samples_are_a_sentence() -> None:
    with pytest.raises(BacktestError, match="small holds no samples"):
        on_grid("small", samples(("a", NAN, 1.0)), ALL, None)


def test_limits_are_one_number_or_each_series_own_rare_level() -> None:
    small = fleet(np.array([np.linspace(0.0, 1.0, 101), np.full(101, NAN)]))
    assert limits_of(small, "0.7").tolist() == [0.7, 0.7]
    np.testing.assert_allclose(limits_of(small, "p95"), [0.95, NAN])


@pytest.mark.parametrize("points", [1, CHUNK_POINTS, CHUNK_POINTS + 1, 3 * CHUNK_POINTS - 1])
def test_chunks_are_the_whole_range_and_nothing_twice(points: int) -> None:
    query = RangeQuery("http://127.0.0.1:9090", "up", 1_000, 1_000 + 30 * (points - 1), 30)
    moments = [moment for first, last in chunks(query) for moment in range(first, last + 1, 30)]
    assert moments == list(range(1_000, query.end + 1, 30))
    assert all((last - first) // 30 < CHUNK_POINTS for first, last in chunks(query))


def test_series_are_named_by_machine_and_labels() -> None:
    assert series_id({"__name__": "load", "device": "edge-1", "instance": "h:1"}) == 'edge-1/load{device="edge-1",instance="h:1"}'
    assert series_id({}) == "all/{}"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        pytest.param({"timestamp": pd.to_datetime([0, 60, 120, 180], unit="s")}, "not a number of seconds", id="dates"),
        pytest.param({"timestamp": [0.0, 60.0, 120.0, 1e300]}, "no seconds of any clock", id="beyond every clock"),
        pytest.param({"series_id": [None] * 4}, "series_id is missing", id="nameless"),
        pytest.param({"value": [[0.1]] * 4}, "cannot be read", id="lists"),
    ],
)
def test_odd_files_are_one_sentence(tmp_path: Path, columns: dict[str, Any], said: str) -> None:
    path = tmp_path / "odd.parquet"
    pd.DataFrame({"series_id": ["a/b/c"] * 4, "timestamp": [0, 60, 120, 180], "value": [0.1] * 4, **columns}).to_parquet(path)
    with pytest.raises(BacktestError, match=said):
        read_trace("odd", path, ALL)
