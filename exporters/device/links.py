"""Finds where paths under a root lead, with every link taken as if the root were the machine's own; folders are remembered.

Under ``/host`` the link ``/host/proc/device-tree`` to ``/sys/firmware/devicetree/base`` is ``/host/sys/firmware/…``: followed by the
kernel it would lead to the ``/sys`` of this process, which is a container's, or another machine's than a recorded tree's.
"""

from __future__ import annotations

import errno
import os
from pathlib import PurePosixPath
from typing import Final

_MOST_LINKS: Final = 40
"""As many as Linux itself follows, see path_resolution(7)."""

_LOOKUPS_PER_MEMORY: Final = 8192
"""Folders are found again after so many look-ups, about once in one or two minutes: links seldom change."""


class Links:
    """``prefix`` is the root with a slash at its end. Places are paths for the kernel, which lead nowhere out of it."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._folders: dict[str, str] = {}
        self._lookups = 0

    def folder(self, path: str) -> str:
        """Where a folder is, or would be.

        Raises:
            OSError: its links lead in a circle.
        """
        self._lookups += 1
        if self._lookups > _LOOKUPS_PER_MEMORY:
            self._folders, self._lookups = {}, 0
        return self._folders.get(path) or self._found(path)

    def place(self, path: str) -> str:
        """Where a file or folder is, or would be; raises as ``folder`` does."""
        above, _, name = path.rpartition("/")
        place = f"{self.folder(above)}/{name}"
        return self._followed(path, place) if _is_link(place) else place

    def _found(self, path: str) -> str:
        above, _, name = path.rpartition("/")
        if not name:
            return self._prefix.rstrip("/")
        place = f"{self.folder(above)}/{name}"
        if above and above not in self._folders:  # there is not even the folder above it
            return place
        is_link = _is_link(place)
        if is_link is None:  # what is not there yet may come as a link
            return place
        self._folders[path] = self._followed(path, place) if is_link else place
        return self._folders[path]

    def _followed(self, path: str, place: str) -> str:
        """The place itself where the kernel may follow all its links, as in sysfs, else the place to which they lead."""
        left, at, links, foreign = list(reversed(PurePosixPath(path).parts)), PurePosixPath(), 0, False
        while left:
            part = left.pop()
            if part == "..":
                foreign = foreign or not at.parts
                at = at.parent
                continue
            try:
                target = os.readlink(f"{self._prefix}{at / part}")
            except OSError:  # no link, or nothing at all: whoever opens it learns why
                at /= part
                continue
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            if target.startswith("/"):
                at, target, foreign = PurePosixPath(), target.lstrip("/"), True
            left += reversed(PurePosixPath(target).parts)
        return f"{self._prefix}{at}" if foreign else place


def _is_link(place: str) -> bool | None:
    """None: there is nothing."""
    try:
        os.readlink(place)
    except OSError as error:
        return False if error.errno == errno.EINVAL else None
    return True
