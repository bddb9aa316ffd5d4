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
it is now. It knows a rhythm that turns at each step; of a slower one it knows the rate alone, and where the rule is better the gate closes.

A series has 88 bytes of state, the fleet 32. A refresh takes 4.5 µs for each of 10,000 series that are often seen, half of that for the
usual length of runs; a start without memory 0.4 µs for each series and column.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from forecasting.api import Floats, ForecastState, ForecastTable, Series, Singles
from forecasting.calibration import LEAST_SPREAD, UPPER_QUANTILE
from forecasting.episodes import usual_overload_seconds
from forecasting.learned import EPISODE_COLUMNS, Judged
from forecasting.resuming import COLD_COLUMNS, LARGEST_COUNT, MOST_AHEAD_SECONDS, whole_steps
from forecasting.rolling import CARRY_POINTS, carried_forward, newest_columns, silent_columns
from forecasting.skill import INFORMATIVE_PROBABILITY, Evidence, shrunk_skill
from forecasting.verdicts import FORGETTING, RULE_POINTS

PERSISTENCE: Final = "persistence-1"
"""Methods are named with their version: a state is used by the method that wrote it and by no other."""
SEEN_FROM: Final = 0.5
"""A class with half of a grid step is the one that is seen there, and the median of 1 and 0 is 1 from P = 0.5 on."""
COLD_CELLS: Final = 3_000_000
"""A start without memory lives through this many series × columns, about a second's work, but at least one longest horizon."""


@dataclass(frozen=True, slots=True)
class PersistenceSettings:
    """``horizon_steps`` H rising; ``skill_step`` is the one that the gate is judged at, ``skill_pseudo_points`` as for loads.

    ``half_life_steps`` 120: an hour in a state on a grid of 30 s. Where simulated rates changed thirtyfold each six hours, 480 had a
    Brier score 7 % higher; where they stayed, 0.3 % lower. ``usual_rate`` is m₀. ``prior_steps`` 10: half a usual stay; 5 and 20 were
    no better where cameras differ. ``fleet_prior_steps`` 20: a usual stay; the rule to beat begins with as much.
    """

    horizon_steps: tuple[int, ...] = (1, 3, 6, 12)
    skill_step: int = 3
    half_life_steps: float = 120.0
    usual_rate: float = 0.05
    prior_steps: float = 10.0
    fleet_prior_steps: float = 20.0
    skill_pseudo_points: float = 200.0


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
        through = np.cumprod(stayed / (rate[:, :1] + stayed), axis=1)
        return np.asarray(through[:, [steps - 1 for steps in self.horizon_steps]])


