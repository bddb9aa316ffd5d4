"""Draws a backtest's report as one SVG of three panels: how near, how well foreseen, how honest; plain text, no drawing library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape

from forecasting.methods import LEARNED

WIDTH: Final = 1200
HEIGHT: Final = 440
TOP: Final = 92
BOTTOM: Final = 372
LOWEST_SKILL: Final = -0.5
"""What is worse than half as much error again is drawn at the edge."""
COLOURS: Final = {
    "last-value": "#8a8f98", "margin": "#c2571a", "rolling-mean": "#b39ddb", "smoothing": "#2e8b57", "predict-linear": "#b02a37",
    "line": "#c79a00", "learned": "#1f5fbf",
}  # fmt: skip
INK: Final = "#22262b"
FAINT_INK: Final = "#5b626b"
FAINT: Final = "#d8dbe0"
PAPER: Final = "#ffffff"
FEWEST_CASES: Final = 30
"""A share of fewer cases than this says nothing."""
LABEL_GAP: Final = 15.0
PROBABILITY_STEP: Final = 6


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle with a vertical scale: ``low`` at the bottom, ``high`` at the top."""

    left: float
    right: float
    low: float
    high: float

    def y(self, value: float) -> float:
        """The height of a value, held within the panel."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return BOTTOM - share * (BOTTOM - TOP)

    def x(self, share: float) -> float:
        """The place of a share of the width."""
        return self.left + share * (self.right - self.left)


def draw(report: dict[str, Any]) -> str:
    """The whole figure."""
    limit = escape(str(report["limit"]))
    font = 'font-family="Helvetica, Arial, sans-serif" font-size="12"'
    eventful = sum(source["in_event_means"] for source in report["sources"].values())
    note = f"Means of {len(report['sources'])} sources, of the event of {eventful}; whiskers: 95 % intervals over machines. Limit {limit}."
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {font}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        *_skill(report, Panel(56, 352, LOWEST_SKILL, 0.3)),
        *_crossing(report, Panel(560, 850, 0.0, 0.8), limit),
        *_reliability(report, Panel(920, 1180, 0.0, 1.0)),
        _text(56, 424, note, FAINT_INK),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _skill(report: dict[str, Any], panel: Panel) -> list[str]:
    steps = report["horizon_steps"]
    parts = _frame(panel, "How much nearer than the last value?", "1 − error / last value's error; above 0 is better", 0.1)
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
        note = f" ({values[-1]:+.2f})".replace("-", "−")
        ends.append((panel.y(values[-1]), method + note, colour))
    return parts + _labels(panel.right + 4, ends)


def _crossing(report: dict[str, Any], panel: Panel, limit: str) -> list[str]:
    steps = report["horizon_steps"][-2:]
    parts = _frame(panel, "Is the crossing foreseen?", f"F1 of «reaches {limit} within the horizon»", 0.1)
    methods = list(report["means"])
    width = (panel.right - panel.left) / len(steps) / (len(methods) + 1)
    for group, step in enumerate(steps):
        place = report["horizon_steps"].index(step)
        begin = panel.x(group / len(steps)) + width / 2
        parts.append(_text(begin + width * len(methods) / 2, BOTTOM + 18, f"within {step} steps", INK, "middle"))
        for number, method in enumerate(methods):
            entry = report["means"][method]["f1"]
            value = entry["value"][place] if entry["value"] else None
            if value is None:
                continue
            x, y = begin + number * width, panel.y(value)
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width * 0.84:.1f}" height="{BOTTOM - y:.1f}" fill="{_colour(method)}"/>')
            parts.append(_whisker(x + width * 0.42, panel, entry["low"][place], entry["high"][place], INK))
    names = [(TOP + 4.0 + number, method, _colour(method)) for number, method in enumerate(methods)]
    return parts + _labels(panel.left + 8, names)


def _reliability(report: dict[str, Any], panel: Panel) -> list[str]:
    steps = report["horizon_steps"]
    place = steps.index(PROBABILITY_STEP) if PROBABILITY_STEP in steps else len(steps) - 1
    parts = _frame(panel, "Does 30 % mean 30 %?", f"crossings within {steps[place]} steps, by what was said", 0.2)
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
        ends.append((TOP + 16.0 + LABEL_GAP * len(ends), method, colour))
    if not ends:
        parts.append(_text(panel.left + 10, TOP + 20, f"fewer than {FEWEST_CASES} cases of each probability", FAINT_INK))
    return parts + _labels(panel.left + 10, ends)


def _frame(panel: Panel, title: str, subtitle: str, every: float) -> list[str]:
    """Title, horizontal lines and their numbers."""
    parts = [
        f'<text x="{panel.left}" y="34" font-size="17" font-weight="bold" fill="{INK}">{escape(title)}</text>',
        _text(panel.left, 54, subtitle, FAINT_INK),
    ]
    for number in range(round((panel.high - panel.low) / every) + 1):
        value = panel.low + number * every
        y, zero = panel.y(value), abs(value) < every / 2
        parts.append(f'<line x1="{panel.left}" y1="{y:.1f}" x2="{panel.right}" y2="{y:.1f}" stroke="{INK if zero else FAINT}"/>')
        parts.append(_text(panel.left - 6, y + 4, f"{0.0 if zero else value:.1f}".replace("-", "−"), INK, "end"))
    return parts


def _labels(x: float, ends: list[tuple[float, str, str]]) -> list[str]:
    """Names at the height of what they name, moved apart where they would overlap."""
    parts, lowest = [], float("-inf")
    for y, name, colour in sorted(ends):
        at = max(y + 4, lowest + LABEL_GAP)
        parts.append(f'<text x="{x:.1f}" y="{at:.1f}" fill="{colour}" font-weight="bold">{escape(name)}</text>')
        lowest = at
    return parts


def _whisker(x: float, panel: Panel, low: float | None, high: float | None, colour: str) -> str:
    if low is None or high is None:
        return ""
    ends = f'x1="{x:.1f}" y1="{panel.y(low):.1f}" x2="{x:.1f}" y2="{panel.y(high):.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="1.2" opacity="0.7"/>'


def _text(x: float, y: float, words: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(words)}</text>'


def _colour(method: str) -> str:
    return COLOURS.get(method, INK)
