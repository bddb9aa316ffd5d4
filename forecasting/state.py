"""A forecaster's state as bytes and back: one line of JSON and raw float64 numbers, checked by a digest, never pickle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from forecasting.api import Floats, ForecastState

MAGIC: Final = b"edgeshift-forecast-state"
SCHEMA: Final = 1
LARGEST_HEADER_BYTES: Final = 1 << 20
"""A header names some arrays and numbers; a megabyte of it is no header of ours."""
DIGEST_BYTES: Final = 32
NUMBER_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file holds no state that can be used; a sentence for the person on call."""

    reason: str


def to_bytes(state: ForecastState) -> bytes:
    """Write a state down: magic and schema, JSON header, SHA-256 of all that follows; same state, same bytes."""
    arrays = {name: np.ascontiguousarray(state.arrays[name], dtype="<f8") for name in sorted(state.arrays)}
    header = {
        "method": state.method,
        "numbers": {name: float(state.numbers[name]) for name in sorted(state.numbers)},
        "shapes": {name: list(np.shape(state.arrays[name])) for name in arrays},
    }
    body = json.dumps(header, sort_keys=True).encode() + b"\n" + b"".join(array.tobytes() for array in arrays.values())
    return MAGIC + f" {SCHEMA}\n".encode() + hashlib.sha256(body).digest() + body


def from_bytes(data: bytes) -> ForecastState | Unreadable:
    """Read a state; what is damaged, foreign or of another schema is answered with a reason, never raised."""
    first, newline, rest = data.partition(b"\n")
    magic, _, schema = first.partition(b" ")
    if magic != MAGIC or not newline:
        return Unreadable("The forecast state is not a file of this program; it is ignored and learnt anew.")
    if schema != str(SCHEMA).encode():
        found = schema[:20].decode("ascii", "replace")
        return Unreadable(f"The forecast state has schema {found}, this program reads {SCHEMA}; it is ignored and learnt anew.")
    digest, body = rest[:DIGEST_BYTES], rest[DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return Unreadable("The forecast state is damaged (its digest does not match); it is ignored and learnt anew.")
    line, _, numbers = body.partition(b"\n")
    try:
        return _decoded(line, numbers)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return Unreadable("The forecast state's header does not fit its numbers; it is ignored and learnt anew.")


def digest(state: ForecastState) -> str:
    """SHA-256 of a state in hexadecimal: equal digests, equal states."""
    return hashlib.sha256(to_bytes(state)).hexdigest()


def _decoded(line: bytes, payload: bytes) -> ForecastState:
    """Header and payload as a state.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError: they do not fit each other.
    """
    if len(line) > LARGEST_HEADER_BYTES:
        raise ValueError("header too long")
    header: Any = json.loads(line)
    arrays: dict[str, Floats] = {}
    offset = 0
    for name, shape in sorted(header["shapes"].items()):
        sizes = [_size(size) for size in shape]
        length = NUMBER_BYTES
        for size in sizes:
            length *= size
        if offset + length > len(payload):
            raise ValueError("payload too short")
        arrays[name] = np.frombuffer(payload[offset : offset + length], dtype="<f8").astype(np.float64).reshape(sizes)
        offset += length
    if offset != len(payload):
        raise ValueError("payload too long")
    method = header["method"]
    if not isinstance(method, str):
        raise TypeError("the method must be a name")
    return ForecastState(method, arrays, {str(name): float(value) for name, value in header["numbers"].items()})


def _size(value: Any) -> int:
    """A length of an array's axis.

    Raises:
        ValueError: it is not a whole number from 0 on.
    """
    if type(value) is not int or value < 0:
        raise ValueError("an axis must be a whole number")
    return value
