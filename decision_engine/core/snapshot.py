"""All that one cycle may know, as columns: D devices, W workloads, P placements, R resources, H horizons.

A policy masks columns first and looks at rows only where its mask is true.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decision_engine.core.reading import Quality, Reading
from forecasting.api import ForecastTable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

STARTING, READY, STOPPING, FAILED = 0, 1, 2, 3
"""Phases of a placement, in the order of ``actuators.api.Phase``."""


@dataclass(frozen=True, slots=True)
class Devices:
    """Columns of D devices.

    ``load``, ``load_at`` (Unix time of the newest sample), ``quality`` and ``over_seconds`` (how long the limit has
    been passed without a break, by samples; 0 when it is not) are D × R; loads are ratios of what the device lends.
    ``thermal_headroom_kelvin`` is what is left to the throttle trip, NaN where not fresh, and
    ``thermal_at`` when it was true;
    ``thermal_lost`` says that it was known and is not any more. ``placements_known`` is False where the runtime did not answer.
    ``kind`` indexes ``Snapshot.fit``; ``site`` numbers sites.
    """

    ids: tuple[str, ...]
    is_analysis: Bools
    site: Ints
    kind: Ints
    cores: Floats
    memory_bytes: Floats
    load: Floats
    load_at: Floats
    quality: NDArray[np.int8]
    over_seconds: Floats
    thermal_headroom_kelvin: Floats
    thermal_at: Floats
    thermal_lost: Bools
    placements_known: Bools


@dataclass(frozen=True, slots=True)
class Outlook:
    """Forecasts for D devices × R resources at H horizons (NaN where nothing can be said).

    ``background`` is the table of what stays (series ``device * R + resource``); ``cost_now`` D × R is what today's
    workloads add to it. The D × R × H arrays are of the whole: background plus workloads. ``margin_p90`` is the last
    value + volatility margin rule's word; ``skill`` and ``gate_open`` D × R are the forecast's at the deciding
    horizon, and whether it may act itself there. ``step`` is the horizon that decides, and ``highest`` D × R the level that the
    whole stays below until then as surely as SC-12 wants it, by the forecast where the gate is open and by the margin rule elsewhere.
    """

    background: ForecastTable
    cost_now: Floats
    p50: Floats
    p90: Floats
    p_over: Floats
    margin_p90: Floats
    skill: Floats
    gate_open: Bools
    usual_overload_seconds: Floats
    step: int
    highest: Floats


@dataclass(frozen=True, slots=True)
class Workloads:
    """Columns of W declared workloads.

    ``home``, ``package`` (row of ``Snapshot.fit``) and ``camera`` are indices; ``cost_cores``, ``cost_memory_bytes``
    and ``cost_gpu_ratio`` what one placement is expected to take (NaN where unknown); ``cost_measured`` W says
    whether that is a measurement. ``movable`` is False for pinned workloads and the environment AI.
    ``reachable`` holds, for cameras that not every device can reach, the device indices that can.
    """

    ids: tuple[str, ...]
    home: Ints
    package: Ints
    camera: tuple[str, ...]
    cost_cores: Floats
    cost_memory_bytes: Floats
    cost_gpu_ratio: Floats
    cost_measured: Bools
    movable: Bools
    result_by_helper: Bools
    reachable: dict[int, Ints]


@dataclass(frozen=True, slots=True)
class Placements:
    """Columns of P observed placements: what the runtimes list, joined with what Prometheus saw of them.

    ``workload`` and ``device`` are indices (−1: not in the catalogue); ``last_result_at`` is the Unix time of the
    newest result (NaN: none seen); ``confidence`` the recent mean (NaN: unknown).
    """

    ids: tuple[str, ...]
    workload: Ints
    device: Ints
    generation: Ints
    phase: Ints
    since: Floats
    last_result_at: Floats
    confidence: Floats


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of the fleet. ``blind`` is "" or the reason code why Prometheus could not be believed.

    ``fit`` is packages × kinds: whether that package's declared variant can run on that kind of device at all.
    ``site_ids`` names the site numbers; ``resource_limits`` R are the overload limits; ``move_seconds_p95`` is how long
    a move takes, learned from the journal; ``model_digest`` names the state of the forecaster.
    """

    now: float
    blind: str
    catalog_version: str
    devices: Devices
    workloads: Workloads
    placements: Placements
    outlook: Outlook | None
    fit: Bools
    site_ids: tuple[str, ...]
    resource_limits: Floats
    move_seconds_p95: float = 20.0
    model_digest: str = ""

    def reading(self, device: int, resource: int) -> Reading:
        """One load as a reading."""
        d = self.devices
        return Reading(float(d.load[device, resource]), float(d.load_at[device, resource]), Quality(int(d.quality[device, resource])))

    def placements_of(self, workload: int) -> Ints:
        """Indices of the placements of one workload."""
        return np.flatnonzero(self.placements.workload == workload)
