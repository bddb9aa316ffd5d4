"""A forecaster's state as bytes and back: one line of JSON and raw numbers, checked by a digest, never pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from forecasting.api import ForecastState

MAGIC: Final = b"edgeshift-forecast-state"
SCHEMA: Final = 2
LARGEST_HEADER_BYTES: Final = 1 << 24
"""A header names arrays, numbers and series; 100,000 series have about 4 MB of names."""
DIGEST_BYTES: Final = 32
PENDING: Final = "origins"
KINDS: Final = ("<f2", "<f4", "<f8")
"""Half, single and double precision, little-endian."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file holds no state that can be used; a sentence for the person on call."""

    reason: str


def to_bytes(state: ForecastState) -> bytes:
    """Write a state down: magic and schema, JSON header, SHA-256 of all that follows; same state, same bytes."""
    parts = list(_body(state))
    return b"".join([MAGIC + f" {SCHEMA}\n".encode(), _sealed(parts), *parts])


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
    """SHA-256 of what a state has learnt, in hexadecimal; it names the model in the journal.

    What the last columns said and is still to be compared (``origins``) is not counted in: it is two thirds of the numbers, and
    hashing it at every refresh would cost as much as half a forecast.
    """
    return _sealed(_body(state, lambda name: f"/{PENDING}/" not in name)).hex()


def _body(state: ForecastState, wanted: Callable[[str], bool] = lambda _: True) -> Iterator[bytes | memoryview]:
    """The header and the numbers of each array, in order of their names; arrays are copied only where they do not lie in one piece."""
    named = sorted((name, array) for name, array in state.arrays.items() if wanted(name))
    arrays = {name: np.ascontiguousarray(array).astype(_kind(array), copy=False) for name, array in named}
    header = {
        "keys": state.keys,
        "kinds": {name: array.dtype.str for name, array in arrays.items()},
        "method": state.method,
        "numbers": {name: float(state.numbers[name]) for name in sorted(state.numbers)},
        "shapes": {name: list(np.shape(state.arrays[name])) for name in arrays},
    }
    yield json.dumps(header, sort_keys=True).encode() + b"\n"
    for array in arrays.values():
        yield array.reshape(-1).view(np.uint8).data


def _sealed(parts: Iterable[bytes | memoryview]) -> bytes:
    seal = hashlib.sha256()
    for part in parts:
        seal.update(part)
    return seal.digest()


def _decoded(line: bytes, payload: bytes) -> ForecastState:
    """Header and payload as a state.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError: they do not fit each other.
    """
    if len(line) > LARGEST_HEADER_BYTES:
        raise ValueError("header too long")
    header: Any = json.loads(line)
    arrays: dict[str, NDArray[np.floating]] = {}
    offset = 0
    for name, shape in sorted(header["shapes"].items()):
        sizes = [_size(size) for size in shape]
        kind = np.dtype(_known_kind(header["kinds"][name]))
        length = kind.itemsize
        for size in sizes:
            length *= size
        if offset + length > len(payload):
            raise ValueError("payload too short")
        arrays[name] = np.frombuffer(payload[offset : offset + length], dtype=kind).astype(kind.newbyteorder("=")).reshape(sizes)
        offset += length
    if offset != len(payload):
        raise ValueError("payload too long")
    method = header["method"]
    if not isinstance(method, str):
        raise TypeError("the method must be a name")
    numbers = {str(name): float(value) for name, value in header["numbers"].items()}
    return ForecastState(method, arrays, numbers, tuple(str(key) for key in header["keys"]))


def _kind(array: NDArray[np.floating]) -> str:
    """How an array's numbers are written; whatever is no half or single precision is written in double."""
    kind = np.dtype(array.dtype).newbyteorder("<").str
    return kind if kind in KINDS else "<f8"


def _known_kind(kind: Any) -> str:
    """A way of writing numbers that is ours.

    Raises:
        ValueError: it is another one.
    """
    if kind not in KINDS:
        raise ValueError("numbers of an unknown kind")
    return str(kind)


def _size(value: Any) -> int:
    """A length of an array's axis.

    Raises:
        ValueError: it is not a whole number from 0 on.
    """
    if type(value) is not int or value < 0:
        raise ValueError("an axis must be a whole number")
    return value
