"""Where a refresh goes on: a state of the refresh before or of a former run is believed, or there is a sentence that says why not."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecasting.api import ForecastState, Series
from forecasting.keeping import kept, moved
from forecasting.learner import LearnerSettings, Learnt, nothing_learnt

COLD_COLUMNS: Final = 288
"""A start without memory lives through at most this much of the past: a day of 5-min steps, enough for every sum to settle."""
COLD_CELLS: Final = 300_000
"""… and through no more than this many series × columns, about five seconds' work, but at least one longest horizon."""
MOST_AHEAD_SECONDS: Final = 86_400.0
"""A clock that was wrong by more than a day makes a state suspect."""
LARGEST_COUNT: Final = 1e15
"""Columns are counted in whole numbers, which a double holds exactly up to here; no fleet lives that long."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Where to go on: what was learnt until ``end``, where the gate was open (S × H), and how many of the newest columns are ``new``.

    ``began_anew`` is "" or the sentence that says why a state that was handed in is not gone on from.
    """

    learnt: Learnt
    gate: NDArray[np.bool_]
    end: float
    new: int
    began_anew: str = ""


def resumed(state: ForecastState | None, method: str, history: Series, settings: LearnerSettings) -> Resumed:
    """Go on from a state of ``method``, or begin anew with the newest past."""
    series, columns = history.values.shape
    bearable = bearable_columns(series, settings.horizon_steps[-1])
    found = "" if state is None else _remembered(state, method, history, settings)
    if isinstance(found, Resumed) and series and not found.learnt.memory.points.any():
        found = ""  # nothing was ever seen: the past may have come since, and is lived through
    if isinstance(found, str):
        gate = np.zeros((series, len(settings.horizon_steps)), dtype=np.bool_)
        return Resumed(nothing_learnt(series, settings), gate, history.end, min(columns, bearable), found)
    # The nearest whole number, so that refreshes a little early or late neither miss a column nor learn one twice.
    passed = whole_steps(history.end - found.end + history.grid_seconds / 2.0, history.grid_seconds, columns + bearable)
    new = min(passed, columns, bearable)
    learnt = found.learnt if new == passed else _after_a_hole(found.learnt)
    return replace(found, learnt=learnt, new=new, end=history.end if passed else found.end)


def bearable_columns(series: int, longest_steps: int) -> int:
    """How many columns of a fleet may be lived through in one refresh."""
    return max(longest_steps + 1, min(COLD_COLUMNS, COLD_CELLS // max(series, 1)))


def horizon_numbers(settings: LearnerSettings) -> dict[str, float]:
    """The horizons that a state was learnt for, as its numbers name them."""
    return {f"horizon_{place}": float(steps) for place, steps in enumerate(settings.horizon_steps)}


def whole_steps(seconds: float, grid_seconds: float, most: int) -> int:
    """How many whole grid steps a time holds, at least 0 and at most ``most``; a rounding error is no step."""
    steps = seconds / grid_seconds if grid_seconds > 0.0 else 0.0
    return min(max(math.floor(steps + 1e-6), 0), most) if math.isfinite(steps) else 0


def _after_a_hole(learnt: Learnt) -> Learnt:
    """The same without what was said before columns that nobody has seen: it cannot be compared with what comes."""
    return replace(learnt, origins=(), now=None)


def _remembered(state: ForecastState, method: str, history: Series, settings: LearnerSettings) -> Resumed | str:
    """What a state holds for the series of this history; a sentence where it cannot be used."""
    if why := _unfit(state, method, history, settings):
        return _ignored(why)
    end = state.numbers["end"]
    held = kept(state.arrays, int(state.numbers["columns"]), settings)
    if held is None:
        return _ignored("its arrays are not those of this version or hold impossible numbers")
    found = Resumed(*held, end, 0)
    if (
        end - history.end > history.grid_seconds / 2.0
    ):  # the clock was set back: what was said then cannot be compared, what was learnt stays
        found = replace(found, learnt=_after_a_hole(found.learnt), end=history.end - history.grid_seconds)
    former = len(found.gate)
    if state.keys == history.keys and former == history.values.shape[0]:
        return found
    if (not history.keys and len(history.values)) or len(state.keys) != former:
        return _ignored("its series have no names and are not as many as now")
    places = {key: row for row, key in enumerate(state.keys)}
    rows = [places.get(key, -1) for key in history.keys]
    gate = np.vstack([found.gate, np.zeros((1, found.gate.shape[1]), dtype=np.bool_)])[rows]  # −1 reads the last: a new one is closed
    return replace(found, learnt=moved(found.learnt, rows, settings), gate=gate)


def _ignored(why: str) -> str:
    return f"what was learned before is ignored, as {why}: learning begins anew"


def _unfit(state: ForecastState, method: str, history: Series, settings: LearnerSettings) -> str:
    """Why a state is not one of this method, grid, horizons and time; "" where it is."""
    numbers = state.numbers
    end, columns = numbers.get("end", math.nan), numbers.get("columns", math.nan)
    if state.method != method:
        return f"{state.method or 'an unnamed method'} learned it and {method} would use it"
    if numbers.get("grid_seconds") != history.grid_seconds:
        return f"it was learned on a grid of {numbers.get('grid_seconds', math.nan):g} s and the grid is now {history.grid_seconds:g} s"
    if any(numbers.get(name) != steps for name, steps in horizon_numbers(settings).items()):
        return "it was learned for other horizons"
    if not math.isfinite(end):
        return "it is from no time at all"
    if end - history.end > MOST_AHEAD_SECONDS:
        return "it is from more than a day in the future"
    if not 0.0 <= columns <= LARGEST_COUNT:
        return "its count of columns cannot be"
    return ""
