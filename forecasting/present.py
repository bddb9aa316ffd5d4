"""What every series looks like at one column: last value, local volatility, averages, extremes, and the same hour yesterday.

Nothing here remembers anything: it is read off the newest ``WINDOW_POINTS`` columns, so a column gives the same numbers
whenever it is asked. Averages are exponential ones cut off at the window, Σ(1−α)ᵃ·x / Σ(1−α)ᵃ over the known ages a.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from forecasting.api import Floats, Singles
from forecasting.calibration import LEAST_SPREAD
from forecasting.regression import RegressionSettings, damped_reach, fit_lines, fitted_log_square
from forecasting.rolling import CARRY_POINTS, blocks, carried_forward, known_loads, newest_columns

WINDOW_POINTS: Final = 96
"""The slowest average (α = 0.03) has 95 % of its weight within 96 points."""
AVERAGE_WEIGHTS: Final = (0.03, 0.08, 0.2, 0.5)
"""Roughly the last 33, 12, 5 and 2 points: from the longest horizon's own length down to hardly more than the last value."""
SCALE_WEIGHT: Final = 0.05
"""A series' own movement, over its last 20 points: longer than the longest default horizon, short enough to feel a change of work."""
QUICK_SCALE_WEIGHT: Final = 0.2
"""… and over its last 5: has it just become restless or calm?"""
RECENT, LONG, SHORT, SHORTEST = 12, 48, 6, 3
"""Lengths of the windows of extremes and means: the longest default horizon, four of them, a half and a quarter."""

DEVIATION_OF_MEAN_CHANGE: Final = math.sqrt(math.pi / 2.0)
"""Of normal changes the standard deviation is this many times the mean absolute one."""
NEVER: Final = np.float32(-np.inf)
_AGE: Final = np.arange(WINDOW_POINTS - 1, -1, -1, dtype=np.float64)
_AGES: Final[Singles] = np.stack([(1.0 - weight) ** _AGE for weight in AVERAGE_WEIGHTS], axis=1).astype(np.float32)
_CHANGE_AGES: Final[Singles] = np.stack([(1.0 - weight) ** _AGE[1:] for weight in (SCALE_WEIGHT, QUICK_SCALE_WEIGHT)], axis=1).astype(
    np.float32
)
"""Weights by age; those of changes are one fewer."""


@dataclass(frozen=True, slots=True)
class Present:
    """What is known now, S each (S × A averages, S × H for yesterday); NaN in ``last`` and everywhere else where nothing is.

    ``scale`` and ``quick_scale`` are mean absolute one-step changes, slow and quick; ``rise`` the root mean square of
    one-step rises; ``highest_seen`` and ``lowest_seen`` are those of the whole window, which has
    ``points`` known ones. ``yesterday`` is the value one day ago, ``yesterday_ahead`` and ``yesterday_highest`` the value and the
    maximum that followed within each horizon; NaN where there is no such history. ``line`` S × H is where a straight line through
    the newest points leads within each horizon, and ``line_spread`` how far off it may be (a standard deviation).
    """

    last: Floats
    scale: Floats
    quick_scale: Floats
    averages: Floats
    mean_short: Floats
    mean_long: Floats
    highest_shortest: Floats
    highest: Floats
    highest_long: Floats
    lowest: Floats
    step: Floats
    steps_3: Floats
    largest_rise: Floats
    rise: Floats
    points: Floats
    highest_seen: Floats
    lowest_seen: Floats
    yesterday: Floats
    yesterday_ahead: Floats
    yesterday_highest: Floats
    line: Floats
    line_spread: Floats


def look(loads: Floats, horizon_steps: tuple[int, ...], day_points: int, line: RegressionSettings) -> Present:
    """Read the newest column of S × C loads (NaN where unknown); ``day_points`` columns make a day, 0: never look back a day."""
    parts = [_look(loads[rows], horizon_steps, day_points, line) for rows in blocks(loads.shape[0])]
    if len(parts) == 1:
        return parts[0]
    return Present(**{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Present)})


