"""The table of docs/benchmarks.md: what a measurement is, how it is checked, and how it is written down."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

COLUMNS = ("name", "ours", "alternative", "ratio", "unit")
SIGNIFICANT_DIGITS = 3
"""More would pretend that a shared machine measures more precisely than it does."""

HEADING = """# Benchmarks

Written by `make bench`; do not edit. «Times» is the alternative over ours: above 1, edgeshift takes less. The ratios hold on
other machines, the two columns after them are of the machine below.

"""


class BenchmarkError(Exception):
    """A benchmark gave a row that cannot be written down; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. ``ours`` and ``alternative`` are in ``unit``; ``ratio`` is alternative over ours."""

    name: str
    ours: float
    alternative: float
    ratio: float
    unit: str


def as_row(module: str, row: Mapping[str, object]) -> Row:
    """Check what a benchmark answered.

    Raises:
        BenchmarkError: a column is missing, unknown or not a number where one is needed.
    """
    if set(row) != set(COLUMNS):
        raise BenchmarkError(f"benchmarks.{module}: a row has the columns {sorted(row)}, expected {sorted(COLUMNS)}")
    numbers = {}
    for column in ("ours", "alternative", "ratio"):
        value = row[column]
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise BenchmarkError(f"benchmarks.{module}: {column} of {row['name']} is {value!r}, not a finite number")
        numbers[column] = float(value)
    return Row(name=str(row["name"]), unit=str(row["unit"]), **numbers)


def page(rows: Iterable[Row], machine: str) -> str:
    """Write the page: ratios first, then what this machine measured; ``machine`` describes it in a few words."""
    head = "| what | times | edgeshift | alternative | unit |\n|---|---:|---:|---:|---|\n"
    lines = [f"| {row.name} | {_short(row.ratio)} | {_short(row.ours)} | {_short(row.alternative)} | {row.unit} |\n" for row in rows]
    return HEADING + head + "".join(lines) + f"\nMeasured on {machine}.\n"


def _short(value: float) -> str:
    if value == 0:
        return "0"
    decimals = max(0, SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"
