"""Environment classes as two-state chains, and the ambiguous share as a series like any other."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.api import Floats
from forecasting.learned import LearnedForecaster
from forecasting.persistence import lasts, none_seen, observed, seen_after
from tests.builders.forecasting import END, ar1, history

NAN = float("nan")
STEPS = (1, 3, 6, 12)


def chain(cameras: int, points: int, leaving: float, coming: float, seed: int) -> Floats:
    """A fleet of cameras whose class leaves and comes by chance, C × T of 1 and 0."""
    generator = np.random.default_rng(seed)
    seen = np.empty((cameras, points))
    seen[:, 0] = 1.0
    for column in range(1, points):
        turned = generator.uniform(size=cameras) < np.where(seen[:, column - 1] > 0.0, leaving, coming)
        seen[:, column] = np.where(turned, 1.0 - seen[:, column - 1], seen[:, column - 1])
    return seen


def test_transitions_are_counted_and_unknown_steps_are_not() -> None:
    found = observed(none_seen(2), np.array([[1.0, 1.0, 0.0, 0.0, 1.0], [1.0, NAN, 1.0, 1.0, NAN]]))
    assert (found.left.tolist(), found.stayed.tolist()) == ([1.0, 0.0], [1.0, 1.0])
    assert (found.came.tolist(), found.absent.tolist()) == ([1.0, 0.0], [1.0, 0.0])


def test_counting_in_parts_is_counting_at_once() -> None:
    seen = chain(5, 60, 0.1, 0.2, seed=1)
    whole, parts = observed(none_seen(5), seen), observed(observed(none_seen(5), seen[:, :31]), seen[:, 30:])
    for name in ("left", "stayed", "came", "absent"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


@pytest.mark.parametrize(("leaving", "coming"), [(0.02, 0.1), (0.2, 0.05), (0.5, 0.5)])
def test_what_is_foretold_is_what_happens(leaving: float, coming: float) -> None:
    seen = chain(400, 600, leaving, coming, seed=2)
    learnt = observed(none_seen(400), seen[:, :500])
    for horizon, steps in enumerate(STEPS):
        now = seen[:, 500:-steps] > 0.0
        later = seen[:, 500 + steps :][now].mean()
        throughout = np.stack([seen[:, 500 + k : seen.shape[1] - steps + k] for k in range(1, steps + 1)]).min(axis=0)[now].mean()
        assert seen_after(learnt, STEPS)[:, horizon].mean() == pytest.approx(later, abs=0.04)
        assert lasts(learnt, STEPS)[:, horizon].mean() == pytest.approx(throughout, abs=0.04)


def test_a_camera_that_has_shown_nothing_is_believed_to_be_usual() -> None:
    found = lasts(none_seen(1), STEPS)
    assert found[0, 0] == pytest.approx(0.95) == pytest.approx(seen_after(none_seen(1), STEPS)[0, 0])
    assert (np.diff(found) < 0.0).all() and (found > 0.95 ** np.array(STEPS) - 1e-12).all()


def test_no_camera_and_no_column_have_an_answer() -> None:
    assert seen_after(none_seen(0), STEPS).shape == lasts(none_seen(0), STEPS).shape == (0, 4)
    assert observed(none_seen(2), np.empty((2, 0))).left.tolist() == [0.0, 0.0]


def test_a_rising_ambiguous_share_is_a_series_that_the_forecaster_takes() -> None:
    share = np.clip(0.1 + 0.0015 * np.arange(220.0) + ar1(10, 220, 0.004, 0.3, seed=3), 0.0, 1.0)
    table, _ = LearnedForecaster().forecast(history(share, limit=0.6), None, END)
    assert (table.p50[:, 3] > share[:, -1]).mean() >= 0.8
    assert (table.p50 <= table.p90).all() and (table.p90 <= 1.0).all()
