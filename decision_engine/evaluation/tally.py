"""Counts what a run did, from the engine's own events and the plant's account, into the lab's one JSON object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from exporters.simulated.score import PlantScore

P95 = 0.95


@dataclass(slots=True)
class MoveFacts:
    """One move as the events told it; times are Unix seconds."""

    decision: str
    policy: str
    scenario: str
    workload: str
    source: str
    target: str
    ordered_at: float
    state: str = "starting"
    ended_at: float | None = None


@dataclass(slots=True)
class Tally:
    """Facts of one run. ``real_devices`` run real processes; ``story_began`` is the Unix time of story second 0."""

    real_devices: frozenset[str]
    story_began: float
    moves: dict[str, MoveFacts] = field(default_factory=dict)
    decisions: int = 0
    holds_while_blind: int = 0
    cycle_seconds: list[float] = field(default_factory=list)
    queries_most: int = 0
    errors: list[str] = field(default_factory=list)

    def take(self, event: str, body: dict[str, Any]) -> None:
        """Count one event of the engine's stream."""
        if event == "cycle":
            self.cycle_seconds.append(float(body["seconds"]))
            self.queries_most = max(self.queries_most, int(body["queries"]))
        elif event == "decision":
            self._decision(body)
        elif event == "transition":
            self._transition(body["move"])

    def result(
        self, plant: PlantScore, twin: PlantScore, gap_seconds: float | None, first_crossing: Callable[[str, float], float | None]
    ) -> dict[str, Any]:
        """The lab's JSON object; ``first_crossing`` tells when the do-nothing twin of a device passed its limit after a time."""
        leads = [lead for move in self.moves.values() if (lead := self._lead(move, first_crossing)) is not None]
        done = [move for move in self.moves.values() if move.state == "done"]
        return {
            "decisions": self.decisions,
            "decisions_engine_blind": self.holds_while_blind,
            "moves": len(done),
            "moves_under_way": sum(move.ended_at is None for move in self.moves.values()),
            "moves_undone": sum(move.state == "undone" for move in self.moves.values()),
            "moves_before_overload": sum(lead > 0 for lead in leads),
            "lead_seconds_median": round(median(leads), 2) if leads else None,
            "overload_seconds": round(plant.overload_seconds, 2),
            "overload_seconds_do_nothing": round(twin.overload_seconds, 2),
            "camera_gap_seconds_max": None if gap_seconds is None else round(gap_seconds, 2),
            "returned_home": sum(move.policy == "return_home" for move in done),
            "real_processes_started": sum(move.target in self.real_devices for move in done),
            "real_processes_stopped": sum(move.source in self.real_devices for move in done),
            "cycle_seconds_p95": round(float(np.quantile(self.cycle_seconds, P95)), 4) if self.cycle_seconds else None,
            "queries_per_cycle_max": self.queries_most,
            "acted": [
                {"at_seconds": round(move.ordered_at - self.story_began, 1), "scenario": move.scenario, "workload": move.workload,
                 "source": move.source, "target": move.target, "state": move.state}
                for move in sorted(self.moves.values(), key=lambda move: (move.ordered_at, move.workload))
            ],
            "errors": self.errors,
        }  # fmt: skip

    def _decision(self, body: dict[str, Any]) -> None:
        self.decisions += 1
        if body["reason"]["code"] == "engine_blind":
            self.holds_while_blind += 1
        if body["verdict"] == "act" and body["move"]:
            order = body["move"]
            self.moves[body["id"]] = MoveFacts(
                body["id"], body["policy"], body["scenario"], order["workload"], order["source"], order["target"], float(body["at"])
            )  # fmt: skip

    def _transition(self, move: dict[str, Any]) -> None:
        facts = self.moves.get(move["id"])
        if facts is not None:
            facts.state = move["state"]
            facts.ended_at = float(move["since"]) if move["state"] in ("done", "undone") else None

    def _lead(self, move: MoveFacts, first_crossing: Callable[[str, float], float | None]) -> float | None:
        """From the ordered action to the twin's crossing; None for moves that relieve nothing or where the twin never crossed."""
        if move.policy == "return_home":
            return None
        crossed = first_crossing(move.source, move.ordered_at - self.story_began)
        return None if crossed is None else crossed + self.story_began - move.ordered_at
