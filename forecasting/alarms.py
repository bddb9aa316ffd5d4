"""From scores to alarms, each threshold learnt from what had matured by then; and what the alarms were worth.

For a calibrated probability the threshold that gives the best F1 is F*/2, half of the best F1 itself (Lipton, Elkan &
Naryanaswamy 2014): steady, but wrong where P is not calibrated. The threshold at which F1 was best so far needs no calibration, but
is unsteady. A probability alarms from the mean of the two on; a load in units of its limit is no probability, and alarms from the
second. Both are read off running counts of matured outcomes of the whole fleet by score.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecasting.api import Floats
from forecasting.methods import Scoring

Flags = NDArray[np.bool_]

BINS: Final = 128
"""Scores are told apart in steps of one or two per cent."""
HIGHEST_SCORE: Final = 1.25
FIRST_F1: Final = 0.5
"""Before there are events a probability alarms from a half of this on: 0.25."""
FIRST_EVENTS: Final = 20.0
"""… which counts as much as twenty events."""
FIRST_RATIO: Final = 0.9
"""Before there are events a load alarms from nine tenths of its limit on."""


def thresholds(score: Floats, event: Flags, usable: Flags, steps: int, scoring: Scoring) -> Floats:
    """The alarm threshold at every column (T) of one horizon; S × T each, an origin's outcome is known ``steps`` columns later."""
    columns = score.shape[1]
    if not scoring.tuned:
        return np.full(columns, scoring.acts_at)
    place = np.clip(np.nan_to_num(score / HIGHEST_SCORE * BINS, nan=0.0), 0, BINS - 1).astype(np.int64)
    cell = np.broadcast_to(np.arange(columns) * BINS, score.shape) + place
    flagged = _matured(cell[usable], columns, steps)
    true = _matured(cell[usable & event], columns, steps)
    positives = true[:, :1]
    # F1 = 2·TP / (alarms + events), with the first guess as pseudo-counts.
    f1 = (2.0 * true + FIRST_F1 * FIRST_EVENTS) / (flagged + positives + FIRST_EVENTS)
    first = FIRST_F1 / 2.0 if scoring.probability else FIRST_RATIO
    found = np.where(positives[:, 0] >= FIRST_EVENTS, f1.argmax(axis=1) * (HIGHEST_SCORE / BINS), first)
    return np.asarray((found + f1.max(axis=1) / 2.0) / 2.0) if scoring.probability else found


def _matured(cells: NDArray[np.int64], columns: int, steps: int) -> Floats:
    """Counts of scores at or above each bin among outcomes known at each column, T × BINS."""
    counts = np.bincount(cells, minlength=columns * BINS).reshape(columns, BINS).astype(np.float64)
    known = np.zeros_like(counts)
    known[steps:] = np.cumsum(counts, axis=0)[: max(columns - steps, 0)]
    return np.asarray(np.cumsum(known[:, ::-1], axis=1)[:, ::-1])


def leads(alarm: Flags, last: Floats, limits: Floats, steps: int) -> tuple[Flags, NDArray[np.int64]]:
    """Onsets S × T, and for each how many steps before it the first alarm within the horizon stood (0: none).

    An onset is a column at or above the limit after two known ones below it: sooner after an overload nothing could say it two
    steps ahead. Alarms count while the series stays below its limit up to the onset.
    """
    below, at_limit = last < limits[:, None], last >= limits[:, None]
    onset = at_limit & _before(below, 1) & _before(below, 2) & _before(np.isfinite(last), steps)
    lead = np.zeros(last.shape, dtype=np.int64)
    run = onset
    for step in range(1, steps + 1):
        run = run & _before(below, step)
        lead[run & _before(alarm, step)] = step
    return onset, lead


def false_episodes(alarm: Flags, came: Flags, steps: int) -> NDArray[np.int64]:
    """Episodes of alarms per series (S) of which none came true; alarms less than ``steps`` columns apart are one episode."""
    recent = np.zeros_like(alarm)
    for step in range(1, steps):
        recent |= _before(alarm, step)
    begins = alarm & ~recent
    number = np.cumsum(begins, axis=1)
    series, most = alarm.shape[0], int(number.max(initial=0)) + 1
    cell = np.arange(series)[:, None] * most + number
    true = np.bincount(cell[alarm & came], minlength=series * most).reshape(series, most) > 0
    return np.asarray(begins.sum(axis=1) - true[:, 1:].sum(axis=1))


def average_precision(score: Floats, event: Flags) -> float:
    """Area under precision over recall, Σ (Rₙ − Rₙ₋₁)·Pₙ over falling distinct scores of N cases; NaN without an event."""
    positives = int(event.sum())
    if positives == 0:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last_of_equals = np.append(ranked[1:] != ranked[:-1], True)
    true = np.cumsum(event[order])[last_of_equals]
    flagged = np.flatnonzero(last_of_equals) + 1
    return float((np.diff(true, prepend=0) * (true / flagged)).sum() / positives)


def _before(flags: Flags, steps: int) -> Flags:
    """For each column whether it was so ``steps`` columns before; False where there was none."""
    moved = np.zeros_like(flags)
    if steps < flags.shape[1]:
        moved[:, steps:] = flags[:, : flags.shape[1] - steps]
    return moved
