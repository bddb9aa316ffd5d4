"""Forecasts are made once per grid step, beside the event loop, from what a former run learned; what does not fit is said."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from decision_engine.core.limits import Limits, Times
from decision_engine.execute.model_state import load_model_state
from decision_engine.foresight import Foresight
from forecasting.api import ForecastState, ForecastTable, Series
from forecasting.forecasters import LastValueForecaster
from forecasting.learned import LearnedForecaster
from forecasting.resuming import COLD_COLUMNS
from tests.builders.observe import NOW, Watched, live, small_catalog

LIMITS = Limits(times=Times(history_hours=0.2))
MOVE_SECONDS = 20.0


class Counting:
    """The last value, and how often it was asked; each time it works for a while without looking up."""

    name = "counting"

    def __init__(self, busy_seconds: float = 0.0) -> None:
        self.asked = 0
        self._busy_seconds = busy_seconds

    def forecast(self, history: Series, state: ForecastState | None, now: float) -> tuple[ForecastTable, ForecastState]:
        self.asked += 1
        time.sleep(self._busy_seconds)
        return LastValueForecaster().forecast(history, state, now)


async def watched_for(foresight: Foresight, seconds: float, move_seconds: float = MOVE_SECONDS) -> Watched:
    """A cycle every 5 s, each with its outlook."""
    watched = Watched(small_catalog(2), LIMITS)
    for step in range(1 + int(seconds / 5.0)):
        look = await live(watched, 0.0, start=NOW + 5.0 * step)
        assert await foresight.outlook(watched.watch, look, LIMITS, move_seconds) is not None
    return watched


def test_a_forecast_is_made_once_per_grid_step() -> None:
    counting = Counting()
    asyncio.run(watched_for(Foresight(counting, None), 55.0))
    assert 2 <= counting.asked <= 3, "30 s are a step"


def test_the_event_loop_turns_while_a_forecast_is_made() -> None:
    async def scenario() -> int:
        ticks = 0
        working = asyncio.create_task(watched_for(Foresight(Counting(busy_seconds=0.2), None), 0.0))
        while not working.done():
            await asyncio.sleep(0.01)
            ticks += 1
        await working
        return ticks

    assert asyncio.run(scenario()) > 5


def test_a_longer_move_asks_a_longer_horizon() -> None:
    async def step(move_seconds: float) -> int:
        watched = Watched(small_catalog(2), LIMITS)
        look = await live(watched, 0.0)
        found = await Foresight(LastValueForecaster(), None).outlook(watched.watch, look, LIMITS, move_seconds)
        assert found is not None
        return int(found.background.horizon_seconds[found.step])

    assert [asyncio.run(step(seconds)) for seconds in (10.0, 20.0, 60.0, 900.0)] == [30, 90, 180, 360]


def test_what_was_learned_is_left_to_the_next_run_and_gone_on_from(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    first = Foresight(LearnedForecaster(), tmp_path / "forecaster.bin")
    first.load(NOW)
    assert "there is no forecaster state" in caplog.text
    asyncio.run(watched_for(first, 65.0))
    first.save(NOW + 66.0)
    second = Foresight(LearnedForecaster(), tmp_path / "forecaster.bin")
    second.load(NOW + 70.0)
    assert second.state is not None and second.digest == first.digest
    caplog.clear()
    asyncio.run(watched_for(second, 5.0))
    assert "learning begins anew" not in caplog.text


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        pytest.param({"grid_seconds": 5.0}, "a grid of 5 s and the grid is now 30 s", id="another grid"),
        pytest.param({"horizon_0": 2.0}, "other horizons", id="other horizons"),
    ],
)
def test_a_file_that_reads_well_and_does_not_fit_is_ignored_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, numbers: dict[str, float], why: str
) -> None:
    path = tmp_path / "forecaster.bin"
    former = Foresight(LearnedForecaster(), path)
    asyncio.run(watched_for(former, 5.0))
    assert former.state is not None
    former.state = replace(former.state, numbers={**former.state.numbers, **numbers})
    former.save(NOW)
    assert load_model_state(path, NOW, 60.0).state is not None
    foresight = Foresight(LearnedForecaster(), path)
    foresight.load(NOW)
    asyncio.run(watched_for(foresight, 30.0))
    assert caplog.text.count("learning begins anew") == 1 and why in caplog.text
    assert foresight.state is not None and 0 < foresight.state.numbers["columns"] <= COLD_COLUMNS
    assert np.isfinite(foresight.state.numbers["end"])
