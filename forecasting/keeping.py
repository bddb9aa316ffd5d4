"""Turns what was learnt into named arrays and back, so that it can go to disk, and rows are found again when the fleet has changed.

Names begin with ``series/`` where the first axis is the series, with ``last/`` where it is the last, and with ``fleet/`` where
there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from forecasting.adaptive import Distances
from forecasting.choice import Record
from forecasting.crossing import CrossingSums
from forecasting.hierarchy import Coefficients, Sums
from forecasting.learner import LearnerSettings, Learnt, nothing_learnt, nothing_said
from forecasting.levels import LevelMemory
from forecasting.origin import Origin
from forecasting.verdicts import Verdicts

GATE: Final = "series/gate"
Arrays = dict[str, NDArray[np.floating]]

OF_THE_FLEET: Final = {
    Sums: ("fleet_gram", "fleet_moment"),
    Coefficients: ("fleet",),
    CrossingSums: ("gram", "moment"),
    Distances: ("fleet",),
    Verdicts: ("covered", "pinball", "outcomes", "onsets", "foreseen", "lead", "said", "came", "cases"),
}
"""Fields without an axis of series."""
SERIES_LAST: Final = {Sums: ("gram", "moment"), Coefficients: ("series",), Origin: ("features",)}
"""Fields whose last axis is the series; of all others it is the first."""
UNKNOWN_ALLOWED: Final = re.compile(r"series/(memory/previous|origins/\d+/(last|said|p50|p90|probability|experts|margin|limits))")
"""Fields in which NaN says that nothing is known; anywhere else it is damage, and so is infinity everywhere."""
CHANCES: Final = re.compile(r"series/origins/\d+/(probability|experts)")
"""Fields that hold probabilities."""
RECORDS: Final = re.compile(r"(series|fleet)/verdicts/\w+")
"""Fields that hold sums of squares and counts."""
ROUNDING: Final = 1e-3
"""A forgotten sum of nothing may lie so far below 0 in single precision."""
PARTS: Final = {"memory": LevelMemory, "distances": Distances, "record": Record, "verdicts": Verdicts}
LISTS: Final = {"sums": Sums, "betas": Coefficients, "crossing_sums": CrossingSums, "origins": Origin}
"""One of each per horizon; one origin per column that has not wholly matured."""


class KeptArrays(Mapping[str, NDArray[np.floating]]):
    """What was learnt, and where the gate is open, as the arrays of a state.

    They are named when somebody asks for them: a refresh that goes on from the one before needs no names, and nothing that
    this process has made itself has to be checked again.
    """

    __slots__ = ("_arrays", "gate", "learnt")

    def __init__(self, learnt: Learnt, gate: NDArray[np.bool_]) -> None:
        """Hold both; nothing is copied."""
        self.learnt, self.gate = learnt, gate
        self._arrays: Arrays = {}

    def __getitem__(self, name: str) -> NDArray[np.floating]:
        """One array by its name."""
        return self._named()[name]

    def __iter__(self) -> Iterator[str]:
        """All names."""
        return iter(self._named())

    def __len__(self) -> int:
        """How many there are."""
        return len(self._named())

    def _named(self) -> Arrays:
        if not self._arrays:
            self._arrays = to_arrays(self.learnt) | {GATE: self.gate.astype(np.float32)}
        return self._arrays


def kept(arrays: Mapping[str, NDArray[np.floating]], columns: int, settings: LearnerSettings) -> tuple[Learnt, NDArray[np.bool_]] | None:
    """What a state's arrays hold, and where the gate was open; None where they cannot be used."""
    if isinstance(arrays, KeptArrays):
        return (arrays.learnt, arrays.gate) if len(arrays.learnt.sums) == len(settings.horizon_steps) else None
    gate = arrays.get(GATE)
    if gate is None or gate.ndim != 2 or gate.shape[1] != len(settings.horizon_steps):
        return None
    learnt = from_arrays(arrays, columns, len(gate), settings)
    return None if learnt is None else (learnt, np.asarray(gate > 0.0))


