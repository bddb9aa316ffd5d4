"""Draws a backtest's report as one SVG of three panels: how near, how well foreseen, how honest; plain text, no drawing library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from math import ceil, floor
from typing import Any, Final
from xml.sax.saxutils import escape

from decision_engine.backtest.table import LONGEST
from forecasting.methods import LEARNED

WIDTH: Final = 1400
HEIGHT: Final = 440
TOP: Final = 92
BOTTOM: Final = 372
COLOURS: Final = {
    "last-value": "#8a8f98", "margin": "#c2571a", "rolling-mean": "#b39ddb", "smoothing": "#2e8b57", "predict-linear": "#b02a37",
    "line": "#c79a00", "learned": "#1f5fbf",
    "persistence": "#c2378f",
}  # fmt: skip
INK: Final = "#22262b"
FAINT_INK: Final = "#5b626b"
FAINT: Final = "#d8dbe0"
PAPER: Final = "#ffffff"
FEWEST_CASES: Final = 30
"""A share of fewer cases than this says nothing."""
LABEL_GAP: Final = 15.0
PROBABILITY_STEP: Final = 6
MOST_LINES: Final = 12
TENTH: Final = 0.1


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle with a vertical scale: ``low`` at the bottom, ``high`` at the top, a line at ``every`` so much."""

    left: float
    right: float
    low: float
    high: float
    every: float

    @classmethod
    def around(cls, left: float, right: float, values: list[float]) -> Panel:
        """With the least scale from the values' and 0, in round steps, that holds them all."""
        low, high = min([0.0, *values]), max([TENTH, *values])
        every = next(step for step in _round_steps() if (high - low) / step <= MOST_LINES)
        return cls(left, right, floor(round(low / every, 6)) * every, ceil(round(high / every, 6)) * every, every)

    def y(self, value: float) -> float:
        """The height of a value."""
        return BOTTOM - (value - self.low) / (self.high - self.low) * (BOTTOM - TOP)

    def x(self, share: float) -> float:
        """The place of a share of the width."""
        return self.left + share * (self.right - self.left)


def draw(report: dict[str, Any]) -> str:
    """The whole figure."""
    font = 'font-family="Helvetica, Arial, sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {font}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        *_skill(report, Panel.around(56, 352, _drawn_values(report, "skill", range(len(report["horizon_steps"]))))),
        *_crossing(report, Panel.around(560, 850, _drawn_values(report, "f1", _longest(report)))),
        *_reliability(report, Panel(1010, 1270, 0.0, 1.0, 0.2)),
        _text(56, 424, _note(report), FAINT_INK),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _note(report: dict[str, Any]) -> str:
    """What the figure is of."""
    sources = list(report["sources"])
    of = f"Means of {len(sources)} sources, of the event of {_eventful(report)}" if len(sources) > 1 else f"One source, {sources[0]}"
    partial = f" Partial: interrupted before {', '.join(report['unfinished'])}." if report["interrupted"] else ""
    return f"{of}; whiskers: 95 % intervals over machines. Limit {report['limit']}.{partial}"


def _eventful(report: dict[str, Any]) -> int:
    return sum(source["in_event_means"] for source in report["sources"].values())


def _longest(report: dict[str, Any]) -> range:
    """The places of the horizons whose crossings are drawn."""
    return range(len(report["horizon_steps"]))[-LONGEST:]


def _drawn_values(report: dict[str, Any], figure: str, places: range) -> list[float]:
    """All that a panel has to hold: the means and the ends of their intervals."""
    entries = [told[figure] for told in report["means"].values()]
    rows = [entry[key] for entry in entries for key in ("value", "low", "high") if entry.get(key)]
    return [row[place] for row in rows for place in places if row[place] is not None]


def _skill(report: dict[str, Any], panel: Panel) -> list[str]:
    steps = report["horizon_steps"]
    parts = _frame(panel, "How much nearer than the last value?", "1 − error / last value's error; above 0 is better")
    places = [panel.x((number + 0.5) / len(steps)) for number in range(len(steps))]
    parts += [_text(x, BOTTOM + 18, f"{step}", INK, "middle") for x, step in zip(places, steps, strict=True)]
    parts.append(_text((panel.left + panel.right) / 2, BOTTOM + 34, "steps ahead", FAINT_INK, "middle"))
    ends = []
    for method, told in report["means"].items():
        values = told["skill"]["value"]
        if method == "margin" or None in values:  # its p50 is the last value
            continue
        points = " ".join(f"{x:.1f},{panel.y(value):.1f}" for x, value in zip(places, values, strict=True))
        colour = _colour(method)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{3 if method == LEARNED else 1.6}"/>')
        for x, value, low, high in zip(places, values, told["skill"]["low"], told["skill"]["high"], strict=True):
            parts += [_whisker(x, panel, low, high, colour), f'<circle cx="{x:.1f}" cy="{panel.y(value):.1f}" r="3" fill="{colour}"/>']
        ends.append((panel.y(values[-1]), f"{method} ({_signed(values[-1])})", colour))
    return parts + _labels(panel.right + 4, ends)


