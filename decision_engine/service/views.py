"""What the API shows: the fleet and decisions as plain values for a program, with sentences for a person."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.decision import Decision
from decision_engine.core.explain import sentence
from decision_engine.core.memory import Memory
from decision_engine.core.reading import Quality
from decision_engine.core.records import as_plain
from decision_engine.core.snapshot import NOWHERE, Snapshot
from decision_engine.execute.questions import HistoryEntry, in_words

PHASES = ("starting", "ready", "stopping", "failed")


def fleet_view(snapshot: Snapshot, memory: Memory) -> dict[str, Any]:
    """The newest snapshot: devices with load and forecast, workloads with where they run, moves under way."""
    return {
        "at": snapshot.now,
        "blind": snapshot.blind or None,
        "catalog_version": snapshot.catalog_version,
        "devices": [_device(row, snapshot) for row in range(len(snapshot.devices.ids))],
        "workloads": [_workload(row, snapshot) for row in range(len(snapshot.workloads.ids))],
        "moves": [
            {"id": move.id, "workload": move.order.workload, "source": move.order.source, "target": move.order.target,
             "state": move.state.value, "begun_at": move.begun_at, "since": move.since}
            for move in memory.moves.values()
        ],
    }  # fmt: skip


def seen_view(snapshot: Snapshot | None, in_catalog: int) -> dict[str, Any]:
    """How many devices said at least one fresh load, and at which Unix time that was; before the first cycle none was looked at."""
    if snapshot is None:
        return {"seen": f"0 of {in_catalog} devices seen", "seen_at": None}
    fresh = int(np.count_nonzero((snapshot.devices.quality == int(Quality.FRESH)).any(axis=1)))
    return {"seen": f"{fresh} of {len(snapshot.devices.ids)} devices seen", "seen_at": snapshot.now}


def decision_view(decision: Decision, language: str = "en") -> dict[str, Any]:
    """One decision whole, with its sentence."""
    return {**as_plain(decision), "sentence": sentence(decision, language)}


def history_view(entry: HistoryEntry, language: str = "en") -> dict[str, Any]:
    """One thing that happened to a decision's move, with its sentence."""
    return {"at": entry.at, "kind": entry.kind, "sentence": in_words(entry, language), "what": as_plain(entry.what)}


def _device(row: int, snapshot: Snapshot) -> dict[str, Any]:
    d = snapshot.devices
    shown = [column for column in range(len(RESOURCES)) if d.quality[row, column] != int(Quality.NOT_APPLICABLE)]
    return {
        "id": d.ids[row],
        "role": "analysis" if d.is_analysis[row] else "edge",
        "site": snapshot.site_ids[int(d.site[row])],
        "runtime_answers": bool(d.placements_known[row]),
        "thermal_headroom_kelvin": number(d.thermal_headroom_kelvin[row]),
        "load": {RESOURCES[column]: _load(row, column, snapshot) for column in shown},
        "forecast": {RESOURCES[column]: _forecast(row, column, snapshot) for column in shown} if snapshot.outlook else None,
    }


def _load(row: int, column: int, snapshot: Snapshot) -> dict[str, Any]:
    reading = snapshot.reading(row, column)
    return {
        "ratio": number(reading.value),
        "at": number(reading.at),
        "quality": reading.quality.name.lower(),
        "limit_ratio": float(snapshot.resource_limits[column]),
        "over_seconds": number(snapshot.devices.over_seconds[row, column]),
    }


def _forecast(row: int, column: int, snapshot: Snapshot) -> dict[str, Any]:
    outlook = snapshot.outlook
    assert outlook is not None
    return {
        "horizon_seconds": numbers(outlook.background.horizon_seconds),
        "p50": numbers(outlook.p50[row, column]),
        "p90": numbers(outlook.p90[row, column]),
        "p_over": numbers(outlook.p_over[row, column]),
        "skill": number(outlook.skill[row, column]),
        "gate_open": bool(outlook.gate_open[row, column]),
        "method": outlook.background.method,
    }


def _workload(row: int, snapshot: Snapshot) -> dict[str, Any]:
    w = snapshot.workloads
    return {
        "id": w.ids[row],
        "camera": snapshot.cameras.ids[w.camera[row]] if w.camera[row] != NOWHERE else w.ids[row].split("/")[1],
        "home": snapshot.devices.ids[int(w.home[row])],
        "cost_cores": number(w.cost_cores[row]),
        "cost_measured": bool(w.cost_measured[row]),
        "placements": [_placement(int(i), snapshot) for i in snapshot.placements_of(row)],
    }


def _placement(row: int, snapshot: Snapshot) -> dict[str, Any]:
    p = snapshot.placements
    return {
        "id": p.ids[row],
        "device": snapshot.devices.ids[int(p.device[row])] if p.device[row] >= 0 else None,
        "phase": PHASES[int(p.phase[row])],
        "since": number(p.since[row]),
        "last_result_at": number(p.last_result_at[row]),
        "confidence": number(p.confidence[row]),
    }


def number(value: float | np.floating[Any]) -> float | None:
    """JSON knows no NaN: what is unknown is null."""
    return float(value) if math.isfinite(value) else None


def numbers(values: NDArray[np.float64]) -> list[float | None]:
    """The same for a row of numbers."""
    return [number(value) for value in values]
