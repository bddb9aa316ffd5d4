"""The made camera: pictures depend on nothing but weather, seed and time, and each weather looks like itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_engine.lab.camera_ai.features import cell_features, cell_truth, weather_features
from decision_engine.lab.camera_ai.scenes import HEIGHT, HORIZON, WIDTH, frame_at
from decision_engine.lab.camera_ai.schedule import CAMERA_SEEDS, Schedule, camera_seed, parse_schedule, steady
from decision_engine.lab.camera_ai.weather import WEATHERS

NOW = 1_760_000_000.25


@pytest.mark.parametrize("weather", WEATHERS)
def test_the_same_moment_gives_the_same_picture(weather: str) -> None:
    first, second = frame_at(weather, 7, NOW), frame_at(weather, 7, NOW)
    assert np.array_equal(first.pixels, second.pixels)
    assert not np.array_equal(first.pixels, frame_at(weather, 7, NOW + 1.0).pixels)
    assert not np.array_equal(first.pixels, frame_at(weather, 8, NOW).pixels)


@given(st.sampled_from(sorted(WEATHERS)), st.integers(0, 2**31), st.floats(0.0, 4e9))
def test_every_picture_is_a_picture(weather: str, seed: int, at: float) -> None:
    frame = frame_at(weather, seed, at)
    assert frame.pixels.shape == (HEIGHT, WIDTH, 3)
    assert frame.pixels.dtype == np.float32
    assert 0.0 <= frame.pixels.min() <= frame.pixels.max() <= 1.0
    assert not frame.objects[: HORIZON // 2].any()
    features = cell_features(frame.pixels)
    assert np.isfinite(features).all() and np.isfinite(weather_features(frame.pixels)).all()
    assert len(features) == len(cell_truth(frame.objects))


def test_traffic_is_the_same_whatever_the_weather_and_it_moves() -> None:
    seen = [frame_at(weather, 7, NOW).objects for weather in WEATHERS]
    assert all(np.array_equal(seen[0], other) for other in seen)
    assert not np.array_equal(seen[0], frame_at("01", 7, NOW + 1.0).objects)


def test_weathers_look_like_themselves() -> None:
    light = {weather: np.mean([frame_at(weather, seed, NOW).pixels[HORIZON:].mean() for seed in range(10)]) for weather in WEATHERS}
    assert light["02"] < light["01"] < light["04"]


def test_cells_without_any_object_are_told_from_cells_full_of_one() -> None:
    nothing = np.zeros((HEIGHT, WIDTH), dtype=np.bool_)
    assert not cell_truth(nothing).any()
    assert cell_truth(~nothing).all()


@pytest.mark.parametrize(
    ("at", "weather"),
    [
        pytest.param(0.0, "01", id="begin"),
        pytest.param(59.9, "01", id="end of the first"),
        pytest.param(60.0, "02", id="second"),
        pytest.param(89.9, "02", id="end of the cycle"),
        pytest.param(90.0, "01", id="round again"),
        pytest.param(90.0 * 1e7 + 70.0, "02", id="today"),
    ],
)
def test_the_schedule_goes_round(at: float, weather: str) -> None:
    assert parse_schedule("01:60, 02:30").weather_at(at) == weather


@pytest.mark.parametrize("at", [0.0, 0.5, NOW])
def test_steady_weather_is_steady(at: float) -> None:
    assert steady("04").weather_at(at) == "04"


@pytest.mark.parametrize("text", ["", "01", "01:", "01:0", "01:-5", "01:nan", "01:inf", "03:60", "01:60,,02:60", "rain:60"])
def test_a_schedule_that_makes_no_sense_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"in the schedule .*\.$"):
        parse_schedule(text)


@given(st.lists(st.tuples(st.sampled_from(sorted(WEATHERS)), st.floats(0.1, 1e5)), min_size=1, max_size=5), st.floats(0.0, 4e9))
def test_every_moment_has_a_weather_of_the_schedule(parts: list[tuple[str, float]], at: float) -> None:
    assert Schedule(tuple(parts)).weather_at(at) in {name for name, _ in parts}


@given(st.text(max_size=30))
def test_no_camera_has_the_street_of_a_training_picture(camera: str) -> None:
    assert 0 <= camera_seed(camera) == camera_seed(camera) < CAMERA_SEEDS
