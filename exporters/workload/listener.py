"""The Unix datagram socket at which AI programs hand in their observations; the kernel says which process sent each."""

from __future__ import annotations

import os
import socket
import stat
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from exporters.workload.wire import MAX_DATAGRAM_BYTES

DEFAULT_SOCKET: Final = "/run/edgeshift/exporter.sock"
DEFAULT_MODE: Final = 0o660
_PAUSE_SECONDS: Final = 1.0
"""Should receiving itself fail (no memory, as a rule), it is tried again this seldom."""
_CREDENTIALS: Final = struct.Struct("3i")
"""struct ucred: process, user and group id. The space asked for holds nothing else: the kernel drops files that a sender attaches."""


class SocketError(Exception):
    """The socket cannot be opened; the text is a sentence for the person who started the exporter."""


class Listener:
    """Receives datagrams in a thread and hands each with its sender's process id (0: not visible from here) to ``accept``.

    Whatever ``accept`` raises costs that datagram and no other; whoever wants it counted counts it there.
    """

    def __init__(self, path: Path, accept: Callable[[bytes, int], object], mode: int = DEFAULT_MODE) -> None:
        self._path = path
        self._accept = accept
        self._mode = mode
        self._stopping = threading.Event()
        self._socket: socket.socket | None = None
        self._inode = 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Open the socket, in place of one that an exporter left behind, and begin to receive.

        Raises:
            SocketError: another exporter listens there, something else has that name, or the folder cannot be written.
        """
        door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._remove_stale()
            door.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            door.bind(str(self._path))
            self._path.chmod(self._mode)
            self._inode = self._path.stat().st_ino
        except OSError as error:
            door.close()
            why = error.strerror or str(error)
            raise SocketError(f"Cannot open the socket {self._path} for AI programs: {why}; choose another path with --socket.") from error
        except SocketError:
            door.close()
            raise
        self._socket = door
        self._thread = threading.Thread(target=self._run, args=(door,), name="observations", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether somebody receives now."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """End the thread once it has taken what was handed in, and remove the socket, unless somebody else has put another in its place."""
        self._stopping.set()
        if self._thread is None or self._socket is None:
            return
        self._socket.shutdown(socket.SHUT_RD)  # it wakes the thread, which waits without an end: to look up now and then costs CPU time
        self._thread.join()
        self._socket.close()
        try:
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        except OSError:  # removed already, or the folder is gone
            return

    def _remove_stale(self) -> None:
        try:
            kind = os.lstat(self._path).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(kind):
            raise SocketError(f"{self._path} is there already and is no socket; remove it or choose another path with --socket.")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
                probe.connect(str(self._path))
        except ConnectionRefusedError:  # nobody listens any more
            self._path.unlink()
            return
        raise SocketError(f"Another exporter listens at {self._path}; stop it or choose another path with --socket.")

    def _run(self, door: socket.socket) -> None:
        while True:
            try:
                # One byte more than may be: what fills it was too long, and the parser says so.
                data, ancillary, _, _ = door.recvmsg(MAX_DATAGRAM_BYTES + 1, socket.CMSG_SPACE(_CREDENTIALS.size))
            except OSError:
                if self._stopping.wait(_PAUSE_SECONDS):
                    return
                continue
            if not data and self._stopping.is_set():  # somebody may send nothing at all at any time
                return
            with suppress(Exception):  # one datagram that breaks something must not silence all programs for ever
                self._accept(data, _sender(ancillary))


def _sender(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS and len(value) == _CREDENTIALS.size:
            pid: int = _CREDENTIALS.unpack(value)[0]
            return pid
    return 0
