"""SC-9: an AI whose build is for another environment than its camera sees becomes the build for that one, where it runs."""

from __future__ import annotations

import numpy as np

from decision_engine.core.ledger import sole_ready_placements
from decision_engine.core.limits import Limits
from decision_engine.core.proposal import Evidence, Parameter, Place, Proposal, Reason
from decision_engine.core.snapshot import NOWHERE, Bools, Snapshot

CONFIDENCE = "environment_confidence"


class MatchEnvironmentPolicy:
    """One wish for each workload whose camera is sure to see another class than its build is for.

    Packages with builds for one class only do not depend on the environment. The environment AI itself is never changed, and neither
    is what runs as no declared build.
    """

    name = "match_environment"
    scenario = "SC-9"
    rank = 70

    def propose(self, snapshot: Snapshot, limits: Limits) -> tuple[Proposal, ...]:
        """Mask the placements first: Ready, alone, movable, of a package that has builds for several classes, under another sky."""
        p, w, v, c = snapshot.placements, snapshot.workloads, snapshot.variants, snapshot.cameras
        if not c.ids or not v.package:
            return ()
        rows = np.flatnonzero(sole_ready_placements(snapshot) & (p.variant != NOWHERE))
        camera = w.camera[p.workload[rows]]
        with np.errstate(invalid="ignore"):
            sure = c.environment_fresh[camera] & (c.environment_confidence[camera] >= limits.environment.confidence)
        seen, runs = np.array(c.environment_class)[camera], np.array(v.environment_class)[p.variant[rows]]
        other = (seen != runs) & (seen != "") & _adapting(snapshot)[p.variant[rows]]
        rows = rows[w.movable[p.workload[rows]] & (camera != NOWHERE) & sure & other]
        return tuple(_wish(self, row, snapshot, limits) for row in rows.tolist())


def _adapting(snapshot: Snapshot) -> Bools:
    """V: builds of packages that have active builds for more than one class."""
    v = snapshot.variants
    classes: dict[str, set[str]] = {}
    for row, package in enumerate(v.package):
        if v.active[row]:
            classes.setdefault(package, set()).add(v.environment_class[row])
    return np.array([len(classes.get(package, ())) > 1 for package in v.package], dtype=bool)


def _wish(policy: MatchEnvironmentPolicy, placement: int, snapshot: Snapshot, limits: Limits) -> Proposal:
    p, w, c = snapshot.placements, snapshot.workloads, snapshot.cameras
    workload = int(p.workload[placement])
    camera = int(w.camera[workload])
    seen, runs = c.environment_class[camera], snapshot.variants.environment_class[int(p.variant[placement])]
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
        wish=Place(workload=name, replaces=p.ids[placement], device=device, environment_class=seen, version=_fixed(workload, snapshot)),
        because=Reason("environment_changed", parameters),
        evidence=(Evidence("environment", c.ids[camera], float(seen), at, True), Evidence(CONFIDENCE, c.ids[camera], confidence, at, True)),
        steady_seconds=limits.environment.stable_seconds,
    )


def _fixed(workload: int, snapshot: Snapshot) -> str:
    """The version that the catalogue names for a workload; "" where the newest is meant."""
    declared = int(snapshot.workloads.variant[workload])
    return snapshot.variants.version[declared] if snapshot.workloads.version_is_fixed[workload] and declared != NOWHERE else ""
