"""Keeps an emulated board's tree on disk: one owner at a time, every file replaced whole, what did not change left alone."""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from exporters.emulated.boards import Board, write
from exporters.emulated.model import Silicon, State
from exporters.emulated.rendering import SCHEMA, Frame

MARKER: Final = "edgeshift/emulated.json"
TRUTH: Final = "edgeshift/truth.json"
_OWN_FOLDER: Final = "edgeshift"
_NEXT: Final = "edgeshift/.next"
"""Files are made here first, so that no reader that lists a folder of the tree meets half a file."""


_FIRST: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""A file that was not there before, and no link."""

_COLDEST_CELSIUS, _HOTTEST_CELSIUS = -55.0, 150.0
_MOST_SECONDS: Final = 1e12


class RootRefused(Exception):
    """The folder cannot be used; the text is a sentence for the person who named it."""


class TreeWriter:
    """The tree of one board under ``root``. Holds a lock until ``close``: two writers would let counters fall.

    Raises:
        RootRefused: ``root`` is /, no folder, another board's, or holds what the emulator did not write or a link that leads out of it.
        OSError: it cannot be written.
    """

    def __init__(self, root: Path, board: str) -> None:
        self.root, self.board = root, board
        self._real = os.path.realpath(root)
        self._written: dict[str, str | None] = {}
        _refuse_what_is_not_ours(root, board)
        (root / _OWN_FOLDER).mkdir(parents=True, exist_ok=True)
        self._lock = os.open(root / MARKER, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise RootRefused(f"Another emulator keeps {root} moving: end it first, or choose another folder.") from None
        self._mark(complete=self.is_complete)

    @property
    def is_complete(self) -> bool:
        """Whether the whole tree has been written once."""
        return _marker(self.root / MARKER).get("complete") is True

    def begin(self, board: Board, first: Frame, state: State) -> None:
        """Write a new tree, with what moves as it is in its first moment: no reader ever sees the constructed numbers."""
        texts = {path: text for path, text in first.files.items() if text is not None}
        gone = {path for path, text in first.files.items() if text is None}
        still = {path: text for path, text in {**board.files, **texts}.items() if path not in gone}
        write(replace(board, files=still), self.root)
        self.step(first, state)
        self._mark(complete=True)

    def step(self, frame: Frame, state: State) -> None:
        """Write what changed since the last step, the truth last."""
        for path, text in frame.files.items():
            if path not in self._written or self._written[path] != text:
                self._put(path, text)
                self._written[path] = text
        truth = {**frame.truth, "board": self.board, "state": asdict(state)}
        self._put(TRUTH, json.dumps(truth, indent=1) + "\n")

    def last(self, silicon: Silicon) -> tuple[State, float] | None:
        """The state and boot time that an earlier emulator left here; None where there is none that fits."""
        try:
            truth = json.loads((self.root / TRUTH).read_text(encoding="utf-8"))
            found: dict[str, Any] = {
                key: tuple(map(float, value)) if isinstance(value, list) else float(value) for key, value in truth["state"].items()
            }
            state = State(**found)
            boot = float(truth["boot_timestamp_seconds"])
            can_be = _can_be(state, boot, silicon)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return (state, boot) if can_be else None

    def close(self) -> None:
        """Let go of the folder; the tree stays as it is."""
        os.close(self._lock)

    def _put(self, path: str, text: str | None) -> None:
        place = self.root / path
        if text is None:
            place.unlink(missing_ok=True)
            return
        if not _is_within(place.parent, self._real):
            raise RootRefused(f"{place.parent} leads out of {self.root}, where nothing is written: remove the link.")
        following = self.root / _NEXT
        following.unlink(missing_ok=True)  # left by one that was killed
        with os.fdopen(os.open(following, _FIRST, 0o644), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(following, place)

    def _mark(self, complete: bool) -> None:
        """Say whose folder this is; written in place, since the lock hangs on this very file."""
        text = json.dumps({"schema": SCHEMA, "board": self.board, "complete": complete}) + "\n"
        os.pwrite(self._lock, text.encode(), 0)
        os.ftruncate(self._lock, len(text))


def _refuse_what_is_not_ours(root: Path, board: str) -> None:
    if root.resolve() == Path("/"):
        raise RootRefused("--root / is this machine itself: name an empty folder for the emulated board.")
    if root.exists() and not root.is_dir():
        raise RootRefused(f"--root {root} is not a folder: name an empty one, or one that is not there yet.")
    if not root.exists() or not any(root.iterdir()):
        return
    if _was_just_begun(root):
        return
    marker = _marker(root / MARKER)
    if marker.get("schema") != SCHEMA:
        raise RootRefused(f"--root {root} holds files that the emulator did not write: name an empty folder.")
    if marker.get("board") != board:
        raise RootRefused(f"--root {root} is an emulated {marker.get('board')}, not {board}: name another folder, or remove this one.")
    for folder, folders, files in os.walk(root):
        links = (name for name in (*folders, *files) if os.path.islink(f"{folder}/{name}"))
        if out := next((name for name in links if not _is_within(Path(folder, name), os.path.realpath(root))), ""):
            raise RootRefused(f"{folder}/{out} leads out of {root}, where nothing is written: remove the link, or name another folder.")


def _was_just_begun(root: Path) -> bool:
    """Whether an emulator was killed between making its marker and writing it: there is nothing else then."""
    marker = root / MARKER
    entries = [path for folder in (root, root / _OWN_FOLDER) if folder.is_dir() and not folder.is_symlink() for path in folder.iterdir()]
    return entries == [marker.parent, marker] and not marker.is_symlink() and marker.is_file() and marker.stat().st_size == 0


def _is_within(path: Path, real_root: str) -> bool:
    """Whether a path, with all links followed, is in the tree, or is the tree's own root."""
    return os.path.commonpath((os.path.realpath(path), real_root)) == real_root


def _can_be(state: State, boot: float, silicon: Silicon) -> bool:
    """Whether an emulator can have left this state of a board with these cores."""
    heat = (state.cpu_celsius, state.gpu_celsius, state.board_celsius)
    counted = (*state.busy_seconds, *state.idle_seconds, state.story_seconds, boot)
    if not all(map(math.isfinite, (*heat, *counted))) or {len(state.busy_seconds), len(state.idle_seconds)} != {len(silicon.cores)}:
        return False
    return all(_COLDEST_CELSIUS <= celsius <= _HOTTEST_CELSIUS for celsius in heat) and all(0 <= one <= _MOST_SECONDS for one in counted)


def _marker(path: Path) -> Mapping[str, Any]:
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}
