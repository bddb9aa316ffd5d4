"""One finding of `edgeshift check`, and how a few of many names are told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

NAMES_SHOWN: Final = 5
"""A line stays a line; the rest is counted."""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """What was looked at, how it is, and what to do; ``ok`` with an advice is a note: worth knowing, but no failure."""

    ok: bool
    subject: str
    sentence: str
    advice: str = ""

    @property
    def state(self) -> Literal["ok", "note", "FAIL"]:
        """The finding in one word."""
        if not self.ok:
            return "FAIL"
        return "note" if self.advice else "ok"


def few(names: Collection[str]) -> str:
    """The first names, in order, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - NAMES_SHOWN} more" if len(ordered) > NAMES_SHOWN else ""
    return ", ".join(ordered[:NAMES_SHOWN]) + more
