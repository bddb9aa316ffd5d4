"""The models, measured on streets that they never saw: good and sure under their own weather, neither under another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from decision_engine.lab.camera_ai.features import cell_features, cell_truth
from decision_engine.lab.camera_ai.model import (
    FIRST_TRAINING_SEED,
    CellModel,
    WeatherModel,
    confidence,
    likeness,
    look,
    train_cells,
    train_weather,
)
from decision_engine.lab.camera_ai.program import WEATHER_FRAMES, Analyser
from decision_engine.lab.camera_ai.scenes import frame_at
from decision_engine.lab.camera_ai.schedule import CAMERA_SEEDS
from decision_engine.lab.camera_ai.weather import WEATHERS
from tests.builders.camera_ai import one_thread

HELD_OUT = tuple((seed, 1_760_000_000.0 + 11.3 * seed) for seed in range(16))
PAIRS = [(own, other) for own in WEATHERS for other in WEATHERS if own != other]

SURE = 0.8
CLEARLY = 0.1
"""Confidence under the own weather, and how much lower it must be under every other."""


@dataclass(frozen=True)
class Measured:
    """Median confidence over pictures, and balanced accuracy over cells (three cells in four are empty)."""

    confidence: float
    accuracy: float


@pytest.fixture(autouse=True, scope="module")
def limited() -> Iterator[None]:
    """All of this file on one thread."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def models() -> dict[str, CellModel]:
    """Every variant."""
    return {name: train_cells(name, seed=0) for name in WEATHERS}


@pytest.fixture(scope="module")
def weather() -> WeatherModel:
    """What tells the weathers apart."""
    return train_weather(seed=0)


@pytest.fixture(scope="module", params=[8, pytest.param(16, marks=pytest.mark.thorough)], ids="{} streets".format)
def measured(models: dict[str, CellModel], request: pytest.FixtureRequest) -> dict[tuple[str, str], Measured]:
    """Each variant under each weather, on streets and at times held out of training."""
    frames = {name: [frame_at(name, seed, at) for seed, at in HELD_OUT[: request.param]] for name in WEATHERS}
    return {
        (own, shown): measure(
            [look(models[own], frame.pixels) for frame in frames[shown]], [cell_truth(frame.objects) for frame in frames[shown]]
        )
        for own in WEATHERS
        for shown in WEATHERS
    }


def measure(probabilities: list[np.ndarray], truths: list[np.ndarray]) -> Measured:
    """Median confidence and balanced accuracy."""
    found, truth = np.concatenate(probabilities) > 0.5, np.concatenate(truths)
    return Measured(float(np.median([confidence(p) for p in probabilities])), float((found[truth].mean() + (~found[~truth]).mean()) / 2.0))


@pytest.mark.parametrize("own", WEATHERS)
def test_a_variant_is_sure_and_right_under_its_own_weather(measured: dict[tuple[str, str], Measured], own: str) -> None:
    assert measured[own, own].confidence >= SURE
    assert measured[own, own].accuracy >= 0.85


@pytest.mark.parametrize("own", WEATHERS)
def test_confidence_is_honest_under_its_own_weather(measured: dict[tuple[str, str], Measured], own: str) -> None:
    assert measured[own, own].confidence == pytest.approx(measured[own, own].accuracy, abs=0.07)


@pytest.mark.parametrize(("own", "other"), PAIRS)
def test_under_another_weather_it_is_less_sure_and_less_right(measured: dict[tuple[str, str], Measured], own: str, other: str) -> None:
    assert measured[own, other].confidence <= measured[own, own].confidence - CLEARLY
    assert measured[own, other].accuracy <= measured[own, own].accuracy - CLEARLY


@pytest.mark.parametrize("shown", WEATHERS)
def test_the_right_variant_is_the_surest_one(measured: dict[tuple[str, str], Measured], shown: str) -> None:
    assert max(WEATHERS, key=lambda own: measured[own, shown].confidence) == shown


def test_what_is_like_nothing_seen_is_answered_with_one_half(models: dict[str, CellModel]) -> None:
    features = cell_features(frame_at("01", *HELD_OUT[0]).pixels)
    assert models["01"].probability(features + 1e3) == pytest.approx(0.5)


def test_likeness_is_one_at_a_landmark_and_falls_with_distance() -> None:
    landmarks = np.array([[0.0, 0.0]])
    near, far = likeness(np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 9.0]]), landmarks, width=1.0)[:, 0][[0, 2]]
    assert near == pytest.approx(1.0)
    assert far < 1e-12


def test_training_again_gives_the_same_model(models: dict[str, CellModel]) -> None:
    features = cell_features(frame_at("02", *HELD_OUT[0]).pixels)
    assert np.array_equal(train_cells("02", seed=0).probability(features), models["02"].probability(features))


def test_streets_of_cameras_are_not_trained_on() -> None:
    assert CAMERA_SEEDS <= FIRST_TRAINING_SEED


def test_the_weather_is_recognised_whatever_variant_looks(models: dict[str, CellModel], weather: WeatherModel) -> None:
    for own, shown in [("01", "01"), *PAIRS]:
        found = [Analyser(models[own], weather).analyse(frame_at(shown, seed, at).pixels) for seed, at in HELD_OUT[:5]]
        assert {finding.weather for finding in found} == {shown}
        assert min(finding.weather_confidence for finding in found) > 0.6


def test_one_odd_picture_is_no_change_of_weather_but_lasting_ones_are(models: dict[str, CellModel], weather: WeatherModel) -> None:
    analyser = Analyser(models["01"], weather)
    shown = ["01"] * WEATHER_FRAMES + ["02"] + ["01"] * 2 + ["02"] * WEATHER_FRAMES
    seen = [analyser.analyse(frame_at(name, 3, 1000.0 + index).pixels).weather for index, name in enumerate(shown)]
    assert seen[: WEATHER_FRAMES + 3] == ["01"] * (WEATHER_FRAMES + 3)
    assert seen[-1] == "02"
