"""The lab's rhythm: the same engine with seconds where a fleet has minutes, so that a story fits into ninety of them."""

from __future__ import annotations

from decision_engine.core.limits import Budget, Foresight, Limits, Moving, Overload, Times

LENT_CORES = 1.0
"""What this machine lends to the lab's fleet: enough for some small AI programs, little enough to go on working on it."""

LAB_LIMITS = Limits(
    times=Times(scrape_seconds=1.0, cycle_seconds=1.0, fresh_scrapes=3.0, grid_seconds=3.0, grid_steps=(1, 3, 6, 12), history_hours=2.0),
    overload=Overload(sustain_seconds=6.0, relieved_within_seconds=15.0),
    foresight=Foresight(move_seconds_prior=7.0),
    moving=Moving(
        deadline_seconds=30.0,
        retry_seconds=3.0,
        workload_rest_seconds=12.0,
        device_rest_seconds=22.0,
        failed_target_rest_seconds=60.0,
        dwell_seconds=15.0,
    ),
    budget=Budget(in_flight=2, window_seconds=60.0, fleet_moves=6, site_moves=6),
)
"""A start takes 3 to 5 s here and a scrape comes every second. A device rests for longer than the regression looks back
(7 grid steps), so that the next forecast stands on what the move left behind."""
