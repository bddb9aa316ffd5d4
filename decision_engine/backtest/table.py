"""Draws a backtest's report as tables for a person: means first, then source by source."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH: Final = 150
"""Where no terminal says how wide it is; narrower ones fold the cells."""
LONGEST: Final = 2
"""Of the event figures the two longest horizons are shown: an action needs time. All are in the JSON."""
LOAD: Final = (("skill", "MAE skill"), ("rmse", "RMSE"), ("pinball", "pinball p90"), ("coverage", "under p90"))
EVENT: Final = (
    ("f1", "F1"), ("precision", "precision"), ("recall", "recall"), ("auprc", "AUPRC"), ("f1_plain", "F1 plain"),
    ("brier_skill", "Brier skill"), ("caught", "caught ≥ 2"), ("median_lead", "lead"), ("false_per_day", "false/day"),
)  # fmt: skip
DIGITS: Final = {"rmse": 3, "pinball": 4, "median_lead": 1}
NOTHING: Final = "–"


def tables(report: dict[str, Any]) -> list[Table | Text]:
    """What is printed, in order."""
    steps = report["horizon_steps"]
    rows = [(name, source["methods"]) for name, source in report["sources"].items()]
    outside = [
        f"{name} ({source['below_limit']:.0%} below its limit)"
        for name, source in report["sources"].items()
        if not source["in_event_means"]
    ]
    notes = [
        f"Origins from column {report['first_origin']} on. Event: the maximum within the horizon reaches the limit ({report['limit']}), "
        "at origins below it. Alarms: threshold from matured outcomes (plain: probability 0.5, "
        "or the load itself). Intervals of means: 95 % over machines."
    ]
    if outside:
        notes.append(f"Not in the event means, as there is little to foresee: {', '.join(outside)}.")
    return [
        _table("The load · mean of sources", LOAD, [("mean", report["means"])], steps, steps),
        _table("The event · mean of sources", EVENT, [("mean", report["means"])], steps, steps[-LONGEST:]),
        _intervals(report["means"], steps),
        _table("The load · by source", LOAD, rows, steps, steps),
        _table("The event · by source", EVENT, rows, steps, steps[-LONGEST:]),
        Text("\n".join(notes)),
    ]


def print_tables(report: dict[str, Any], console: Console) -> None:
    """Print them."""
    for table in tables(report):
        console.print(table)


def _table(
    title: str, columns: tuple[tuple[str, str], ...], rows: list[tuple[str, dict[str, Any]]], steps: list[int], shown: list[int]
) -> Table:
    """A row per source and method; a cell holds a figure at every shown horizon."""
    table = Table(title=f"{title} · horizons {'/'.join(map(str, shown))} steps", title_justify="left", pad_edge=False)
    table.add_column("source", no_wrap=True)
    table.add_column("method", no_wrap=True)
    for _, heading in columns:
        table.add_column(heading, justify="right")
    table.add_column("µs", justify="right")
    places = [steps.index(step) for step in shown]
    for source, methods in rows:
        for number, (method, told) in enumerate(methods.items()):
            cells = [_cell(told[figure]["value"], places, DIGITS.get(figure, 2)) for figure, _ in columns]
            table.add_row("" if number else source, method, *cells, f"{told['refresh_us']:.0f}")
        table.add_section()
    return table


def _intervals(means: dict[str, Any], steps: list[int]) -> Table:
    """The means that a choice between methods hangs on, with their intervals."""
    table = Table(title=f"Intervals of the means · horizons {'/'.join(map(str, steps))} steps", title_justify="left", pad_edge=False)
    for heading in ("method", "MAE skill", "F1", "F1 over last value"):
        table.add_column(heading)
    for method, told in means.items():
        table.add_row(method, *(_spans(told[figure]) for figure in ("skill", "f1", "f1_gain")))
    return table


def _spans(entry: dict[str, Any]) -> str:
    if "low" not in entry:
        return NOTHING
    return "  ".join(f"{_number(low, 2)}…{_number(high, 2)}" for low, high in zip(entry["low"], entry["high"], strict=True))


def _cell(values: list[float | None], places: list[int], digits: int) -> str:
    known = [values[place] if place < len(values) else None for place in places]
    return NOTHING if all(value is None for value in known) else " ".join(_number(value, digits) for value in known)


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return NOTHING
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1.0 and digits != 1 else f"{value:.{digits}f}"
