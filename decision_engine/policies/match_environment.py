"""SC-9: an AI whose build is for another environment than its camera sees becomes the build for that one, where it runs."""

from __future__ import annotations

import numpy as np

from decision_engine.core.ledger import sole_ready_placements
from decision_engine.core.limits import Limits
from decision_engine.core.proposal import Evidence, Parameter, Place, Proposal, Reason
from decision_engine.core.snapshot import NOWHERE, Snapshot

CONFIDENCE = "environment_confidence"


class MatchEnvironmentPolicy:
    """One wish for each workload whose camera is sure to see another class than its build is for.

    Packages with builds for one class only do not depend on the environment. The environment AI itself is never changed.
    """

    name = "match_environment"
    scenario = "SC-9"
    rank = 70

    def propose(self, snapshot: Snapshot, limits: Limits) -> tuple[Proposal, ...]:
        """Mask the placements first: Ready, alone, movable, of a package that has builds for several classes, under another sky."""
        p, w, v, c = snapshot.placements, snapshot.workloads, snapshot.variants, snapshot.cameras
        if not c.ids or not v.package:
            return ()
        adapting = {package for package in set(v.package) if len(_classes(package, snapshot)) > 1}
        rows = np.flatnonzero(sole_ready_placements(snapshot))
        rows = rows[w.movable[p.workload[rows]] & (w.camera[p.workload[rows]] != NOWHERE)]
        camera = w.camera[p.workload[rows]]
        with np.errstate(invalid="ignore"):
            sure = c.environment_fresh[camera] & (c.environment_confidence[camera] >= limits.environment.confidence)
        rows = rows[sure]
        return tuple(
            wish for row in rows.tolist() if w.package[p.workload[row]] in adapting and (wish := _wish(self, row, snapshot, limits))
        )


def _classes(package: str, snapshot: Snapshot) -> set[str]:
    """The classes that a package has active builds for."""
    v = snapshot.variants
    return {v.environment_class[row] for row in range(len(v.package)) if v.package[row] == package and v.active[row]}


def _wish(policy: MatchEnvironmentPolicy, placement: int, snapshot: Snapshot, limits: Limits) -> Proposal | None:
    p, w, c = snapshot.placements, snapshot.workloads, snapshot.cameras
    workload = int(p.workload[placement])
    camera, build = int(w.camera[workload]), snapshot.variant_of(placement)
    seen, runs = c.environment_class[camera], snapshot.variants.environment_class[build] if build != NOWHERE else ""
    if not seen or seen == runs:
        return None
    name, device = w.ids[workload], snapshot.devices.ids[int(p.device[placement])]
    confidence, at = float(c.environment_confidence[camera]), float(c.environment_at[camera])
    parameters: dict[str, Parameter] = {
        "workload": name,
        "camera": c.ids[camera],
        "environment": seen,
        "runs": runs,
        "confidence": confidence,
        "device": device,
    }
    return Proposal(
        policy=policy.name,
        scenario=policy.scenario,
        subject=f"{name}/{seen}",
        urgency=confidence,
        wish=Place(workload=name, replaces=p.ids[placement], device=device, environment_class=seen),
        because=Reason("environment_changed", parameters),
        evidence=(Evidence("environment", c.ids[camera], float(seen), at, True), Evidence(CONFIDENCE, c.ids[camera], confidence, at, True)),
        steady_seconds=limits.environment.stable_seconds,
    )
