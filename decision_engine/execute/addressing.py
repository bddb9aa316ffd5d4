"""Turns an order into an action and the name of the actuator that can carry it out, by what the catalogue declares."""

from __future__ import annotations

from dataclasses import dataclass

from actuators.api import Action, Verb
from decision_engine.catalog.model import Catalog, Version, Workload
from decision_engine.core.orders import Order


@dataclass(frozen=True, slots=True)
class Addressed:
    """An action and the name of its actuator."""

    actuator: str
    action: Action


@dataclass(frozen=True, slots=True)
class Refused:
    """The order cannot be sent anywhere; ``reason`` is a sentence for the person on call."""

    reason: str


def addressed(order: Order, catalog: Catalog) -> Addressed | Refused:
    """Look up device, cluster and workload; a start needs a version, a stop must be possible without one."""
    device = catalog.devices.get(order.device)
    if device is None:
        return Refused(f"device {order.device} is not in the catalogue: {order.placement} cannot be reached")
    cluster = catalog.clusters.get(device.cluster)
    if cluster is None:
        return Refused(f"cluster {device.cluster} of {order.device} is not in the catalogue: {order.placement} cannot be reached")
    workload = catalog.workloads.get(order.workload)
    if workload is None:
        return Refused(f"workload {order.workload} is not in the catalogue: {order.placement} is left alone")
    version = _build(order, workload, catalog)
    if version is None and order.verb == Verb.START.value:
        wanted = order.environment_class or workload.environment_class
        which = f"version {order.version}" if order.version else "active version"
        return Refused(f"no {which} of {workload.package} for class {wanted} is declared: {order.placement} is not started")
    return Addressed(cluster.actuator, _action(order, version, device.node or device.id))


def action_id(order: Order) -> str:
    """The same for every repetition of an order, so that a runtime can tell them from new ones."""
    again = f":{order.attempt}" if order.attempt else ""
    return f"{order.move_id}:{order.verb}:{order.placement}{again}"


def _build(order: Order, workload: Workload, catalog: Catalog) -> Version | None:
    """The build that an order names, whatever its state: what runs may be started again; else the declared one."""
    if not order.version:
        return catalog.version_of(workload)
    return catalog.versions.get((workload.package, order.environment_class or workload.environment_class, order.version))


def _action(order: Order, version: Version | None, node: str) -> Action:
    return Action(
        id=action_id(order),
        verb=Verb(order.verb),
        placement=order.placement,
        workload=order.workload,
        device=order.device,
        node=node,
        environment_class="" if version is None else version.environment_class,
        version="" if version is None else version.version,
        artefact="" if version is None else version.artefact,
    )
