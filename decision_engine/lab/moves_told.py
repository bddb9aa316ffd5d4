"""Says what a step of a move and a checked effect mean, from the plain values of the live stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from decision_engine.core.explain import build, percent
from decision_engine.core.sentences import RESOURCE_NAMES

Told = tuple[str, Literal["plain", "good", "warn", "bad", "dim"]]

UNDONE_BECAUSE: Final = {
    "target_failed": "{workload} failed to start there",
    "start_refused": "{target} refused the start ({refused})",
    "deadline_passed": "it was not Ready there in time",
    "target_lost": "its new placement was lost",
    "no_result_before_deadline": "no result came from there in time",
}


def transition_told(move: Mapping[str, Any], before: Mapping[str, Any] | None) -> Told | None:
    """The line for a move that has become ``move``; None for a beginning, which its decision has told already.

    ``before`` is the same move as last heard of, None when it is new.
    """
    order, state = move["order"], move["state"]
    if before is not None and before["state"] == state:
        return _repeated(move)
    workload, source, target = order["workload"], order["source"], order["target"]
    if state == "ready":
        return f"{target} runs {workload}, Ready after {_since_begun(move)}", "plain"
    if state == "first_result":
        return f"first result from {target}: the old placement on {source} is stopped", "good"
    if state == "stopping":
        return f"{source} is stopping its old placement of {workload}", "dim"
    if state == "done":
        return _done(move)
    return _taken_back(move) if state in ("undoing", "undone") else None


def _taken_back(move: Mapping[str, Any]) -> Told:
    order, undone = move["order"], move["state"] == "undone"
    workload, source, target = order["workload"], order["source"], order["target"]
    what = f"change of {workload} on {target}" if source == target else f"move of {workload} to {target}"
    if not undone:
        return f"the {what} is undone: {_undone_because(move)}", "warn"
    stays = build(order["source_class"], order["source_version"]) if source == target else f"on {source}"
    where = f"{workload} on {target}" if source == target else workload
    return f"undone after {_since_begun(move)}: {where} stays {stays}", "warn"


def _repeated(move: Mapping[str, Any]) -> Told:
    order, times = move["order"], move["orders"]
    if move["state"] == "starting":
        return f"{order['target']} has not started {order['workload']} yet: told again (order {times})", "warn"
    if move["state"] in ("first_result", "stopping"):
        return f"{order['source']} has not stopped {order['workload']} yet: told again (order {times})", "warn"
    return f"the move of {order['workload']} is still being undone: told again (order {times})", "warn"


def _done(move: Mapping[str, Any]) -> Told:
    order = move["order"]
    workload, source, target = order["workload"], order["source"], order["target"]
    if not source:
        return f"started in {_since_begun(move)}: {workload} runs on {target}", "good"
    if source == target and not move["detail"]:
        return (
            f"changed in {_since_begun(move)}: {workload} on {target} is now {build(order['environment_class'], order['version'])}",
            "good",
        )
    if move["detail"]:  # it was being undone when the source died: the new placement is the last good one
        return f"{workload} is kept on {target} after all: its placement on {source} is gone", "warn"
    if target == order["home"]:
        return f"home again in {_since_begun(move)}: {workload} runs on {target}", "good"
    return f"moved in {_since_begun(move)}: {workload} runs on {target}, no longer on {source}", "good"


def _undone_because(move: Mapping[str, Any]) -> str:
    order, why = move["order"], str(move["detail"])
    template = UNDONE_BECAUSE.get(why, why.replace("_", " "))
    return template.format(workload=order["workload"], target=order["target"], refused=move["refused"] or "no reason given")


def _since_begun(move: Mapping[str, Any]) -> str:
    """Seconds with one decimal: a move takes a few of them, and that is the point."""
    return f"{move['since'] - move['begun_at']:.1f} s"


def effect_told(effect: Mapping[str, Any], move: Mapping[str, Any] | None) -> Told:
    """The line for a checked promise; ``move`` is the move it belongs to, None when it was never heard of."""
    promise = None if move is None else move["promise"]
    source = "the source" if promise is None else promise["source"]
    target = "the target" if promise is None else promise["target"]
    at_source, at_target = f"{source} {_at(effect['source_ratio'])}", f"{target} {_at(effect['target_ratio'])}"
    if promise is not None and source == target:
        return _stayed(effect, promise)
    resource = "" if promise is None else " " + RESOURCE_NAMES["en"].get(promise["resource"], promise["resource"])
    limit = "its limit" if promise is None else f"its limit of {percent(promise['limit_ratio'])}{resource}"
    verdict = effect["verdict"]
    if verdict == "kept":
        return f"effect kept: {at_source}, {at_target}{resource}", "good"
    if verdict == "missed":
        return f"effect missed: {at_source}, still over {limit}; {at_target}", "warn"
    if verdict == "worse":
        return f"effect worse: {at_target}, over {limit}; {at_source}", "bad"
    return f"effect unknown: {at_source}, {at_target}", "dim"


def _stayed(effect: Mapping[str, Any], promise: Mapping[str, Any]) -> Told:
    """A change of build where it runs has one end only."""
    resource = RESOURCE_NAMES["en"].get(promise["resource"], promise["resource"])
    tones: dict[str, Literal["good", "bad", "dim"]] = {"kept": "good", "worse": "bad"}
    return f"effect {effect['verdict']}: {promise['target']} {_at(effect['target_ratio'])} {resource}", tones.get(effect["verdict"], "dim")


def _at(ratio: float | None) -> str:
    return "says nothing fresh" if ratio is None else f"at {percent(ratio)}"
