"""SC-17: a workload that stayed away long enough goes home once its home will keep room, by forecast too."""

from __future__ import annotations

import numpy as np

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.ledger import sole_ready_placements
from decision_engine.core.limits import Limits
from decision_engine.core.proposal import Evidence, Parameter, Proposal, Reason, Return
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import Snapshot


class ReturnHomePolicy:
    """Cameras end where they belong; the planner asks the home for room with a wider margin than any other target."""

    name = "return_home"
    scenario = "SC-17"
    rank = 90

    def propose(self, snapshot: Snapshot, limits: Limits) -> tuple[Proposal, ...]:
        """One wish for each workload that is Ready away from home and has dwelt there."""
        p = snapshot.placements
        away = sole_ready_placements(snapshot)
        away[away] &= snapshot.workloads.home[p.workload[away]] != p.device[away]
        away &= snapshot.now - p.since >= limits.moving.dwell_seconds
        rows = [int(row) for row in np.flatnonzero(away) if snapshot.workloads.movable[p.workload[row]]]
        return tuple(_wish(self, row, snapshot) for row in rows if not _home_is_over(row, snapshot, limits))


def _home_is_over(placement: int, snapshot: Snapshot, limits: Limits) -> bool:
    """The reason to be away is not over while the home's own load is still within the return margin of a limit."""
    home = int(snapshot.workloads.home[snapshot.placements.workload[placement]])
    d = snapshot.devices
    fresh = d.quality[home] == int(Quality.FRESH)
    return bool(np.any(fresh & (d.load[home] >= snapshot.resource_limits - limits.moving.return_margin_ratio)))


def _wish(policy: ReturnHomePolicy, placement: int, snapshot: Snapshot) -> Proposal:
    p, d = snapshot.placements, snapshot.devices
    workload = int(p.workload[placement])
    home, name = int(snapshot.workloads.home[workload]), snapshot.workloads.ids[workload]
    evidence = tuple(
        Evidence(
            RESOURCES[r], d.ids[home], _finite(d.load[home, r]), _finite(d.load_at[home, r]), bool(d.quality[home, r] == int(Quality.FRESH))
        )
        for r in range(len(RESOURCES))
        if d.quality[home, r] != int(Quality.NOT_APPLICABLE)
    )
    away_seconds = float(snapshot.now - p.since[placement])
    parameters: dict[str, Parameter] = {
        "workload": name,
        "home": d.ids[home],
        "device": d.ids[int(p.device[placement])],
        "seconds": away_seconds,
    }
    return Proposal(
        policy=policy.name,
        scenario=policy.scenario,
        subject=name,
        urgency=away_seconds,
        wish=Return(workload=name, device=d.ids[int(p.device[placement])], home=d.ids[home]),
        because=Reason("home_has_room", parameters),
        evidence=evidence,
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
