"""The directory of one placement on disk: what was ordered, whether its program lives, and what it said last.

A directory appears and disappears whole, by renaming. «Alive» means that the lock file is held: the kernel drops the
lock with the last process that has it, so a process id that was used again can never look like our program.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import unquote

HIDDEN = "."
"""Directories being made or removed begin so; placements never do."""

DETAIL_LINES, DETAIL_BYTES = 5, 2000
"""How much of a dead program's output is shown to people: a traceback's end says what went wrong."""

KEPT_AFTER_TRIM_BYTES = 65_536
"""The newest output that stays when a log was cut."""

LOCK_TRIES, LOCK_PAUSE_SECONDS = 5, 0.01
"""Whoever only looks holds the lock for microseconds; whoever still has it after this is a program."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One order as it stands on disk: ``launch`` names the one launch that it allows, ``at`` is Unix time."""

    launch: str
    order: str
    environment_class: str
    version: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    working_directory: str
    at: float


@dataclass(frozen=True, slots=True)
class Record:
    """One placement's directory."""

    directory: Path

    @property
    def ready_file(self) -> Path:
        """What the program touches once it is ready."""
        return self.directory / "ready"

    @property
    def placement(self) -> str:
        """The placement's name, which the directory's name is made of."""
        return unquote(self.directory.name)

    def exists(self) -> bool:
        """Whether there is an order on disk."""
        return self.directory.is_dir()

    def create(self, spec: Spec) -> None:
        """Write the order down, whole or not at all.

        Raises:
            OSError: the disk refused, or the directory exists already.
        """
        making = self.directory.with_name(f"{HIDDEN}making-{spec.launch}")
        making.mkdir(mode=0o700)
        (making / "lock").touch(mode=0o600)
        _write(making / "spec.json", json.dumps(asdict(spec)))
        making.rename(self.directory)

    def spec(self) -> Spec | None:
        """The order; None when it is gone or was damaged by somebody."""
        try:
            found = json.loads((self.directory / "spec.json").read_text(encoding="utf-8"))
            return Spec(**{**found, "argv": tuple(found["argv"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def alive(self) -> bool:
        """Whether a process holds the lock."""
        try:
            lock = os.open(self.directory / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not _take(lock, fcntl.LOCK_SH, tries=1)
        finally:
            os.close(lock)

    def launched(self) -> bool:
        """Whether the program was ever started; one order is started once."""
        return (self.directory / "pid").exists()

    def ready_since(self) -> float | None:
        """Unix time at which the program said that it is ready; None while it has not."""
        try:
            return self.ready_file.stat().st_mtime
        except FileNotFoundError:
            return None

    def remember(self, what: str, at: float) -> float:
        """Keep the first time at which something was so, and answer that time."""
        if (before := self.remembered(what)) is not None:
            return before
        _write(self.directory / what, repr(at))
        return at

    def remembered(self, what: str) -> float | None:
        """Unix time kept under a name; None when there is none."""
        try:
            return float((self.directory / what).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the living program and its children; nothing happens when it is gone."""
        with suppress(OSError, ValueError):
            pid = int((self.directory / "pid").read_text(encoding="utf-8"))
            if self.alive():
                os.killpg(pid, number)

    def last_lines(self) -> str:
        """The end of the program's output, on one line; "" when it said nothing."""
        text = ""
        for name in ("output.log", "output.log.1"):
            with suppress(OSError):
                text = text or _tail(self.directory / name, DETAIL_BYTES).decode(errors="replace").strip()
        return " | ".join(line.strip() for line in text.splitlines()[-DETAIL_LINES:] if line.strip())

    def trim_output(self, limit_bytes: int) -> None:
        """Once the output has passed its limit, keep its newest part beside it and begin again (the program appends)."""
        output = self.directory / "output.log"
        with suppress(OSError):
            if output.stat().st_size > limit_bytes:
                kept = _tail(output, min(KEPT_AFTER_TRIM_BYTES, limit_bytes))
                os.truncate(output, 0)
                (self.directory / "output.log.1").write_bytes(kept)

    def remove(self) -> bool:
        """Take the directory away in one step, then its files; False when a program lives in it and it stays.

        The lock is held meanwhile, so that a launcher of an engine that was killed cannot start into what goes away.
        """
        try:
            lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            return True
        try:
            if not _take(lock, fcntl.LOCK_EX, tries=LOCK_TRIES):
                return False
            going = self.directory.with_name(f"{HIDDEN}going-{uuid.uuid4().hex}")
            self.directory.rename(going)
            shutil.rmtree(going, ignore_errors=True)
            return True
        finally:
            os.close(lock)


def _take(lock: int, kind: int, tries: int) -> bool:
    """Take a lock, exclusive or shared (lookers do not disturb one another); False when it stays with somebody else."""
    for attempt in range(tries):
        if attempt:
            time.sleep(LOCK_PAUSE_SECONDS)
        with suppress(BlockingIOError):
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
            return True
    return False


def _write(path: Path, text: str) -> None:
    """Write a small file so that it is there whole, or not at all, after a crash."""
    unfinished = path.with_name(f"{HIDDEN}{path.name}")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _tail(path: Path, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - length))
        return file.read()
