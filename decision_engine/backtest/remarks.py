"""Why the figures of a source tell less than they seem to; a remark is a few words, and after a colon the reason where they need one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecasting.backtest import Fleet

HIGHEST_SHARE: Final = 1.5
LOWEST_SHARE: Final = -0.5
"""A share of capacity lies from 0 to 1; this far off, few recorders err."""
MOST: Final = 0.5
MILLISECOND_STEP: Final = 1_000.0
"""Loads are recorded every few minutes at most: a thousand seconds between samples are rather one."""
MOST_EMPTY: Final = 0.9
FEWEST_MACHINES: Final = 10
"""An interval is drawn from the machines; of fewer than these it tells little."""
FEWEST_EVENTS: Final = 30


@dataclass(frozen=True, slots=True)
class Recorded(Fleet):
    """A fleet as it was read, with what is remarkable about its samples."""

    remarks: tuple[str, ...]


def of_samples(values: NDArray[np.float64], samples: int, shared: int) -> tuple[str, ...]:
    """Of ``samples`` samples that became series × columns, ``shared`` in a column with a later one."""
    known = values[np.isfinite(values)]
    remarks = []
    beyond = float(np.mean((known > HIGHEST_SHARE) | (known < LOWEST_SHARE))) if known.size else 0.0
    if beyond > MOST:
        remarks.append(
            f"values beyond 0 to 1: value is a share of capacity, 0 to 1; these look like percent, {percent(beyond)} of them lie above "
            f"{HIGHEST_SHARE:g} or below {LOWEST_SHARE:g}"
        )
    if shared:
        remarks.append(f"samples left out: {shared:,} of {samples:,} samples shared a column with another and were left out")
    empty = 1.0 - known.size / max(values.size, 1)
    if empty > MOST_EMPTY:
        remarks.append(f"mostly empty: {percent(empty)} of the cells (series × columns) hold no sample")
    return tuple(remarks)


def of_step(step_seconds: float) -> tuple[str, ...]:
    """Of a step that was not asked for but read off the samples."""
    if step_seconds < MILLISECOND_STEP:
        return ()
    return (f"step of {step_seconds:g} s: timestamps look like milliseconds; they have to be seconds",)


def of_counts(machines: int, events: NDArray[np.float64]) -> tuple[str, ...]:
    """Of how few there are: machines, and events (H) at the longest horizon."""
    few = [f"only {machines} machine{'s' if machines > 1 else ''}"] if machines < FEWEST_MACHINES else []
    if not events.any():
        return (*few, "no event")
    if events[-1] < FEWEST_EVENTS:
        few.append(f"only {events[-1]:.0f} event{'s' if events[-1] > 1 else ''}")
    return tuple(few)


def in_short(remark: str) -> str:
    """What stands beside the figures."""
    return remark.partition(": ")[0]


def percent(share: float) -> str:
    """A share as a person writes it."""
    return f"{share * 100:.0f} %"
