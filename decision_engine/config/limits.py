"""The ranges in which each number of `core/limits.py` makes sense, and the words that autonomy knows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, TypeGuard, get_args

from decision_engine.catalog.mistakes import MOST_TOLD, did_you_mean, number_text, path_of, shown
from decision_engine.core.limits import Autonomy, Times

SCENARIOS: Final = tuple(f"SC-{number}" for number in range(1, 18))
APPROVE: Final = "approve"
SHORTEST_SECONDS: Final = 0.1
"""One scrape or one cycle of a small fleet takes some tens of milliseconds; a quicker rhythm would only run behind itself."""
HOUR_SECONDS: Final = 3_600.0
DAY_SECONDS: Final = 24 * HOUR_SECONDS
WEEK_SECONDS: Final = 7 * DAY_SECONDS
MOST_HISTORY_CELLS: Final = 11_000
"""Prometheus answers a range query with at most so many points per series, and the history is filled from such queries."""
LAST_GRID_STEP: Final = 1_000
"""Some eight hours on the default grid, and far beyond what the forecasters can tell from their window."""

Rule = Callable[[float], str]
"""Why a number cannot be used; "" when it can."""


def _within(lowest: float, highest: float, unit: str, too_much: str) -> Rule:
    """A range with both ends; ``too_much`` says why nobody means more."""

    def why(value: float) -> str:
        if value < lowest:
            return f"must be at least {number_text(lowest)}{unit}, not {number_text(value)}"
        return f"must be at most {number_text(highest)}{unit}, not {number_text(value)}; {too_much}" if value > highest else ""

    return why


def _ratio(value: float) -> str:
    return (
        "" if 0 <= value <= 1 else f"must be a ratio from 0 to 1, not {number_text(value)}{'; percent are not meant' if value > 1 else ''}"
    )


def _ratio_above_zero(value: float) -> str:
    return _ratio(value) if value != 0 else "must be above 0 and at most 1, not 0"


_RHYTHM = _within(SHORTEST_SECONDS, HOUR_SECONDS, " s", "a fleet that is looked at less than once an hour is not watched")
_INTERVAL = _within(SHORTEST_SECONDS, WEEK_SECONDS, " s", "an interval beyond a week never ends in practice")
_REST = _within(0, WEEK_SECONDS, " s", "a rest beyond a week is a standstill; say that with autonomy")
_MOVE = _within(SHORTEST_SECONDS, HOUR_SECONDS, " s", "no start of an AI program takes longer than an hour")
_KELVIN = _within(0, 100, " K", "boards throttle below 105 °C, so more headroom would shut out every device")
_MOVES = _within(1, 100_000, "", "that is more than every workload of the largest fleet")

RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "times": {
        "scrape_seconds": _RHYTHM,
        "cycle_seconds": _RHYTHM,
        "fresh_scrapes": _within(1, 100, "", "a sample that old says nothing about now"),
        "grid_seconds": _within(SHORTEST_SECONDS, DAY_SECONDS, " s", "a forecast in steps beyond a day sees no overload"),
        "history_hours": _within(0.01, 8784, " h", "no forecast looks back for more than a year"),
    },
    "overload": {
        "cpu_ratio": _ratio_above_zero,
        "memory_ratio": _ratio_above_zero,
        "gpu_ratio": _ratio_above_zero,
        "sustain_seconds": _REST,
        "relieved_within_seconds": _INTERVAL,
        "thermal_headroom_kelvin": _KELVIN,
        "throttling_near_kelvin": _KELVIN,
    },
    "foresight": {
        "probability": _ratio_above_zero,
        "margin_deviations": _within(0, 10, "", "no load strays by more than ten deviations"),
        "skill_pseudo_points": _within(0, 1_000_000, "", "a forecaster would not be believed within a year"),
        "move_seconds_prior": _MOVE,
        "horizon_moves": _within(0.1, 100, "", "no forecast is asked a hundred moves ahead"),
    },
    "environment": {
        "stable_seconds": _REST,
        "confidence": _ratio,
    },
    "repairing": {
        "silent_intervals": _within(1, 1000, "", "an AI may miss its beat for a while, but not for ever"),
        "missing_seconds": _REST,
        "attempts": _MOVES,
        "window_seconds": _INTERVAL,
        "site_share": _ratio,
        "site_workloads": _MOVES,
        "site_seconds": _REST,
    },
    "updating": {
        "canary_seconds": _REST,
        "wave": _MOVES,
    },
    "moving": {
        "deadline_seconds": _INTERVAL,
        "retry_seconds": _INTERVAL,
        "ready_counts_after_seconds": _REST,
        "workload_rest_seconds": _REST,
        "failed_target_rest_seconds": _REST,
        "device_rest_seconds": _REST,
        "dwell_seconds": _REST,
        "regret_seconds": _REST,
        "return_margin_ratio": _ratio,
        "target_margin_ratio": _ratio,
        "unmeasured_cost_factor": _within(1, 100, "", "no workload costs a hundred times what it declares"),
    },
    "budget": {
        "in_flight": _MOVES,
        "changes_in_flight": _MOVES,
        "window_seconds": _INTERVAL,
        "fleet_moves": _MOVES,
        "site_moves": _MOVES,
    },
}
"""A rest of 0 s is allowed, an interval of 0 s is not. Nobody may move nothing by a budget of 0: ``autonomy`` says that."""


def limit_mistakes(document: Mapping[str, Any]) -> Iterator[str]:
    """What is out of range in the raw document, as ``path: sentence``; wrong types are somebody else's to tell."""
    for section, rules in RULES.items():
        for name, rule in rules.items():
            value = _mapping(document, section).get(name)
            if _is_number(value) and (why := rule(value)):
                yield f"{section}.{name}: {why}"
    yield from _grid_mistakes(_mapping(document, "times").get("grid_steps"))
    yield from _history_mistakes(_mapping(document, "times"))
    yield from _autonomy_mistakes(_mapping(document, "autonomy"))


