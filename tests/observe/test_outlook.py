"""The outlook: cost is added to the background, and the limit is asked less that cost."""

from __future__ import annotations

import numpy as np
import pytest

from decision_engine.core.limits import Foresight
from decision_engine.core.snapshot import Floats, Outlook
from decision_engine.observe.outlook import Foreseen, deciding_step
from decision_engine.observe.outlook import outlook as outlook_of
from forecasting.api import ForecastTable
from forecasting.events import NormalChances

LIMITS = np.array([0.85, 0.85, 0.85])
HORIZONS = np.array([30.0, 90.0])


def table(devices: int = 2) -> ForecastTable:
    rows = devices * 3
    middle = np.tile(np.linspace(0.1, 0.6, rows)[:, np.newaxis], (1, 2))
    skill = np.linspace(-0.5, 0.5, rows)[:, np.newaxis].repeat(2, axis=1)
    skill[-1] = np.nan
    spread = np.full((rows, 2), 0.08)
    return ForecastTable(
        at=1000.0,
        method="test",
        horizon_seconds=HORIZONS,
        p50=middle,
        p90=middle + 0.1,
        spread=spread,
        skill=skill,
        gate_open=skill > 0.0,
        chances=NormalChances(middle, spread),
        margin_p90=middle + 0.15,
        history_points=np.full(rows, 100),
        usual_overload_seconds=np.full(rows, 120.0),
    )


def outlook(table: ForecastTable, cost: Floats, limits: Floats) -> Outlook:
    """With the defaults of when a forecast may act."""
    return outlook_of(Foreseen.of(table, Foresight(), 20.0), cost, limits)


def test_the_whole_is_background_plus_cost() -> None:
    cost = np.array([[0.3, 0.2, 0.0], [0.0, 0.0, np.nan]])
    seen = outlook(table(), cost, LIMITS)
    assert seen.p50.shape == seen.p_over.shape == (2, 3, 2)
    assert seen.p50[0, 0] == pytest.approx([0.4, 0.4])
    assert seen.p90[0, 1] == pytest.approx([0.5, 0.5])
    assert seen.margin_p90[1, 0] == pytest.approx(seen.p50[1, 0] + 0.15)
    for array in (seen.p50, seen.p90, seen.p_over, seen.margin_p90):
        assert np.isnan(array[1, 2]).all()
    assert seen.usual_overload_seconds.shape == (2, 3)


def test_the_forecast_may_act_only_with_skill() -> None:
    gate = outlook(table(), np.zeros((2, 3)), LIMITS).gate_open
    assert gate.tolist() == [[False, False, False], [True, True, False]]


def test_more_cost_is_more_probably_over() -> None:
    light = outlook(table(), np.zeros((2, 3)), LIMITS).p_over
    heavy = outlook(table(), np.full((2, 3), 0.4), LIMITS).p_over
    assert np.all(heavy > light)


def test_a_forecast_of_another_catalogue_is_refused() -> None:
    with pytest.raises(ValueError, match="6 series and the catalogue 9"):
        outlook(table(2), np.zeros((3, 3)), LIMITS)


@pytest.mark.parametrize(("seconds", "step"), [(0.0, 0), (30.0, 0), (30.1, 1), (90.0, 1), (1_000.0, 1)])
def test_the_deciding_horizon_is_the_first_that_is_long_enough_else_the_longest(seconds: float, step: int) -> None:
    assert deciding_step(HORIZONS, seconds) == step


def test_what_may_be_placed_ends_where_the_forecast_itself_would_act() -> None:
    """Trigger and target are one model: a workload as large as the room makes SC-12 act, one a little smaller does not."""
    seen = outlook(table(), np.zeros((2, 3)), LIMITS)
    room = LIMITS - seen.highest
    for cost, acts in ((room + 0.008, True), (room, False)):
        whole = outlook(table(), cost, LIMITS)
        p_over, margin = whole.p_over[:, :, whole.step], whole.margin_p90[:, :, whole.step]
        would_act = np.where(whole.gate_open, p_over >= Foresight().probability, margin > LIMITS + 1e-9)
        assert (would_act == acts).all()


def test_where_the_gate_is_closed_the_margin_rule_says_what_is_left() -> None:
    cost = np.array([[0.3, 0.2, 0.0], [0.0, 0.0, np.nan]])
    seen = outlook(table(), cost, LIMITS)
    assert seen.highest[0] == pytest.approx(seen.margin_p90[0, :, seen.step])
    assert np.isnan(seen.highest[1, 2])