def to_arrays(learnt: Learnt) -> Arrays:
    """Every array under a name; nothing is copied."""
    found: Arrays = {"fleet/crossing_beta": learnt.crossing_beta}
    for part in PARTS:
        found |= _named(part, getattr(learnt, part))
    for part in LISTS:
        for place, value in enumerate(getattr(learnt, part)):
            found |= _named(f"{part}/{place}", value)
    return found


def from_arrays(arrays: Mapping[str, NDArray[np.floating]], columns: int, series: int, settings: LearnerSettings) -> Learnt | None:
    """What the arrays hold; None where they are not of this shape or hold what cannot be (other horizons, another version, damage)."""
    origins = sum(name.startswith("series/origins/") and name.endswith("/last") for name in arrays)
    if origins > settings.horizon_steps[-1]:
        return None
    blank = replace(nothing_learnt(series, settings), origins=(nothing_said(series, settings),) * origins)
    if not all(_fits(arrays.get(name), array, name) for name, array in to_arrays(blank).items()):
        return None
    return replace(_refilled(blank, arrays), columns=columns)


def moved(learnt: Learnt, rows: Sequence[int], settings: LearnerSettings) -> Learnt:
    """The same for another fleet: ``rows`` names for each new series its former row, or −1 for one that is new.

    A new series has no past of its own and speaks with the fleet's coefficients.
    """
    place = np.asarray(rows, dtype=np.int64)
    new = place < 0
    fresh = nothing_learnt(len(place), settings)
    betas = tuple(replace(blank, series=np.repeat(known.fleet[:, None], len(place), axis=1).astype(np.float32))
                  for blank, known in zip(fresh.betas, learnt.betas, strict=True))  # fmt: skip
    blank = replace(fresh, betas=betas, origins=(nothing_said(len(place), settings),) * len(learnt.origins))
    arrays = to_arrays(blank)
    for name, array in to_arrays(learnt).items():
        kept_rows = array
        if name.startswith("series/"):
            kept_rows = arrays[name].copy()
            kept_rows[~new] = array[place[~new]]
        elif name.startswith("last/"):
            kept_rows = arrays[name].copy()
            kept_rows[:, ~new] = array[:, place[~new]]
        arrays[name] = kept_rows
    return replace(_refilled(blank, arrays), columns=learnt.columns)


def _refilled(blank: Learnt, arrays: Mapping[str, NDArray[np.floating]]) -> Learnt:
    """The same parts with other numbers."""
    parts: dict[str, Any] = {part: _built(kind, part, arrays) for part, kind in PARTS.items()}
    for part, kind in LISTS.items():
        parts[part] = tuple(_built(kind, f"{part}/{place}", arrays) for place in range(len(getattr(blank, part))))
    return replace(blank, crossing_beta=np.asarray(arrays["fleet/crossing_beta"], dtype=np.float64), now=None, **parts)


def _fits(found: NDArray[np.floating] | None, wanted: NDArray[np.floating], name: str) -> bool:
    """Whether an array is there, of the right shape and kind, and holds only numbers that can be."""
    if found is None or found.shape != wanted.shape or found.dtype != wanted.dtype:
        return False
    if not np.isfinite(found).all() and (UNKNOWN_ALLOWED.fullmatch(name) is None or np.isinf(found).any()):
        return False
    if CHANCES.fullmatch(name):
        return not ((found < 0.0) | (found > 1.0)).any()
    return RECORDS.fullmatch(name) is None or not (found < -ROUNDING).any()


def _named(prefix: str, value: Any) -> Arrays:
    return {_name(type(value), prefix, field.name): getattr(value, field.name) for field in fields(value)}


def _built(kind: Any, prefix: str, arrays: Mapping[str, NDArray[np.floating]]) -> Any:
    return kind(**{field.name: arrays[_name(kind, prefix, field.name)] for field in fields(kind)})


def _name(kind: Any, prefix: str, field: str) -> str:
    """Under which name a field is kept."""
    axis = "fleet" if field in OF_THE_FLEET.get(kind, ()) else "last" if field in SERIES_LAST.get(kind, ()) else "series"
    return f"{axis}/{prefix}/{field}"