def _grid_mistakes(steps: Any) -> Iterator[str]:
    if not isinstance(steps, list) or not all(_is_number(step) for step in steps):
        return
    if not steps or steps[0] < 1 or any(later <= earlier for earlier, later in pairwise(steps)):
        yield f"times.grid_steps: must rise from at least 1, such as [1, 3, 6, 12], not {shown(str(steps))[1:-1]}"
    elif steps[-1] > LAST_GRID_STEP:
        yield f"times.grid_steps: must end at {LAST_GRID_STEP} or before, not at {number_text(steps[-1])}; forecasts do not reach further"


def _history_mistakes(times: Mapping[str, Any]) -> Iterator[str]:
    """Two numbers may each be in range and their quotient fill the memory."""
    usual = Times()
    hours, grid = times.get("history_hours", usual.history_hours), times.get("grid_seconds", usual.grid_seconds)
    rules = RULES["times"]
    if not _is_number(hours) or not _is_number(grid) or rules["history_hours"](hours) or rules["grid_seconds"](grid):
        return
    cells = math.ceil(hours * HOUR_SECONDS / grid)
    if cells > MOST_HISTORY_CELLS:
        what = f"{number_text(hours)} h in steps of grid_seconds {number_text(grid)} s are {cells} points"
        yield f"times.history_hours: {what}, and at most {MOST_HISTORY_CELLS} are kept; shorten it or widen grid_seconds"


def _autonomy_mistakes(autonomy: Mapping[str, Any]) -> Iterator[str]:
    allowed = get_args(Autonomy)
    for index, (scenario, level) in enumerate(autonomy.items()):
        path = path_of(("autonomy", scenario))
        if scenario not in SCENARIOS:
            yield f"{path}: is not a scenario{did_you_mean(scenario, SCENARIOS) if index < MOST_TOLD else ''}"
        if level == APPROVE:
            yield f"{path}: approval by a person is not available yet; use observe or auto"
        elif not isinstance(level, str) or level not in allowed:
            yield f"{path}: must be one of {', '.join(allowed)}, not {shown(level)}"


def _mapping(document: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    found = document.get(section)
    return found if isinstance(found, dict) else {}


def _is_number(value: Any) -> TypeGuard[float]:
    """Whether the rules can judge it; a whole number may have more digits than a float can hold."""
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and math.isfinite(value))
