"""What a fleet has taught so far, and how one more column of samples is taken in: first its outcomes are learnt from, then it speaks.

The order is what makes everything causal: when a column arrives, the forecasts that earlier columns made for it are compared
with it, and only then does it make forecasts of its own, from sums that hold nothing later than itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecasting import adaptive, choice, crossing, hierarchy, levels
from forecasting.api import Floats, Singles
from forecasting.calibration import LEAST_SPREAD
from forecasting.onsets import leads
from forecasting.origin import Origin, outcomes
from forecasting.present import Present, look
from forecasting.regression import RegressionSettings
from forecasting.rolling import LARGEST_LOAD, known_loads
from forecasting.verdicts import Verdicts, judge

REFIT_POINTS: Final = 12
"""Coefficients are solved anew this often: sums of hundreds of points hardly change from one to the next, and solving is dear.
Each column solves the twelfth part of the series whose turn it is, so that none takes longer than another."""


@dataclass(frozen=True, slots=True)
class LearnerSettings:
    """``horizon_steps`` H rising; ``day_points`` columns make a day (0: unknown).

    From ``alarm_probability`` on a forecast alarms; nothing is learnt from it, the lead times are told by it.
    """

    horizon_steps: tuple[int, ...] = (1, 3, 6, 12)
    day_points: int = 0
    alarm_probability: float = 0.3
    support: tuple[float, float] = (0.0, 1.0)
    hierarchy: hierarchy.HierarchySettings = field(default_factory=hierarchy.HierarchySettings)
    line: RegressionSettings = field(default_factory=RegressionSettings)


@dataclass(frozen=True, slots=True)
class Learnt:
    """All that is carried from one column to the next; ``origins`` newest first, ``columns`` counts those taken in.

    ``now`` is the newest column's view; it can be read off the history again and is not kept.
    """

    sums: tuple[hierarchy.Sums, ...]
    betas: tuple[hierarchy.Coefficients, ...]
    crossing_sums: tuple[crossing.CrossingSums, ...]
    crossing_beta: Floats
    memory: levels.LevelMemory
    distances: adaptive.Distances
    record: choice.Record
    verdicts: Verdicts
    origins: tuple[Origin, ...] = ()
    columns: int = 0
    now: Present | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a column is judged by: the series' limits (S) and the margin rule's word (S × H)."""

    limits: Floats
    margin: Floats


def nothing_learnt(series: int, settings: LearnerSettings) -> Learnt:
    """Before the first column."""
    horizons, size = len(settings.horizon_steps), hierarchy.SIZE
    return Learnt(
        sums=tuple(hierarchy.nothing_learnt(series) for _ in range(horizons)),
        betas=tuple(hierarchy.Coefficients(np.zeros(size), np.zeros((size, series), np.float32)) for _ in range(horizons)),
        crossing_sums=tuple(crossing.nothing_learnt() for _ in range(horizons)),
        crossing_beta=np.tile(crossing.PRIOR, (horizons, 1)),
        memory=levels.nothing_seen(series),
        distances=adaptive.nothing_known(series, horizons),
        record=choice.nothing_tried(series, horizons),
        verdicts=Verdicts.none(series, horizons),
    )


def nothing_said(series: int, settings: LearnerSettings) -> Origin:
    """The word of a column that knew nothing: what a series that was not there yet has said."""
    horizons, size = len(settings.horizon_steps), hierarchy.SHARED_FEATURES + len(settings.horizon_steps)
    unknown = np.full((series, horizons), np.nan, np.float32)
    return Origin(
        last=np.full(series, np.nan),
        scale=np.full(series, LEAST_SPREAD, np.float32),
        features=np.zeros((size, series), np.float32),
        said=np.full((series, horizons, len(choice.METHODS)), np.nan, np.float32),
        p50=unknown,
        p90=unknown,
        probability=unknown,
        experts=np.full((series, horizons, 2), np.nan, np.float32),
        margin=unknown,
        limits=np.full((series, 2), np.nan),
        rows=np.zeros((series, 2, crossing.SHARED), np.float32),
        ahead=np.zeros((series, 2, horizons, 2), np.float32),
    )


def take_in(learnt: Learnt, loads: Floats, limits: Floats, margin: Floats, settings: LearnerSettings) -> Learnt:
    """Learn from the newest column of S × C loads and let it speak; ``margin`` S × H is the margin rule's word at it."""
    learnt = _solved(_learn(learnt, loads, settings), settings)
    newest = known_loads(loads[:, -1])
    learnt = replace(learnt, memory=levels.remember(learnt.memory, newest), columns=learnt.columns + 1)
    now = look(loads, settings.horizon_steps, settings.day_points, settings.line)
    origin = _speak(learnt, now, Asked(np.asarray(limits, dtype=np.float64), margin), settings)
    return replace(learnt, origins=(origin, *learnt.origins[: settings.horizon_steps[-1] - 1]), now=now)


def crossing_now(learnt: Learnt, loads: Floats, settings: LearnerSettings) -> crossing.Crossing:
    """The event model at the newest column, for any limit."""
    now = look(loads, settings.horizon_steps, settings.day_points, settings.line) if learnt.now is None else learnt.now
    ceiling = np.where(_inside(now, settings), settings.support[1], np.inf)
    return crossing.Crossing(now, learnt.memory, learnt.crossing_beta, learnt.verdicts.line_is_better(), ceiling)


