"""Lead times as the engine counts them while it lives are those that a backtest counts afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting import alarms, onsets
from forecasting.api import Floats, Quality
from forecasting.keeping import KeptArrays
from forecasting.learned import LearnedForecaster
from forecasting.origin import Origin
from tests.builders.forecasting import GRID_SECONDS, LIMIT, events, past

STEPS = (1, 3, 6, 12)
SERIES, COLUMNS, ALARM = 30, 240, 0.3
Lived = tuple[Floats, list[tuple[Origin, ...]], Quality]


@pytest.fixture(scope="module")
def fleet_and_origins() -> Lived:
    """Loads with overloads and gaps, what the last columns had said at each column, and the record of the last."""
    values = events(SERIES, COLUMNS, seed=4)
    values[:3, 100:104] = np.nan
    forecaster, state, said = LearnedForecaster(), None, []
    for column in range(COLUMNS):
        _, state = forecaster.forecast(past(values[:, : column + 1], column), state, past(values, column).end)
        assert isinstance(state.arrays, KeptArrays)
        said.append(state.arrays.learnt.origins)
    table, _ = forecaster.forecast(past(values, COLUMNS - 1), state, past(values, COLUMNS - 1).end)
    assert table.quality is not None
    return values, said, table.quality


def test_leads_counted_as_they_come_are_those_counted_afterwards(
    fleet_and_origins: Lived,
) -> None:
    values, said, _ = fleet_and_origins
    last = np.stack([origins[0].last for origins in said], axis=1)
    limits = np.full(SERIES, LIMIT)
    for place, steps in enumerate(STEPS):
        alarm = np.stack([origins[0].probability[:, place] >= ALARM for origins in said], axis=1)
        onset, lead = alarms.leads(alarm, np.where(np.isnan(values), last, values), limits, steps)
        one_by_one = [onsets.leads(said[column - 1], values[:, column], STEPS, ALARM) for column in range(1, COLUMNS)]
        known = np.isfinite(values)
        assert onset.sum() > 20
        assert sum(one.foreseen[place] for one in one_by_one) == (lead[onset & known] > 0).sum()
        assert sum(one.steps[place] for one in one_by_one) == lead[onset & known].sum()


def test_a_fleet_with_overloads_tells_how_early_it_saw_them(
    fleet_and_origins: Lived,
) -> None:
    _, _, quality = fleet_and_origins
    assert ((quality.foreseen > 0.0) & (quality.foreseen <= 1.0)).all()
    assert (np.diff(quality.lead_seconds) >= 0.0).all(), "a longer horizon sees no later"
    assert (quality.lead_seconds >= GRID_SECONDS).all() and (quality.lead_seconds <= np.array(STEPS) * GRID_SECONDS).all()


def test_before_there_are_two_origins_nothing_could_have_been_foreseen() -> None:
    found = onsets.leads((), np.full(3, 1.0), STEPS, ALARM)
    assert (found.onsets == 0.0).all() and (found.foreseen == 0.0).all()
