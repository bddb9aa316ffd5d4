"""SC-1: a device over its limit for long enough hands a workload to another edge."""

from __future__ import annotations

import numpy as np

from decision_engine.catalog.model import RESOURCES, Role
from decision_engine.core.decide import Policy
from decision_engine.core.limits import Limits
from decision_engine.core.proposal import Evidence, Parameter, Proposal, Reason, Relieve
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import Bools, Snapshot


class RelievePolicy:
    """Sustained overload, seen in fresh samples; candidates are other edges."""

    name = "relieve"
    scenario = "SC-1"
    rank = 50

    def propose(self, snapshot: Snapshot, limits: Limits) -> tuple[Proposal, ...]:
        """One wish for each overloaded device and resource."""
        rows = np.argwhere(sustained_overload(snapshot, limits))
        return tuple(overload_wish(self, int(device), int(resource), snapshot, ("edge",)) for device, resource in rows)


def sustained_overload(snapshot: Snapshot, limits: Limits) -> Bools:
    """D × R: fresh, over the limit, and so for ``sustain_seconds`` without a break; analysis servers are never relieved."""
    d = snapshot.devices
    over: Bools = (d.quality == int(Quality.FRESH)) & (d.over_seconds >= limits.overload.sustain_seconds)
    over &= ~d.is_analysis[:, np.newaxis]
    return over


def overload_wish(policy: Policy, device: int, resource: int, snapshot: Snapshot, roles: tuple[Role, ...]) -> Proposal:
    """The wish that follows from a sustained overload."""
    d = snapshot.devices
    name, limit = d.ids[device], float(snapshot.resource_limits[resource])
    load = float(d.load[device, resource])
    at = float(d.load_at[device, resource])
    parameters: dict[str, Parameter] = {
        "device": name,
        "resource": RESOURCES[resource],
        "load": load,
        "limit": limit,
        "seconds": float(d.over_seconds[device, resource]),
    }
    return Proposal(
        policy=policy.name,
        scenario=policy.scenario,
        subject=f"{name}/{RESOURCES[resource]}",
        urgency=load - limit,
        wish=Relieve(device=name, resource=RESOURCES[resource], limit_ratio=limit, excess_ratio=load - limit, target_roles=roles),
        because=Reason("over_limit", parameters),
        evidence=(Evidence(RESOURCES[resource], name, load, at, True),),
    )
