"""Files that are whole or not there: written beside their place, renamed into it, and checked by a digest when read."""

from __future__ import annotations

import os
import threading
from hashlib import blake2b
from pathlib import Path

DIGEST_BYTES = 16
TEMPORARY_SUFFIX = ".part"


class SealBroken(Exception):
    """A file is torn, damaged or of another kind or version; the text is a clause that says which."""


def seal(kind: bytes, payload: bytes) -> bytes:
    """Payload with a first line that names its kind and version, and a digest of both."""
    return kind + b"\n" + _digest(kind, payload) + payload


def unseal(kind: bytes, data: bytes) -> bytes:
    """The payload that was sealed as this kind.

    Raises:
        SealBroken: the data is not that, or not all of it.
    """
    found, newline, rest = data.partition(b"\n")
    if not newline or found != kind:
        raise SealBroken(f"is not of the kind {kind.decode()}, so another version or another program wrote it")
    payload = rest[DIGEST_BYTES:]
    if rest[:DIGEST_BYTES] != _digest(kind, payload):
        raise SealBroken("is torn or damaged: its digest does not match")
    return payload


def write_whole(path: Path, data: bytes, *, durable: bool) -> None:
    """Put a file into its place at once; ``durable`` waits until the disk has it.

    Raises:
        OSError: it could not be written; whatever was in its place is still there.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY_SUFFIX}")  # two writers do not meet
    try:
        with part.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A rename is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(kind: bytes, payload: bytes) -> bytes:
    digest = blake2b(kind, digest_size=DIGEST_BYTES)
    digest.update(payload)
    return digest.digest()
