"""The words around a backtest's tables: what it is a report of, what its columns mean, in which units, and what is left out."""

from __future__ import annotations

from typing import Any

from decision_engine.backtest.remarks import percent


def heading(report: dict[str, Any]) -> list[str]:
    """What stands above the tables: whether all of it is there, and what was asked."""
    lines = []
    if report["interrupted"]:
        lines.append(f"PARTIAL: interrupted before these sources were scored: {', '.join(report['unfinished'])}")
    asked = report["asked"]
    if "prometheus" in asked:
        read = f"{asked['prometheus']} · {asked['query']} · from {asked['from']} to {asked['to']} every {asked['step']} s"
    else:
        read = " · ".join((f"traces of {asked['traces']}", *([", ".join(asked["datasets"])] if asked["datasets"] else [])))
    words = (
        f"edgeshift {report['version']}",
        read,
        f"{_at_most(asked['max_points'])} columns of {_at_most(asked['max_series'])} series of each source",
        f"limit {asked['limit']}",
        f"horizons {','.join(map(str, asked['horizons']))}",
        f"history {asked['history'] or 'a day'}",
        f"probability {asked['probability']:g}",
        f"methods {', '.join(asked['methods'])}",
    )
    return [*lines, " · ".join(words)]


def _at_most(number: int) -> str:
    return f"at most {number:,}" if number else "all"


def notes(report: dict[str, Any]) -> list[str]:
    """What stands below them."""
    kept = f"the newest {report['history_columns']} columns" if report["history_columns"] else "a day of the past where there is one"
    return [
        f"Origins from column {report['first_origin']} on; a method is handed {kept}. A cell has a number for each horizon, counted in "
        "steps of the source's grid; means are of the sources' figures.",
        "A figure that a source does not have is left out of its mean; * marks a mean of fewer sources than others of its table.",
        "MAE skill: 1 − mean absolute error ÷ last value's. RMSE and pinball loss: ratios; the absolute ones are in the JSON. µs: time "
        "per series and refresh on this machine; part of a refresh costs the same for any fleet, so small ones pay more per series.",
        f"Event: at an origin below the limit ({report['limit']}) the maximum within the horizon reaches it. Alarm: the score passes a "
        "threshold learnt from outcomes that had come.",
        f"As it acts: alarm from P {report['probability']:g} on where the method's gate is open, else by the margin rule's p90, as the "
        "engine does; without a probability: the plain comparison with the limit. Gate open: share of the origins below the limit.",
        "Caught ≥ 2 ahead: share of onsets with an alarm two or more steps before them. Lead: median, over the onsets with an alarm "
        "before them, of the steps from the earliest within the horizon. False/day: false episodes of alarms per series and day.",
        "Intervals: 95 %, from weighing each source's machines anew (bootstrap), with the learnt models and gates of the scored run held "
        "fixed; they tell neither of other sources nor of what would have been learnt from other machines.",
        *_remarks(report),
    ]


def _remarks(report: dict[str, Any]) -> list[str]:
    """Of the sources of this report."""
    sources = report["sources"].items()
    lines = []
    if any(source["warnings"] for _, source in sources):
        lines.append("Figures of a source with a remark below its name tell little; so do their intervals.")
    lines += [f"{name}: {warning}." for name, source in sources for warning in source["warnings"] if ": " in warning]
    outside = [f"{name} ({percent(source['below_limit'])} below its limit)" for name, source in sources if not source["in_event_means"]]
    if outside:
        lines.append(f"Not in the event means, as there is little to foresee: {', '.join(outside)}.")
    return lines
