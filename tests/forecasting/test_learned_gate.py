"""When a forecast may act: the gate opens on proven skill, closes on proven harm, and keeps still in between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting import choice
from forecasting.api import Floats, ForecastState
from forecasting.gate import shrunk_skill
from forecasting.learned import LearnedForecaster
from forecasting.onsets import Leads
from forecasting.origin import Outcomes
from forecasting.verdicts import Verdicts, judge
from tests.builders.forecasting import LIMIT, events, lived, past, ramps

COUNTED = 1e6
"""So many informative outcomes that a series' own skill is not drawn to the fleet's."""


def with_skill(state: ForecastState, skill: float, was_open: bool) -> ForecastState:
    """A state whose record says that every series' skill is ``skill``: whatever the rule said, the event came every other time."""
    arrays = dict(state.arrays)
    for name, worth in {
        "model": (1.0 - skill) * COUNTED / 4.0,
        "rule": COUNTED / 4.0,
        "alarms": COUNTED / 2.0,
        "hits": COUNTED / 4.0,
        "informative": COUNTED,
        "matured": COUNTED,
        "events": COUNTED / 2.0,
    }.items():
        arrays[f"series/verdicts/{name}"] = np.full_like(arrays[f"series/verdicts/{name}"], worth)
    arrays["series/gate"] = np.full_like(arrays["series/gate"], float(was_open))
    return replace(state, arrays=arrays)


@pytest.mark.parametrize(
    ("skill", "was_open", "opened"),
    [
        (0.2, False, True),
        (0.01, False, True),
        (-0.01, False, False),
        (0.01, True, True),
        (-0.01, True, True),
        (-0.045, True, True),
        (-0.055, True, False),
        (-0.4, True, False),
    ],
)
def test_gate_opens_above_zero_and_closes_below_minus_five_hundredths(skill: float, was_open: bool, opened: bool) -> None:
    values = events(4, 80, seed=1)
    forecaster = LearnedForecaster()
    _, state = lived(forecaster, values, range(70, 71))
    assert state is not None
    seen = past(values, 70)
    table, after = forecaster.forecast(seen, with_skill(state, skill, was_open), seen.end)
    np.testing.assert_allclose(table.skill, skill, atol=1e-3)
    assert (table.gate_open == opened).all()
    assert (after.arrays["series/gate"] == float(opened)).all()


def gates(values: Floats, first: int) -> Floats:
    tables, _ = lived(LearnedForecaster(), values, range(first, values.shape[1]))
    last = tables[-1]
    np.testing.assert_array_equal(last.gate_open, last.skill > 0.0)
    return np.asarray(last.gate_open, dtype=np.float64)


def test_fleet_with_ramps_earns_the_right_to_act() -> None:
    values = np.concatenate([ramps(4, 420, (40 + k, 150 + k, 260 + k, 330 + k), seed=k) for k in range(0, 40, 10)])
    assert gates(values, 400).mean() > 0.8


def test_fleet_that_never_comes_near_its_limit_has_nothing_to_prove() -> None:
    assert not gates(np.clip(events(10, 200, seed=2), 0.0, 0.5), 190).any()


def test_nobody_may_act_before_anything_is_known() -> None:
    table, _ = LearnedForecaster().forecast(past(np.full((3, 4), LIMIT - 0.05), 3), None, 0.0)
    assert not table.gate_open.any()


@pytest.mark.parametrize("said", [0.0, 0.02, 0.5], ids=["never", "hardly ever", "perhaps"])
def test_a_forecast_that_always_says_the_same_has_no_skill(said: float) -> None:
    generator = np.random.default_rng(5)
    last, verdicts = generator.uniform(0.4, 0.69, (400, 2)), Verdicts.none(400, 2)
    for _ in range(60):
        margin, highest = last + generator.uniform(0.0, 0.1, (400, 2)), last + generator.uniform(0.0, 0.12, (400, 2))
        nothing, at_limit = np.full((400, 2), np.nan), np.full((400, 2), 0.7)
        always = np.full((400, 2), said)
        experts = np.stack([always, always], axis=-1).astype(np.float32)
        told = np.zeros((400, 2, len(choice.METHODS)), np.float32)
        verdicts = judge(
            verdicts, Outcomes(last, at_limit, at_limit, nothing, nothing, always, margin, told, experts, nothing, highest), Leads.none(2)
        )
    assert (shrunk_skill(verdicts.evidence(0), 200.0) <= 0.0).all()
