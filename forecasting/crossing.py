"""How likely a series is to come up to a limit within each horizon: one logistic regression of the whole fleet, for any limit.

    P(max of x(t+1 … t+h) ≥ L | x(t) < L) = 1 / (1 + e^−z),   z = Σ β_k·f_k(L) + Σ β_j·g_j
The f_k say how far away L is (in units of the series' own movement) and how it was met before; each falls as L rises and has
β_k ≥ 0, so P never rises with L. The g_j do not know L. β is learnt by Newton steps on exponentially forgotten sums:
    w = p(1 − p),  G ← γ·G + w·f fᵀ,  m ← γ·m + w·z·f + (y − p)·f,   β = argmin ½βᵀ(G + κI)β − (m + κβ₀)ᵀβ  with β_k ≥ 0
(iteratively reweighted least squares: McCullagh & Nelder 1989). One f_k is how many standard deviations the line in time ends above
L, and β₀ is 1.7 for it and 0 for all others: before anything is learnt P is the line's own normal probability, since Φ(u) is within
0.01 of 1/(1 + e^(−1.7u)) (Haley 1952). A fleet that has never been overloaded yet is so not blind to its
first ramp. Over the horizons P is made not to fall by its running maximum:
what happens within three steps happens within six. Over the limits asked at once the same removes what rounding leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecasting.api import Floats, Singles
from forecasting.levels import LevelMemory, at
from forecasting.present import Present
from forecasting.rolling import LARGEST_LOAD, blocks
from forecasting.solving import solved, solved_within

LARGEST_DISTANCE: Final = 8.0
"""A limit eight features' units away is out of reach; more would only stretch the fit."""
LARGEST_LOGIT: Final = 12.0
"""No more than about 160,000 to one is ever claimed or learnt from."""
LEAST_WEIGHT: Final = 0.003
"""A hopeless case still counts a little, so that the fit stays solvable."""
FORGETTING: Final = 0.9997
"""Crossings are rare: what the fleet taught counts for some 3,300 steps, a day on a grid of 30 s."""
RIDGE: Final = 3.0
"""Pseudo-observations: three sums' worth of weight, soon nothing beside a fleet's, but enough to hold the first hour."""
DISTANCES: Final = 16
"""Features that know the limit, and first in a row; the last two, of each horizon, know it too: yesterday's maximum, and the line."""
SHARED: Final = DISTANCES + 6
SIZE: Final = SHARED + 2
BOUNDED: Final = np.array([k < DISTANCES or k >= SHARED for k in range(SIZE)])
"""Whose coefficients are not negative, so that P does not rise with the limit."""
NORMAL_LOGIT: Final = 1.7
"""How steep the logistic curve must be to follow the normal one."""
PRIOR: Final = np.array([NORMAL_LOGIT if k == SIZE - 1 else 0.0 for k in range(SIZE)])
"""β₀."""
LARGEST_SCORE: Final = 4.0
"""Standard deviations between line and limit: beyond, a normal tail is no description of anything."""
_SPREAD_UNITS = 3.0
"""Distances are counted in three usual one-step changes: about what six steps of a random walk move."""
_LEAST_GAP = 0.02
"""Two per cent of a capacity: nearer than that is as good as there."""
_RECENT_HIGHEST = 5
"""Where the maximum of the recent points stands in a row."""


@dataclass(frozen=True, slots=True)
class CrossingSums:
    """One horizon's sums of the fleet, F × F and F."""

    gram: Floats
    moment: Floats


@dataclass(frozen=True, slots=True)
class Crossing:
    """All that a forecast table needs to answer for any limit: the present, the past by level, β (H × F), and where the line is believed.

    ``by_line`` S × H: there P is the line's own, because it has foreseen this series' limit better lately. No series comes above its
    ``ceiling`` (S; +Inf where there is none).
    """

    now: Present
    memory: LevelMemory
    beta: Floats
    by_line: NDArray[np.bool_]
    ceiling: Floats

    def probability(self, limits: Floats) -> Floats:
        """P(reaches each limit within each horizon): limits S × K, answer S × K × H in [0, 1]; NaN where nothing is known.

        A series that is at its limit or above has reached it: 1. A limit above its ceiling is not reached: 0.
        """
        asked = np.clip(np.asarray(limits, dtype=np.float64), -LARGEST_LOAD, LARGEST_LOAD)
        shared = shared_features(self.now, self.memory, asked)
        experts = answered(self.now, asked, shared, ahead_features(self.now, asked, shared), self.beta)
        probability = np.where((asked > self.ceiling[:, None])[..., None], 0.0, believed(experts, self.by_line[:, None]))
        probability = np.where(np.isnan(experts[..., 0]), np.nan, probability)
        return not_rising(probability, asked) if asked.shape[1] > 1 else probability


def answered(now: Present, limits: Floats, shared: Floats, ahead: Floats, beta: Floats) -> Floats:
    """P by the learnt model and by the line alone, for limits S × K whose features are known: S × K × H × 2."""
    learnt = shared @ beta[:, :SHARED].T + (ahead * beta[:, SHARED:]).sum(axis=-1)
    logit = np.clip(np.stack([learnt, NORMAL_LOGIT * ahead[..., -1]], axis=-1), -LARGEST_LOGIT, LARGEST_LOGIT)
    reached = (now.last[:, None] >= limits)[..., None, None]
    unknown = (np.isnan(now.last)[:, None] | np.isnan(limits))[..., None, None]
    return np.where(unknown, np.nan, np.where(reached, 1.0, 1.0 / (1.0 + np.exp(-logit))))


