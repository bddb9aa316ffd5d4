"""Tells what the engine does as short lines with story time, from the events of its live stream; pure, time comes with the events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from decision_engine.core.explain import duration, percent
from decision_engine.core.sentences import RESOURCE_NAMES
from decision_engine.lab.blindness import blind_sentence
from decision_engine.lab.moves_told import effect_told, transition_told

Tone = Literal["plain", "good", "warn", "bad", "dim"]

QUIET_SECONDS: Final = 15.0
"""The same hold about the same subject is told once in this time: two policies often say it in one breath."""

UNTOLD: Final = frozenset({"move_under_way", "scenario_off", "home_resting", "home_in_a_move", "engine_sees_again"})
"""Holds that explain nothing to a person who watches: what they say is on the screen already, or over in a moment."""

HOLD_TONES: Final[dict[str, Tone]] = {
    "engine_blind": "bad",
    "policy_failed": "bad",
    "no_room_on_edge": "warn",
    "no_room_on_analysis": "warn",
    "no_room_on_edge_or_analysis": "warn",
    "nothing_movable": "warn",
    "cost_unknown": "warn",
    "stale_evidence": "warn",
    "resting": "plain",
    "budget_in_flight": "plain",
    "budget_fleet": "plain",
    "budget_site": "plain",
    "observe_only": "plain",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One told line; ``at_seconds`` is story time."""

    at_seconds: float
    text: str
    tone: Tone

    @property
    def stamp(self) -> str:
        """The story time as «[ 34 s]»."""
        return f"[{self.at_seconds:3.0f} s]"

    def __str__(self) -> str:
        return f"{self.stamp} {self.text}"


class Narrator:
    """Turns events into lines; ``started_at`` is the Unix time at which the story begins.

    It remembers the moves it heard of (an effect names only its decision), since when the engine is blind, and which
    holds it told lately.
    """

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at
        self._blind_since: float | None = None
        self._trouble = ""
        self._moves: dict[str, dict[str, Any]] = {}
        self._told_at: dict[tuple[str, str], float] = {}

    def lines(self, event: str, body: Mapping[str, Any]) -> tuple[Line, ...]:
        """What one event says to a person; nothing for an event of another name."""
        if event == "decision":
            return self._decision(body)
        if event == "transition":
            return self._transition(body)
        if event == "effect":
            text, tone = effect_told(body, self._moves.get(str(body["decision"])))
            return (self._line(body["at"], text, tone),)
        return self._cycle(body) if event == "cycle" else ()

    def _line(self, at: float, text: str, tone: Tone) -> Line:
        return Line(max(at - self._started_at, 0.0), text, tone)

    def _cycle(self, body: Mapping[str, Any]) -> tuple[Line, ...]:
        """A cycle is told only where blindness begins or ends, and where there is new trouble."""
        at, blind = float(body["at"]), body["blind"]
        if blind:
            return self._goes_blind(at, blind_sentence(str(blind)))
        told: tuple[Line, ...] = ()
        if self._blind_since is not None:
            lasted = duration(at - self._blind_since)
            told = (self._line(at, f"Prometheus can be believed again after {lasted}: deciding goes on", "good"),)
        self._blind_since = None
        trouble, self._trouble = self._trouble, str(body.get("trouble") or "")
        return told if self._trouble in ("", trouble) else (*told, self._line(at, self._trouble, "warn"))

    def _goes_blind(self, at: float, sentence: str) -> tuple[Line, ...]:
        if self._blind_since is not None:
            return ()
        self._blind_since = at
        return (self._line(at, sentence, "bad"),)

    def _decision(self, body: Mapping[str, Any]) -> tuple[Line, ...]:
        at, code = float(body["at"]), str(body["reason"]["code"])
        if body["verdict"] == "act":
            text, tone = _act_told(body)
            return (self._line(at, text, tone),)
        if code == "engine_blind":
            return self._goes_blind(at, blind_sentence(str(body["reason"]["parameters"]["cause"])))
        topic = (str(body["subject"]), code)
        if code in UNTOLD or at - self._told_at.get(topic, float("-inf")) < QUIET_SECONDS:
            return ()
        self._told_at[topic] = at
        if code == "first_look":
            why = _why(body)
            told = why if why == body["sentence"] else f"{why}: seen once, a second look decides"
            return (self._line(at, told, "dim"),)
        return (self._line(at, str(body["sentence"]), HOLD_TONES.get(code, "warn" if body["verdict"] == "refuse" else "dim")),)

    def _transition(self, body: Mapping[str, Any]) -> tuple[Line, ...]:
        move = body["move"]
        before = self._moves.get(str(move["id"]))
        self._moves[str(move["id"])] = move
        told = transition_told(move, before)
        # ``since`` stays where it was when an order is only repeated; then the order's own time is the news.
        at = max(float(move["since"]), float(move["ordered_at"]))
        return () if told is None else (self._line(at, *told),)


def _act_told(body: Mapping[str, Any]) -> tuple[str, Tone]:
    """An act in one line: why, what goes where, and what that does to the target."""
    move, code = body["move"], body["reason"]["code"]
    if move is None:
        return str(body["sentence"]), "plain"
    if code == "home_has_room":
        away = body["reason"]["parameters"].get("seconds")
        after = "" if away is None else f" after {duration(away)} away"
        return f"{move['home']} has room again; {move['workload']} returns home from {move['source']}{after}", "good"
    if not move["source"] or move["source"] == move["target"]:
        return str(body["sentence"]), "plain"
    return (
        f"{_why(body)}; moving {move['workload']} to {move['target']}{_loads(body['promise'])}",
        "bad" if code == "over_limit" else "warn",
    )


def _loads(promise: Mapping[str, Any] | None) -> str:
    if promise is None or promise["target_before_ratio"] is None or promise["target_after_ratio"] is None:
        return ""
    return f" ({percent(promise['target_before_ratio'])} → {percent(promise['target_after_ratio'])})"


def _why(body: Mapping[str, Any]) -> str:
    """The reason of the wish, shorter than the journal's sentence; reasons that are not of load keep that sentence."""
    because = body["reason"] if body["proposal"] is None else body["proposal"]["because"]
    words = because["parameters"]
    if because["code"] == "home_has_room":
        return f"{words['workload']} could go home to {words['home']}"
    if because["code"] not in ("will_pass_limit", "may_pass_limit", "margin_passes_limit", "over_limit"):
        return str(body["sentence"])
    resource = RESOURCE_NAMES["en"].get(words["resource"], words["resource"])
    limit, load = percent(words["limit"]), percent(words["load"])
    if because["code"] == "over_limit":
        return f"{words['device']} is at {load} {resource}, over {limit} for {duration(words['seconds'])}"
    if because["code"] == "will_pass_limit":
        return f"{words['device']} will pass {limit} {resource} in {duration(words['seconds'])} (p90 {percent(words['p90'])})"
    if because["code"] == "may_pass_limit":
        within = duration(words["horizon_seconds"])
        return f"{words['device']} may pass {limit} {resource} within {within} (now {load}, P {words['probability']:.2f})"
    return f"{words['device']} may pass {limit} {resource} (now {load}, with its usual swing {percent(words['p90'])})"
