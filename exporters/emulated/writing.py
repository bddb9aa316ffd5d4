"""Keeps an emulated board's tree on disk: one owner at a time, every file replaced whole, what did not change left alone."""

from __future__ import annotations

import fcntl
import json
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


class RootRefused(Exception):
    """The folder cannot be used; the text is a sentence for the person who named it."""


class TreeWriter:
    """The tree of one board under ``root``. Holds a lock until ``close``: two writers would let counters fall.

    Raises:
        RootRefused: ``root`` is /, no folder, another board's, or holds what the emulator did not write.
        OSError: it cannot be written.
    """

    def __init__(self, root: Path, board: str) -> None:
        self.root, self.board = root, board
        self._written: dict[str, str | None] = {}
        _refuse_what_is_not_ours(root, board)
        (root / _OWN_FOLDER).mkdir(parents=True, exist_ok=True)
        self._lock = os.open(root / MARKER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
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
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return (state, boot) if len(state.busy_seconds) == len(state.idle_seconds) == len(silicon.cores) else None

    def close(self) -> None:
        """Let go of the folder; the tree stays as it is."""
        os.close(self._lock)

    def _put(self, path: str, text: str | None) -> None:
        place = self.root / path
        if text is None:
            place.unlink(missing_ok=True)
            return
        following = self.root / _NEXT
        following.write_text(text, encoding="utf-8")
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
    marker = _marker(root / MARKER)
    if marker.get("schema") != SCHEMA:
        raise RootRefused(f"--root {root} holds files that the emulator did not write: name an empty folder.")
    if marker.get("board") != board:
        raise RootRefused(f"--root {root} is an emulated {marker.get('board')}, not {board}: name another folder, or remove this one.")


def _marker(path: Path) -> Mapping[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}
