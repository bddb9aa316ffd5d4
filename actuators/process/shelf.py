"""The state directory: all placements of this machine, changed by one verb at a time whoever gives it."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from actuators.process.naming import directory_name
from actuators.process.record import HIDDEN, Record

PAUSE_SECONDS = 0.01
"""How often a verb that waits for another one looks again."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The directories of all placements under ``root``."""

    root: Path

    def record(self, placement: str) -> Record:
        """The directory of one placement, whether it is there or not."""
        return Record(self.root / directory_name(placement))

    def records(self) -> list[Record]:
        """All placements on disk.

        Raises:
            OSError: the directory cannot be read.
        """
        if not self.root.exists():
            return []
        return [Record(path) for path in sorted(self.root.iterdir()) if path.is_dir() and not path.name.startswith(HIDDEN)]

    @contextmanager
    def alone(self, wait_seconds: float) -> Iterator[bool]:
        """Be the only one who changes the directory; False when somebody else was for all of ``wait_seconds``.

        The kernel gives the lock back when its holder is killed.

        Raises:
            OSError: the directory cannot be made or written.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.root / f"{HIDDEN}orders", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + wait_seconds
        try:
            while not (mine := _try_lock(lock)) and time.monotonic() < deadline:
                time.sleep(PAUSE_SECONDS)
            yield mine
        finally:
            os.close(lock)

    def clear_leftovers(self) -> None:
        """Remove directories whose making or removing was interrupted; only for who is alone."""
        for leftover in self.root.glob(f"{HIDDEN}*-*"):
            shutil.rmtree(leftover, ignore_errors=True)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
