"""Says which workloads run on which device, with phase and confidence, and which are away from home or nowhere to be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.text import Text

from decision_engine.lab.bars import ACCENT, BAD, DIM, PLAIN, WARN

MARKS: Final = {"ready": "●", "starting": "◌", "stopping": "○", "failed": "✗", "missing": "✗", "unknown": "?"}
STYLES: Final = {"ready": PLAIN, "starting": WARN, "stopping": DIM, "failed": BAD, "missing": BAD, "unknown": WARN}
WORDS: Final = {
    "ready": "",
    "starting": " starting",
    "stopping": " stopping",
    "failed": " failed",
    "missing": " runs nowhere",
    "unknown": "",
}

GAP: Final = "  "


@dataclass(frozen=True, slots=True)
class Tenant:
    """One workload as shown on a device. ``phase`` is a placement's, or missing (seen nowhere) or unknown (a runtime is silent).

    ``home`` is "" where the workload is at home; ``confidence`` None where it is unknown.
    """

    name: str
    phase: str
    confidence: float | None = None
    home: str = ""

    def shown(self, wide: bool) -> Text:
        """«● cam-03 0.91», and where it comes from when it is away."""
        style = STYLES[self.phase] or (ACCENT if self.home else PLAIN)
        text = Text(f"{MARKS[self.phase]} {self.name}{WORDS[self.phase]}", style=style, no_wrap=True)
        if self.phase == "ready":
            text.append(" —" if self.confidence is None else f" {self.confidence:.2f}", DIM)
        if self.home and self.phase == "ready":
            text.append(f" away from {self.home}" if wide else " away")
        return text


def tenants(fleet: Mapping[str, Any]) -> dict[str, list[Tenant]]:
    """Who runs where, by device; what is not calm comes first, so that a narrow column cuts off only what is."""
    names = short_names([workload["id"] for workload in fleet["workloads"]])
    runtime_silent = not all(device["runtime_answers"] for device in fleet["devices"])
    by_device: dict[str, list[Tenant]] = {device["id"]: [] for device in fleet["devices"]}
    for workload in fleet["workloads"]:
        name, home = names[workload["id"]], workload["home"]
        catalogued = [placement for placement in workload["placements"] if placement["device"] in by_device]
        for placement in catalogued:
            device = placement["device"]
            tenant = Tenant(name, placement["phase"], placement["confidence"], "" if device == home else home)
            by_device[device].append(tenant)
        if not catalogued:
            by_device[home].append(Tenant(name, "unknown" if runtime_silent or workload["placements"] else "missing"))
    for found in by_device.values():
        found.sort(key=lambda tenant: tenant.phase == "ready" and not tenant.home)
    return by_device


def short_names(ids: Sequence[str]) -> dict[str, str]:
    """``package/camera/purpose`` without what all of them share: the camera alone in a fleet of one package."""
    one_package = len({id_.partition("/")[0] for id_ in ids}) == 1
    return {id_: (id_.partition("/")[2] if one_package else id_).removesuffix("/main") for id_ in ids}


def tenants_in(found: Sequence[Tenant], width: int, wide: bool) -> Text:
    """As many as fit into ``width`` cells, and how many more there are."""
    line = Text(no_wrap=True) if found else Text("none", style=DIM, no_wrap=True)
    for number, tenant in enumerate(found):
        shown, left = tenant.shown(wide), len(found) - number - 1
        gap = GAP if number else ""
        reserve = len(f"{GAP}+{left}") if left else 0
        if number and line.cell_len + len(gap) + shown.cell_len + reserve > width:
            line.append(f"{GAP}+{left + 1}", DIM)
            break
        line.append(gap)
        line.append_text(shown)
    return line
