"""What the dispatcher is told: one placement to be started or stopped, as a move wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from decision_engine.core.decision import MoveOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the dispatcher shall tell an actuator: start or stop one placement.

    A repeated order is the same order, unless ``attempt`` says that what died shall be started once more. ``environment_class``
    and ``version`` name the build to be started, "" the declared one.
    """

    move_id: str
    verb: Literal["start", "stop"]
    workload: str
    device: str
    placement: str
    attempt: int = 0
    environment_class: str = ""
    version: str = ""


def start_target(move_id: str, order: MoveOrder) -> Order:
    """Start the new placement."""
    return Order(
        move_id=move_id,
        verb="start",
        workload=order.workload,
        device=order.target,
        placement=order.target_placement,
        environment_class=order.environment_class,
        version=order.version,
    )


def stop_target(move_id: str, order: MoveOrder) -> Order:
    """Take the new placement away again."""
    return Order(move_id=move_id, verb="stop", workload=order.workload, device=order.target, placement=order.target_placement)


def stop_source(move_id: str, order: MoveOrder) -> Order:
    """Stop what was replaced."""
    return Order(move_id=move_id, verb="stop", workload=order.workload, device=order.source, placement=order.source_placement)


def start_source(move_id: str, order: MoveOrder, attempt: int) -> Order:
    """Start what was to be replaced once more, as it died."""
    return Order(
        move_id=move_id,
        verb="start",
        workload=order.workload,
        device=order.source,
        placement=order.source_placement,
        attempt=attempt,
        environment_class=order.source_class,
        version=order.source_version,
    )
