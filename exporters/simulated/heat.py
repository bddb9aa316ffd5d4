"""Warms devices up with their load and lets them cool down, by a first-order lag.

T' = (ambient + 50 K · (0.6·cpu + 0.4·gpu) − T) / 60 s
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from exporters.simulated.blueprint import CPU, GPU

Floats = NDArray[np.float64]

AMBIENT_CELSIUS = 38.0
"""A cabinet beside a road."""

FULL_LOAD_KELVIN = 50.0
"""A box at full load settles at 88 °C, 7 K under the trip of 95 °C: hot enough to take no guests, never throttling."""

CPU_HEAT_SHARE = 0.6
LAG_SECONDS = 60.0


def settled_celsius(load_ratio: Floats) -> Floats:
    """Where temperatures end if D × R loads stay as they are; a device without a GPU warms by its CPU alone."""
    cpu, gpu = load_ratio[:, CPU], load_ratio[:, GPU]
    share = np.where(np.isnan(gpu), 0.0, 1.0 - CPU_HEAT_SHARE)
    return np.asarray(AMBIENT_CELSIUS + FULL_LOAD_KELVIN * (cpu * (1.0 - share) + np.where(np.isnan(gpu), 0.0, gpu) * share))


def warmed_celsius(celsius: Floats, load_ratio: Floats, seconds: float) -> Floats:
    """Temperatures after ``seconds`` under these loads."""
    return np.asarray(celsius + (settled_celsius(load_ratio) - celsius) * -math.expm1(-seconds / LAG_SECONDS))
