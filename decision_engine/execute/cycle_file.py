"""One recorded cycle as bytes and back, and its replay: the same snapshot, memory and settings give the same record."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from decision_engine.core.decide import Policy, decide
from decision_engine.core.limits import Limits
from decision_engine.core.memory import Memory
from decision_engine.core.records import encode
from decision_engine.core.snapshot import Snapshot
from decision_engine.execute.sealed import SealBroken, seal, unseal

KIND = b"edgeshift-cycle-1"
COMPRESSION_LEVEL = 1
"""Columns of floats hardly shrink further at higher levels, and the loop waits for this."""
SETTINGS_DIGEST_BYTES = 8


class CycleUnreadable(Exception):
    """A recorded cycle cannot be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCycle:
    """All that one cycle knew and what it concluded.

    ``memory`` is the memory before the cycle, ``record`` the encoded ``CycleRecord``; the digests name the settings
    (``settings_digest_of``) and the forecaster's state.
    """

    number: int
    snapshot: Snapshot
    memory: Memory
    record: bytes
    settings_digest: str
    model_digest: str


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    snapshot: bytes
    memory: bytes
    record: bytes
    settings_digest: str
    model_digest: str


def pack(cycle: RecordedCycle, encode_snapshot: Callable[[Snapshot], bytes]) -> bytes:
    """Compress and seal one cycle."""
    written = _Written(
        number=cycle.number,
        snapshot=encode_snapshot(cycle.snapshot),
        memory=msgspec.json.encode(cycle.memory),
        record=cycle.record,
        settings_digest=cycle.settings_digest,
        model_digest=cycle.model_digest,
    )
    return seal(KIND, zlib.compress(msgspec.msgpack.encode(written), COMPRESSION_LEVEL))


def unpack(data: bytes, decode_snapshot: Callable[[bytes], Snapshot]) -> RecordedCycle:
    """Read one cycle back.

    Raises:
        CycleUnreadable: torn, damaged, or written by another version.
    """
    try:
        written = msgspec.msgpack.decode(zlib.decompress(unseal(KIND, data)), type=_Written)
        memory = msgspec.json.decode(written.memory, type=Memory)
        snapshot = decode_snapshot(written.snapshot)
    except SealBroken as error:
        raise CycleUnreadable(str(error)) from error
    except Exception as error:  # an old snapshot may fail in any way inside the decoder; all of them mean the same here
        raise CycleUnreadable(f"was written by another version ({type(error).__name__}: {error})") from error
    return RecordedCycle(
        number=written.number,
        snapshot=snapshot,
        memory=memory,
        record=written.record,
        settings_digest=written.settings_digest,
        model_digest=written.model_digest,
    )


def replay(cycle: RecordedCycle, policies: Sequence[Policy], limits: Limits) -> bytes:
    """Think the cycle again; the answer equals ``cycle.record`` when policies and limits are those of then."""
    record, _ = decide(cycle.snapshot, policies, limits, cycle.memory)
    return encode(record)


def settings_digest_of(limits: Limits) -> str:
    """Names the settings that decisions depend on: equal digests, equal settings."""
    ordered = msgspec.json.encode(limits, order="sorted")
    return blake2b(ordered, digest_size=SETTINGS_DIGEST_BYTES).hexdigest()
