"""Forecasts of environment classes: each camera's class as a chain of two states, seen or not, learnt as it goes and drawn to the fleet.

At one step a class that is seen leaves with probability p, one that is not seen comes with q. Steps between known neighbours are
counted; each forgets the earlier ones that began in the same state by γ = 2^(−1/120): rain teaches nothing while the sun shines, and
loses nothing. Of steps that turned (k) and did not (n), of all in the fleet (K and N), with m₀ one turn in twenty steps:
    m = (K + 20·m₀) / (K + N + 20)                            the fleet's rate (empirical Bayes: Casella 1985)
    rate ~ Beta(a, b),  a = 10·m + k,  b = 10·(1 − m) + n     conjugate (Gelman et al. 2013, ch. 2); p of a seen class, q of another
    P(seen in h steps) = π + (s − π)·(1 − p − q)ʰ,  π = q/(p + q), at the means of p and q; s is 1 where it is seen now, else 0
    P(as now at every one of h steps) = B(a, b + h) / B(a, b)                                       exactly, the rate being unknown
The last falls slower than (1 − p)ʰ at the mean: what has lasted may be of a kind that lasts. It bounds the one before: what is seen
throughout is seen at the end, what never comes is not. The chain is memoryless: how long a class has lasted does not matter, only what
it is now. So, unless a class turns at each step, the chain knows no more than the class now, and its skill over «it stays as it is» is
near 0 by construction. It is asked how long a class ``lasts`` and for the ``probability`` that one comes, not for a better guess of the
next class: it keeps no record of skill, its table says skill NaN, and its gate is closed everywhere.

A series has 16 bytes of state, the fleet 32. A refresh of 10,000 series takes 9 µs for each that is often seen, 6 µs for the usual
length of runs, nearly all of it for how long the past runs were; a start without memory 0.2 µs more for each series and column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import betaln

from forecasting.api import Floats, ForecastState, ForecastTable, Series, Singles
from forecasting.calibration import LEAST_SPREAD, UPPER_QUANTILE
from forecasting.episodes import usual_overload_seconds
from forecasting.learned import EPISODE_COLUMNS
from forecasting.learner import LearnerSettings
from forecasting.resuming import COLD_COLUMNS, LARGEST_COUNT, MOST_AHEAD_SECONDS, horizon_numbers, whole_steps
from forecasting.rolling import CARRY_POINTS, carried_forward, newest_columns, silent_columns

PERSISTENCE: Final = "persistence-1"
"""Methods are named with their version: a state is used by the method that wrote it and by no other."""
SEEN_FROM: Final = 0.5
"""A class with half of a grid step is the one that is seen there, and the median of 1 and 0 is 1 from P = 0.5 on."""


@dataclass(frozen=True, slots=True)
class PersistenceSettings:
    """H ``horizon_steps`` rise; ``usual_rate`` is m₀; ``fleet_prior_steps`` is a usual stay, ``prior_steps`` half (5, 20: no better).

    ``half_life_steps`` 120: an hour in a state on a grid of 30 s. Where simulated rates changed thirtyfold each six hours, 480 had a
    Brier score 7 % higher; where they stayed, 0.3 % lower.
    """

    horizon_steps: tuple[int, ...] = (1, 3, 6, 12)
    half_life_steps: float = 120.0
    usual_rate: float = 0.05
    prior_steps: float = 10.0
    fleet_prior_steps: float = 20.0


@dataclass(frozen=True, slots=True)
class Chain:
    """S classes now: ``seen`` S is 1, 0 or NaN; ``leaving`` and ``coming`` S × 2 are a and b of p and q; ``horizon_steps`` H rising."""

    seen: Floats
    leaving: Floats
    coming: Floats
    horizon_steps: tuple[int, ...]

    def seen_after(self) -> Floats:
        """P(seen at each horizon, whatever lies between), S × H; NaN where the class is unknown now."""
        p, q = (rate[:, :1] / rate.sum(axis=1, keepdims=True) for rate in (self.leaving, self.coming))
        share, seen, kept = q / (p + q), self.seen[:, None], self._kept()
        later = share + (seen - share) * (1.0 - p - q) ** np.asarray(self.horizon_steps, dtype=np.float64)
        return np.asarray(np.where(seen == 1.0, np.maximum(later, kept), np.minimum(later, 1.0 - kept)))

    def probability(self, limits: Floats) -> Floats:
        """P(the maximum within each horizon ≥ limit): limits S × K, answer S × K × H; NaN where class or limit is unknown.

        1 for a limit of 0 or less, and where the class is seen now; 0 for one above 1; else P(it comes at least once).
        """
        asked, seen = np.asarray(limits, dtype=np.float64)[..., None], self.seen[:, None, None]
        comes = np.where(seen == 1.0, 1.0, (1.0 - self._kept())[:, None])
        reached = np.where(asked <= 0.0, 1.0, np.where(asked <= 1.0, comes, 0.0))
        return np.where(np.isnan(seen) | np.isnan(asked), np.nan, reached)

    def _kept(self) -> Floats:
        """P(as now at every step up to each horizon), S × H: B(a, b + h)/B(a, b) as the product of (b + i)/(a + b + i): quicker."""
        rate = np.where(self.seen[:, None] == 1.0, self.leaving, self.coming)
        stayed = rate[:, 1:] + np.arange(float(self.horizon_steps[-1]))
        return np.cumprod(stayed / (rate[:, :1] + stayed), axis=1)[:, [steps - 1 for steps in self.horizon_steps]]


def lasts(table: ForecastTable, steps: Sequence[float]) -> Floats:
    """P(what is seen now is seen at every one of so many next grid steps), S × steps; NaN where nothing is, and for another method."""
    chain, ahead = table.chances, np.clip(np.asarray(steps, dtype=np.float64), 0.0, LARGEST_COUNT)
    if not isinstance(chain, Chain):
        return np.full((len(table.p50), len(ahead)), np.nan)
    a, b = chain.leaving[:, :1], chain.leaving[:, 1:]
    return np.where(chain.seen[:, None] == 1.0, np.minimum(np.exp(betaln(a, b + ahead) - betaln(a, b)), 1.0), np.nan)


@dataclass(frozen=True, slots=True)
class Learnt:
    """Steps from seen and from not seen, that turned and that did not: ``turns`` S × 2 × 2; ``fleet`` 2 × 2, also of those now gone."""

    turns: Singles
    fleet: Floats


class PersistenceForecaster:
    """Environment classes as loads: ``Series.values`` S × T holds 1 where the class is seen, 0 where another one is, NaN where unknown."""

    name = PERSISTENCE

    def __init__(self, settings: PersistenceSettings | None = None) -> None:
        """Take the settings; the defaults are explained where they stand."""
        self.settings = settings or PersistenceSettings()

    def forecast(self, history: Series, state: ForecastState | None, now: float) -> tuple[ForecastTable, ForecastState]:
        """Forecast S classes at H horizons counted from ``now``; NaN where the class is unknown for more than ``CARRY_POINTS`` steps.

        Columns that came since the state was made are learnt from; without a usable state (the table says why) the newest past is lived
        through first. After a clock was set back by up to a day what was learnt stays, and no column handed in by then is learnt again.
        """
        settings, grid = self.settings, history.grid_seconds
        keys = history.keys if len(history.keys) == history.values.shape[0] else ()
        behind = whole_steps(now - history.end, grid, settings.horizon_steps[-1])
        with np.errstate(all="ignore"):
            classes = known_classes(history.values[:, -COLD_COLUMNS - CARRY_POINTS :])
            recent = replace(history, values=classes, keys=keys)
            found = "" if state is None else _remembered(state, recent, settings)
            learnt, end, new = _begun(found, recent)
            for column in range(max(classes.shape[1] - new, 1), classes.shape[1]):
                learnt = take_in(learnt, classes[:, column - 1], classes[:, column], settings)
            until_now = replace(recent, values=silent_columns(classes, behind))
            table = self._table(learnt, until_now, now, found if isinstance(found, str) else "")
        numbers = {"end": end, "grid_seconds": grid, **horizon_numbers(LearnerSettings(settings.horizon_steps))}
        return table, ForecastState(self.name, {"turns": learnt.turns, "fleet": learnt.fleet}, numbers, keys)

    def _table(self, learnt: Learnt, history: Series, now: float, why: str) -> ForecastTable:
        """What is said at the newest column of known classes."""
        chain, recent = chain_now(learnt, history.values, self.settings), history.values[:, -EPISODE_COLUMNS:]
        later = chain.seen_after()
        return ForecastTable(
            at=now,
            method=self.name,
            horizon_seconds=np.asarray(self.settings.horizon_steps, dtype=np.float64) * history.grid_seconds,
            p50=np.where(np.isnan(later), np.nan, later >= SEEN_FROM),
            p90=np.where(np.isnan(later), np.nan, later >= 1.0 - UPPER_QUANTILE),
            spread=np.maximum(np.sqrt(later * (1.0 - later)), LEAST_SPREAD),
            skill=np.full(later.shape, np.nan),
            gate_open=np.zeros(later.shape, dtype=np.bool_),
            margin_p90=np.repeat(chain.seen[:, None], later.shape[1], axis=1),
            history_points=np.isfinite(recent).sum(axis=1).astype(np.int64),
            usual_overload_seconds=usual_overload_seconds(recent, history.limits, history.grid_seconds),
            chances=chain,
            began_anew=why and f"what was learned before is ignored, as {why}: learning begins anew",
        )


def known_classes(values: Floats) -> Floats:
    """S × T as 1 (a share of a half or more), 0 (less) and NaN: everything that is no share in [0, 1] is unknown."""
    return np.where((values >= 0.0) & (values <= 1.0), values >= SEEN_FROM, np.nan)


def nothing_learnt(series: int) -> Learnt:
    """Before the first step."""
    return Learnt(np.zeros((series, 2, 2), np.float32), np.zeros((2, 2)))


def take_in(learnt: Learnt, before: Floats, newest: Floats, settings: PersistenceSettings) -> Learnt:
    """Count the step from one column of S known classes to the next, for each series and for the fleet."""
    forgetting = 0.5 ** (1.0 / settings.half_life_steps)
    turned = (newest != before)[:, None, None] == np.array([True, False])
    steps = (before[:, None] == np.array([1.0, 0.0]))[..., None] & turned & np.isfinite(newest)[:, None, None]
    turns = learnt.turns * np.where(steps.any(axis=2, keepdims=True), np.float32(forgetting), np.float32(1.0)) + steps
    return Learnt(turns, learnt.fleet * np.where(steps.any(axis=(0, 2))[:, None], forgetting, 1.0) + steps.sum(axis=0))


def chain_now(learnt: Learnt, classes: Floats, settings: PersistenceSettings) -> Chain:
    """The chain at the newest column of S × C known classes; a last class is believed for ``CARRY_POINTS`` steps."""
    now = carried_forward(newest_columns(classes, 1 + CARRY_POINTS), CARRY_POINTS)[:, -1]
    usual, weight = np.array([settings.usual_rate, 1.0 - settings.usual_rate]), settings.fleet_prior_steps
    fleet = (learnt.fleet + weight * usual) / (learnt.fleet.sum(axis=1, keepdims=True) + weight)
    rates = learnt.turns + settings.prior_steps * fleet
    return Chain(now, rates[:, 0], rates[:, 1], settings.horizon_steps)


def _begun(found: tuple[Learnt, float] | str, history: Series) -> tuple[Learnt, float, int]:
    """What is gone on from, the time of the newest column after this refresh, and how many columns have come by then."""
    if isinstance(found, str):
        return nothing_learnt(len(history.values)), history.end, COLD_COLUMNS
    (learnt, end), grid = found, history.grid_seconds
    # The nearest whole number, so that refreshes a little early or late neither miss a column nor learn one twice.
    passed, set_back = whole_steps(history.end - end + grid / 2.0, grid, COLD_COLUMNS), end - history.end > grid / 2.0
    return learnt, history.end if set_back or passed else end, passed


def _remembered(state: ForecastState, history: Series, settings: PersistenceSettings) -> tuple[Learnt, float] | str:
    """What a state holds for the series of this history, and until when; why it cannot be used where it cannot."""
    grid, end = (state.numbers.get(name, np.nan) for name in ("grid_seconds", "end"))
    turns, fleet = (np.array(state.arrays.get(name, np.nan), dtype=np.float64, ndmin=1) for name in ("turns", "fleet"))
    # At most 1/(1 − γ) steps weigh, 1.44 half-lives.
    possible = ((turns >= 0.0) & (turns <= 2.0 * settings.half_life_steps)).all() and ((fleet >= 0.0) & (fleet <= LARGEST_COUNT)).all()
    fits = len(turns) == len(state.keys) if history.keys else not state.keys and len(turns) == len(history.values)
    unfit = {
        f"{state.method or 'an unnamed method'} learned it and {PERSISTENCE} would use it": state.method != PERSISTENCE,
        f"it was learned on a grid of {grid:g} s and the grid is now {history.grid_seconds:g} s": grid != history.grid_seconds,
        "it was learned for other horizons": not horizon_numbers(LearnerSettings(settings.horizon_steps)).items() <= state.numbers.items(),
        "it is from no time at all": not np.isfinite(end - history.end),
        "it is from more than a day in the future": end - history.end > MOST_AHEAD_SECONDS,
        "its arrays are not those of this version or hold impossible numbers": not possible or not turns.shape[1:] == fleet.shape == (2, 2),
        "its series have no names and are not as many as now": not fits,
    }
    if why := next((why for why, so in unfit.items() if so), ""):
        return why
    if state.keys != history.keys:
        places = {key: row for row, key in enumerate(state.keys)}
        rows = [places.get(key, -1) for key in history.keys]  # −1 is the new row that is put behind all others
        turns = np.concatenate([turns, np.zeros((1, 2, 2))])[rows]
    return Learnt(turns.astype(np.float32), fleet), end
