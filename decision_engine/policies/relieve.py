"""SC-1: a device over its limit for long enough, or about to throttle, hands a workload to another edge."""

from __future__ import annotations

import numpy as np

from decision_engine.catalog.model import RESOURCES, Role
from decision_engine.core.decide import Policy
from decision_engine.core.limits import Limits
from decision_engine.core.proposal import Evidence, Parameter, Proposal, Reason, Relieve
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import Bools, Snapshot

CPU = RESOURCES.index("cpu")


class RelievePolicy:
    """Sustained overload or a throttle trip close by, seen in fresh samples; candidates are other edges."""

    name = "relieve"
    scenario = "SC-1"
    rank = 50

    def propose(self, snapshot: Snapshot, limits: Limits) -> tuple[Proposal, ...]:
        """One wish for each overloaded device and resource, and for each device about to throttle."""
        return overload_wishes(self, snapshot, limits, ("edge",))


def overload_wishes(policy: Policy, snapshot: Snapshot, limits: Limits, roles: tuple[Role, ...]) -> tuple[Proposal, ...]:
    """The wishes of SC-1 and SC-2, which differ in where the work may go."""
    over = sustained_overload(snapshot, limits)
    loads = [overload_wish(policy, int(device), int(resource), snapshot, roles) for device, resource in np.argwhere(over)]
    hot = np.flatnonzero(about_to_throttle(snapshot, limits) & ~over.any(axis=1))
    return (*loads, *(throttle_wish(policy, int(device), snapshot, roles) for device in hot))


def sustained_overload(snapshot: Snapshot, limits: Limits) -> Bools:
    """D × R: fresh, over the limit, and so for ``sustain_seconds`` without a break; analysis servers are never relieved."""
    d = snapshot.devices
    over: Bools = (d.quality == int(Quality.FRESH)) & (d.over_seconds >= limits.overload.sustain_seconds)
    over &= ~d.is_analysis[:, np.newaxis]
    return over


def about_to_throttle(snapshot: Snapshot, limits: Limits) -> Bools:
    """D: a fresh temperature this near the trip, and a fresh CPU load; analysis servers are never relieved."""
    d = snapshot.devices
    near: Bools = d.thermal_headroom_kelvin <= limits.overload.throttling_near_kelvin
    near &= (d.quality[:, CPU] == int(Quality.FRESH)) & ~d.is_analysis
    return near


def throttle_wish(policy: Policy, device: int, snapshot: Snapshot, roles: tuple[Role, ...]) -> Proposal:
    """Heat follows load: any workload that leaves helps, so the smallest one goes; what it takes of the CPU tells which that is."""
    d = snapshot.devices
    name, headroom, load = d.ids[device], float(d.thermal_headroom_kelvin[device]), float(d.load[device, CPU])
    parameters: dict[str, Parameter] = {"device": name, "headroom_kelvin": headroom, "resource": RESOURCES[CPU], "load": load}
    limit = float(snapshot.resource_limits[CPU])
    return Proposal(
        policy=policy.name,
        scenario=policy.scenario,
        subject=f"{name}/temperature",
        urgency=0.0,
        wish=Relieve(device=name, resource=RESOURCES[CPU], limit_ratio=limit, excess_ratio=0.0, target_roles=roles),
        because=Reason("throttling_near", parameters),
        evidence=(
            Evidence("thermal_headroom", name, headroom, float(d.thermal_at[device]), True),
            Evidence(RESOURCES[CPU], name, load, float(d.load_at[device, CPU]), True),
        ),
    )


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
