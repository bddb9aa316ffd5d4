"""The state file: a snapshot replaced as a whole, and beside it a log to which events are added before they are answered."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FORMAT: Final = 1
_MODE: Final = 0o640
_FLUSHED_BYTES: Final = 65_536


class StateError(Exception):
    """The state file cannot be used; the text is a sentence for the person on call."""


@dataclass(slots=True)
class Found:
    """What a state file held: rows of the snapshot, entries of the log that came after it, and what was odd, in sentences."""

    rows: list[list[Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    number: int = 0
    sentences: list[str] = field(default_factory=list)


class Journal:
    """A snapshot at ``path`` and a log of numbered entries at ``path.log``; nothing of it is kept open but its lock.

    Each file is opened by its name each time, so that a folder that was taken away is noticed instead of written into the void.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(path.name + ".log")
        self._lock: int | None = None
        self._logged = 0  # the number of the last entry in the log

    def open(self) -> None:
        """Take the state file for this process alone.

        Raises:
            StateError: its folder cannot be written, or another bridge has it.
        """
        name = self._path.with_name(self._path.name + ".lock")
        try:
            self._lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise StateError(f"Another bridge uses the state file {self._path}; stop it, or give this one its own.") from error
        except OSError as error:
            raise StateError(f"The state file {self._path} cannot be used: {error.strerror}; name a place that can be written.") from error

    def close(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read(self) -> Found:
        """What was kept; a broken snapshot is set aside, damaged lines of the log are left out.

        Raises:
            StateError: a file is there but cannot be read.
        """
        found = Found()
        try:
            self._read_snapshot(found)
            self._read_log(found)
        except OSError as error:
            raise StateError(f"The state file {self._path} cannot be read: {error.strerror}.") from error
        return found

    def set_aside(self, with_log: bool = False) -> str:
        """Put a broken snapshot out of the way, with the log where that is broken too, and say so."""
        aside = self._path.with_name(self._path.name + ".broken")
        with suppress(OSError):
            os.replace(self._path, aside)
        if with_log:
            with suppress(OSError):
                os.replace(self._log, aside.with_name(aside.name + ".log"))
        return f"The state file {self._path} is damaged and was set aside as {aside.name}; counters begin at 0."

    def append(self, entries: Iterable[dict[str, Any]]) -> None:
        """Add entries to the log; when this returns they outlive a loss of power.

        Raises:
            OSError: they could not be written, and none of them is there.
        """
        lines = [(entry["n"], _line(entry)) for entry in entries]
        known = self._log.exists()
        log = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            before = os.fstat(log).st_size
            try:
                _write(log, b"\n" + b"".join(line for _, line in lines))  # the first line break ends a line that was cut off
                os.fsync(log)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(log, before)
                raise
        finally:
            os.close(log)
        if not known:
            self._sync_folder()
        self._logged = lines[-1][0]

    def replace(self, rows: Iterable[list[Any]], number: int) -> None:
        """Write another snapshot, which holds all entries up to ``number``, in place of the one before.

        Raises:
            OSError: it could not be written; the one before is still there.
        """
        fresh = self._path.with_name(self._path.name + ".new")
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)
        try:
            waiting, count = bytearray(_line({"format": FORMAT, "n": number})), 0
            for row in rows:
                count += 1
                waiting += _line(row)
                if len(waiting) > _FLUSHED_BYTES:
                    _write(file, bytes(waiting))
                    waiting.clear()
            _write(file, bytes(waiting) + _line({"rows": count}))
            os.fsync(file)
        finally:
            os.close(file)
        os.replace(fresh, self._path)
        self._sync_folder()
        if self._logged <= number:
            self._log.unlink(missing_ok=True)

    def _read_snapshot(self, found: Found) -> None:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return
        try:
            head, *rows, tail = [json.loads(line) for line in data.splitlines()]
            if head["format"] != FORMAT or tail["rows"] != len(rows) or not all(isinstance(row, list) for row in rows):
                raise ValueError("format")
            found.number, found.rows = int(head["n"]), rows
        except (ValueError, KeyError, TypeError, RecursionError):
            found.sentences.append(self.set_aside())

    def _read_log(self, found: Found) -> None:
        try:
            lines = self._log.read_bytes().splitlines()
        except FileNotFoundError:
            return
        damaged = 0
        after = found.number
        for line in filter(None, lines):
            try:
                entry = json.loads(line)
                number = int(entry["n"])
            except (ValueError, KeyError, TypeError, RecursionError):
                damaged += 1
                continue
            if number > after:
                found.entries.append(entry)
                found.number = max(found.number, number)
        self._logged = found.number
        if damaged:
            found.sentences.append(f"{damaged} damaged lines of {self._log} were left out; a line cut off by a crash was never answered.")

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"


def _write(file: int, data: bytes) -> None:
    """All of it, although the system may take less at once."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
