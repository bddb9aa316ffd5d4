"""An empty journal without its first opening, whose migrations take longer than most of what a test then does with it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from decision_engine.execute.journal import Journal


def write_empty_journal(file: Path) -> None:
    """Write a SQLite journal as its first opening leaves it."""
    file.write_bytes(_empty())


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "journal.sqlite"
        Journal.open(f"sqlite:///{file}").close()
        return file.read_bytes()
