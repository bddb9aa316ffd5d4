"""SC-12: a device that will probably pass its limit before a move could end hands a workload on in time."""

from __future__ import annotations

import numpy as np

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.limits import Limits
from decision_engine.core.proposal import Evidence, Parameter, Proposal, Reason, Relieve
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import Floats, Outlook, Snapshot


class ForeseePolicy:
    """Acts on P(overload) where the forecast has earned it, and on last value + volatility margin elsewhere."""

    name = "foresee"
    scenario = "SC-12"
    rank = 52

    def propose(self, snapshot: Snapshot, limits: Limits) -> tuple[Proposal, ...]:
        """One wish for each device and resource that is below its limit now and expected above it in time."""
        outlook = snapshot.outlook
        if outlook is None:
            return ()
        d, step = snapshot.devices, outlook.step
        calm = (d.quality == int(Quality.FRESH)) & (d.load < snapshot.resource_limits) & ~d.is_analysis[:, np.newaxis]
        with np.errstate(invalid="ignore"):
            by_forecast = outlook.gate_open & (outlook.p_over[:, :, step] >= limits.foresight.probability)
            by_margin = ~outlook.gate_open & (outlook.margin_p90[:, :, step] >= snapshot.resource_limits)
        rows = np.argwhere(calm & (by_forecast | by_margin))
        return tuple(_wish(self, (int(device), int(resource)), snapshot, outlook) for device, resource in rows)


def _wish(policy: ForeseePolicy, place: tuple[int, int], snapshot: Snapshot, outlook: Outlook) -> Proposal:
    device, resource = place
    d, step = snapshot.devices, outlook.step
    name, kind, limit = d.ids[device], RESOURCES[resource], float(snapshot.resource_limits[resource])
    gate = bool(outlook.gate_open[device, resource])
    p90 = (outlook.p90 if gate else outlook.margin_p90)[device, resource]
    probability, seconds = float(outlook.p_over[device, resource, step]), _seconds_until(outlook, device, resource, limit)
    parameters: dict[str, Parameter] = {
        "device": name,
        "resource": kind,
        "limit": limit,
        "load": float(d.load[device, resource]),
        "p90": float(p90[step]),
        "probability": probability if np.isfinite(probability) else None,
        "seconds": seconds,
        "horizon_seconds": float(outlook.background.horizon_seconds[step]),
        "skill": float(outlook.skill[device, resource]) if np.isfinite(outlook.skill[device, resource]) else None,
    }
    at = float(d.load_at[device, resource])
    return Proposal(
        policy=policy.name,
        scenario=policy.scenario,
        subject=f"{name}/{kind}",
        urgency=probability if gate else 0.0,  # what has not earned to act does not say what comes first either
        wish=Relieve(
            device=name,
            resource=kind,
            limit_ratio=limit,
            excess_ratio=max(float(np.nanmax(p90)) - limit, 0.0),  # what must go is what the load may come to at its highest
            target_roles=("edge", "analysis"),
        ),
        because=Reason("margin_passes_limit" if not gate else "may_pass_limit" if seconds is None else "will_pass_limit", parameters),
        evidence=(
            Evidence(kind, name, float(d.load[device, resource]), at, True),
            Evidence("forecast", name, float(p90[step]), outlook.background.at, True),
        ),
    )


def _seconds_until(outlook: Outlook, device: int, resource: int, limit: float) -> float | None:
    """When the middle forecast passes the limit, read linearly between its steps; None where it does not within the deciding horizon."""
    seconds: Floats = outlook.background.horizon_seconds
    middle = outlook.p50[device, resource, : outlook.step + 1]
    crossed = np.flatnonzero(middle >= limit)
    if not len(crossed):
        return None
    first = int(crossed[0])
    if first == 0:
        return float(seconds[0])
    rise = middle[first] - middle[first - 1]
    return float(seconds[first - 1] + (limit - middle[first - 1]) / rise * (seconds[first] - seconds[first - 1]))
