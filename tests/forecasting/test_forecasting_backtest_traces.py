"""On recorded loads, where a folder of them is named: the learned forecaster keeps the floor that it has to keep to be believed."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from decision_engine.core.limits import Foresight
from forecasting.backtest import Came, Fleet, Question, roll, with_rules_to_beat
from forecasting.methods import LAST_VALUE, LEARNED, MARGIN
from forecasting.scores import Scored, figures, score, together

TRACES = os.environ.get("EDGESHIFT_TRACES", "")
STEPS = (1, 3, 6, 12)
MOST_SERIES, MOST_POINTS = 100, 2000
FIRST_ORIGIN = 150
"""The floor is for a fleet that has been watched for a while; what the first columns cost is in docs/forecasting.md."""
LEAST_BELOW = 0.4
WITHIN_SECONDS = 60.0
SKILL_FLOOR = np.array([0.14, 0.16, 0.17])
"""At 3, 6 and 12 steps, mean of sources."""
F1_FLOOR = np.array([0.46, 0.47])
"""At 6 and 12 steps and limit 0.8, mean of sources that are mostly below it."""
GAIN_FLOOR, CAUGHT_FLOOR, FALSE_EPISODES_CEILING = 0.06, 0.54, 2.0

pytestmark = [
    pytest.mark.traces,
    pytest.mark.skipif(not TRACES, reason="EDGESHIFT_TRACES names no folder of traces"),
]


def fleets() -> list[Fleet]:
    """Each data set's beginning."""
    pytest.importorskip("pyarrow", reason="reading parquet needs pyarrow")
    from decision_engine.backtest.reading import Extent, limits_of, read_trace, trace_folder

    files = trace_folder(Path(TRACES), ()).files
    found = [read_trace(name, path, Extent(MOST_SERIES, MOST_POINTS)) for name, path in files.items()]
    return [replace(fleet, limits=limits_of(fleet, "0.8")) for fleet in found]


def test_the_learned_forecaster_keeps_its_floor_on_recorded_loads() -> None:
    scored: dict[str, dict[str, Scored]] = {}
    below = {}
    refreshing = 0.0
    for fleet in fleets():
        said = roll(fleet, with_rules_to_beat((LEARNED,)), Question(STEPS, Foresight().probability), time.process_time, lambda _: None)
        came = Came.of(fleet, STEPS, FIRST_ORIGIN)
        scored[fleet.name] = {name: score(fleet, one, said[MARGIN], came, STEPS) for name, one in said.items()}
        below[fleet.name] = (fleet.values < 0.8).sum() / np.isfinite(fleet.values).sum()
        refreshing += said[LEARNED].refresh_seconds * fleet.values.size
    told = {name: {method: figures(together(one.sums)) for method, one in methods.items()} for name, methods in scored.items()}
    skills = np.array([one[LEARNED]["skill"][0] for one in told.values()])
    eventful = [one for name, one in told.items() if below[name] >= LEAST_BELOW and scored[name][LEARNED].sums.events[:, 3].sum() > 0]
    f1, naive = (np.mean([one[method]["f1"][0, 2:] for one in eventful], axis=0) for method in (LEARNED, LAST_VALUE))
    caught, false_episodes = (np.mean([one[LEARNED][name][0, 3] for one in eventful]) for name in ("caught", "false_per_day"))
    print(f"skill {skills.mean(axis=0).round(3)}  F1 {f1.round(3)} over last value {(f1 - naive).round(3)}")
    print(f"caught {caught:.2f}  false episodes {false_episodes:.2f}  refreshes {refreshing:.0f} s of processor")
    for name, one in told.items():
        print(f"{name:12s} skill {one[LEARNED]['skill'][0].round(3)}  under p90 {one[LEARNED]['coverage'][0].round(3)}")
    assert (skills.mean(axis=0)[1:] >= SKILL_FLOOR).all()
    assert (skills[:, 1:] >= 0.0).all()
    assert (f1 >= F1_FLOOR).all()
    assert (f1 - naive >= GAIN_FLOOR).all()
    assert caught >= CAUGHT_FLOOR
    assert false_episodes <= FALSE_EPISODES_CEILING
    assert refreshing < WITHIN_SECONDS
