"""A recorded tree as the board was for whoever recorded it: what could not be read there for want of permission cannot be read here."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from exporters.device.sensor import SensorError
from exporters.device.tree import Tree

NOTE: Final = "edgeshift/recording.json"
"""What a recording says of itself; ``left_out`` in it gives the reason for each path that is not there."""

NOT_PERMITTED: Final = "permission denied"


def tree_at(root: Path) -> Tree:
    """The files below a root; of a recording, which says so itself, with its refusals."""
    tree = Tree(root)
    try:
        note = json.loads(tree.text(NOTE))
        refused = [path for path, reason in note["left_out"].items() if reason == NOT_PERMITTED]
    except (OSError, ValueError, SensorError, TypeError, KeyError, AttributeError, RecursionError):
        return tree  # no recording, or one that says nothing of the kind
    return RecordedTree(root, frozenset(refused)) if refused else tree


class RecordedTree(Tree):
    """``refused`` are files, or folders with all that is in them, that raise PermissionError as they did on the board."""

    def __init__(self, root: Path, refused: frozenset[str]) -> None:
        super().__init__(root)
        self._refused = refused

    def text(self, path: str) -> str:
        """As ``Tree.text``."""
        self._refuse(path)
        return super().text(path)

    def pieces(self, path: str, most_bytes: int) -> Iterator[bytes]:
        """As ``Tree.pieces``."""
        self._refuse(path)
        return super().pieces(path, most_bytes)

    def names(self, folder: str) -> list[str]:
        """As ``Tree.names``: a file that may not be read can still be seen."""
        self._refuse(folder)
        seen = {path.rpartition("/")[2] for path in self._refused if path.rpartition("/")[0] == folder}
        return sorted(seen.union(super().names(folder)))

    def has(self, path: str) -> bool:
        """As ``Tree.has``."""
        return path in self._refused or super().has(path)

    def _refuse(self, path: str) -> None:
        while path:
            if path in self._refused:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            path = path.rpartition("/")[0]
