"""What a method's words were worth: sums per series, figures from sums, and intervals by drawing machines anew.

    skill = 1 − Σ|x − p50| / Σ|x − last|          pinball = mean of 0.9·e where e = x − p90 > 0, else −0.1·e   (Koenker & Bassett 1978)
    precision = TP/(TP + FP), recall = TP/(TP + FN), F1 = 2·TP/(2·TP + FP + FN)
    Brier skill = 1 − Σ(P − event)² / Σ(rule − event)²   over last value + volatility margin (Brier 1950, Murphy 1973)
Names that end in ``acting`` are of the alarms that the engine would act on: P at its fixed probability where the method's gate is
open, and where it is closed the margin rule's p90 at the limit; of a method without a probability they are of the plain comparison.
Every figure but the area under precision and recall and the median lead is a ratio of sums, so a bootstrap over machines
(Efron 1979) is a product of weights and sums. Series of one machine are drawn together: they are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecasting.alarms import average_precision, false_episodes, leads, thresholds
from forecasting.api import Floats
from forecasting.backtest import DAY_SECONDS, Came, Fleet, Spoken
from forecasting.calibration import UPPER_QUANTILE
from forecasting.verdicts import CALIBRATION_BINS

REPLICATES: Final = 400
"""Draws of machines; the ends of a 95 % interval then rest on ten each."""
SEED: Final = 20_111_103
TWO_AHEAD: Final = 2
OF_THE_LOAD: Final = ("skill", "rmse", "pinball", "coverage")
OF_THE_EVENT: Final = (
    "f1", "precision", "recall", "auprc", "brier_skill", "caught", "median_lead", "false_per_day",
    "f1_acting", "precision_acting", "recall_acting", "caught_acting", "false_per_day_acting", "gate_open",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sums:
    """Per series and horizon (S × H; after drawing machines B × H).

    ``gated`` counts the origins at which a method with a gate could have foreseen something, ``gate_open`` those with an open one.
    """

    cases: Floats
    off: Floats
    off_last: Floats
    square: Floats
    bounded: Floats
    pinball: Floats
    covered: Floats
    true: Floats
    alarms: Floats
    events: Floats
    true_acting: Floats
    alarms_acting: Floats
    brier: Floats
    brier_rule: Floats
    onsets: Floats
    caught: Floats
    caught_acting: Floats
    false_episodes: Floats
    false_episodes_acting: Floats
    gated: Floats
    gate_open: Floats
    days: Floats


@dataclass(frozen=True, slots=True)
class Scored:
    """One method on one fleet: sums, the two figures that are no ratio of sums (H each), and calibration by tenths (H × 3 × 10).

    ``calibration`` holds mean probability, share of events and cases; None for a method without probabilities. ``alarm_at`` H is
    the last threshold in use.
    """

    sums: Sums
    auprc: Floats
    median_lead: Floats
    alarm_at: Floats
    calibration: Floats | None
    refresh_seconds: float


def score(fleet: Fleet, spoken: Spoken, margin: Spoken, came: Came, horizon_steps: tuple[int, ...]) -> Scored:
    """Judge one method; ``margin`` is what the margin rule said. Where a method said nothing the last value stands in, without alarm."""
    parts = [_one_horizon(fleet, spoken, margin, came, (place, steps)) for place, steps in enumerate(horizon_steps)]
    sums = {field.name: np.stack([part[0][field.name] for part in parts], axis=1) for field in fields(Sums)}
    auprc, lead, alarm_at = (np.array([part[1][name] for part in parts]) for name in ("auprc", "median_lead", "alarm_at"))
    calibration = np.stack([part[2] for part in parts]) if spoken.scoring.probability else None
    return Scored(Sums(**sums), auprc, lead, alarm_at, calibration, spoken.refresh_seconds)


def _one_horizon(
    fleet: Fleet, spoken: Spoken, margin: Spoken, came: Came, horizon: tuple[int, int]
) -> tuple[dict[str, Floats], dict[str, float], Floats]:
    place, steps = horizon
    last = came.last
    said = np.nan_to_num(spoken.said.score[..., place].astype(np.float64), nan=0.0)
    usable = (last < fleet.limits[:, None]) & np.isfinite(came.highest[..., place])
    event = usable & (came.highest[..., place] >= fleet.limits[:, None])
    alarm_at = thresholds(said, event, usable, steps, spoken.scoring)
    alarm = usable & (said >= alarm_at[None, :])
    acting = usable & acts(spoken, margin, place, fleet.limits)
    rule = usable & (margin.said.score[..., place] >= margin.scoring.acts_at)
    # A rule's yes is probability 1, its no 0.
    chance = said if spoken.scoring.probability else (said >= spoken.scoring.acts_at).astype(np.float64)
    onset, lead = leads(alarm, last, fleet.limits, steps)
    gated = usable if spoken.said.gate_open is not None else np.zeros_like(usable)
    sums = {
        **_of_the_load(spoken, came, place),
        "true": alarm & event, "alarms": alarm, "events": event, "true_acting": acting & event, "alarms_acting": acting,
        "brier": np.where(usable, np.square(chance - event), 0.0), "brier_rule": rule != event,
        "onsets": onset, "caught": lead >= TWO_AHEAD, "caught_acting": leads(acting, last, fleet.limits, steps)[1] >= TWO_AHEAD,
        "gated": gated, "gate_open": gated if spoken.said.gate_open is None else gated & spoken.said.gate_open[..., place],
    }  # fmt: skip
    summed = {name: np.asarray(values.sum(axis=1), dtype=np.float64) for name, values in sums.items()}
    summed["false_episodes"] = false_episodes(alarm, event, steps).astype(np.float64)
    summed["false_episodes_acting"] = false_episodes(acting, event, steps).astype(np.float64)
    summed["days"] = np.isfinite(last).sum(axis=1) * (fleet.grid_seconds / DAY_SECONDS)
    single = {
        "auprc": average_precision(said[usable], event[usable]),
        "median_lead": float(np.median(lead[lead > 0])) if (lead > 0).any() else float("nan"),
        "alarm_at": float(alarm_at[-1]),
    }
    return summed, single, _calibration(said[usable], event[usable])


def _of_the_load(spoken: Spoken, came: Came, place: int) -> dict[str, Floats | NDArray[np.bool_]]:
    """What each origin adds to the sums of the load at one horizon, S × T each."""
    ahead, last = came.ahead[..., place], came.last
    known = np.isfinite(ahead) & np.isfinite(last)
    p50, p90 = spoken.said.p50[..., place].astype(np.float64), spoken.said.p90[..., place].astype(np.float64)
    off = np.where(known, ahead - np.where(np.isfinite(p50), p50, last), 0.0)
    bounded = known & np.isfinite(p90)
    over = np.where(bounded, ahead - p90, 0.0)
    return {
        "cases": known, "off": np.abs(off), "off_last": np.where(known, np.abs(ahead - last), 0.0), "square": np.square(off),
        "bounded": bounded, "pinball": np.maximum(UPPER_QUANTILE * over, (UPPER_QUANTILE - 1.0) * over), "covered": bounded & (over <= 0.0),
    }  # fmt: skip


def acts(spoken: Spoken, margin: Spoken, place: int, limits: Floats) -> NDArray[np.bool_]:
    """Where the engine would act on what a method said at one horizon, S × T; ``margin`` is what the margin rule said.

    The score counts from its fixed threshold on. Where a gate is closed, and for the margin rule itself, the rule's p90 at that very
    horizon decides; its score, which does not fall with the horizon, is what it would say if it looked at the shorter ones too.
    """
    by_score = spoken.said.score[..., place] >= spoken.scoring.acts_at
    by_margin = margin.said.p90[..., place] >= limits[:, None]
    if spoken.said.gate_open is None:
        return by_score if spoken.scoring.tuned else by_margin
    return np.where(spoken.said.gate_open[..., place], by_score, by_margin)


def _calibration(chance: Floats, event: NDArray[np.bool_]) -> Floats:
    """Mean probability, share of events and cases by tenths of probability, 3 × 10."""
    tenth = np.clip((chance * CALIBRATION_BINS).astype(np.int64), 0, CALIBRATION_BINS - 1)
    said, came, cases = (np.bincount(tenth, weights=w, minlength=CALIBRATION_BINS) for w in (chance, event * 1.0, np.ones(len(tenth))))
    some = np.where(cases > 0, cases, np.nan)
    return np.stack([said / some, came / some, cases])


def figures(sums: Sums) -> dict[str, Floats]:
    """The figures that are ratios of sums, one per row and horizon (as ``sums``); NaN where there is nothing to divide by."""
    return {
        "skill": 1.0 - _ratio(sums.off, sums.off_last),
        "rmse": np.sqrt(_ratio(sums.square, sums.cases)),
        "pinball": _ratio(sums.pinball, sums.bounded),
        "coverage": _ratio(sums.covered, sums.bounded),
        "f1": _ratio(2.0 * sums.true, sums.alarms + sums.events),
        "precision": _ratio(sums.true, sums.alarms),
        "recall": _ratio(sums.true, sums.events),
        "f1_acting": _ratio(2.0 * sums.true_acting, sums.alarms_acting + sums.events),
        "precision_acting": _ratio(sums.true_acting, sums.alarms_acting),
        "recall_acting": _ratio(sums.true_acting, sums.events),
        "brier_skill": 1.0 - _ratio(sums.brier, sums.brier_rule),
        "caught": _ratio(sums.caught, sums.onsets),
        "caught_acting": _ratio(sums.caught_acting, sums.onsets),
        "false_per_day": _ratio(sums.false_episodes, sums.days),
        "false_per_day_acting": _ratio(sums.false_episodes_acting, sums.days),
        "gate_open": _ratio(sums.gate_open, sums.gated),
    }


def together(sums: Sums) -> Sums:
    """All series of a fleet as one row."""
    return Sums(*(getattr(sums, field.name).sum(axis=0, keepdims=True) for field in fields(Sums)))


def drawn(sums: Sums, machines: NDArray[np.int64]) -> Sums:
    """B draws of machines with replacement, B × H; the same draws for every method of a fleet, so that differences are paired."""
    weights = draws(machines)
    return Sums(*(weights @ getattr(sums, field.name) for field in fields(Sums)))


def draws(machines: NDArray[np.int64]) -> Floats:
    """How often each series is in each of REPLICATES draws of machines, B × S."""
    number = int(machines.max(initial=-1)) + 1
    counts = np.random.default_rng(SEED).multinomial(number, np.full(number, 1.0 / max(number, 1)), size=REPLICATES)
    return np.asarray(counts[:, machines], dtype=np.float64)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(part / np.where(whole > 0.0, whole, np.nan))
