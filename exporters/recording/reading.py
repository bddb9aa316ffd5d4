"""Reads files below a root with limits: links stay inside the root, nothing too long is taken, nothing that hangs is waited for."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from queue import Empty, SimpleQueue
from typing import Final, TypeVar, cast

from exporters.device.recorded import NOT_PERMITTED

MAX_FILE_BYTES: Final = 64 * 1024

_MAX_LINKS: Final = 40
"""As many as Linux itself follows, see path_resolution(7)."""

T = TypeVar("T")


class NotTaken(Exception):
    """A file or folder is there but not part of the recording; the text says why."""


class Root:
    """Files by their path from ``root``. Each look is given up after ``limit_seconds``: a driver that hangs must not hang the rest."""

    def __init__(self, root: Path, limit_seconds: float) -> None:
        self.root = root
        self._worker = Worker(limit_seconds)

    def names(self, folder: str) -> list[str]:
        """What a folder holds, sorted; nothing where there is none.

        Raises:
            NotTaken: it may not be listed, or does not answer.
        """
        try:
            return sorted(self._worker.do(lambda: os.listdir(self._place(folder))))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise NotTaken(_words(error)) from None

    def read(self, path: str, most_bytes: int = MAX_FILE_BYTES) -> bytes | None:
        """A whole file; None where there is none, or a folder.

        Raises:
            NotTaken: it cannot be read, is too long, no plain file, or does not answer.
        """
        try:
            return self._worker.do(lambda: _read(self._place(path), most_bytes))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NotTaken(_words(error)) from None

    def _place(self, path: str) -> Path:
        """Where a path leads, with every link taken as if ``root`` were the machine's own."""
        left, at, links = list(reversed(PurePosixPath(path).parts)), PurePosixPath(), 0
        while left:
            part = left.pop()
            if part == "..":
                at = at.parent
                continue
            place = self.root / at / part
            if not place.is_symlink():
                at = at / part
                continue
            links += 1
            if links > _MAX_LINKS:
                raise NotTaken("its links lead in a circle")
            target = PurePosixPath(os.readlink(place))
            if target.is_absolute():
                at, target = PurePosixPath(), target.relative_to("/")
            left += reversed(target.parts)
        return self.root / at


class Worker:
    """Does things in a thread that is left behind when it takes too long: a thread in a dead driver cannot be ended."""

    def __init__(self, limit_seconds: float) -> None:
        self._limit_seconds = limit_seconds
        self._orders: SimpleQueue[Callable[[], object]] | None = None
        self._answers: SimpleQueue[object] = SimpleQueue()

    def do(self, look: Callable[[], T]) -> T:
        """What ``look`` answers.

        Raises:
            NotTaken: it did not answer in time.
            Exception: whatever it raised.
        """
        if self._orders is None:
            self._orders, self._answers = SimpleQueue(), SimpleQueue()
            threading.Thread(target=_work, args=(self._orders, self._answers), name="record", daemon=True).start()
        self._orders.put(look)
        try:
            answer = self._answers.get(timeout=self._limit_seconds)
        except Empty:
            self._orders = None
            raise NotTaken(f"no answer within {self._limit_seconds:g} s") from None
        if isinstance(answer, Exception):
            raise answer
        return cast(T, answer)


def _work(orders: SimpleQueue[Callable[[], object]], answers: SimpleQueue[object]) -> None:
    while True:
        try:
            answers.put(orders.get()())
        except Exception as error:  # handed to whoever asked
            answers.put(error)


def _read(place: Path, most_bytes: int) -> bytes | None:
    # Without O_NONBLOCK opening a named pipe waits for a writer for ever.
    descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            return None
        if not stat.S_ISREG(mode):
            raise NotTaken("no plain file")
        parts, left = [], most_bytes + 1
        while left > 0 and (part := os.read(descriptor, left)):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(descriptor)
    if left <= 0:
        raise NotTaken(f"longer than {most_bytes // 1024} KiB")
    return b"".join(parts)


def _words(error: OSError) -> str:
    return NOT_PERMITTED if isinstance(error, PermissionError) else (error.strerror or "cannot be read").lower()
