"""Reads small text files under a root: the running machine's, a mounted host's, or a recorded tree's."""

from __future__ import annotations

import os
import stat
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from exporters.device.sensor import UNPARSABLE, UNREADABLE, SensorError

MAX_FILE_BYTES: Final = 1 << 20
"""/proc/stat of a machine with 256 cores and all its interrupts is far below this."""


_USUAL_BYTES: Final = 8192
"""To ask for more at once costs four times the time: room for it is found, and given back, at each read."""


class _Folder(NamedTuple):
    """A folder as it was last seen: its own identity, when an entry was last put into it or replaced, and what the entries were."""

    inode: int
    touched: int
    names: list[str]
    version: int


class Tree:
    """Files by their path from the root, without a leading slash (``proc/stat``). Nothing is kept open, nothing is written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._prefix = f"{str(root).rstrip('/')}/"
        self._folders: dict[str, _Folder] = {}
        self._versions = count(1)

    def text(self, path: str) -> str:
        """The whole file.

        Raises:
            OSError: it is not there or may not be read.
            SensorError: it is no plain file, not ASCII, or longer than MAX_FILE_BYTES.
        """
        # Without O_NONBLOCK opening a named pipe waits for a writer for ever.
        descriptor = os.open(self._prefix + path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SensorError(UNREADABLE)
            data = os.read(descriptor, _USUAL_BYTES)
            # Some files of /proc come in pieces, so only an empty piece is the end, or a length that the file system knew.
            while len(data) != status.st_size and (piece := os.read(descriptor, _USUAL_BYTES)):
                data += piece
                if len(data) >= MAX_FILE_BYTES:
                    raise SensorError(UNPARSABLE)
        finally:
            os.close(descriptor)
        return data.decode("ascii")

    def names(self, folder: str) -> list[str]:
        """What a folder holds, sorted; nothing where there is no such folder."""
        try:
            return sorted(os.listdir(self._prefix + folder))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def has(self, path: str) -> bool:
        """Whether there is a file or folder of this name."""
        return os.path.exists(self._prefix + path)

    def changed(self, folder: str) -> int:
        """The version of a folder's listing: another number whenever the folder or the names in it are others; 0 where there is none.

        A file that is replaced whole by another of its name changes nothing here, though the folder's own time moves then.
        """
        try:
            status = os.stat(self._prefix + folder)
            last = self._folders.get(folder)
            if last is not None and (last.inode, last.touched) == (status.st_ino, status.st_mtime_ns):
                return last.version
            names = self.names(folder)
        except OSError:
            return 0
        same = last is not None and (last.inode, last.names) == (status.st_ino, names)
        seen = _Folder(status.st_ino, status.st_mtime_ns, names, last.version if last is not None and same else next(self._versions))
        self._folders[folder] = seen
        return seen.version
