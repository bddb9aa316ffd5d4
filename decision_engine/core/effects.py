"""Checks promised effects against the snapshot: kept, missed, worse, or unknown where the numbers are not fresh."""

from __future__ import annotations

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.decision import Promise
from decision_engine.core.memory import EffectOutcome, EffectVerdict, Memory, Watch
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import Snapshot


def check_effects(snapshot: Snapshot, memory: Memory) -> tuple[EffectOutcome, ...]:
    """Judge every promise that is due now."""
    due = sorted((watch for watch in memory.watches.values() if snapshot.now >= watch.due_at), key=lambda watch: watch.decision)
    return tuple(_judge(watch, snapshot) for watch in due)


def _judge(watch: Watch, snapshot: Snapshot) -> EffectOutcome:
    promise = watch.promise
    source, target = _load(snapshot, promise.source, promise.resource), _load(snapshot, promise.target, promise.resource)
    return EffectOutcome(
        decision=watch.decision, at=snapshot.now, verdict=_verdict(promise, source, target), source_ratio=source, target_ratio=target
    )


def _verdict(promise: Promise, source: float | None, target: float | None) -> EffectVerdict:
    if source is None or target is None:
        return "unknown"
    if promise.source == promise.target:  # another build where it was: it must not have made the device too busy
        before = promise.target_before_ratio
        return "worse" if target >= promise.limit_ratio and (before is None or before < promise.limit_ratio) else "kept"
    if target >= promise.limit_ratio:
        return "worse"
    return "kept" if source < promise.limit_ratio else "missed"


def _load(snapshot: Snapshot, device: str, resource: str) -> float | None:
    if device not in snapshot.devices.ids:
        return None
    reading = snapshot.reading(snapshot.devices.ids.index(device), RESOURCES.index(resource))
    return reading.value if reading.quality is Quality.FRESH else None
