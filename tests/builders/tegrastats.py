"""Every public form of a tegrastats line, from the boards' files, with its source."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BOARDS: Final = Path(__file__).parents[1] / "exporters" / "boards" / "constructed"
SUFFIX: Final = ".tegrastats.toml"


@dataclass(frozen=True, slots=True)
class Line:
    """One line as a board prints it, its newline included."""

    board: str
    release: str
    source: str
    note: str
    text: str

    @property
    def id(self) -> str:
        """What tells it apart in a test's name."""
        return f"{self.board}-{self.release}"


def lines() -> tuple[Line, ...]:
    """All of them, by board."""
    found = []
    for path in sorted(BOARDS.glob(f"*{SUFFIX}")):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        found += [Line(document["board"], line["release"], line["source"], line["note"], line["text"]) for line in document["line"]]
    return tuple(found)


LINES: Final = lines()
