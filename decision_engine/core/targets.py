"""Which devices could take a workload, how full each would be afterwards, and why the others could not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.decision import Alternative
from decision_engine.core.ledger import Ledger, cost_on
from decision_engine.core.limits import Limits
from decision_engine.core.memory import Memory
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import NOWHERE, Bools, Floats, Snapshot

SUITABLE = -1
ALTERNATIVES_KEPT = 6
"""How many rejected targets a decision lists: enough to understand it, few enough to read."""
MEMORY = RESOURCES.index("memory")
SHARED = [RESOURCES.index("cpu"), RESOURCES.index("gpu")]
"""Resources that two placements of one workload take hardly more of than one, for the seconds in which both run."""
FORECAST_NOISE_RATIO = 1e-9
"""Scores closer than this are equal; then the smaller id wins, so that the order of devices changes nothing."""

REFUSALS = (
    "is_source",
    "other_role",
    "not_home",
    "does_not_fit",
    "camera_unreachable",
    "runtime_silent",
    "not_fresh",
    "too_hot",
    "in_a_move",
    "resting",
    "cost_unknown",
    "no_forecast",
    "no_room",
    "likely_overload",
)


NOT_ASKED = frozenset({"is_source", "other_role", "not_home"})
"""Refusals of devices that the question was not about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Where could this workload run? ``role`` or ``only`` narrow the devices; ``margin_ratio`` stays free below limits.

    ``variant`` is the build that would be started, ``other_build`` whether that is another than the one whose cost is known from
    running. ``source`` is the device that is out of the question (NOWHERE: none), ``frees`` the one that the replaced placement
    leaves: while both run, both are in memory, but they share the frames; ``dead`` says that it runs no more.
    """

    workload: int
    source: int
    margin_ratio: float
    variant: int
    other_build: bool = False
    dead: bool = False
    frees: int = NOWHERE
    role: str = ""
    only: int = NOWHERE


@dataclass(frozen=True, slots=True)
class Answer:
    """Per device: ``refusal`` D (−1 suitable, else index into REFUSALS), ``before`` and ``after`` D × R at p90."""

    refusal: NDArray[np.int64]
    before: Floats
    after: Floats
    fullness: Floats

    def fullest_after(self, row: int, snapshot: Snapshot) -> float | None:
        """Load afterwards of the resource that is nearest to its limit; None where that is unknown."""
        shares = self.after[row] / snapshot.resource_limits
        return finite(self.after[row, np.argmax(np.nan_to_num(shares, nan=-np.inf))])

    def mostly_refused_for(self) -> str:
        """The reason for which most devices of the right kind cannot take it; equal counts by name."""
        refused = [REFUSALS[index] for index in self.refusal if index >= 0]
        judged = [reason for reason in refused if reason not in NOT_ASKED]
        return min(set(judged), key=lambda reason: (-judged.count(reason), reason), default="")

    def best(self, snapshot: Snapshot) -> int | None:
        """The suitable device that stays emptiest; None when there is none."""
        rows = np.flatnonzero(self.refusal == SUITABLE)
        if not len(rows):
            return None
        full = np.nan_to_num(self.fullness[rows], nan=np.inf)  # a device that stays in question without a forecast is the last choice
        near = rows[full <= full.min() + FORECAST_NOISE_RATIO]
        return int(min(near, key=lambda row: snapshot.devices.ids[row]))


def ask(question: Question, snapshot: Snapshot, ledger: Ledger, memory: Memory, limits: Limits) -> Answer:
    """Judge every device at once."""
    d = snapshot.devices
    applicable = d.quality != int(Quality.NOT_APPLICABLE)
    cost = _added(question, snapshot)
    before = peak_p90(snapshot) + ledger.promised
    after = before + cost
    room = snapshot.resource_limits - question.margin_ratio
    highest = before if snapshot.outlook is None else snapshot.outlook.highest + ledger.promised
    in_move = {device for move in memory.moves.values() if not move.overdue for device in (move.order.source, move.order.target)}
    everywhere = np.arange(len(d.ids))
    reach = snapshot.workloads.reachable.get(question.workload)
    checks: dict[str, Bools] = {
        "is_source": everywhere == question.source,
        "other_role": np.zeros(len(d.ids), bool) if not question.role else d.is_analysis != (question.role == "analysis"),
        "not_home": np.zeros(len(d.ids), bool) if question.only < 0 else everywhere != question.only,
        "does_not_fit": _does_not_fit(question.variant, snapshot),
        "camera_unreachable": np.zeros(len(d.ids), bool) if reach is None else ~np.isin(everywhere, reach),
        "runtime_silent": ~d.placements_known,
        "not_fresh": np.any(applicable & (d.quality != int(Quality.FRESH)), axis=1),
        # A temperature that was never told does not forbid: many servers report no throttle trip. One that was lost does.
        "too_hot": (d.thermal_headroom_kelvin < limits.overload.thermal_headroom_kelvin) | d.thermal_lost,
        "in_a_move": np.array([id_ in in_move for id_ in d.ids]) if in_move else np.zeros(len(d.ids), bool),
        "resting": _resting(snapshot, memory),
        "cost_unknown": np.any(applicable & np.isnan(cost), axis=1),
        "no_forecast": np.any(applicable & (np.isnan(before) | np.isnan(highest)), axis=1),
        "no_room": np.any(applicable & (after > room), axis=1),
        # It would want to hand a workload on itself: trigger and target are judged by the same model of the event.
        "likely_overload": np.any(applicable & ~(highest + cost < room), axis=1),
    }
    if question.frees != NOWHERE:
        _spare(checks, question, bool(after[question.frees, MEMORY] > snapshot.resource_limits[MEMORY]))
    refusal = np.full(len(d.ids), SUITABLE)
    for index, name in enumerate(REFUSALS):
        refusal[(refusal == SUITABLE) & checks[name]] = index
    with np.errstate(invalid="ignore"):
        fullness = np.max(np.where(applicable, after / snapshot.resource_limits, -np.inf), axis=1)
    return Answer(refusal, before, after, fullness)


def _does_not_fit(variant: int, snapshot: Snapshot) -> Bools:
    """D: a build that nobody declared fits nowhere, as there is nothing to start."""
    kinds = snapshot.devices.kind
    return np.ones(len(kinds), dtype=bool) if variant == NOWHERE else ~snapshot.variants.fit[variant, kinds]


def _spare(checks: dict[str, Bools], question: Question, memory_is_short: bool) -> None:
    """A workload that stays where it is brings no load: of room, only memory for both placements at once is asked for.

    What runs as it is now needs no new knowledge either; what does not run leaves its memory free.
    """
    known = () if question.other_build else ("not_fresh", "cost_unknown")
    for name in ("too_hot", "resting", "no_forecast", "likely_overload", *known):
        checks[name][question.frees] = False
    checks["no_room"][question.frees] = memory_is_short and not question.dead


def _added(question: Question, snapshot: Snapshot) -> Floats:
    """What each device would carry more (D × R)."""
    added = cost_on(snapshot, question.workload, question.variant if question.other_build else NOWHERE)
    if question.frees != NOWHERE:
        freed = cost_on(snapshot, question.workload)[question.frees]
        added[question.frees, SHARED] -= np.nan_to_num(freed[SHARED])
    return added


def peak_p90(snapshot: Snapshot) -> Floats:
    """The highest p90 of each device and resource over all horizons, never below the load now; D × R, NaN unknown."""
    if snapshot.outlook is None:
        return np.full_like(snapshot.devices.load, np.nan)
    peak: Floats = np.maximum(np.max(snapshot.outlook.p90, axis=2), np.nan_to_num(snapshot.devices.load, nan=-np.inf))
    return peak


def alternatives(question: Question, answer: Answer, chosen: int | None, snapshot: Snapshot) -> tuple[Alternative, ...]:
    """The other targets: the suitable ones first, emptiest first, then those refused, each with its reason."""
    name = snapshot.workloads.ids[question.workload]
    hidden = [REFUSALS.index(reason) for reason in NOT_ASKED]
    shown = np.flatnonzero(~np.isin(answer.refusal, hidden))
    full = np.nan_to_num(answer.fullness[shown], nan=np.inf)
    order = np.lexsort((np.array(snapshot.devices.ids)[shown], full, answer.refusal[shown] != SUITABLE))
    rows = [int(row) for row in shown[order] if row != chosen]
    return tuple(
        Alternative(
            workload=name,
            target=snapshot.devices.ids[row],
            reason="fuller_afterwards" if answer.refusal[row] == SUITABLE else REFUSALS[answer.refusal[row]],
            load_after_ratio=answer.fullest_after(row, snapshot),
        )
        for row in rows[:ALTERNATIVES_KEPT]
    )


def finite(value: float) -> float | None:
    """A number for a record: None where it is not one."""
    return float(value) if np.isfinite(value) else None


def _resting(snapshot: Snapshot, memory: Memory) -> Bools:
    rests = memory.device_rests
    if not rests:
        return np.zeros(len(snapshot.devices.ids), dtype=bool)
    return np.array([rests.get(id_, 0.0) > snapshot.now for id_ in snapshot.devices.ids])
