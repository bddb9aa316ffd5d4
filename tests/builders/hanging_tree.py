"""A tree on disk of which some files hang until a test is over."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from exporters.device.tree import Tree

MOST_SECONDS: Final = 20.0
"""After this a hanging file answers by itself, so that a failing test ends."""


class Hanging(Tree):
    """A tree in which whatever is asked of paths with a word in them waits until the test is over."""

    def __init__(self, root: Path, word: str) -> None:
        super().__init__(root)
        self._word = word
        self.over = threading.Event()

    def text(self, path: str) -> str:
        """As ``Tree.text``."""
        self._wait(path)
        return super().text(path)

    def has(self, path: str) -> bool:
        """As ``Tree.has``."""
        self._wait(path)
        return super().has(path)

    def _wait(self, path: str) -> None:
        if self._word in path:
            self.over.wait(MOST_SECONDS)
