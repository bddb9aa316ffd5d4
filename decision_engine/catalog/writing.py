"""Writes files so that a reader or a power cut sees the old content or the new one, never a half."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

NEW_FILE_MODE: Final = 0o644
"""For files that other programs read, such as Prometheus its targets; nothing written here is a secret."""


def write_atomically(path: Path, text: str) -> None:
    """Replace a file's content; mode and, where allowed, owner of an existing file are kept.

    The temporary name begins with a dot and ends in ``.tmp``, so that no pattern of Prometheus' file_sd takes it in.

    Raises:
        OSError: it cannot be written; the old content stands then.
    """
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            _take_over(target, file.fileno())
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(target.parent)


def append_line(path: Path, line: str) -> None:
    """Add one line to a file and see it onto the disk.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """See a rename onto the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _take_over(target: Path, descriptor: int) -> None:
    """Give the new file the mode and owner of the old one."""
    try:
        old = target.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, NEW_FILE_MODE)
        return
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
    with suppress(PermissionError):  # only root may give a file to somebody else
        os.fchown(descriptor, old.st_uid, old.st_gid)
