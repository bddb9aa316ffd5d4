"""Draws a backtest's report as tables for a person: means first, then source by source; what the columns mean stands below them."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from decision_engine.backtest.notes import heading, notes
from decision_engine.backtest.remarks import in_short
from forecasting.methods import MARGIN

WIDTH: Final = 170
"""Tables are never narrower: figures would be cut. A terminal wraps what it has no room for."""
WIDEST_SOURCE: Final = 28
LONGEST: Final = 2
"""Of the event figures the two longest horizons are shown: an action needs time. All are in the JSON."""
COST: Final = ("refresh_us", "µs")
Columns = tuple[tuple[str, str], ...]
Row = tuple[str, dict[str, Any], str]
"""Source, what its methods came to, and what warns of it."""
LOAD: Final[Columns] = (
    ("skill", "MAE skill"), ("rmse_ratio", "RMSE ÷ last value's"), ("pinball_ratio", "pinball p90 ÷ margin's"), ("coverage", "under p90"),
    COST,
)  # fmt: skip
EVENT: Final[Columns] = (
    ("f1", "F1"), ("precision", "precision"), ("recall", "recall"), ("auprc", "AUPRC"), ("f1_acting", "F1 as it acts"),
    ("brier_skill", "Brier skill over margin"), ("caught", "caught ≥ 2 ahead"), ("median_lead", "lead, steps"),
    ("false_per_day", "false/day"),
)  # fmt: skip
ACTING: Final[Columns] = (
    ("f1_acting", "F1"), ("precision_acting", "precision"), ("recall_acting", "recall"), ("caught_acting", "caught ≥ 2 ahead"),
    ("false_per_day_acting", "false/day"), ("gate_open", "gate open"),
)  # fmt: skip
INTERVALS: Final = (
    ("skill", "MAE skill", 4), ("f1", "F1", LONGEST), ("f1_gain", "F1 over last value", LONGEST),
    ("f1_acting_gain", "F1 as it acts over margin", 4),
)  # fmt: skip
"""Figure, heading, and for how many of the longest horizons."""
DIGITS: Final = {"median_lead": 1, "false_per_day": 1, "false_per_day_acting": 1}
NOTHING: Final = "–"


def tables(report: dict[str, Any]) -> list[Table | Text]:
    """What is printed, in order."""
    steps, longest = report["horizon_steps"], report["horizon_steps"][-LONGEST:]
    means = [("mean", report["means"], "")]
    rows = [(name, source["methods"], ", ".join(map(in_short, source["warnings"]))) for name, source in report["sources"].items()]
    return [
        Text("\n".join(heading(report))),
        _sources(report),
        _table("The load · mean of sources", LOAD, means, steps, steps),
        _table("The event · mean of sources", EVENT, means, steps, longest),
        *_acting("mean of sources", means, report),
        _intervals(report["means"], steps),
        _table("The load · by source", LOAD, rows, steps, steps),
        _table("The event · by source", EVENT, rows, steps, longest),
        *_acting("by source", rows, report),
        Text("\n".join(notes(report))),
    ]


def _acting(what: str, rows: list[Row], report: dict[str, Any]) -> list[Table]:
    """What the engine acts on: the methods with a gate, and the rule that decides where theirs is closed; nothing without such a method."""
    of_sources = [source["methods"] for source in report["sources"].values()]
    gated = [name for name in report["means"] if any(share is not None for one in of_sources for share in one[name]["gate_open"]["value"])]
    if not gated:
        return []
    shown = [(source, {name: told[name] for name in (MARGIN, *gated)}, warning) for source, told, warning in rows]
    return [_table(f"The event as the engine acts · {what}", ACTING, shown, report["horizon_steps"], report["horizon_steps"])]


def print_tables(report: dict[str, Any], console: Console) -> None:
    """Print them; where the console is too narrow for all figures, their lines run on and the words do not."""
    own_width = console.width
    console.width = max(own_width, WIDTH)
    for part in tables(report):
        console.print(part, width=own_width if isinstance(part, Text) else None)


def _sources(report: dict[str, Any]) -> Table:
    """What each source is, before anything is said of it."""
    horizons = "/".join(map(str, report["horizon_steps"]))
    table = _empty("The sources")
    for column in ("series", "machines", "points", "step, s", "below limit", f"events within {horizons} steps"):
        table.add_column(column, justify="right", overflow="fold")
    table.add_column("remarks", overflow="fold")
    for name, one in report["sources"].items():
        counts = (f"{one[what]:,}" for what in ("series", "machines", "points"))
        events = " ".join(f"{count:,}" for count in one["events"])
        remarks = ", ".join(map(in_short, one["warnings"]))
        table.add_row(name, *counts, f"{one['grid_seconds']:g}", f"{one['below_limit'] * 100:.1f} %", events, remarks)
    return table


def _empty(title: str) -> Table:
    """A table whose first column is the source."""
    table = Table(title=title, title_justify="left", pad_edge=False)
    table.add_column("source", max_width=WIDEST_SOURCE, overflow="fold")
    return table


def _table(title: str, columns: Columns, rows: list[Row], steps: list[int], shown: list[int]) -> Table:
    """A row per source and method; a cell holds a figure at every shown horizon. What warns of a source stands below its name."""
    table = _empty(f"{title} · horizons {'/'.join(map(str, shown))} steps")
    table.add_column("method", no_wrap=True)
    for _, words in columns:
        table.add_column(words, justify="right", overflow="fold")
    places = [steps.index(step) for step in shown]
    most = max((sources for _, methods, _ in rows for told in methods.values() for sources in _sources_of(told, columns)), default=0)
    for source, methods, warning in rows:
        for method, first in zip(methods, (source, warning and f"({warning})", *[""] * len(methods)), strict=False):
            table.add_row(first, method, *(_figure(methods[method], name, places, most) for name, _ in columns))
        table.add_section()
    return table


def _sources_of(told: dict[str, Any], columns: Columns) -> list[int]:
    """On how many sources the means of a method rest; nothing where they are no means."""
    return [sources for name, _ in columns if name != COST[0] for sources in told[name].get("sources", ())]


def _figure(told: dict[str, Any], name: str, places: list[int], most: int) -> str:
    """A cell; a mean of fewer than ``most`` sources is marked."""
    if name == COST[0]:
        return f"{told[name]:.0f}"
    values, sources = told[name]["value"], told[name].get("sources", ())
    known = [values[place] if place < len(values) else None for place in places]
    if all(value is None for value in known):
        return NOTHING
    fewer = [place < len(sources) and 0 < sources[place] < most for place in places]
    return " ".join(_number(value, DIGITS.get(name, 2)) + "*" * mark for value, mark in zip(known, fewer, strict=True))


def _intervals(means: dict[str, Any], steps: list[int]) -> Table:
    """The means that a choice between methods hangs on, with their intervals."""
    table = Table(title="95 % intervals of the means, over machines drawn anew · horizons in steps", title_justify="left", pad_edge=False)
    table.add_column("method", no_wrap=True)
    for _, words, most in INTERVALS:
        table.add_column(f"{words} · {'/'.join(map(str, steps[-most:]))}", overflow="fold")
    for method, told in means.items():
        table.add_row(method, *(_spans(told[figure], range(len(steps))[-most:]) for figure, _, most in INTERVALS))
    return table


def _spans(entry: dict[str, Any], places: range) -> str:
    if "low" not in entry:
        return NOTHING
    return "  ".join(f"{_number(entry['low'][place], 2)}…{_number(entry['high'][place], 2)}" for place in places)


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return NOTHING
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")  # + 0.0: there is no −0.00
