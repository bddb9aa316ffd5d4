"""Snapshots and arrays as bytes and back, exactly: the same value gives the same bytes, and no pickle is involved."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from decision_engine.core.snapshot import Cameras, Devices, Outlook, Placements, Snapshot, Variants, Workloads
from forecasting.api import ForecastTable, Quality

HEADER: Final = "header"
FORMAT: Final = 1
NESTED: Final[dict[str, type[Any]]] = {
    "": Snapshot,
    "cameras": Cameras,
    "devices": Devices,
    "variants": Variants,
    "workloads": Workloads,
    "placements": Placements,
    "outlook": Outlook,
    "outlook.background": ForecastTable,
    "outlook.background.quality": Quality,
}
"""Where in a snapshot which dataclass stands."""
Arrays = dict[str, NDArray[Any]]


class ReplayError(ValueError):
    """Bytes that are no recorded snapshot of this edgeshift; the message is one sentence."""


class _Header(msgspec.Struct):
    format: int
    words: dict[str, Any]


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Freeze a snapshot: every array bit by bit, numbers as arrays (NaN survives), words as JSON."""
    arrays: Arrays = {}
    words: dict[str, Any] = {}
    _freeze("", snapshot, arrays, words)
    return encode_arrays(arrays, words)


def decode_snapshot(data: bytes) -> Snapshot:
    """The snapshot that was frozen.

    Raises:
        ReplayError: the bytes are damaged, of a newer format, or lack a field that has no default.
    """
    arrays, words = decode_arrays(data)
    snapshot = _thaw("", arrays, words)
    if not isinstance(snapshot, Snapshot):
        raise ReplayError("the recording holds no snapshot")
    return snapshot


def encode_arrays(arrays: Arrays, words: dict[str, Any]) -> bytes:
    """Compress named arrays (no objects) and a JSON header into one npz.

    Raises:
        ValueError: an array of objects, which would need pickle.
    """
    buffer = io.BytesIO()
    header = msgspec.json.encode(_Header(FORMAT, words), order="deterministic")
    content: Any = {HEADER: np.frombuffer(header, dtype=np.uint8), **{name: arrays[name] for name in sorted(arrays)}}
    np.savez_compressed(buffer, allow_pickle=False, **content)
    return buffer.getvalue()


def decode_arrays(data: bytes) -> tuple[Arrays, dict[str, Any]]:
    """The arrays and the header that were compressed.

    Raises:
        ReplayError: the bytes are damaged or of a newer format.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays: Arrays = {name: archive[name] for name in archive.files}
        header = msgspec.json.decode(arrays.pop(HEADER).tobytes(), type=_Header)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise ReplayError(f"the recording of {len(data)} bytes is damaged and cannot be replayed") from error
    if header.format != FORMAT:
        raise ReplayError(
            f"the recording has format {header.format} and this edgeshift reads {FORMAT}; replay it with the one that wrote it"
        )
    return arrays, header.words


def _freeze(path: str, value: Any, arrays: Arrays, words: dict[str, Any]) -> None:
    """Take a dataclass apart into arrays and words, each under its dotted path."""
    for field in fields(value):
        name, part = f"{path}.{field.name}".lstrip("."), getattr(value, field.name)
        if isinstance(part, np.ndarray):
            arrays[name] = part
        elif isinstance(part, float):
            arrays[name] = np.array(part)
        elif isinstance(part, dict):
            _freeze_table(name, part, arrays)
        elif is_dataclass(part):
            _freeze(name, part, arrays, words)
        else:
            words[name] = part


def _freeze_table(name: str, table: dict[int, NDArray[np.int64]], arrays: Arrays) -> None:
    """Rows by number; many rows share one array (all cameras of a site), so each distinct array is written once."""
    distinct: dict[bytes, int] = {}
    number = [distinct.setdefault(row.tobytes(), len(distinct)) for row in table.values()]
    parts = [np.frombuffer(raw, dtype=np.int64) for raw in distinct]
    arrays[f"{name}/keys"] = np.array(list(table), dtype=np.int64)
    arrays[f"{name}/number"] = np.array(number, dtype=np.int64)
    arrays[f"{name}/lengths"] = np.array([len(part) for part in parts], dtype=np.int64)
    arrays[f"{name}/parts"] = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _thaw_table(name: str, arrays: Arrays) -> dict[int, NDArray[np.int64]]:
    parts = np.split(arrays[f"{name}/parts"], np.cumsum(arrays[f"{name}/lengths"])[:-1])
    pairs = zip(arrays[f"{name}/keys"].tolist(), arrays[f"{name}/number"].tolist(), strict=True)
    return {key: parts[number] for key, number in pairs}


def _thaw(path: str, arrays: Arrays, words: dict[str, Any]) -> Any:
    """Put the dataclass at a path together again."""
    values: dict[str, Any] = {}
    for field in fields(NESTED[path]):
        name = f"{path}.{field.name}".lstrip(".")
        if name in arrays:
            array = arrays[name]
            values[field.name] = array.item() if array.ndim == 0 else array
        elif name in words:
            word = words[name]
            values[field.name] = tuple(word) if isinstance(word, list) else word
        elif f"{name}/keys" in arrays:
            values[field.name] = _thaw_table(name, arrays)
        elif name in NESTED:
            values[field.name] = _thaw(name, arrays, words)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ReplayError(f"the recording has no {name}; it was written by another edgeshift")
    return NESTED[path](**values)
