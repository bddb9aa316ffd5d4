"""Keeps what the engine's live stream said last, and hands it out as one screen for a person to watch."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from rich.console import RenderableType

from decision_engine.lab.fleet_table import device_state
from decision_engine.lab.layout import Screen, Seen
from decision_engine.lab.narrate import Line, Narrator, Tone
from decision_engine.lab.summary import final_summary
from decision_engine.lab.tempo import LAB_LIMITS

__all__ = ["LabView", "final_summary"]

LINES_KEPT: Final = 40
"""More than the tallest screen shows."""


class LabView:
    """The lab's screen; not to be used by two threads at once.

    ``addresses`` are URLs by the name to be shown; ``started_at`` is Unix time; ``real_devices`` are the ids of devices
    that are no simulation. Until the engine's first wish names the horizon that decides, it is taken from the prior
    of a move's duration.
    """

    def __init__(self, addresses: Mapping[str, str], duration_seconds: float, started_at: float, real_devices: frozenset[str]) -> None:
        self._addresses = dict(addresses)
        self._duration_seconds = duration_seconds
        self._started_at = started_at
        self._real_devices = real_devices
        self._narrator = Narrator(started_at)
        self._lines: deque[Line] = deque(maxlen=LINES_KEPT)
        self._fleet: Mapping[str, Any] | None = None
        self._noted: dict[str, float] = {}
        self._horizon_seconds = LAB_LIMITS.foresight.horizon_moves * LAB_LIMITS.foresight.move_seconds_prior
        self._latest_at = started_at

    def take(self, event: str, body: Mapping[str, Any]) -> tuple[Line, ...]:
        """Take in one event of the stream; the lines that it added, for a log beside the screen."""
        told = self._narrator.lines(event, body)
        self._lines.extend(told)
        if event == "decision":
            self._learn_horizon(body)
        if event == "cycle":
            self._latest_at = max(self._latest_at, float(body["at"]))
            self._fleet = body
            self._note_devices(body)
        return told

    def note(self, text: str, tone: Tone) -> Line:
        """Add a remark of the lab's own, at the newest time that is known here; the line it became."""
        line = Line(self._latest_at - self._started_at, text, tone)
        self._lines.append(line)
        return line

    def render(self, now: float) -> Screen:
        """All that is known at Unix time ``now``, for ``rich.live.Live``; it fits itself to the console that shows it."""
        self._latest_at = max(self._latest_at, now)
        return Screen(
            Seen(
                addresses=self._addresses,
                story_seconds=max(now - self._started_at, 0.0),
                duration_seconds=self._duration_seconds,
                real_devices=self._real_devices,
                fleet=self._fleet,
                now=now,
                lines=tuple(self._lines),
                noted=tuple(sorted(self._noted, key=lambda id_: -self._noted[id_])),
                horizon_seconds=self._horizon_seconds,
            )
        )

    def final_summary(self, result: Mapping[str, Any]) -> RenderableType:
        """The run's result as figures with sentences, to be shown when the screen is gone."""
        return final_summary(result)

    def _learn_horizon(self, decision: Mapping[str, Any]) -> None:
        """Only a foreseen overload says which horizon decides now; the fleet's page does not carry it."""
        proposal = decision["proposal"]
        horizon = None if proposal is None else proposal["because"]["parameters"].get("horizon_seconds")
        if horizon is not None:
            self._horizon_seconds = float(horizon)

    def _note_devices(self, fleet: Mapping[str, Any]) -> None:
        """Remember when a device was last worth a look: those stay on a screen that is too short for all."""
        for device in fleet["devices"]:
            if device_state(device, self._horizon_seconds) != "calm":
                self._noted[device["id"]] = float(fleet["at"])
        for move in fleet["moves"]:
            self._noted[move["source"]] = self._noted[move["target"]] = float(fleet["at"])
