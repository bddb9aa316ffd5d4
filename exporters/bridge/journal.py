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
from zlib import crc32

from exporters.bridge.reading import contents

FORMAT: Final = 2
"""Since 2 each line has a checksum and a number before its JSON; a line of 1 has none and counts as damaged."""
_MODE: Final = 0o640
_FLUSHED_BYTES: Final = 65_536
_MOST_BYTES: Final = 1 << 30
"""A fleet of ten thousand devices needs a hundredth of it."""
_LEAST_ROOM_BYTES: Final = 8_192
_ROOM_FOR_GROWTH: Final = 2
"""The next snapshot has room reserved for twice what the last one took."""
_TO_READ: Final = (ValueError, TypeError, KeyError, RecursionError)


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
    The next snapshot is written into ``path.new``, which keeps its room on the disk all the while: so a disk that the log has
    filled can always be cleared, by a snapshot that needs no more room and then takes the place of the log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(path.name + ".log")
        self._next = path.with_name(path.name + ".new")
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
        with suppress(OSError):
            self._reserve(self._path.stat().st_size if self._path.exists() else 0)

    def close(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read(self) -> Found:
        """What was kept. Damaged lines are left out and everything else is taken; a file with damage is set aside as well.

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

    def set_aside(self) -> str:
        """Keep a second name for both files as they are now, for a person to look at; the answer says which, in half a sentence."""
        return " and ".join(filter(None, (self._aside(self._path, ""), self._aside(self._log, ".log"))))

    def append(self, entries: Iterable[dict[str, Any]]) -> None:
        """Add entries to the log; when this returns they outlive a loss of power.

        Raises:
            OSError: they could not be written, and none of them is there.
        """
        lines = [(entry["n"], _line(entry["n"], entry)) for entry in entries]
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
        file = os.open(self._next, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, _MODE)  # not O_TRUNC: its room is already its own
        try:
            waiting, count, size = bytearray(_line(number, {"format": FORMAT})), 0, 0
            for row in rows:
                count += 1
                waiting += _line(number, row)
                if len(waiting) > _FLUSHED_BYTES:
                    size += _write(file, bytes(waiting))
                    waiting.clear()
            size += _write(file, bytes(waiting) + _line(number, {"rows": count}))
            os.ftruncate(file, size)
            os.fsync(file)
        finally:
            os.close(file)
        os.replace(self._next, self._path)
        self._sync_folder()
        if self._logged <= number:
            self._log.unlink(missing_ok=True)
        self._reserve(size)

    def _reserve(self, bytes_now: int) -> None:
        """Give the next snapshot its room on the disk already; where that fails, it is tried again after the next one."""
        with suppress(OSError):
            file = os.open(self._next, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, _MODE)
            try:
                os.posix_fallocate(file, 0, max(_LEAST_ROOM_BYTES, _ROOM_FOR_GROWTH * bytes_now))
            finally:
                os.close(file)

    def _read_snapshot(self, found: Found) -> None:
        try:
            lines = _lines(self._path)
        except FileNotFoundError:
            return
        read = [_read(line) for line in lines]
        found.number = next((one[0] for one in read if one), 0)
        values = [one[1] for one in read if one and one[0] == found.number]
        promised = next((value["rows"] for value in values if isinstance(value, dict) and "rows" in value), None)
        formats = [value["format"] for value in values if isinstance(value, dict) and "format" in value]
        ours = all(one == FORMAT for one in formats)
        found.rows = [value for value in values if isinstance(value, list) and ours]
        if formats == [FORMAT] and promised == len(found.rows) == len(lines) - 2:
            return
        lost = max(1, len(lines) - len(values), (promised or 0) - len(found.rows))
        kept = f"{len(found.rows)} counters of it are kept" if found.rows else "its counters begin at 0"
        found.sentences.append(
            f"The state file {self._path} was {self._aside(self._path, '')}: at least {lost} of its lines damaged or missing; {kept}."
        )

    def _read_log(self, found: Found) -> None:
        try:
            lines = _lines(self._log)
        except FileNotFoundError:
            return
        read = [one for one in map(_read, lines) if one and isinstance(one[1], dict)]
        for number, entry in read:
            if number > found.number:
                found.entries.append({**entry, "n": number})
                found.number = number
        self._logged = found.number
        if damaged := len(lines) - len(read):
            found.sentences.append(
                f"{self._log} was {self._aside(self._log, '.log')}: {damaged} of its lines damaged and left out, the others are kept;"
                " a line cut off by a crash was never answered."
            )

    def _aside(self, path: Path, ending: str) -> str:
        """Another name for the same bytes: it takes no room, and what is good in them stays until the next snapshot holds it."""
        aside = self._path.with_name(f"{self._path.name}.broken{ending}")
        if not path.exists():
            return ""
        try:
            aside.unlink(missing_ok=True)
            os.link(path, aside)
        except OSError as error:
            return f"not set aside ({error.strerror})"
        return f"set aside as {aside.name}"

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _line(number: int, value: object) -> bytes:
    """CRC-32 of all that follows it, the number, and the value: all of it in ASCII, which can always be written."""
    said = f" {number} {json.dumps(value, separators=(',', ':'))}".encode("ascii")
    return b"%08x%b\n" % (crc32(said), said)


def _lines(path: Path) -> list[bytes]:
    return [line for line in contents(path, _MOST_BYTES).split(b"\n") if line]


def _read(line: bytes) -> tuple[int, Any] | None:
    """Number and value of a line; None where it is not as it was written."""
    try:
        checksum, said = line[:8], line[8:]
        if b"%08x" % crc32(said) != checksum:
            return None
        _, number, value = said.split(b" ", 2)
        return int(number), json.loads(value)
    except _TO_READ:
        return None


def _write(file: int, data: bytes) -> int:
    """All of it, although the system may take less at once; how many bytes that were."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
    return len(data)