def _crossing(report: dict[str, Any], panel: Panel) -> list[str]:
    parts = _frame(panel, "Is the crossing foreseen?", f"F1 of «reaches {report['limit']} within the horizon»")
    methods = list(report["means"])
    drawn = [method for method in methods if any(value is not None for value in report["means"][method]["f1"]["value"])]
    if not drawn:
        return [*parts, _text(panel.left + 10, TOP + 20, _why_no_crossing(report), FAINT_INK)]
    width = (panel.right - panel.left) / len(_longest(report)) / (len(methods) + 1)
    for group, place in enumerate(_longest(report)):
        begin = panel.x(group / len(_longest(report))) + width / 2
        within = f"within {report['horizon_steps'][place]} steps"
        parts.append(_text(begin + width * len(methods) / 2, BOTTOM + 18, within, INK, "middle"))
        for number, method in enumerate(methods):
            entry = report["means"][method]["f1"]
            value = entry["value"][place]
            if value is None:
                continue
            x, y = begin + number * width, panel.y(value)
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width * 0.84:.1f}" height="{BOTTOM - y:.1f}" fill="{_colour(method)}"/>')
            if "low" in entry:
                parts.append(_whisker(x + width * 0.42, panel, entry["low"][place], entry["high"][place], INK))
    names = [(TOP + LABEL_GAP * number, method, _colour(method)) for number, method in enumerate(methods)]
    return parts + _labels(panel.right + 12, names)


def _why_no_crossing(report: dict[str, Any]) -> str:
    if not _eventful(report):
        return "no source lies below its limit long enough"
    return "nothing reached the limit"


def _reliability(report: dict[str, Any], panel: Panel) -> list[str]:
    steps = report["horizon_steps"]
    place = steps.index(PROBABILITY_STEP) if PROBABILITY_STEP in steps else len(steps) - 1
    eventful = _eventful(report)
    cases = f"all cases of {eventful} source{'s' if eventful != 1 else ''}"
    parts = _frame(panel, "Does 30 % mean 30 %?", f"crossings within {steps[place]} steps, by what was said")
    parts.append(_text(panel.left, 70, cases, FAINT_INK))
    parts += [_text(panel.x(tenth / 5), BOTTOM + 18, f"{tenth / 5:.1f}", INK, "middle") for tenth in range(6)]
    parts.append(_text((panel.left + panel.right) / 2, BOTTOM + 34, "probability that was said", FAINT_INK, "middle"))
    line = f'x1="{panel.left}" y1="{BOTTOM}" x2="{panel.right}" y2="{TOP}"'
    parts.append(f'<line {line} stroke="{FAINT_INK}" stroke-dasharray="4 4"/>')
    ends: list[tuple[float, str, str]] = []
    for method, horizons in report["reliability"].items():
        told = horizons[place]
        known = [(said, came) for said, came, cases in zip(told["said"], told["came"], told["cases"], strict=True)
                 if said is not None and cases >= FEWEST_CASES]  # fmt: skip
        if not known:
            continue
        colour = _colour(method)
        points = " ".join(f"{panel.x(said):.1f},{panel.y(came):.1f}" for said, came in known)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{3 if method == LEARNED else 1.6}"/>')
        parts += [f'<circle cx="{panel.x(said):.1f}" cy="{panel.y(came):.1f}" r="3.5" fill="{colour}"/>' for said, came in known]
        ends.append((TOP + LABEL_GAP * len(ends), method, colour))
    if not ends:
        parts.append(_text(panel.left + 10, TOP + 20, f"fewer than {FEWEST_CASES} cases of each probability", FAINT_INK))
    return parts + _labels(panel.right + 12, ends)


def _frame(panel: Panel, title: str, subtitle: str) -> list[str]:
    """Title, horizontal lines and their numbers."""
    parts = [
        f'<text x="{panel.left}" y="34" font-size="17" font-weight="bold" fill="{INK}">{escape(title)}</text>',
        _text(panel.left, 54, subtitle, FAINT_INK),
    ]
    for number in range(round((panel.high - panel.low) / panel.every) + 1):
        value = panel.low + number * panel.every
        y, zero = panel.y(value), abs(value) < panel.every / 2
        parts.append(f'<line x1="{panel.left}" y1="{y:.1f}" x2="{panel.right}" y2="{y:.1f}" stroke="{INK if zero else FAINT}"/>')
        parts.append(_text(panel.left - 6, y + 4, f"{0.0 if zero else value:.1f}".replace("-", "−"), INK, "end"))
    return parts


def _labels(x: float, ends: list[tuple[float, str, str]]) -> list[str]:
    """Names at the height of what they name, moved apart where they would overlap, and up where they would leave the panel."""
    ends = sorted(ends)
    heights: list[float] = []
    for y, _, _ in ends:
        heights.append(max(y + 4, heights[-1] + LABEL_GAP if heights else y))
    for place in range(len(ends) - 1, -1, -1):
        heights[place] = min(heights[place], heights[place + 1] - LABEL_GAP if place + 1 < len(ends) else BOTTOM + 4.0)
    return [
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-weight="bold">{escape(name)}</text>'
        for y, (_, name, colour) in zip(heights, ends, strict=True)
    ]


def _whisker(x: float, panel: Panel, low: float | None, high: float | None, colour: str) -> str:
    if low is None or high is None:
        return ""
    ends = f'x1="{x:.1f}" y1="{panel.y(low):.1f}" x2="{x:.1f}" y2="{panel.y(high):.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="1.2" opacity="0.7"/>'


def _text(x: float, y: float, words: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(words)}</text>'


def _colour(method: str) -> str:
    return COLOURS.get(method, INK)


def _signed(value: float) -> str:
    near = round(value, 2)
    return f"{near:+.2f}".replace("-", "−") if near else "0.00"


def _round_steps() -> Iterator[float]:
    """0.1, 0.2, 0.5, 1, 2, 5, 10 and so on."""
    return (TENTH * factor * 10.0**power for power in count() for factor in (1.0, 2.0, 5.0))
