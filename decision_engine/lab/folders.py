"""The folder of a lab: one that the user keeps, or one that goes away, even if only the next lab can remove it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from decision_engine.lab.children import LabError

PREFIX = "edgeshift-lab-"
OWNER_FILE = ".owner"
"""Locked for as long as the lab lives; a folder without it is none that a lab made for itself, and is never touched."""


@contextmanager
def lab_folder(keep: Path | None) -> Iterator[Path]:
    """A new folder that is removed afterwards, or an empty one that the user wants to keep.

    Raises:
        LabError: the folder to be kept cannot be used, or no folder can be made.
    """
    if keep is not None:
        yield _kept(keep)
        return
    remove_left_behind(Path(tempfile.gettempdir()))
    try:
        directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        owner = own(directory)
    except OSError as error:
        raise LabError(f"no folder can be made under {tempfile.gettempdir()}: {error.strerror}; set TMPDIR to another place") from error
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(owner)


def own(directory: Path) -> int:
    """Mark the folder as that of a living process; the lock is held until the returned descriptor is closed, at the latest at its death."""
    unlocked = directory / f"{OWNER_FILE}.new"
    handle = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    unlocked.rename(directory / OWNER_FILE)  # only now, so that nobody ever sees the mark without its lock
    return handle


def remove_left_behind(parent: Path) -> tuple[Path, ...]:
    """Remove this user's lab folders whose owner is dead; answers which they were."""
    return tuple(found for found in sorted(parent.glob(f"{PREFIX}*")) if _is_left_behind(found) and _removed(found))


def empty(directory: Path) -> None:
    """Remove all that an attempt left in it, except for the owner's mark."""
    for found in directory.iterdir():
        if found.name == OWNER_FILE:
            continue
        if found.is_dir() and not found.is_symlink():
            shutil.rmtree(found, ignore_errors=True)
        else:
            found.unlink(missing_ok=True)


def _is_left_behind(directory: Path) -> bool:
    """Whether it is ours, was marked, and the mark's lock is free."""
    with suppress(OSError):
        if directory.is_symlink() or directory.stat().st_uid != os.getuid():
            return False
        handle = os.open(directory / OWNER_FILE, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(handle)
        return True
    return False


def _removed(directory: Path) -> bool:
    shutil.rmtree(directory, ignore_errors=True)
    return not directory.exists()


def _kept(keep: Path) -> Path:
    try:
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise LabError(f"{keep} is not empty: name a new folder, or empty it first")
    except OSError as error:
        raise LabError(f"{keep} cannot be used: {error.strerror}") from error
    return keep.resolve()
