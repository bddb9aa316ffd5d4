"""Whether a device can hold a variant at all, before anyone asks about load."""

from __future__ import annotations

from dataclasses import dataclass

from decision_engine.catalog.model import Device, Version


@dataclass(frozen=True, slots=True)
class Fit:
    """The device can hold the variant."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """The device cannot hold the variant, and why: a reason code."""

    reason: str


def fits(variant: Version, device: Device) -> Fit | Unfit:
    """Judge architecture and accelerator; load, reachability and rest are the planner's business."""
    if device.architecture not in variant.architectures:
        return Unfit("other_architecture")
    if variant.needs_gpu and not device.gpu:
        return Unfit("no_gpu")
    return Fit()
