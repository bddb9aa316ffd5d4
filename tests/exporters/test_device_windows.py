"""Windows: a ratio of two rising sums, and a mean of moments, each with its reason while there is none."""

from __future__ import annotations

import pytest

from exporters.device.sensor import SensorError
from exporters.device.window import MeanWindow, RatioWindow


@pytest.mark.parametrize(
    ("samples", "now", "ratio"),
    [
        pytest.param([], 0.0, "warming_up", id="nothing-yet"),
        pytest.param([(0, 0, 0)], 0.0, "warming_up", id="one-sample-is-no-window"),
        pytest.param([(0, 0, 0), (0.9, 1, 2)], 0.9, "warming_up", id="under-a-second"),
        pytest.param([(0, 0, 0), (1, 1, 2)], 1.0, 0.5, id="one-second"),
        pytest.param([(0, 0, 0), (1, 9, 9), (6.2, 10, 19)], 6.2, 0.1, id="the-oldest-has-left-the-window"),
        pytest.param([(0, 0, 0), (5.3, 4, 8)], 5.3, 0.5, id="a-late-sample-keeps-its-companion"),
        pytest.param([(0, 0, 0), (1, 1, 2)], 9.0, "stale", id="sampling-has-stopped"),
        pytest.param([(0, 3, 8), (1, 1, 2)], 1.0, "warming_up", id="the-counter-began-again"),
        pytest.param([(0, 3, 8), (1, 1, 9), (2, 2, 11)], 2.0, 0.5, id="a-part-that-falls-begins-the-window-again"),
        pytest.param([(0, 3, 8), (1, 3, 8)], 1.0, "no_change", id="the-counter-stands-still"),
        pytest.param([(0, 0, 0), (1, 6, 2)], 1.0, 3.0, id="more-than-was-lent"),
    ],
)
def test_window(samples: list[tuple[float, float, float]], now: float, ratio: float | str) -> None:
    window = RatioWindow(5.0)
    for sample in samples:
        window.add(*sample)
    if isinstance(ratio, str):
        with pytest.raises(SensorError, match=ratio):
            window.ratio(now)
    else:
        assert window.ratio(now) == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("samples", "now", "mean"),
    [
        pytest.param([], 0.0, "warming_up", id="nothing-yet"),
        pytest.param([(0, 0.4)], 0.0, 0.4, id="one-sight-is-true-by-itself"),
        pytest.param([(0, 1.0), (1, 0.0), (2, 0.2)], 2.0, 0.4, id="the-mean"),
        pytest.param([(0, 1.0), (6, 0.2)], 6.0, 0.2, id="the-oldest-has-left-the-window"),
        pytest.param([(0, 1.0)], 6.0, "stale", id="sampling-has-stopped"),
    ],
)
def test_mean(samples: list[tuple[float, float]], now: float, mean: float | str) -> None:
    window = MeanWindow(5.0)
    for sample in samples:
        window.add(*sample)
    if isinstance(mean, str):
        with pytest.raises(SensorError, match=mean):
            window.mean(now)
    else:
        assert window.mean(now) == pytest.approx(mean)
