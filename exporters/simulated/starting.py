"""Makes the columns of placements that begin: those at home when the story begins, and one that has just been ordered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporters.simulated.blueprint import Fault, PlantBlueprint, PlantWorkload
from exporters.simulated.columns import Columns, PlantPhase, new_columns
from exporters.simulated.draws import Draws
from exporters.simulated.faults import strikes, struck
from exporters.simulated.naming import placement_name, placement_parts
from exporters.simulated.production import settle
from exporters.simulated.sky import Sky, environment_number
from exporters.simulated.tables import Tables


@dataclass(frozen=True, slots=True)
class Order:
    """A start as it was ordered at story time ``at``; ``details`` as in ``Plant.apply``."""

    placement: str
    at: float
    details: Mapping[str, str]

    def build(self, workload: PlantWorkload) -> tuple[str, str]:
        """Class and version that are to run: those ordered, else the workload's own."""
        return self.details.get("environment_class") or workload.environment_class, self.details.get("version") or workload.version


def at_home(blueprint: PlantBlueprint, tables: Tables, draws: Draws, sky: Sky) -> Columns:
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
        build=[tables.row_of_build(workload, workload.environment_class, workload.version) for workload in residents],
        environment=[environment_number(workload.environment_class) for workload in residents],
        device=[tables.device_row[workload.home] for workload in residents],
        generation=1,
        phase=PlantPhase.READY,
        since=-past,
        ready_at=-past,
        offset=[draws.offset(name) for name in names],
    )
    settle(columns, tables, draws, past, sky.first)
    return columns


def ordered(order: Order, blueprint: PlantBlueprint, tables: Tables, draws: Draws, faults: list[Fault]) -> Columns:
    """One placement that begins to start now, slow or doomed where its build or a fault says so.

    Raises:
        ValueError: there is no such build, as a sentence.
    """
    name, device, generation = placement_parts(order.placement)
    workload = blueprint.workloads[tables.workload_row[name]]
    environment_class, version = order.build(workload)
    build = tables.row_of_build(workload, environment_class, version)
    if build is None:
        raise ValueError(_why_no_build(workload.package, f"{environment_class}/{version}", blueprint))
    doom = tables.start_fails[build] or ("image_pull" if strikes(struck(faults, "start_fails", order.at), order.placement) else "")
    seconds = blueprint.start_seconds * (1.0 + blueprint.start_jitter_ratio * draws.jitter(order.placement))
    if strikes(struck(faults, "slow_start", order.at), order.placement):
        seconds *= blueprint.slow_start_factor
    return new_columns(
        1,
        placement=order.placement,
        environment_class=environment_class,
        version=version,
        order=order.details.get("order", ""),
        doom=doom,
        workload=tables.workload_row[name],
        build=build,
        environment=environment_number(environment_class),
        device=tables.device_row[device],
        generation=generation,
        phase=PlantPhase.STARTING,
        since=order.at,
        ready_at=order.at + seconds,
        offset=draws.offset(order.placement),
    )


def _why_no_build(package: str, build: str, blueprint: PlantBlueprint) -> str:
    listed = ", ".join(f"{one.environment_class}/{one.version}" for one in blueprint.builds if one.package == package)
    return f"There is no build {build} of {package}; there are {listed}."
