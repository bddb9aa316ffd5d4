"""What is odd about a source is said beside its figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from decision_engine.backtest.reading import BacktestError, Extent, on_grid, refuse_loads
from decision_engine.backtest.remarks import Recorded, in_short, of_counts
from decision_engine.cli import app

PERCENT = "value is a share of capacity, 0 to 1; these look like percent"


def read(values: list[float], times: list[float] | None = None, grid: tuple[float, float] | None = None) -> Recorded:
    """One series of these values, a minute apart unless other times are given."""
    stamps = times or [60.0 * place for place in range(len(values))]
    frame: Any = pd.DataFrame({"series_id": "a", "timestamp": stamps, "value": values, "machine": "a"})
    return on_grid("odd", frame, Extent(), grid)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (read([0.1, 1.4, -0.4]), []),
        (read([30.0, 70.0, 0.4]), [PERCENT]),
        (read([-0.6, -0.9, 0.4]), ["67 % of them lie above 1.5 or below -0.5"]),
        (read([30.0, 0.7, 0.4, 9.0]), []),
        (read([0.1, 0.2, 0.3], [0, 60_000, 120_000]), ["step of 60000 s: timestamps look like milliseconds"]),
        (read([0.1, 0.2], [0, 999]), []),
        (read([0.1, 0.2], [0, 3600], (0.0, 3600.0)), []),
        (read([0.1, 0.2, 0.3, 0.4], [0, 10, 60, 120], (0.0, 60.0)), ["1 of 4 samples shared a column with another and were left out"]),
        (read([0.1] * 9 + [0.2], [*range(9), 99.0]), []),
        (read([0.1] * 9 + [0.2], [*range(9), 100.0]), ["mostly empty: 90 % of the cells"]),
    ],
    ids=["loads", "percent", "negative", "half of them", "ms", "quarter hours", "asked for", "shared", "as many as may be", "empty"],
)
def test_odd_samples_are_told(source: Recorded, said: list[str]) -> None:
    assert len(source.remarks) == len(said)
    for remark, words in zip(source.remarks, said, strict=True):
        assert words in remark
        assert len(in_short(remark)) < 30, "it stands beside figures"


@pytest.mark.parametrize(
    ("machines", "events", "said"),
    [
        (10, [0.0, 30.0], ()),
        (1, [0.0, 30.0], ("only 1 machine",)),
        (9, [50.0, 29.0], ("only 9 machines", "only 29 events")),
        (10, [0.0, 1.0], ("only 1 event",)),
        (10, [0.0, 0.0], ("no event",)),
    ],
    ids=["enough", "one machine", "few of both", "one event", "nothing"],
)
def test_few_machines_and_events_are_told(machines: int, events: list[float], said: tuple[str, ...]) -> None:
    assert of_counts(machines, np.array(events)) == said


@pytest.mark.parametrize(
    ("values", "refused"),
    [([0, 1, float("nan")] * 9, False), ([0.0, 1.0] * 19 + [0.5, 1.0], False), ([0.02, 0.98], False), ([0.0, 1.0] * 9 + [0.5, 0.3], True)],
    ids=["classes", "one turn in forty", "nearly so", "one in ten"],
)
def test_the_chain_of_classes_takes_no_loads(values: list[float], refused: bool) -> None:
    if not refused:
        refuse_loads(read(values))
        return
    with pytest.raises(BacktestError, match="10 % of the values of odd lie between them"):
        refuse_loads(read(values))


def test_help_says_what_a_value_and_a_timestamp_are() -> None:
    words = " ".join(CliRunner(env={"NO_COLOR": "1", "COLUMNS": "250"}).invoke(app, ["backtest", "--help"]).stdout.replace("│", "").split())
    assert "timestamp (in seconds), value (a share of capacity, 0 to 1)" in words
