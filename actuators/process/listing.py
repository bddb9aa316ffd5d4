"""Says of one placement's directory in which phase it stands, since when, and what went wrong."""

from __future__ import annotations

from actuators.api import Phase, RunningPlacement, split_placement
from actuators.process.record import Record, Spec

LAUNCH_PATIENCE_SECONDS = 10.0
"""An order that has no process after this long was interrupted before its launch and counts as failed."""


def describe(record: Record, now: float) -> RunningPlacement | None:
    """One placement as it stands at ``now`` (Unix seconds); None when the directory is none of ours or has just gone."""
    try:
        workload, device, generation = split_placement(record.placement)
    except ValueError:
        return None
    alive = record.alive()
    spec = record.spec()
    if not record.exists():
        return None
    phase, since, detail = _phase(record, spec, alive, now)
    environment_class, version = (spec.environment_class, spec.version) if spec is not None else ("", "")
    return RunningPlacement(record.placement, workload, device, generation, phase, since, environment_class, version, detail)


def _phase(record: Record, spec: Spec | None, alive: bool, now: float) -> tuple[Phase, float, str]:
    if (stopping := record.remembered("stopping")) is not None:
        return Phase.STOPPING, stopping, ""
    ordered = now if spec is None else spec.at
    ready = record.ready_since()
    if alive:
        return (Phase.STARTING, ordered, "") if ready is None else (Phase.READY, ready, "")
    if record.launched():
        when = "before it was ready" if ready is None else "after it was ready"
        said = record.last_lines() or "It printed nothing."
        return Phase.FAILED, record.remember("failed", now), f"The program ended by itself {when}. {said}"
    if spec is not None and now - ordered <= LAUNCH_PATIENCE_SECONDS:
        return Phase.STARTING, ordered, ""
    return Phase.FAILED, record.remember("failed", now), "The order was written down but its program was never started; order it again."
