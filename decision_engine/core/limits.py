"""Every number that decisions depend on, with its default; configuration fills these in and nothing else does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Autonomy = Literal["off", "observe", "auto"]


@dataclass(frozen=True, slots=True)
class Times:
    """The rhythm, in seconds. ``grid_steps`` are the forecast horizons counted in grid steps."""

    scrape_seconds: float = 5.0
    cycle_seconds: float = 5.0
    fresh_scrapes: float = 3.0
    grid_seconds: float = 30.0
    grid_steps: tuple[int, ...] = (1, 3, 6, 12)
    history_hours: float = 2.0

    @property
    def fresh_seconds(self) -> float:
        """A sample older than this is stale."""
        return self.fresh_scrapes * self.scrape_seconds


@dataclass(frozen=True, slots=True)
class Overload:
    """When a device counts as overloaded: a ratio per resource, held for ``sustain_seconds``, or this near its throttle trip.

    A target must have ``thermal_headroom_kelvin`` left; ``relieved_within_seconds`` is when a move's promise is checked.
    """

    cpu_ratio: float = 0.85
    memory_ratio: float = 0.85
    gpu_ratio: float = 0.85
    sustain_seconds: float = 30.0
    relieved_within_seconds: float = 60.0
    thermal_headroom_kelvin: float = 10.0
    throttling_near_kelvin: float = 3.0

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Limits in the order of RESOURCES."""
        return (self.cpu_ratio, self.memory_ratio, self.gpu_ratio)


@dataclass(frozen=True, slots=True)
class Foresight:
    """When a forecast may act (SC-12): P(overload) from ``probability`` on, within ``horizon_moves`` usual (p95) move durations."""

    probability: float = 0.3
    margin_deviations: float = 1.28
    skill_pseudo_points: float = 200.0
    move_seconds_prior: float = 20.0
    horizon_moves: float = 2.0


@dataclass(frozen=True, slots=True)
class Environment:
    """When a camera's environment class is believed (SC-9): seen without a break for ``stable_seconds``, with this ``confidence``.

    Two evaluations, ten seconds apart.
    """

    stable_seconds: float = 10.0
    confidence: float = 0.6


@dataclass(frozen=True, slots=True)
class Updating:
    """How a newer version comes (SC-10): one canary for ``canary_seconds``, then ``wave`` at a time."""

    canary_seconds: float = 60.0
    wave: int = 5


@dataclass(frozen=True, slots=True)
class Repairing:
    """How an AI that does not work is brought back (SC-6).

    ``silent_intervals`` of a package without a result count as silent, ``missing_seconds`` without any placement as missing;
    ``attempts`` in ``window_seconds``, then a person is asked. More than ``site_share`` of a site's workloads (at least
    ``site_workloads``) that came into trouble within ``site_seconds`` are no matter of single AIs.
    """

    silent_intervals: float = 3.0
    missing_seconds: float = 30.0
    attempts: int = 3
    window_seconds: float = 3600.0
    site_share: float = 0.2
    site_workloads: int = 3
    site_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Moving:
    """How a move goes: deadlines, retries and rests, in seconds."""

    deadline_seconds: float = 120.0
    retry_seconds: float = 10.0
    ready_counts_after_seconds: float = 10.0
    workload_rest_seconds: float = 120.0
    device_rest_seconds: float = 60.0
    failed_target_rest_seconds: float = 900.0
    dwell_seconds: float = 600.0
    return_margin_ratio: float = 0.10
    target_margin_ratio: float = 0.05
    unmeasured_cost_factor: float = 1.5
    regret_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may change at once: moves in flight and moves begun per window, for the fleet and for one site.

    ``changes_in_flight`` are changes of build where a workload is, which move no load.
    """

    in_flight: int = 2
    changes_in_flight: int = 20
    window_seconds: float = 600.0
    fleet_moves: int = 10
    site_moves: int = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """All of them. ``autonomy`` maps a scenario id to what it may do; a scenario not named is on ``auto``."""

    times: Times = field(default_factory=Times)
    overload: Overload = field(default_factory=Overload)
    foresight: Foresight = field(default_factory=Foresight)
    moving: Moving = field(default_factory=Moving)
    budget: Budget = field(default_factory=Budget)
    environment: Environment = field(default_factory=Environment)
    updating: Updating = field(default_factory=Updating)
    repairing: Repairing = field(default_factory=Repairing)
    autonomy: dict[str, Autonomy] = field(default_factory=dict)
