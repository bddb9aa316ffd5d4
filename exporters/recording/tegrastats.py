"""Lets NVIDIA's tegrastats tell a few lines, for a bounded time."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from typing import Final

LINES: Final = 3
"""The first line may hold loads of nothing; the second and third are real ones."""

_INTERVAL_MILLISECONDS: Final = "500"
_WITHIN_SECONDS: Final = 6.0
_MOST_BYTES: Final = 64 * 1024
_END_WITHIN_SECONDS: Final = 2.0


def tegrastats_lines(program: str) -> str:
    """Whole lines only; "" where the program told none in time.

    Raises:
        OSError: it cannot be started.
    """
    process = subprocess.Popen(
        [program, "--interval", _INTERVAL_MILLISECONDS], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        data = _read(process.stdout.fileno(), time.monotonic() + _WITHIN_SECONDS)
    finally:
        process.terminate()
        try:
            process.wait(_END_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
    lines = data.decode("latin-1").split("\n")[:-1][:LINES]
    return "".join(f"{line}\n" for line in lines)


def _read(descriptor: int, until: float) -> bytes:
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while data.count(b"\n") < LINES and len(data) < _MOST_BYTES and (left := until - time.monotonic()) > 0:
            if not selector.select(left):
                break
            part = os.read(descriptor, _MOST_BYTES)
            if not part:
                break
            data += part
    return data
