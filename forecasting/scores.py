"""What a method's words were worth: sums per series, figures from sums, and intervals by drawing machines anew.

    skill = 1 − Σ|x − p50| / Σ|x − last|          pinball = mean of 0.9·e where e = x − p90 > 0, else −0.1·e   (Koenker & Bassett 1978)
    precision = TP/(TP + FP), recall = TP/(TP + FN), F1 = 2·TP/(2·TP + FP + FN)
    Brier skill = 1 − Σ(P − event)² / Σ(rule − event)²   over last value + volatility margin (Brier 1950, Murphy 1973)
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
OF_THE_EVENT: Final = ("f1", "precision", "recall", "auprc", "f1_plain", "brier_skill", "caught", "median_lead", "false_per_day")


@dataclass(frozen=True, slots=True)
class Sums:
    """Per series and horizon (S × H; after drawing machines B × H). Names with ``plain`` are for the threshold that needs no tuning."""

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
    true_plain: Floats
    alarms_plain: Floats
    brier: Floats
    brier_rule: Floats
    onsets: Floats
    caught: Floats
    false_episodes: Floats
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
    ahead, last, limit = came.ahead[..., place], came.last, fleet.limits[:, None]
    known = np.isfinite(ahead) & np.isfinite(last)
    p50, p90 = spoken.said.p50[..., place].astype(np.float64), spoken.said.p90[..., place].astype(np.float64)
    off = np.where(known, ahead - np.where(np.isfinite(p50), p50, last), 0.0)
    bounded = known & np.isfinite(p90)
    over = np.where(bounded, ahead - p90, 0.0)

    said = np.nan_to_num(spoken.said.score[..., place].astype(np.float64), nan=0.0)
    usable = (last < limit) & np.isfinite(came.highest[..., place])
    event = usable & (came.highest[..., place] >= limit)
    alarm_at = thresholds(said, event, usable, steps, spoken.scoring)
    alarm, plain = (usable & (said >= level) for level in (alarm_at[None, :], spoken.scoring.plain))
    rule = usable & (margin.said.score[..., place] >= margin.scoring.plain)
    chance = said if spoken.scoring.probability else alarm_plain_as_chance(plain)
    onset, lead = leads(alarm, last, fleet.limits, steps)
    sums = {
        "cases": known, "off": np.abs(off), "off_last": np.where(known, np.abs(ahead - last), 0.0), "square": np.square(off),
        "bounded": bounded, "pinball": np.maximum(UPPER_QUANTILE * over, (UPPER_QUANTILE - 1.0) * over), "covered": bounded & (over <= 0.0),
        "true": alarm & event, "alarms": alarm, "events": event, "true_plain": plain & event, "alarms_plain": plain,
        "brier": np.where(usable, np.square(chance - event), 0.0), "brier_rule": rule != event,
        "onsets": onset, "caught": lead >= TWO_AHEAD,
    }  # fmt: skip
    summed = {name: np.asarray(values.sum(axis=1), dtype=np.float64) for name, values in sums.items()}
    summed["false_episodes"] = false_episodes(alarm, event, steps).astype(np.float64)
    summed["days"] = np.isfinite(last).sum(axis=1) * (fleet.grid_seconds / DAY_SECONDS)
    single = {
        "auprc": average_precision(said[usable], event[usable]),
        "median_lead": float(np.median(lead[lead > 0])) if (lead > 0).any() else float("nan"),
        "alarm_at": float(alarm_at[-1]),
    }
    return summed, single, _calibration(said[usable], event[usable])


def alarm_plain_as_chance(plain: NDArray[np.bool_]) -> Floats:
    """A rule's yes is probability 1, its no 0."""
    return plain.astype(np.float64)


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
        "f1_plain": _ratio(2.0 * sums.true_plain, sums.alarms_plain + sums.events),
        "brier_skill": 1.0 - _ratio(sums.brier, sums.brier_rule),
        "caught": _ratio(sums.caught, sums.onsets),
        "false_per_day": _ratio(sums.false_episodes, sums.days),
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
