"""The ranges in which each number of `core/limits.py` makes sense, and the words that autonomy knows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, TypeGuard, get_args

from decision_engine.catalog.mistakes import did_you_mean, shown
from decision_engine.core.limits import Autonomy

SCENARIOS: Final = tuple(f"SC-{number}" for number in range(1, 18))
APPROVE: Final = "approve"

Rule = Callable[[float], str]
"""Why a number cannot be used; "" when it can."""


def _above(limit: float) -> Rule:
    return lambda value: "" if value > limit else f"must be above {limit:g}, not {value:g}"


def _at_least(limit: float) -> Rule:
    return lambda value: "" if value >= limit else f"must be at least {limit:g}, not {value:g}"


def _ratio(value: float) -> str:
    return "" if 0 <= value <= 1 else f"must be a ratio from 0 to 1, not {value:g}{'; percent are not meant' if value > 1 else ''}"


def _ratio_above_zero(value: float) -> str:
    return _ratio(value) if value != 0 else "must be above 0 and at most 1, not 0"


RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "times": {
        "scrape_seconds": _above(0),
        "cycle_seconds": _above(0),
        "fresh_scrapes": _at_least(1),
        "grid_seconds": _above(0),
        "history_hours": _above(0),
    },
    "overload": {
        "cpu_ratio": _ratio_above_zero,
        "memory_ratio": _ratio_above_zero,
        "gpu_ratio": _ratio_above_zero,
        "sustain_seconds": _at_least(0),
        "relieved_within_seconds": _above(0),
        "thermal_headroom_kelvin": _at_least(0),
        "throttling_near_kelvin": _at_least(0),
    },
    "foresight": {
        "probability": _ratio_above_zero,
        "margin_deviations": _at_least(0),
        "skill_pseudo_points": _at_least(0),
        "move_seconds_prior": _above(0),
    },
    "moving": {
        "deadline_seconds": _above(0),
        "retry_seconds": _above(0),
        "ready_counts_after_seconds": _at_least(0),
        "workload_rest_seconds": _at_least(0),
        "failed_target_rest_seconds": _at_least(0),
        "device_rest_seconds": _at_least(0),
        "dwell_seconds": _at_least(0),
        "return_margin_ratio": _ratio,
        "target_margin_ratio": _ratio,
        "unmeasured_cost_factor": _at_least(1),
    },
    "budget": {
        "in_flight": _at_least(1),
        "window_seconds": _above(0),
        "fleet_moves": _at_least(1),
        "site_moves": _at_least(1),
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
    yield from _autonomy_mistakes(_mapping(document, "autonomy"))


def _grid_mistakes(steps: Any) -> Iterator[str]:
    if not isinstance(steps, list) or not all(_is_number(step) for step in steps):
        return
    if not steps or steps[0] < 1 or any(later <= earlier for earlier, later in pairwise(steps)):
        yield f"times.grid_steps: must rise from at least 1, such as [1, 3, 6, 12], not {steps}"


def _autonomy_mistakes(autonomy: Mapping[str, Any]) -> Iterator[str]:
    allowed = get_args(Autonomy)
    for scenario, level in autonomy.items():
        if scenario not in SCENARIOS:
            yield f"autonomy.{scenario}: is not a scenario{did_you_mean(scenario, SCENARIOS)}"
        if level == APPROVE:
            yield f"autonomy.{scenario}: approval by a person is not available yet; use observe or auto"
        elif level not in allowed:
            yield f"autonomy.{scenario}: must be one of {', '.join(allowed)}, not {shown(level)}"


def _mapping(document: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    found = document.get(section)
    return found if isinstance(found, dict) else {}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
