"""What a move made worse is taken back, once: the engine's own wish, which no policy can have, as it comes from memory."""

from __future__ import annotations

import numpy as np

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.limits import Limits
from decision_engine.core.memory import Memory, Regret
from decision_engine.core.proposal import Evidence, Parameter, Place, Proposal, Reason
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import READY, Snapshot

TAKE_BACK = "take_back"
SCENARIO = "SC-17"
RANK = 40
"""Before overloads are relieved by further moves: what caused one goes first."""


def wishes(snapshot: Snapshot, memory: Memory, limits: Limits) -> tuple[Proposal, ...]:
    """One for each workload whose last move made things worse, while they still are: its target is over the limit, by a fresh load."""
    found = (_wish(workload, regret, snapshot, limits) for workload, regret in sorted(memory.regrets.items()))
    return tuple(wish for wish in found if wish is not None)


def _wish(workload: str, regret: Regret, snapshot: Snapshot, limits: Limits) -> Proposal | None:
    promise, d, p = regret.promise, snapshot.devices, snapshot.placements
    if snapshot.now - regret.at > limits.moving.regret_seconds or workload not in snapshot.workloads.ids:
        return None
    if not {promise.source, promise.target} <= set(d.ids):
        return None
    target, resource = d.ids.index(promise.target), RESOURCES.index(promise.resource)
    load, at = float(d.load[target, resource]), float(d.load_at[target, resource])
    if d.quality[target, resource] != int(Quality.FRESH) or load < promise.limit_ratio:
        return None
    rows = snapshot.placements_of(snapshot.workloads.ids.index(workload))
    here = rows[(p.device[rows] == target) & (p.phase[rows] == READY)]
    if len(rows) != 1 or not len(here) or not snapshot.workloads.movable[p.workload[rows[0]]]:
        return None
    parameters: dict[str, Parameter] = {
        "workload": workload,
        "device": promise.target,
        "source": promise.source,
        "resource": promise.resource,
        "load": load,
        "limit": promise.limit_ratio,
    }
    return Proposal(
        policy=TAKE_BACK,
        scenario=SCENARIO,
        subject=workload,
        urgency=load - promise.limit_ratio,
        wish=Place(workload=workload, replaces=p.ids[int(np.asarray(here)[0])], device=promise.source),
        because=Reason("made_worse", parameters),
        evidence=(Evidence(promise.resource, promise.target, load, at, True),),
    )
