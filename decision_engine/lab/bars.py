"""Draws a load with its limit and its forecast as one bar, and the story's progress; readable without any colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.text import Text

# Colours of middling brightness: each keeps a contrast of at least 3.8 to black and to white, so one palette serves both.
GOOD: Final = "color(28)"
WARN: Final = "color(166)"
BAD: Final = "bold color(160)"
ACCENT: Final = "color(32)"
DIM: Final = "color(244)"
PLAIN: Final = ""

TONES: Final = {"plain": PLAIN, "good": GOOD, "warn": WARN, "bad": BAD, "dim": DIM}

NOW, NOW_HALF, FORECAST, LIMIT, LIMIT_PASSED = "━", "╸", "╌", "│", "┃"


@dataclass(frozen=True, slots=True)
class BarLoad:
    """What a bar shows, as ratios of the whole device; a ``p90`` of None is a forecast that cannot be made."""

    now: float
    p90: float | None
    limit: float


def load_bar(load: BarLoad, width: int, style: str) -> Text:
    """The load as a heavy line, the forecast behind it as a broken one, the limit as a stroke; 0 to 100 % over ``width`` cells."""
    halves = _halves(load.now, width)
    ahead = 0 if load.p90 is None else (_halves(load.p90, width) + 1) // 2
    mark = min(int(load.limit * width), width - 1)
    if load.p90 is not None and load.p90 >= load.limit:
        ahead = max(ahead, mark + 2)  # however coarse the bar, a forecast beyond the limit is seen beyond it
    bar = Text(no_wrap=True)
    for cell in range(width):
        covered = halves - 2 * cell
        if cell == mark:
            bar.append(*((LIMIT_PASSED, BAD) if load.now >= load.limit else (LIMIT, PLAIN)))
        elif covered >= 1:
            bar.append(NOW if covered > 1 else NOW_HALF, style)
        else:
            bar.append(*((FORECAST, style) if cell < ahead else (" ", PLAIN)))
    return bar


def limit_alone(limit: float, width: int, words: str) -> Text:
    """Where nothing is known there is no bar: the words why, with the limit behind them where they leave room."""
    mark = min(int(limit * width), width - 1)
    shown = Text(words, style=WARN, no_wrap=True)
    shown.truncate(width, overflow="ellipsis")
    if shown.cell_len < mark:
        shown.append(" " * (mark - shown.cell_len))
        shown.append(LIMIT, DIM)
    return shown


def progress_bar(ratio: float, width: int) -> Text:
    """How much of the story is over."""
    halves = _halves(ratio, width)
    done = NOW * (halves // 2) + (NOW_HALF if halves % 2 else "")
    return Text.assemble((done, ACCENT), ("─" * (width - len(done)), DIM), no_wrap=True)


def _halves(ratio: float, width: int) -> int:
    """Half cells that a ratio fills: at least one for anything above 0, never more than there are."""
    filled = min(max(round(ratio * width * 2), 0), width * 2)
    return max(filled, 1) if ratio > 0 else filled