def lasts(table: ForecastTable, steps: Sequence[float]) -> Floats:
    """P(what is seen now is seen at every one of so many next grid steps), S × steps; NaN where nothing is, and for another method."""
    chain, ahead = table.chances, np.clip(np.asarray(steps, dtype=np.float64), 0.0, LARGEST_COUNT)
    if not isinstance(chain, Chain):
        return np.full((len(table.p50), len(ahead)), np.nan)
    a, b = chain.leaving[:, :1], chain.leaving[:, 1:]
    return np.where(chain.seen[:, None] == 1.0, np.minimum(np.exp(betaln(a, b + ahead) - betaln(a, b)), 1.0), np.nan)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is carried from one column to the next.

    ``turns`` S × 2 × 2 counts steps from seen and from not seen, that turned and that did not; ``fleet`` 2 × 2 the same of all series,
    also of those that have gone. ``last`` S is the newest column's class. ``origins`` S × skill step × 3, newest first, is what was said
    for a skill step later: the class that stood, P and the rule's P; NaN where nothing was known. ``record`` S × 7 are trailing sums:
    squared errors of P and of the rule, yes of the rule, events after it, telling outcomes, events, all; ``gate`` S is 1 where open.
    """

    turns: Singles
    fleet: Floats
    last: Singles
    origins: Singles
    record: Singles
    gate: Singles


class PersistenceForecaster:
    """Environment classes as loads: ``Series.values`` S × T holds 1 where the class is seen, 0 where another one is, NaN where unknown."""

    name = PERSISTENCE

    def __init__(self, settings: PersistenceSettings | None = None) -> None:
        """Take the settings; the defaults are explained where they stand."""
        self.settings = settings or PersistenceSettings()

    def forecast(self, history: Series, state: ForecastState | None, now: float) -> tuple[ForecastTable, ForecastState]:
        """Forecast S classes at H horizons counted from ``now``; NaN where the class is unknown for more than ``CARRY_POINTS`` steps.

        Columns that have come since the state was made are learnt from one by one; without a usable state (the table says why) the newest
        past is lived through first. A clock set back by up to a day takes nothing that was learnt, and no column handed in is learnt again.
        """
        settings, grid = self.settings, history.grid_seconds
        numbers = {"grid_seconds": grid, **{f"horizon_{place}": float(steps) for place, steps in enumerate(settings.horizon_steps)}}
        keys = history.keys if len(history.keys) == history.values.shape[0] else ()
        behind = whole_steps(now - history.end, grid, settings.horizon_steps[-1])
        with np.errstate(all="ignore"):
            classes = silent_columns(known_classes(history.values[:, -COLD_COLUMNS - CARRY_POINTS :]), behind)
            until_now = replace(history, values=classes, end=history.end + behind * grid, keys=keys)
            found = "" if state is None else _remembered(state, until_now, numbers, settings)
            learnt, end, new = _begun(found, until_now, settings)
            for column in range(classes.shape[1] - new, classes.shape[1]):
                learnt = take_in(learnt, classes[:, : column + 1], settings)
            model, rule, _, _, telling, events, matured = learnt.record.astype(np.float64).T
            skill = shrunk_skill(Evidence(model, rule, matured, telling, events), settings.skill_pseudo_points)
            judged = Judged.anew(skill, learnt.gate > 0.0)
            table = self._table(learnt, until_now, now, judged)
        why = found and f"what was learned before is ignored, as {found}: learning begins anew" if isinstance(found, str) else ""
        arrays = _arrays(replace(learnt, gate=judged.gate_open.astype(np.float32)))
        return replace(table, began_anew=why), ForecastState(self.name, arrays, {**numbers, "end": end}, keys)

    def _table(self, learnt: Learnt, history: Series, now: float, judged: Judged) -> ForecastTable:
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
            skill=np.where(np.isnan(chain.seen), np.nan, judged.skill),
            margin_p90=np.repeat(chain.seen[:, None], later.shape[1], axis=1),
            history_points=np.isfinite(recent).sum(axis=1).astype(np.int64),
            usual_overload_seconds=usual_overload_seconds(recent, history.limits, history.grid_seconds),
            gate_open=judged.gate_open,
            chances=chain,
        )


def known_classes(values: Floats) -> Floats:
    """S × T as 1 (a share of a half or more), 0 (less) and NaN: everything that is no share in [0, 1] is unknown."""
    shares = np.asarray(values, dtype=np.float64)
    return np.where((shares >= 0.0) & (shares <= 1.0), shares >= SEEN_FROM, np.nan)


def nothing_learnt(series: int, settings: PersistenceSettings) -> Learnt:
    """Before the first column."""
    turns, record = np.zeros((series, 2, 2), np.float32), np.zeros((series, 7), np.float32)
    origins = np.full((series, settings.skill_step, 3), np.nan, np.float32)
    return Learnt(turns, np.zeros((2, 2)), origins[:, 0, 0], origins, record, record[:, 0])


def take_in(learnt: Learnt, classes: Floats, settings: PersistenceSettings) -> Learnt:
    """Judge what was said of the newest column of S × C known classes, count the step to it, and let it speak."""
    newest = classes[:, -1]
    record = _judged(learnt.record, learnt.origins[:, -1].astype(np.float64), newest)
    turns, fleet = _counted(learnt, newest, 0.5 ** (1.0 / settings.half_life_steps))
    learnt = replace(learnt, turns=turns, fleet=fleet, last=newest.astype(np.float32), record=record)
    chain = replace(chain_now(learnt, classes, settings), horizon_steps=(settings.skill_step,))
    said = np.stack([chain.seen, chain.seen_after()[:, 0], _earned(record, chain.seen)], axis=1).astype(np.float32)
    return replace(learnt, origins=np.concatenate([said[:, None], learnt.origins[:, :-1]], axis=1))


def chain_now(learnt: Learnt, classes: Floats, settings: PersistenceSettings) -> Chain:
    """The chain at the newest column of S × C known classes; a last class is believed for ``CARRY_POINTS`` steps."""
    now = carried_forward(newest_columns(classes, 1 + CARRY_POINTS), CARRY_POINTS)[:, -1]
    usual, weight = np.array([settings.usual_rate, 1.0 - settings.usual_rate]), settings.fleet_prior_steps
    fleet = (learnt.fleet + weight * usual) / (learnt.fleet.sum(axis=1, keepdims=True) + weight)
    rates = learnt.turns + settings.prior_steps * fleet
    return Chain(now, rates[:, 0], rates[:, 1], settings.horizon_steps)


def _counted(learnt: Learnt, newest: Floats, forgetting: float) -> tuple[Singles, Floats]:
    """The step from the last column to the newest one in the counts of all series and of the fleet."""
    before, known = learnt.last[:, None], np.isfinite(newest)[:, None]
    turned = (newest[:, None] != before)[..., None] == np.array([True, False])
    steps = ((before == np.array([1.0, 0.0])) & known)[..., None] & turned
    own, some = steps.any(axis=2, keepdims=True), steps.any(axis=(0, 2))[:, None]
    turns = learnt.turns * np.where(own, np.float32(forgetting), np.float32(1.0)) + steps
    return turns, learnt.fleet * np.where(some, forgetting, 1.0) + steps.sum(axis=0)


def _judged(record: Singles, said: Floats, newest: Floats) -> Singles:
    """Add one outcome to the record; ``said`` S × 3 is what the origin said of it."""
    stood, probability, rule = said.T
    yes, came, always = stood == 1.0, newest == 1.0, np.ones(len(newest))
    telling, usable = came | yes | (probability >= INFORMATIVE_PROBABILITY), np.isfinite(probability) & np.isfinite(newest)
    outcome = np.stack([np.square(probability - came), np.square(rule - came), yes, yes & came, telling, came, always], axis=1)
    return np.where(usable[:, None], record * FORGETTING + outcome, record).astype(np.float32)


def _earned(record: Singles, stood: Floats) -> Floats:
    """P by the rule «it stays as it is» (S; NaN where nothing stands): what its yes and no have meant so far, at first what they say.

    The formulas of ``forecasting.verdicts``, from outcomes so far alone: in hindsight a rate is known before it can be learnt.
    """
    alarms, hits, events, matured = record[:, [2, 3, 5, 6]].astype(np.float64).T
    after_yes = (hits.sum() + RULE_POINTS) / (alarms.sum() + RULE_POINTS)
    after_no = (events - hits).sum() / ((matured - alarms).sum() + RULE_POINTS)
    yes = stood == 1.0
    came, cases = np.where(yes, hits, events - hits), np.where(yes, alarms, matured - alarms)
    share = (came + RULE_POINTS * np.where(yes, after_yes, after_no)) / (cases + RULE_POINTS)
    return np.where(np.isnan(stood), np.nan, np.clip(share, 0.0, 1.0))


def _begun(found: tuple[Learnt, float] | str, history: Series, settings: PersistenceSettings) -> tuple[Learnt, float, int]:
    """What is gone on from, the time of the newest column after this refresh, and how many of the newest columns are new."""
    (series, columns), grid, blank = history.values.shape, history.grid_seconds, nothing_learnt(len(history.values), settings)
    bearable = max(settings.horizon_steps[-1] + 1, min(COLD_COLUMNS, COLD_CELLS // max(series, 1)))
    if isinstance(found, str):
        return blank, history.end, min(columns, bearable)
    learnt, end = found
    set_back = end - history.end > grid / 2.0
    # The nearest whole number, so that refreshes a little early or late neither miss a column nor learn one twice.
    passed = whole_steps(history.end - end + grid / 2.0, grid, columns + bearable)
    new = min(passed, columns, bearable)
    if set_back or new != passed:  # what was said then cannot be compared with what comes
        learnt = replace(learnt, last=blank.last, origins=blank.origins)
    return learnt, history.end if set_back or passed else end, new


def _remembered(
    state: ForecastState, history: Series, numbers: dict[str, float], settings: PersistenceSettings
) -> tuple[Learnt, float] | str:
    """What a state with these ``numbers`` holds for the series of this history, and until when; why it cannot be used where it cannot."""
    end, series, gate = state.numbers.get("end", math.nan), len(history.values), state.arrays.get("gate")
    if state.method != PERSISTENCE or not numbers.items() <= state.numbers.items():
        return "another method learned it, or on another grid or for other horizons"
    if not -math.inf < end - history.end <= MOST_AHEAD_SECONDS:
        return "it is from more than a day in the future or from no time at all"
    former = 0 if gate is None else gate.size
    found: dict[str, Any] = dict(state.arrays)
    if not _sound(found, _arrays(nothing_learnt(former, settings)), settings):
        return "its arrays are not those of this version or hold impossible numbers"
    if state.keys != history.keys or former != series:
        if not history.keys or len(state.keys) != former:
            return "its series have no names and are not as many as now"
        places = {key: row for row, key in enumerate(state.keys)}
        rows = [places.get(key, -1) for key in history.keys]  # −1 is the new row that is put behind all others
        new = _arrays(nothing_learnt(1, settings))
        found |= {name: np.concatenate([found[name], new[name]])[rows] for name in new if name != "fleet"}
    return Learnt(**found), end


def _sound(arrays: dict[str, NDArray[Any]], blank: dict[str, NDArray[Any]], settings: PersistenceSettings) -> bool:
    """Whether a state's arrays have these names, shapes, kinds and possible numbers; 1/(1 − γ) steps weigh at most, 1.44 half-lives."""
    most = {"turns": 2.0 * settings.half_life_steps, "record": 1.0 / (1.0 - FORGETTING), "fleet": LARGEST_COUNT}
    if arrays.keys() != blank.keys() or any((a.shape, a.dtype) != (arrays[n].shape, arrays[n].dtype) for n, a in blank.items()):
        return False
    for name, array in arrays.items():
        unknown = np.isnan(array)
        known = array[~unknown]
        odd = known[(known < 0.0) | (known > 1.001 * most.get(name, 1.0)) | ((name in ("last", "gate")) & (known != np.rint(known)))]
        if odd.size or (name not in ("last", "origins") and unknown.any()):
            return False
    return True


def _arrays(learnt: Learnt) -> dict[str, NDArray[Any]]:
    return {field.name: getattr(learnt, field.name) for field in fields(learnt)}
