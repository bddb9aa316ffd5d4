"""Writes /sources: who sends what, and what was refused lately and why, as JSON in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from exporters.bridge.desk import Desk

_AT_ONCE: Final = 20
"""So many senders take about half a millisecond."""


def pieces(desk: Desk, monotonic: float) -> Iterator[bytes]:
    """``{"senders": […], "refused": […]}``; times are Unix seconds, intervals seconds."""
    yield b'{"senders": ['
    senders = desk.senders.everybody()
    for first in range(0, len(senders), _AT_ONCE):
        listed = [_json(desk.senders.listed(sender, monotonic)) for sender in senders[first : first + _AT_ONCE]]
        yield (",\n" if first else "\n").encode() + ",\n".join(listed).encode()
    yield b'],\n"refused": '
    yield _json(desk.refusals.listed()).encode() + b"}\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
