"""The forecaster that learns from its fleet as it goes: load by regressions chosen by their record, p90, and the event itself.

Memory is linear: with four horizons of up to twelve steps a state has 9.2 kB for each series (1.9 kB for the regressions, 6.4 kB
for what the last twelve columns saw and said, 0.5 kB for the levels, 0.3 kB for the records) and some 30 kB for the fleet. While a
column is taken in, about 4 kB more for each series are in use; what the last columns said is shared by the old and the new state.
Time is linear too and does not depend on the length of the history.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from forecasting.api import Floats, ForecastState, ForecastTable, Series
from forecasting.baselines import MarginSettings, last_values
from forecasting.calibration import LEAST_SPREAD, NORMAL_P90
from forecasting.episodes import usual_overload_seconds
from forecasting.gate import opened, shrunk_skill
from forecasting.keeping import KeptArrays
from forecasting.learner import LearnerSettings, Learnt, crossing_now, nothing_said, take_in
from forecasting.resuming import Resumed, horizon_numbers, resumed, whole_steps
from forecasting.rolling import known_loads, newest_columns, silent_columns

LEARNED: Final = "learned-2"
"""Methods are named with their version: a state is used by the method that wrote it and by no other."""
EPISODE_COLUMNS: Final = 288
"""The usual length of an overload is that of the newest ones: looking through a whole day at each refresh would cost more than all else."""


@dataclass(frozen=True, slots=True)
class LearnedSettings:
    """``learner`` says how it learns, ``margin`` the rule to beat, ``skill_pseudo_points`` how far skill is drawn to the fleet's."""

    learner: LearnerSettings = field(default_factory=LearnerSettings)
    margin: MarginSettings = field(default_factory=MarginSettings)
    skill_pseudo_points: float = 200.0


class LearnedForecaster:
    """See ``forecasting.learner``: what it learns from, and in which order."""

    name = LEARNED

    def __init__(self, settings: LearnedSettings | None = None) -> None:
        """Take the settings; the defaults are explained where they stand."""
        self.settings = settings or LearnedSettings()

    def forecast(self, history: Series, state: ForecastState | None, now: float) -> tuple[ForecastTable, ForecastState]:
        """Forecast S series at H horizons counted from ``now``; NaN where too little is known.

        Columns that have come since the state was made are learnt from, one after the other; without a state of this method
        the newest past is lived through first. Time since ``history.end`` counts as unknown grid steps. A state of another
        method, grid, horizons or shape, from more than a day later, or with numbers that cannot be is ignored; after a clock was set back
        by less, what was learnt stays. The table says why a state was ignored.
        """
        learner, margin = self.settings.learner, self.settings.margin
        series = history.values.shape[0]
        keys = history.keys if len(history.keys) == series else ()
        behind = whole_steps(now - history.end, history.grid_seconds, learner.horizon_steps[-1])
        loads, limits = silent_columns(history.values, behind), np.asarray(history.limits, dtype=np.float64)
        with np.errstate(all="ignore"):
            until_now = replace(history, values=loads, end=history.end + behind * history.grid_seconds, keys=keys)
            start = resumed(state, self.name, until_now, learner)
            learnt = start.learnt
            for column in range(loads.shape[1] - start.new, loads.shape[1]):
                until = loads[:, : column + 1]
                recent = known_loads(newest_columns(until, margin.volatility_points + learner.horizon_steps[-1]))
                learnt = take_in(learnt, until, limits, last_values(recent, learner.horizon_steps, margin).margin_p90, learner)
            table = self._table(learnt, loads, replace(history, limits=limits), now, start)
        numbers = {"columns": float(learnt.columns), "end": start.end, "grid_seconds": history.grid_seconds, **horizon_numbers(learner)}
        return table, ForecastState(self.name, KeptArrays(learnt, table.gate_open), numbers, keys)

    def _table(self, learnt: Learnt, loads: Floats, history: Series, now: float, start: Resumed) -> ForecastTable:
        """What the newest column said, as a table."""
        learner = self.settings.learner
        said = learnt.origins[0] if learnt.origins else nothing_said(loads.shape[0], learner)
        chances = crossing_now(learnt, loads if learnt.origins else loads[:, :0], learner)
        p50, p90 = said.p50.astype(np.float64), said.p90.astype(np.float64)
        evidence = [learnt.verdicts.evidence(horizon) for horizon in range(len(learner.horizon_steps))]
        skill = np.stack([shrunk_skill(one, self.settings.skill_pseudo_points) for one in evidence], axis=1)
        episodes = loads[:, -EPISODE_COLUMNS:]
        return ForecastTable(
            at=now,
            method=self.name,
            horizon_seconds=np.asarray(learner.horizon_steps, dtype=np.float64) * history.grid_seconds,
            p50=p50,
            p90=p90,
            spread=np.maximum((p90 - p50) / NORMAL_P90, LEAST_SPREAD),
            skill=np.where(np.isnan(p50).all(axis=1, keepdims=True), np.nan, skill),
            gate_open=opened(skill, start.gate),
            margin_p90=said.margin.astype(np.float64),
            history_points=chances.now.points.astype(np.int64),
            usual_overload_seconds=usual_overload_seconds(episodes, history.limits, history.grid_seconds),
            chances=chances,
            quality=learnt.verdicts.quality(history.grid_seconds),
            began_anew=start.began_anew,
        )
