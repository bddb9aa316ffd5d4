"""Rolling origin: every method lives through a fleet's history column by column, and what it said is kept beside what came.

A method is handed the columns up to its origin and none after it, so nothing later can change its word; its own state is all it
carries on. Models that learn online from the tested fleet's own past are out of sample at every origin: an outcome is scored
before it can be learnt from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecasting.api import Floats, Series
from forecasting.methods import LAST_VALUE, MARGIN, METHODS, MethodSettings, Scoring, Word
from forecasting.rolling import CARRY_POINTS, carried_forward, highest_ahead, known_loads, steps_later

Singles = NDArray[np.float32]
Flags = NDArray[np.bool_]

DAY_SECONDS: Final = 86_400.0
WARM_UP_COLUMNS: Final = 60
"""Origins before this are lived through and not scored, for any method: five of the longest default horizon have matured by then."""
LEAST_LOOKBACK_COLUMNS: Final = 192
"""What is handed to a method unless less is asked for: the regression in time looks at 154 columns, the learner at 96 and a day ago."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """A source: S series that learn from one another.

    ``values`` is S × T on one grid (NaN: no sample), ``limits`` and ``machines`` (their numbers) S.
    """

    name: str
    keys: tuple[str, ...]
    values: Floats
    grid_seconds: float
    limits: Floats
    machines: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every method.

    ``horizon_steps`` H rising; ``probability`` is what the engine would act from; ``history_columns`` is how much of the past a
    method is handed at most (0: a day where there is one, and what its windows need), as an engine keeps no more.
    """

    horizon_steps: tuple[int, ...]
    probability: float
    history_columns: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """All words of one method, S × T × H each; ``gate_open`` too, None for a method that says no probability."""

    p50: Singles
    p90: Singles
    score: Singles
    gate_open: Flags | None = None

    @classmethod
    def nothing(cls, shape: tuple[int, int, int], gated: bool) -> Said:
        """Before the first word on S × T × H."""
        p50, p90, score = (np.full(shape, np.nan, np.float32) for _ in range(3))
        return cls(p50, p90, score, np.zeros(shape, dtype=np.bool_) if gated else None)

    def keep(self, column: int, word: Word) -> None:
        """Write one column's word down."""
        self.p50[:, column], self.p90[:, column], self.score[:, column] = word.p50, word.p90, word.score
        if self.gate_open is not None:
            self.gate_open[:, column] = word.gate_open


@dataclass(frozen=True, slots=True)
class Spoken:
    """All that one method said, how its score becomes an alarm, and what a refresh took per series."""

    said: Said
    scoring: Scoring
    refresh_seconds: float


@dataclass(frozen=True, slots=True)
class Came:
    """What came at every origin, NaN where unknown: ``last`` S × T known then, ``ahead`` and ``highest`` S × T × H.

    ``ahead`` is the value after so many steps, ``highest`` the maximum up to there.
    """

    last: Floats
    ahead: Floats
    highest: Floats

    @classmethod
    def of(cls, fleet: Fleet, horizon_steps: tuple[int, ...], warm_up: int) -> Came:
        """Read it off the history; origins before ``warm_up`` are unknown, so that nothing is scored there."""
        loads = known_loads(fleet.values)
        last = carried_forward(loads, CARRY_POINTS)
        last[:, :warm_up] = np.nan
        ahead = np.stack([steps_later(loads, steps) for steps in horizon_steps], axis=2)
        highest = np.stack([highest_ahead(loads, steps) for steps in horizon_steps], axis=2)
        return cls(last, ahead, highest)


def day_points(fleet: Fleet, history_columns: int = 0) -> int:
    """Columns that make a day; 0 where no column and the one a day before it are both there, in what was recorded or in what is kept."""
    points = round(DAY_SECONDS / fleet.grid_seconds)
    there = fleet.values.shape[1]
    return points if points < (min(there, history_columns) if history_columns else there) else 0


def with_rules_to_beat(names: tuple[str, ...]) -> tuple[str, ...]:
    """The methods in the table's order, always with the two rules that everything is compared with.

    Raises:
        KeyError: a name is not in the table.
    """
    for name in names:
        METHODS[name]
    return tuple(name for name in METHODS if name in {LAST_VALUE, MARGIN, *names})


def roll(
    fleet: Fleet, names: tuple[str, ...], asked: Question, clock: Callable[[], float], done: Callable[[int], None]
) -> Mapping[str, Spoken]:
    """Let the named methods live through a fleet's history.

    ``clock`` gives seconds and is only used to time the refreshes; ``done`` is told how many series × methods × columns are through.
    Memory: 12 bytes × S × T × H per method.

    Raises:
        KeyError: a name is not in the table.
    """
    settings = MethodSettings(asked.horizon_steps, asked.probability, day_points(fleet, asked.history_columns))
    methods = {name: METHODS[name](settings) for name in names}
    series, columns = fleet.values.shape
    shape = (series, columns, len(asked.horizon_steps))
    said = {name: Said.nothing(shape, gated=method.scoring.probability) for name, method in methods.items()}
    seconds = dict.fromkeys(names, 0.0)
    lookback = max(settings.day_points + 1, LEAST_LOOKBACK_COLUMNS)
    lookback = min(lookback, asked.history_columns) if asked.history_columns else lookback
    for column in range(columns):
        past = Series(
            values=fleet.values[:, max(column + 1 - lookback, 0) : column + 1],
            end=column * fleet.grid_seconds,
            grid_seconds=fleet.grid_seconds,
            limits=fleet.limits,
            keys=fleet.keys,
        )
        for name, method in methods.items():
            begun = clock()
            with np.errstate(all="ignore"):
                word = method.say(past)
            seconds[name] += clock() - begun
            said[name].keep(column, word)
        done(series * len(names))
    cells = max(series * columns, 1)
    return {name: Spoken(said[name], methods[name].scoring, seconds[name] / cells) for name in names}
