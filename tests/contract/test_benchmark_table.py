"""The benchmark page: ratios come first, and a row that cannot be written down is refused."""

from __future__ import annotations

import pytest

from benchmarks.table import BenchmarkError, Row, as_row, page

GOOD: dict[str, object] = {"name": "decide, 10,000 devices", "ours": 0.5, "alternative": 2.0, "ratio": 4.0, "unit": "s"}


def test_the_ratio_stands_before_the_machines_own_figures() -> None:
    text = page([as_row("decide", GOOD)], "a machine")
    assert "| decide, 10,000 devices | 4.00 | 0.500 | 2.00 | s |" in text
    assert text.endswith("Measured on a machine.\n")


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, "0"), (0.001234, "0.00123"), (12.345, "12.3"), (1234.5, "1,234"), (0.5, "0.500")],
)
def test_figures_have_three_significant_digits(value: float, written: str) -> None:
    assert f"| x | {written} |" in page([Row("x", 1.0, 1.0, value, "s")], "m")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"ratio": float("nan")}, id="nan"),
        pytest.param({"ours": "fast"}, id="text"),
        pytest.param({"alternative": True}, id="bool"),
        pytest.param({"extra": 1}, id="unknown column"),
    ],
)
def test_a_row_that_cannot_be_written_down_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BenchmarkError, match=r"benchmarks\.decide"):
        as_row("decide", GOOD | change)


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="columns"):
        as_row("decide", {"name": "x"})
