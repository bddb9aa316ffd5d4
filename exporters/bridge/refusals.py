"""Remembers what was refused lately and why, and keeps secrets out of everything that is shown."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import asdict, dataclass
from typing import Final

_KEPT: Final = 200
"""The last ones are enough to see what is wrong now; the counters tell how often."""

_LONGEST_SHOWN: Final = 40
"""Ids, names of AIs and class words are shorter; what is longer may be a key."""

_HARMLESS: Final = re.compile(rf"[\w.-]{{1,{_LONGEST_SHOWN}}}")
"""Letters of any language, digits and . _ -: no address with a password in it, and no key=value pair, is made of these alone."""


def shown(value: object) -> str:
    """A value as it may be shown to a person: itself where it can hold no credential, else only what kind of thing it is."""
    if isinstance(value, str):
        return value if _HARMLESS.fullmatch(value) and value.isprintable() else f"({len(value)} characters, not shown)"
    if isinstance(value, (int, float)):
        return _number(value)
    return "(not shown)"


def _number(value: float) -> str:
    try:
        return f"{value:g}"
    except OverflowError:  # a whole number of hundreds of digits
        return "(a number too large)"


@dataclass(frozen=True, slots=True)
class Refused:
    """One refusal as people see it: Unix seconds, the path, who asked, the reason's name, and a sentence."""

    at: float
    path: str
    who: str
    reason: str
    detail: str


class Refusals:
    """The last refusals, newest first when listed."""

    def __init__(self) -> None:
        self._last: deque[Refused] = deque(maxlen=_KEPT)

    def add(self, refused: Refused) -> None:
        """Remember one; the oldest makes room."""
        self._last.append(refused)

    def listed(self) -> list[dict[str, object]]:
        """All that are remembered, for JSON."""
        return [asdict(one) for one in reversed(self._last)]