def _look(loads: Floats, horizon_steps: tuple[int, ...], day_points: int, line: RegressionSettings) -> Present:
    """The same for one block of series."""
    window = known_loads(newest_columns(loads, WINDOW_POINTS))
    last = carried_forward(window[:, -1 - CARRY_POINTS :], CARRY_POINTS)[:, -1]
    single = window.astype(np.float32)
    known = np.isfinite(single)
    high, low = np.where(known, single, NEVER), np.where(known, single, -NEVER)
    step, steps_3 = window[:, -1] - window[:, -2], last - window[:, -1 - SHORTEST]
    shares = known.astype(np.float32)
    filled = single
    filled[~known] = 0.0
    movement = _movement(filled, shares)
    return Present(
        last=last,
        averages=_over(filled @ _AGES, shares @ _AGES),
        mean_short=_over(filled[:, -SHORT:].sum(axis=1), shares[:, -SHORT:].sum(axis=1)),
        mean_long=_over(filled[:, -LONG:].sum(axis=1), shares[:, -LONG:].sum(axis=1)),
        highest_shortest=_known(high[:, -SHORTEST:].max(axis=1)),
        highest=_known(high[:, -RECENT:].max(axis=1)),
        highest_long=_known(high[:, -LONG:].max(axis=1)),
        points=shares.sum(axis=1).astype(np.float64),
        highest_seen=_known(high.max(axis=1)),
        lowest=_known(low[:, -RECENT:].min(axis=1)),
        lowest_seen=_known(low.min(axis=1)),
        step=np.where(np.isfinite(step), step, 0.0),
        steps_3=np.where(np.isfinite(steps_3), steps_3, 0.0),
        **movement,
        **_yesterday(loads, horizon_steps, day_points),
        **_line(newest_columns(window, line.window_points), last, movement["scale"], horizon_steps, line),
    )


def _movement(filled: Singles, shares: Singles) -> dict[str, Floats]:
    """How much the series moves in one step, slowly and quickly averaged, and how much it rises; unknown changes left out."""
    moved = shares[:, 1:] * shares[:, :-1]
    change = (filled[:, 1:] - filled[:, :-1]) * moved
    rises = np.maximum(change, np.float32(0.0))
    weight = np.maximum(moved @ _CHANGE_AGES, np.finfo(np.float32).tiny)
    scales = np.maximum((np.abs(change) @ _CHANGE_AGES) / weight, LEAST_SPREAD).astype(np.float64)
    rise = np.sqrt((np.square(rises) @ _CHANGE_AGES[:, 0]) / weight[:, 0]).astype(np.float64)
    largest = rises[:, -RECENT:].max(axis=1).astype(np.float64)
    return {"scale": scales[:, 0], "quick_scale": scales[:, 1], "rise": rise, "largest_rise": largest}


def _yesterday(loads: Floats, horizon_steps: tuple[int, ...], day_points: int) -> dict[str, Floats]:
    """The value a day ago, and what followed within each horizon then; NaN where the history is shorter."""
    series, columns = loads.shape
    now = columns - 1 - day_points
    if day_points < horizon_steps[-1] or now < 0:
        nothing = np.full((series, len(horizon_steps)), np.nan)
        return {"yesterday": nothing[:, 0], "yesterday_ahead": nothing, "yesterday_highest": nothing}
    then = known_loads(loads[:, now : now + 1 + horizon_steps[-1]])
    highest = np.fmax.accumulate(then[:, 1:], axis=1)
    last_steps = [steps - 1 for steps in horizon_steps]
    return {"yesterday": then[:, 0], "yesterday_ahead": then[:, 1:][:, last_steps], "yesterday_highest": highest[:, last_steps]}


def _line(window: Floats, last: Floats, scale: Floats, horizon_steps: tuple[int, ...], settings: RegressionSettings) -> dict[str, Floats]:
    """Where the line leads; with too few points for one: the last value, off by as much as a random walk of this scale goes."""
    lines = fit_lines(window, settings)
    steps = np.asarray(horizon_steps, dtype=np.float64)
    reach = np.array([damped_reach(count, settings.trend_damping) for count in horizon_steps])
    ahead = lines.level[:, -1:] + lines.slope[:, -1:] * reach
    spread = np.stack([np.exp(fitted_log_square(lines, count, settings)[:, -1] / 2.0) for count in horizon_steps], axis=1)
    walk = scale[:, None] * DEVIATION_OF_MEAN_CHANGE * np.sqrt(steps)
    fitted = np.isfinite(ahead) & np.isfinite(spread)
    return {
        "line": np.where(fitted, ahead, last[:, None]),
        "line_spread": np.maximum(np.where(fitted, spread, walk), LEAST_SPREAD),
    }


def _over(total: Singles, share: Singles) -> Floats:
    """A mean from its sum and its weights; NaN where nothing is known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(share > 0.0, total / share, np.float32(np.nan)).astype(np.float64)


def _known(extreme: Singles) -> Floats:
    """A maximum or minimum of known values; NaN where there was none."""
    return np.where(np.isfinite(extreme), extreme, np.float32(np.nan)).astype(np.float64)
