"""Lets one lab of a user at a time choose its ports: a lock in the system's temporary folder, held until all parts listen."""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from decision_engine.lab.children import LabError

POLL_SECONDS = 0.2
WAIT_SECONDS = 300.0
"""Some labs in front of this one, each with the half minute that its slowest part may take, twice over."""


def lock_path() -> Path:
    """The lock's file; every user has one of its own, since nobody may write another user's."""
    return Path(tempfile.gettempdir()) / f"edgeshift-lab.{os.getuid()}.ports.lock"


@asynccontextmanager
async def choosing_ports(stopped: asyncio.Event, tell: Callable[[str], None]) -> AsyncIterator[None]:
    """While inside, no other lab of this user chooses ports; the kernel lets go of the lock when this process dies.

    ``tell`` is told once when another lab has to be waited for.

    Raises:
        LabError: the lock cannot be used, another lab keeps it for too long, or ``stopped`` was set while waiting.
    """
    path = lock_path()
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise LabError(f"the lock {path}, by which labs take turns to choose ports, cannot be used: {error.strerror}") from error
    try:
        await _wait_for(handle, stopped, tell)
        yield
    finally:
        os.close(handle)


async def _wait_for(handle: int, stopped: asyncio.Event, tell: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    began, told = loop.time(), False
    while not _taken(handle):
        if stopped.is_set():
            raise LabError("stopped by hand before it had begun")
        if loop.time() - began > WAIT_SECONDS:
            raise LabError(f"another lab of yours is still choosing its ports after {WAIT_SECONDS:.0f} s: end it first")
        if not told:
            tell("another lab of yours is starting; this one waits until that has its ports")
            told = True
        await asyncio.sleep(POLL_SECONDS)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