def believed(experts: Floats, by_line: NDArray[np.bool_]) -> Floats:
    """The one of two probabilities that is believed at each horizon, not falling with the horizon."""
    return np.asarray(np.maximum.accumulate(np.where(by_line, experts[..., 1], experts[..., 0]), axis=-1))


def not_rising(probability: Floats, limits: Floats) -> Floats:
    """S × K × H whose values do not rise with the limit: each at least as high as those of higher limits."""
    order = np.argsort(-limits, axis=1, kind="stable")[..., None]  # NaN stands last and changes no other
    ordered = np.take_along_axis(probability, order, axis=1)
    settled = np.where(np.isnan(ordered), np.nan, np.fmax.accumulate(ordered, axis=1))
    found = np.empty_like(probability)
    np.put_along_axis(found, order, settled, axis=1)
    return found


def shared_features(now: Present, memory: LevelMemory, limits: Floats) -> Floats:
    """S × K × SHARED: what all horizons look at; 0 where unknown."""
    unit, quick = now.scale * _SPREAD_UNITS, now.quick_scale * _SPREAD_UNITS
    gap = np.maximum(limits - now.last[:, None], 0.0)
    averages = now.averages[:, 1:]
    places = np.concatenate(
        [now.last[:, None], averages, np.stack([now.highest_shortest, now.highest, now.highest_long, now.lowest], axis=1)], axis=1
    )
    near = _nearness(places[:, None, :], limits[..., None], unit[:, None, None])
    by_speed = np.stack([_nearness(now.last[:, None], limits, quick[:, None]),
                         _nearness(now.last[:, None], limits, 2.0 * np.maximum(now.largest_rise, now.scale)[:, None]),
                         _nearness(now.last[:, None], limits, 3.0 * np.maximum(now.rise, now.scale)[:, None]),
                         -2.0 * np.log1p(gap / now.scale[:, None]), -np.log1p(gap / _LEAST_GAP)], axis=-1)  # fmt: skip
    # Onsets of a level or of any above it: a low level that is never left has none of its own.
    onsets = np.maximum.accumulate(memory.onsets[:, ::-1], axis=1)[:, ::-1]
    met = np.stack([3.0 * np.sqrt(np.maximum(at(memory.share, limits), 0.0)),
                    6.0 * np.sqrt(np.maximum(at(onsets, limits), 0.0)),
                    -np.log1p(at(memory.since, limits)) / 2.0], axis=-1)  # fmt: skip
    alone = np.stack([now.step / now.scale, now.steps_3 / now.scale / 2.0, np.log(now.scale) / 2.0,
                      np.log(now.quick_scale / now.scale), 3.0 * now.last, np.ones_like(now.last)], axis=-1)  # fmt: skip
    alone = np.broadcast_to(np.clip(alone, -LARGEST_DISTANCE, LARGEST_DISTANCE)[:, None, :], (*limits.shape, alone.shape[-1]))
    row = np.concatenate([near, by_speed, met, alone], axis=-1)
    return np.where(np.isfinite(row), row, 0.0)


def ahead_features(now: Present, limits: Floats, shared: Floats) -> Floats:
    """S × K × H × 2: how near yesterday's maximum over the horizon came (without a yesterday: the recent maximum), and the line's score."""
    near = _nearness(now.yesterday_highest[:, None, :], limits[..., None], (now.scale * _SPREAD_UNITS)[:, None, None])
    near = np.where(np.isfinite(near), near, shared[..., _RECENT_HIGHEST, None])
    score = (now.line[:, None, :] - limits[..., None]) / now.line_spread[:, None, :]
    score = np.where(np.isnan(score), -LARGEST_SCORE, np.clip(score, -LARGEST_SCORE, LARGEST_SCORE))
    return np.stack([near, score], axis=-1)


def _nearness(places: Floats, limits: Floats, units: Floats) -> Floats:
    return np.asarray(-np.clip((limits - places) / units, -LARGEST_DISTANCE, LARGEST_DISTANCE))


def nothing_learnt() -> CrossingSums:
    """One horizon's sums before any outcome."""
    return CrossingSums(np.zeros((SIZE, SIZE)), np.zeros(SIZE))


def learn(sums: CrossingSums, beta: Floats, rows: Singles, ahead: Singles, came: Floats) -> CrossingSums:
    """Take in N outcomes: features N × SHARED and N × 2, ``came`` N is 1 where the limit was reached, 0 where not; NaN: not known."""
    gram, moment = sums.gram * FORGETTING, sums.moment * FORGETTING
    single = beta.astype(np.float32)
    for some in blocks(len(came)):
        seen = np.concatenate([rows[some], ahead[some]], axis=1)
        outcome = came[some].astype(np.float32)
        usable = np.isfinite(outcome)
        logit = np.clip(seen @ single, -LARGEST_LOGIT, LARGEST_LOGIT)
        chance = 1.0 / (1.0 + np.exp(-logit))
        weight = np.where(usable, np.maximum(chance * (1.0 - chance), LEAST_WEIGHT), np.float32(0.0))
        half = seen * np.sqrt(weight)[:, None]
        gram += half.T @ half
        moment += np.where(usable, weight * logit + (outcome - chance), np.float32(0.0)) @ seen
    return CrossingSums(gram, moment)


def solve(sums: CrossingSums, beta: Floats) -> Floats:
    """β from the sums, with the bounded ones not negative; the former β where there is no such solution."""
    gram, moment = sums.gram + RIDGE * np.eye(SIZE), sums.moment + RIDGE * PRIOR
    free = solved(gram, moment)
    if not (free[BOUNDED] < 0.0).any():
        return free
    held = solved_within(gram, moment, BOUNDED)
    return beta if held is None else held