def _learn(learnt: Learnt, loads: Floats, settings: LearnerSettings) -> Learnt:
    """Compare what earlier columns said with what has come."""
    seen = outcomes(learnt.origins, loads, settings.horizon_steps)
    target = (seen.came - seen.last) / seen.scale
    sums, crossing_sums = list(learnt.sums), list(learnt.crossing_sums)
    for horizon, steps in enumerate(settings.horizon_steps):
        if steps > len(learnt.origins):
            break
        origin = learnt.origins[steps - 1]
        row = hierarchy.of_horizon(origin.features, horizon)
        sums[horizon] = hierarchy.learn(sums[horizon], learnt.betas[horizon], row, target[:, horizon], settings.hierarchy)
        crossing_sums[horizon] = _learn_crossing(crossing_sums[horizon], learnt.crossing_beta, origin, horizon, seen.highest[:, horizon])
    return replace(
        learnt,
        sums=tuple(sums),
        crossing_sums=tuple(crossing_sums),
        distances=adaptive.learn(learnt.distances, seen),
        record=choice.learn(learnt.record, seen.said, seen.came),
        verdicts=judge(learnt.verdicts, seen, leads(learnt.origins, loads[:, -1], settings.horizon_steps, settings.alarm_probability)),
    )


def _learn_crossing(sums: crossing.CrossingSums, beta: Floats, origin: Origin, horizon: int, highest: Floats) -> crossing.CrossingSums:
    """Both limits' outcomes; a series that was at its limit already had nothing to cross."""
    below = origin.last[:, None] < origin.limits
    came = np.where(below & np.isfinite(highest)[:, None], highest[:, None] >= origin.limits, np.nan)
    rows, ahead = origin.rows.reshape(-1, crossing.SHARED), origin.ahead[:, :, horizon].reshape(-1, crossing.SIZE - crossing.SHARED)
    return crossing.learn(sums, beta[horizon], rows, ahead, came.reshape(-1))


def _solved(learnt: Learnt, settings: LearnerSettings) -> Learnt:
    """Coefficients from the sums: the fleet's at every REFIT_POINTS-th column, each series' in its turn in between."""
    turn = learnt.columns % REFIT_POINTS
    if turn == 0 and learnt.columns:
        beta = [crossing.solve(sums, former) for sums, former in zip(learnt.crossing_sums, learnt.crossing_beta, strict=True)]
        betas = tuple(replace(former, fleet=hierarchy.solve_fleet(sums, settings.hierarchy))
                      for sums, former in zip(learnt.sums, learnt.betas, strict=True))  # fmt: skip
        learnt = replace(learnt, betas=betas, crossing_beta=np.stack(beta))
    betas = tuple(hierarchy.solve_series(sums, former, turn, REFIT_POINTS, settings.hierarchy)
                  for sums, former in zip(learnt.sums, learnt.betas, strict=True))  # fmt: skip
    return replace(learnt, betas=betas)


def _speak(learnt: Learnt, now: Present, asked: Asked, settings: LearnerSettings) -> Origin:
    """What the newest column has to say."""
    features = hierarchy.features(now)
    said = _methods(learnt, now, features)
    chosen = np.take_along_axis(said, choice.best(learnt.record)[..., None], axis=2)[..., 0]
    chosen = np.where(np.isnan(now.last)[:, None], np.nan, chosen)  # an average of a silent series still has a value
    p50, p90 = _bounded(chosen, chosen + adaptive.usual(learnt.distances) * now.scale[:, None], now, settings)
    limits = np.clip(asked.limits, -LARGEST_LOAD, LARGEST_LOAD)
    both = np.stack([limits, levels.rare_level(learnt.memory)], axis=1)
    rows = crossing.shared_features(now, learnt.memory, both)
    ahead = crossing.ahead_features(now, both, rows)
    experts = crossing.answered(now, both[:, :1], rows[:, :1], ahead[:, :1], learnt.crossing_beta)[:, 0]
    probability = crossing.believed(experts, learnt.verdicts.line_is_better())
    return Origin(
        last=now.last,
        scale=now.scale.astype(np.float32),
        features=features,
        said=said.astype(np.float32),
        p50=p50.astype(np.float32),
        p90=p90.astype(np.float32),
        probability=probability.astype(np.float32),
        experts=experts.astype(np.float32),
        margin=asked.margin.astype(np.float32),
        limits=both,
        rows=rows.astype(np.float32),
        ahead=ahead.astype(np.float32),
    )


def _bounded(p50: Floats, p90: Floats, now: Present, settings: LearnerSettings) -> tuple[Floats, Floats]:
    """p50 and p90 in order, and within the support for a series that has not left it in the window."""
    low, high = settings.support
    inside = _inside(now, settings)[:, None]
    held = np.where(inside, np.clip(p50, low, high), p50)
    return held, np.where(inside, np.clip(p90, held, high), np.maximum(p90, held))


def _inside(now: Present, settings: LearnerSettings) -> NDArray[np.bool_]:
    """Which series (S) have not left the support in the window."""
    low, high = settings.support
    return (now.lowest_seen >= low) & (now.highest_seen <= high)


def _methods(learnt: Learnt, now: Present, features: Singles) -> Floats:
    """What every method of ``choice.METHODS`` says, S × H × M."""
    said = np.empty((*now.line.shape, len(choice.METHODS)))
    for horizon, betas in enumerate(learnt.betas):
        seen = hierarchy.of_horizon(features, horizon)
        said[:, horizon, 0] = now.last
        said[:, horizon, 1:4] = now.averages[:, 1:]
        said[:, horizon, 4] = now.line[:, horizon]
        said[:, horizon, 5] = now.last + now.scale * (betas.fleet @ seen)
        said[:, horizon, 6] = now.last + now.scale * (betas.series * seen).sum(axis=0)
    return said
