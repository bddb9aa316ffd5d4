"""Reads small text files under a root: the running machine's, a mounted host's, or a recorded tree's."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from exporters.device.links import Links
from exporters.device.sensor import UNPARSABLE, UNREADABLE, SensorError

MAX_FILE_BYTES: Final = 1 << 20
"""/proc/stat of a machine with 256 cores and all its interrupts is far below this."""

_FOR_READING: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""Without O_NONBLOCK opening a named pipe waits for a writer for ever."""

_USUAL_BYTES: Final = 8192
"""To ask for more at once costs four times the time: room for it is found, and given back, at each read."""

_LONG_BYTES: Final = 256 * 1024
"""Of a file that is known to be long."""


class _Folder(NamedTuple):
    """A folder as it was last seen: its own identity, when an entry was last put into it or replaced, and what the entries were."""

    inode: int
    touched: int
    names: list[str]
    version: int


class Tree:
    """Files by their path from the root, without a leading slash (``proc/stat``). Nothing is kept open, nothing is written.

    No link leads out of the root; where that is the machine's own, the kernel follows them by itself.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._prefix = f"{str(root).rstrip('/')}/"
        self._inside = None if self._prefix == "/" else Links(self._prefix)
        self._folders: dict[str, _Folder] = {}
        self._versions = count(1)

    def text(self, path: str) -> str:
        """The whole file.

        Raises:
            OSError: it is not there or may not be read.
            SensorError: it is no plain file, not ASCII, or longer than MAX_FILE_BYTES.
        """
        descriptor = self._open(path)
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

    def pieces(self, path: str, most_bytes: int) -> Iterator[bytes]:
        """A long file of whatever bytes, piece by piece, up to ``most_bytes`` of it.

        Raises:
            OSError: it is not there or may not be read.
            SensorError: it is no plain file.
        """
        descriptor = self._open(path)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SensorError(UNREADABLE)
            while most_bytes > 0 and (piece := os.read(descriptor, min(most_bytes, _LONG_BYTES))):
                most_bytes -= len(piece)
                yield piece
        finally:
            os.close(descriptor)

    def names(self, folder: str) -> list[str]:
        """What a folder holds, sorted; nothing where there is no such folder."""
        try:
            return sorted(os.listdir(self._folder(folder)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def has(self, path: str) -> bool:
        """Whether there is a file or folder of this name."""
        try:
            return os.path.exists(self._prefix + path if self._inside is None else self._inside.place(path))
        except OSError:  # its links lead in a circle
            return False

    def changed(self, folder: str) -> int:
        """The version of a folder's listing: another number whenever the folder or the names in it are others; 0 where there is none.

        A file that is replaced whole by another of its name changes nothing here, though the folder's own time moves then.
        """
        try:
            status = os.stat(self._folder(folder))
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

    def _folder(self, folder: str) -> str:
        return self._prefix + folder if self._inside is None else self._inside.folder(folder)

    def _open(self, path: str) -> int:
        if self._inside is None:
            return os.open(self._prefix + path, _FOR_READING)
        folder, _, name = path.rpartition("/")
        try:
            return os.open(f"{self._inside.folder(folder)}/{name}", _FOR_READING | os.O_NOFOLLOW)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        return os.open(self._inside.place(path), _FOR_READING)  # the file itself is a link, as configuration often is
