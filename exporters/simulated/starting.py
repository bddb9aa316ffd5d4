"""Makes the columns of placements that begin: those at home when the story begins, and one that has just been ordered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporters.simulated.blueprint import Fault, PlantBlueprint
from exporters.simulated.columns import Columns, PlantPhase, new_columns
from exporters.simulated.draws import Draws
from exporters.simulated.faults import strikes, struck
from exporters.simulated.naming import placement_name, placement_parts
from exporters.simulated.production import settle
from exporters.simulated.tables import Tables


@dataclass(frozen=True, slots=True)
class Order:
    """A start as it was ordered at story time ``at``; ``details`` as in ``Plant.apply``."""

    placement: str
    at: float
    details: Mapping[str, str]


def at_home(blueprint: PlantBlueprint, tables: Tables, draws: Draws) -> Columns:
    """Every workload whose home is one of the plant's devices, Ready as generation 1 since the past began."""
    past = blueprint.history_seconds
    residents = [workload for workload in blueprint.workloads if workload.home in tables.device_row]
    names = [placement_name(workload.id, workload.home, 1) for workload in residents]
    columns = new_columns(
        len(residents),
        placement=names,
        environment_class=[workload.environment_class for workload in residents],
        version=[workload.version for workload in residents],
        workload=[tables.workload_row[workload.id] for workload in residents],
        device=[tables.device_row[workload.home] for workload in residents],
        generation=1,
        phase=PlantPhase.READY,
        since=-past,
        ready_at=-past,
        offset=[draws.offset(name) for name in names],
    )
    settle(columns, tables, draws, past)
    return columns


def ordered(order: Order, blueprint: PlantBlueprint, tables: Tables, draws: Draws, faults: list[Fault]) -> Columns:
    """One placement that begins to start now, slow or doomed where a fault says so."""
    name, device, generation = placement_parts(order.placement)
    workload = blueprint.workloads[tables.workload_row[name]]
    seconds = blueprint.start_seconds * (1.0 + blueprint.start_jitter_ratio * draws.jitter(order.placement))
    if strikes(struck(faults, "slow_start", order.at), order.placement):
        seconds *= blueprint.slow_start_factor
    return new_columns(
        1,
        placement=order.placement,
        environment_class=order.details.get("environment_class") or workload.environment_class,
        version=order.details.get("version") or workload.version,
        order=order.details.get("order", ""),
        workload=tables.workload_row[name],
        device=tables.device_row[device],
        generation=generation,
        phase=PlantPhase.STARTING,
        doomed=strikes(struck(faults, "start_fails", order.at), order.placement),
        since=order.at,
        ready_at=order.at + seconds,
        offset=draws.offset(order.placement),
    )
