"""From history to forecaster and back: what stays is forecast, what moves is added."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.limits import Foresight
from decision_engine.core.snapshot import Bools, Floats, Outlook
from decision_engine.observe.history import History
from forecasting.api import ForecastTable, Series
from forecasting.events import level_not_reached

R = len(RESOURCES)


def background_series(history: History, cost_is_measured: Bools, limits: Floats, device_ids: tuple[str, ...], now: float) -> Series:
    """The background of D devices × R resources as S = D × R series (row ``device * R + resource``), each under its name.

    ``limits`` D × R is what the background may reach: the overload limit minus the cost of today's workloads. The last
    column is the last whole grid cell before ``now``, and ``end`` the time at which it ended.
    """
    background = history.background(now, cost_is_measured)
    return Series(
        values=background.reshape(-1, background.shape[2]),
        end=history.end(now),
        grid_seconds=history.grid_seconds,
        limits=limits.reshape(-1),
        keys=tuple(f"{device}/{resource}" for device in device_ids for resource in RESOURCES),
    )


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What one refresh of the forecaster came to: its table, the deciding horizon, and what its S series stay below until then (S).

    ``highest`` is told by the forecast where its gate is open at that horizon and by the last value + volatility margin rule elsewhere.
    """

    table: ForecastTable
    step: int
    highest: Floats

    @classmethod
    def of(cls, table: ForecastTable, foresight: Foresight, move_seconds_p95: float) -> Foreseen:
        """Ask the table once for all that a cycle needs and that does not depend on the workloads' costs."""
        step = deciding_step(table.horizon_seconds, foresight.horizon_moves * move_seconds_p95)
        highest = level_not_reached(table, foresight.probability, step)
        return cls(table, step, np.where(table.gate_open[:, step], highest, table.margin_p90[:, step]))


def deciding_step(horizon_seconds: Floats, seconds: float) -> int:
    """Index of the first of H horizons that is at least ``seconds`` ahead, else of the last."""
    long_enough = np.flatnonzero(horizon_seconds >= seconds)
    return int(long_enough[0]) if len(long_enough) else len(horizon_seconds) - 1


def outlook(foreseen: Foreseen, cost_now: Floats, limits: Floats) -> Outlook:
    """The forecast of the whole: background plus the cost of today's workloads, ``cost_now`` D × R.

    ``limits`` are the R overload limits. What is unknown stays NaN. The method's model of the event has given its answers here and
    does not travel on: a recorded snapshot stays small.

    Raises:
        ValueError: the table does not hold D × R series; it was made for another version of the catalogue.
    """
    table = foreseen.table
    devices, resources = cost_now.shape
    if len(table.p50) != cost_now.size:
        raise ValueError(f"the forecast holds {len(table.p50)} series and the catalogue {cost_now.size}: forecast again after an edit")
    shape = (devices, resources, len(table.horizon_seconds))
    cost = cost_now[:, :, np.newaxis]
    return Outlook(
        background=replace(table, chances=None),
        cost_now=cost_now,
        p50=saturated(table.p50.reshape(shape) + cost),
        p90=saturated(table.p90.reshape(shape) + cost),
        p_over=table.p_over((limits - cost_now).reshape(-1)).reshape(shape),
        margin_p90=saturated(table.margin_p90.reshape(shape) + cost),
        skill=table.skill[:, foreseen.step].reshape(devices, resources),
        gate_open=table.gate_open[:, foreseen.step].reshape(devices, resources),
        usual_overload_seconds=table.usual_overload_seconds.reshape(devices, resources),
        step=foreseen.step,
        highest=foreseen.highest.reshape(devices, resources) + cost_now,
    )


def saturated(load: Floats) -> Floats:
    """A device cannot be busier than all of it: what would pass 1 shows as 1. NaN stays NaN."""
    full: Floats = np.minimum(load, 1.0)
    return full
