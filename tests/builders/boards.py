"""Constructed boards in memory, whole or damaged file by file, and what the device's sources say over them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Final

import pytest

from exporters.device.disk import DISK_FILE
from exporters.device.sensor import UNREADABLE, SensorError
from exporters.device.tree import Tree
from exporters.emulated.boards import Board, load, names, write

BOARDS: Final = names()
UNALIKE: Final = [
    name if name in ("nano", "agx-xavier", "orin-nx", "thor") else pytest.param(name, marks=pytest.mark.thorough) for name in BOARDS
]
"""One board of each generation, and in a thorough run the others: for what writes whole trees."""

DATA: Final = Path(__file__).resolve().parents[1] / "exporters/boards/constructed"
NOW: Final = 1_760_000_000.0
"""When all boards are looked at: all of them were started before."""

TICKS_PER_SECOND: Final = 100.0
Damage = Callable[[str], str]
"""What becomes of a file's text; may raise what a kernel raises, or wait."""


def removed(text: str) -> str:
    """The file is gone, from its folder's listing too."""
    raise FileNotFoundError(text[:0])


def unreadable(text: str) -> str:
    """The file is there and may not be read; a file's mode would not stop the administrator."""
    raise PermissionError(text[:0])


def says(text: str) -> Damage:
    """The file holds this instead."""
    return lambda _: text


@cache
def board(name: str) -> Board:
    """Load a board once for all tests."""
    return load(name)


class BoardsOnDisk:
    """Boards as trees on a disk, each written when it is first asked for; whoever changes a tree writes one of his own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> Path:
        """The root of a board's tree, to be read only."""
        root = self._folder / name
        if not root.exists():
            write(board(name), root)
        return root


class MemoryTree(Tree):
    """A board's tree without a disk: the same answers as a ``Tree`` over ``boards.write``, and some files damaged."""

    def __init__(self, of: Board) -> None:
        super().__init__(Path("/nonexistent/board"))
        self._targets = dict(of.links)
        self.files: Mapping[str, str] = {**of.files, DISK_FILE: json.dumps(dict(of.disk), indent=2) + "\n"}
        self._held: dict[str, set[str]] = {}
        for path in (*self.files, *self._targets):
            self._enter(path)
        self._real: dict[str, str] = {}
        self._damaged: dict[str, Damage] = {}
        self.read: set[str] = set()

    @contextmanager
    def damaged(self, path: str, damage: Damage) -> Iterator[None]:
        """Damage one file for a while."""
        self._damaged[path] = damage
        try:
            yield
        finally:
            del self._damaged[path]

    def text(self, path: str) -> str:
        """As ``Tree.text``."""
        real = self.real(path)
        if real in self._held:
            raise SensorError(UNREADABLE)
        if real not in self.files:
            raise FileNotFoundError(path)
        self.read.add(real)
        damage = self._damaged.get(real)
        text = self.files[real] if damage is None else damage(self.files[real])
        return text.encode("utf-8", "surrogateescape").decode("ascii")

    def pieces(self, path: str, most_bytes: int) -> Iterator[bytes]:
        """As ``Tree.pieces``."""
        real = self.real(path)
        damaged = self._damaged.get(real)
        if real not in self.files or real in self._held:
            self.text(path)  # raises
        self.read.add(real)
        text = self.files[real] if damaged is None else damaged(self.files[real])
        yield text.encode("utf-8", "surrogateescape")[:most_bytes]

    def names(self, folder: str) -> list[str]:
        """As ``Tree.names``."""
        real = self.real(folder)
        return sorted(name for name in self._held.get(real, ()) if self._damaged.get(join(real, name)) is not removed)

    def has(self, path: str) -> bool:
        """As ``Tree.has``."""
        real = self.real(path)
        return real in self._held or (real in self.files and self._damaged.get(real) is not removed)

    def changed(self, folder: str) -> int:
        """As ``Tree.changed``: another number where a file is gone."""
        real = self.real(folder)
        return len(self.names(folder)) + 1 if real in self._held else 0

    def real(self, path: str) -> str:
        """A path without links."""
        if path not in self._real:
            self._real[path] = self._followed(path)
        return self._real[path]

    def _followed(self, path: str) -> str:
        done = ""
        for part in normpath(path).split("/"):
            done = normpath(join(done, part))
            if done in self._targets:
                done = self._followed(normpath(join(dirname(done), self._targets[done])))
        return done

    def _enter(self, path: str) -> None:
        """Make the folders above a path, through links where its way leads over one."""
        while path:
            parent, name = self._followed(dirname(path)), path.rpartition("/")[2]
            self._held.setdefault(parent, set()).add(name)
            path = parent if parent not in ("", ".") else ""
