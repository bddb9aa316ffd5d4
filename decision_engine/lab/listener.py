"""Finds out which process listens on a loopback address, from procfs: an answer alone does not say who gave it."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

PROC = Path("/proc")
LISTENING = "0A"
"""TCP_LISTEN as /proc/net/tcp writes it."""
STATE_FIELD, INODE_FIELD = 3, 9


def endpoint_of(url: str) -> tuple[str, int]:
    """Host and port of an HTTP URL that names both."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0


def is_listener(pid: int, host: str, port: int) -> bool:
    """Whether this very process listens on exactly this IPv4 address and port."""
    return bool(_inodes(host, port) & _sockets_of(pid))


def listener_in(directory: Path, host: str, port: int) -> bool:
    """Whether the listener there works for this folder: it runs in it, or its command line names it."""
    inodes = _inodes(host, port)
    return any(_works_for(pid, directory) for pid in _own_pids() if inodes & _sockets_of(pid))


def anybody_listens(host: str, port: int) -> bool:
    """Whether some process, of whatever user, listens there."""
    return bool(_inodes(host, port))


def _inodes(host: str, port: int) -> frozenset[str]:
    # The kernel prints the address as one number of the machine's own byte order.
    address = f"{struct.unpack('=I', socket.inet_aton(host))[0]:08X}:{port:04X}"
    with suppress(OSError):
        rows = [line.split() for line in (PROC / "net" / "tcp").read_text(encoding="ascii").splitlines()[1:]]
        return frozenset(row[INODE_FIELD] for row in rows if row[1] == address and row[STATE_FIELD] == LISTENING)
    return frozenset()


def _sockets_of(pid: int) -> frozenset[str]:
    found: set[str] = set()
    with suppress(OSError):
        for entry in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                kind, _, inode = str(entry.readlink()).partition(":[")
                if kind == "socket":
                    found.add(inode.removesuffix("]"))
    return frozenset(found)


def _own_pids() -> Iterable[int]:
    """Processes whose open files this user may see."""
    with suppress(OSError):
        for entry in PROC.iterdir():
            if entry.name.isdecimal() and os.access(entry / "fd", os.R_OK):
                yield int(entry.name)


def _works_for(pid: int, directory: Path) -> bool:
    with suppress(OSError):
        if (PROC / str(pid) / "cwd").resolve() == directory.resolve():
            return True
        return str(directory).encode() in (PROC / str(pid) / "cmdline").read_bytes()
    return False
