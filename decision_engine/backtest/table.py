"""Draws a backtest's report as tables for a person: means first, then source by source; what the columns mean stands below them."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from forecasting.methods import MARGIN

WIDTH: Final = 170
"""Where no terminal says how wide it is; narrower ones fold the cells."""
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
    rows = [(name, source["methods"], ", ".join(source["warnings"])) for name, source in report["sources"].items()]
    return [
        _table("The load · mean of sources", LOAD, means, steps, steps),
        _table("The event · mean of sources", EVENT, means, steps, longest),
        *_acting("mean of sources", means, report),
        _intervals(report["means"], steps),
        _table("The load · by source", LOAD, rows, steps, steps),
        _table("The event · by source", EVENT, rows, steps, longest),
        *_acting("by source", rows, report),
        Text("\n".join(_notes(report))),
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
    """Print them."""
    for table in tables(report):
        console.print(table)


def _notes(report: dict[str, Any]) -> list[str]:
    """What the columns mean, in which units, and what is left out."""
    kept = f"the newest {report['history_columns']} columns" if report["history_columns"] else "a day of the past where there is one"
    notes = [
        f"Origins from column {report['first_origin']} on; a method is handed {kept}. A cell has a number for each horizon, counted in "
        "steps of the source's grid; means are of the sources' figures.",
        "MAE skill: 1 − mean absolute error ÷ last value's. RMSE and pinball loss: ratios; the absolute ones are in the JSON. µs: time "
        "per series and refresh on this machine.",
        f"Event: at an origin below the limit ({report['limit']}) the maximum within the horizon reaches it. Alarm: the score passes a "
        "threshold learnt from outcomes that had come.",
        f"As it acts: alarm from P {report['probability']:g} on where the method's gate is open, else by the margin rule's p90, as the "
        "engine does; without a probability: the plain comparison with the limit. Gate open: share of the origins below the limit.",
        "Caught ≥ 2 ahead: share of onsets with an alarm two or more steps before them. Lead: median, over the onsets with an alarm "
        "before them, of the steps from the earliest within the horizon. False/day: false episodes of alarms per series and day.",
        "Intervals: 95 %, from drawing each source's machines anew (bootstrap); they tell of other machines, not of other sources.",
    ]
    if any(source["warnings"] for source in report["sources"].values()):
        notes.append("Figures of a source with a remark below its name, few machines or no event, tell little; so do its intervals.")
    outside = [f"{name} ({one['below_limit']:.0%} below its limit)" for name, one in report["sources"].items() if not one["in_event_means"]]
    if outside:
        notes.append(f"Not in the event means, as there is little to foresee: {', '.join(outside)}.")
    return notes


def _table(title: str, columns: Columns, rows: list[Row], steps: list[int], shown: list[int]) -> Table:
    """A row per source and method; a cell holds a figure at every shown horizon. What warns of a source stands below its name."""
    table = Table(title=f"{title} · horizons {'/'.join(map(str, shown))} steps", title_justify="left", pad_edge=False)
    table.add_column("source", no_wrap=True)
    table.add_column("method", no_wrap=True)
    for _, heading in columns:
        table.add_column(heading, justify="right")
    places = [steps.index(step) for step in shown]
    for source, methods, warning in rows:
        for method, first in zip(methods, (source, warning and f"({warning})", *[""] * len(methods)), strict=False):
            table.add_row(first, method, *(_figure(methods[method], name, places) for name, _ in columns))
        table.add_section()
    return table


def _figure(told: dict[str, Any], name: str, places: list[int]) -> str:
    return f"{told[name]:.0f}" if name == COST[0] else _cell(told[name]["value"], places, DIGITS.get(name, 2))


def _intervals(means: dict[str, Any], steps: list[int]) -> Table:
    """The means that a choice between methods hangs on, with their intervals."""
    table = Table(title="95 % intervals of the means, over machines drawn anew · horizons in steps", title_justify="left", pad_edge=False)
    table.add_column("method", no_wrap=True)
    for _, heading, most in INTERVALS:
        table.add_column(f"{heading} · {'/'.join(map(str, steps[-most:]))}")
    for method, told in means.items():
        table.add_row(method, *(_spans(told[figure], range(len(steps))[-most:]) for figure, _, most in INTERVALS))
    return table


def _spans(entry: dict[str, Any], places: range) -> str:
    if "low" not in entry:
        return NOTHING
    return "  ".join(f"{_number(entry['low'][place], 2)}…{_number(entry['high'][place], 2)}" for place in places)


def _cell(values: list[float | None], places: list[int], digits: int) -> str:
    known = [values[place] if place < len(values) else None for place in places]
    return NOTHING if all(value is None for value in known) else " ".join(_number(value, digits) for value in known)


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return NOTHING
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")  # + 0.0: there is no −0.00
