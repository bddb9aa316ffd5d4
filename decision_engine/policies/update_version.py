"""SC-10: what is seen to run an older version than the newest registered one is updated, one canary first, then in waves."""

from __future__ import annotations

import numpy as np

from decision_engine.core.ledger import sole_ready_placements
from decision_engine.core.limits import Limits
from decision_engine.core.proposal import Evidence, Parameter, Place, Proposal, Reason
from decision_engine.core.snapshot import FAILED, NOWHERE, READY, Ints, Snapshot


class UpdateVersionPolicy:
    """One wish for each placement that runs an older build than the newest active one of its package and class.

    While nothing has run the newest build for ``canary_seconds`` yet, only one placement of the fleet is wished for: the canary.
    A workload whose catalogue entry names a version keeps it.
    """

    name = "update_version"
    scenario = "SC-10"
    rank = 80

    def propose(self, snapshot: Snapshot, limits: Limits) -> tuple[Proposal, ...]:
        """Group by build: each package and class has its own canary."""
        p, w = snapshot.placements, snapshot.workloads
        rows = np.flatnonzero(sole_ready_placements(snapshot) & (p.variant != NOWHERE))
        rows = rows[w.movable[p.workload[rows]] & ~w.version_is_fixed[p.workload[rows]]]
        newest = _newest(snapshot)[p.variant[rows]]
        late = newest > p.variant[rows]  # builds of a class stand in the order of their versions
        older: dict[int, list[int]] = {}
        for row, target in zip(rows[late].tolist(), newest[late].tolist(), strict=True):
            older.setdefault(target, []).append(row)
        return tuple(
            _wish(self, row, target, snapshot)
            for target, behind in sorted(older.items())
            for row in _next(behind, target, snapshot, limits)
        )


def _newest(snapshot: Snapshot) -> Ints:
    """V: for each build the newest active one of its package and class; NOWHERE where all are retired."""
    v = snapshot.variants
    last = {(v.package[row], v.environment_class[row]): row for row in range(len(v.package)) if v.active[row]}
    return np.array([last.get(key, NOWHERE) for key in zip(v.package, v.environment_class, strict=True)], dtype=np.int64)


def _next(late: list[int], target: int, snapshot: Snapshot, limits: Limits) -> list[int]:
    """Who comes next: the canary alone until it has worked its time, then as many as a wave has; nobody while the build fails anywhere."""
    p, w = snapshot.placements, snapshot.workloads
    runs = (p.variant == target) & (p.workload >= 0)
    if (runs & (p.phase == FAILED)).any():
        return []
    stood = limits.updating.canary_seconds
    with np.errstate(invalid="ignore"):
        works = (p.last_result_at - p.since >= stood) | ~w.result_by_helper[p.workload]  # who publishes nothing proves itself by standing
    proven = runs & (p.phase == READY) & (snapshot.now - p.since >= stood) & works
    fits = [row for row in late if snapshot.variants.fit[target, snapshot.devices.kind[p.device[row]]]]
    ordered = sorted(fits, key=lambda row: p.ids[row])
    if proven.any():
        return ordered[: limits.updating.wave]
    return [] if runs.any() else ordered[:1]


def _wish(policy: UpdateVersionPolicy, placement: int, target: int, snapshot: Snapshot) -> Proposal:
    p, v = snapshot.placements, snapshot.variants
    name, device = snapshot.workloads.ids[int(p.workload[placement])], snapshot.devices.ids[int(p.device[placement])]
    parameters: dict[str, Parameter] = {
        "workload": name,
        "device": device,
        "before": v.version[int(p.variant[placement])],
        "version": v.version[target],
    }
    return Proposal(
        policy=policy.name,
        scenario=policy.scenario,
        subject=f"{name}/{v.version[target]}",
        urgency=0.0,
        wish=Place(
            workload=name,
            replaces=p.ids[placement],
            device=device,
            environment_class=v.environment_class[target],
            version=v.version[target],
        ),
        because=Reason("newer_version", parameters),
        evidence=(Evidence("placements", device, None, snapshot.now, True),),
    )
