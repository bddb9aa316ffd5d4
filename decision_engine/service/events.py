"""What one cycle has to tell, as named events with plain bodies: the live stream and the lab's narration read these."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from decision_engine.core.explain import render
from decision_engine.core.records import as_plain
from decision_engine.engine import CycleReport
from decision_engine.service.views import decision_view, fleet_view


def events_of(report: CycleReport) -> Iterator[tuple[str, dict[str, Any]]]:
    """«decision», «transition» and «effect» as they happened, then «cycle» with the fleet as it is now."""
    for decision in report.record.decisions:
        yield "decision", decision_view(decision)
    for transition in report.record.transitions:
        yield "transition", {"move": as_plain(transition.move), "because": render(transition.because), "code": transition.because.code}
    for outcome in report.record.outcomes:
        yield "effect", as_plain(outcome)
    fleet = fleet_view(report.snapshot, report.memory)
    yield "cycle", {**fleet, "seconds": report.seconds, "queries": report.queries, "trouble": report.trouble or None}
