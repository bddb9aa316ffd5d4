"""All that one cycle may know, as columns: D devices, W workloads, P placements, R resources, H horizons.

A policy masks columns first and looks at rows only where its mask is true.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decision_engine.core.reading import Quality, Reading
from forecasting.api import ForecastTable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NOWHERE = -1
"""The index of what is not in the catalogue."""
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
    ``kind`` is a column of ``Variants.fit``; ``site`` numbers sites.
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
class Variants:
    """Columns of V declared builds, ordered by package, class and version (the newest of a class last).

    ``active`` is False for retired ones; ``fit`` V × K says which can run on which kind of device at all; ``cost_cores``,
    ``cost_memory_bytes`` and ``cost_gpu_ratio`` are what one placement is expected to take (NaN where unknown).
    """

    package: tuple[str, ...]
    environment_class: tuple[str, ...]
    version: tuple[str, ...]
    active: Bools
    fit: Bools
    cost_cores: Floats
    cost_memory_bytes: Floats
    cost_gpu_ratio: Floats

    def newest(self, package: str, environment_class: str) -> int:
        """The newest active build of a package for a class; NOWHERE when there is none."""
        rows = [row for row in self.of(package, environment_class) if self.active[row]]
        return rows[-1] if rows else NOWHERE

    def of(self, package: str, environment_class: str) -> range:
        """All builds of a package for a class, oldest first."""
        keys = list(zip(self.package, self.environment_class, strict=True))
        wanted = (package, environment_class)
        return range(bisect_left(keys, wanted), bisect_right(keys, wanted))


@dataclass(frozen=True, slots=True)
class Cameras:
    """Columns of C declared cameras: what each sees.

    ``environment_class`` is the class seen at the camera's home ("" unknown: nobody says so, or it is no class),
    ``environment_confidence`` how sure of it its AI is (NaN: it does not say), ``environment_at`` the Unix time of the sample and
    ``environment_fresh`` whether that may justify an action.
    """

    ids: tuple[str, ...]
    environment_class: tuple[str, ...]
    environment_confidence: Floats
    environment_at: Floats
    environment_fresh: Bools


@dataclass(frozen=True, slots=True)
class Workloads:
    """Columns of W declared workloads.

    ``home``, ``variant`` (as declared) and ``camera`` are indices, ``package`` ids; ``cost_cores``, ``cost_memory_bytes``
    and ``cost_gpu_ratio`` what one placement is expected to take (NaN where unknown); ``cost_measured`` W says
    whether that is a measurement. ``movable`` is False for pinned workloads and the environment AI; ``version_is_fixed`` where the
    catalogue names a version; ``interval_seconds`` how often it gives a result.
    ``reachable`` holds, for cameras that not every device can reach, the device indices that can.
    """

    ids: tuple[str, ...]
    home: Ints
    package: tuple[str, ...]
    variant: Ints
    camera: Ints
    cost_cores: Floats
    cost_memory_bytes: Floats
    cost_gpu_ratio: Floats
    cost_measured: Bools
    movable: Bools
    version_is_fixed: Bools
    result_by_helper: Bools
    interval_seconds: Floats
    reachable: dict[int, Ints]


@dataclass(frozen=True, slots=True)
class Placements:
    """Columns of P observed placements: what the runtimes list, joined with what Prometheus saw of them.

    ``workload`` and ``device`` are indices (NOWHERE: not in the catalogue), ``variant`` too (NOWHERE: no declared build is seen to run);
    ``last_result_at`` is the Unix time of the newest result (NaN: none seen); ``confidence`` the recent mean (NaN: unknown).
    ``last_frame_at`` is the Unix time of the newest frame (NaN: none seen), ``told_at`` of the newest sample in which the AI spoke of its
    frames, ``cause`` why a failed one failed, in one word ("" unknown).
    """

    ids: tuple[str, ...]
    workload: Ints
    device: Ints
    variant: Ints
    generation: Ints
    phase: Ints
    since: Floats
    last_result_at: Floats
    last_frame_at: Floats
    told_at: Floats
    confidence: Floats
    cause: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of the fleet. ``blind`` is "" or the reason code why Prometheus could not be believed.

    ``site_ids`` names the site numbers; ``resource_limits`` R are the overload limits; ``move_seconds_p95`` is how long
    a move takes, learned from the journal; ``model_digest`` names the state of the forecaster.
    """

    now: float
    blind: str
    catalog_version: str
    devices: Devices
    variants: Variants
    cameras: Cameras
    workloads: Workloads
    placements: Placements
    outlook: Outlook | None
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

    def variant_of(self, placement: int) -> int:
        """The build that a placement runs: as seen, else as declared for its workload; NOWHERE when neither is known."""
        seen = int(self.placements.variant[placement])
        return seen if seen != NOWHERE else int(self.workloads.variant[self.placements.workload[placement]])
