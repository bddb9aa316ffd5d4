"""Tells the story as it happens: a live picture on a terminal, or one line per event where there is none."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from rich.console import Console
from rich.live import Live

from decision_engine.lab.narrate import Line, Narrator, Tone
from decision_engine.lab.view import LabView

REFRESHES_PER_SECOND = 4


def remark(sentence: str) -> None:
    """Say something before there is a screen or a story."""
    print(f"edgeshift lab: {sentence}", file=sys.stderr, flush=True)


class Telling:
    """Where events and remarks go. ``headless`` prints lines to standard error, so that JSON has standard output to itself."""

    def __init__(self, view: LabView, story_began: float, headless: bool) -> None:
        self._view = view
        self._narrator = Narrator(story_began)
        self._story_began = story_began
        self._headless = headless
        self._console = Console(stderr=headless)
        self._live: Live | None = None

    def shown(self) -> AbstractContextManager[Any]:
        """While inside, the picture is on the screen."""
        if self._headless:
            return nullcontext()
        self._live = Live(
            console=self._console,
            refresh_per_second=REFRESHES_PER_SECOND,
            screen=False,
            get_renderable=lambda: self._view.render(time.time()),
        )
        return self._live

    def take(self, event: str, body: dict[str, Any]) -> None:
        """Tell one event."""
        if not self._headless:
            self._view.take(event, body)
            return
        for line in self._narrator.lines(event, body):
            self._print(line)

    def note(self, text: str, tone: Tone = "plain") -> None:
        """Tell a remark of the lab's own."""
        if self._headless:
            self._print(Line(time.time() - self._story_began, text, tone))
        else:
            self._view.note(text, tone)

    def finish(self, result: dict[str, Any]) -> None:
        """The result as a table, for a person."""
        self._console.print(self._view.final_summary(result))

    def _print(self, line: Line) -> None:
        print(f"[{line.at_seconds:5.1f} s] {line.text}", file=sys.stderr, flush=True)
