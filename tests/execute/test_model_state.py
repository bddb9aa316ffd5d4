"""The forecaster's state on disk: it comes back as it was, and anything doubtful is ignored with a reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from decision_engine.execute.model_state import KIND, load_model_state, save_model_state
from decision_engine.execute.sealed import seal
from forecasting.api import ForecastState
from forecasting.state import to_bytes
from tests.builders.fleet import NOW

DAY_SECONDS = 86_400.0
STATE = ForecastState("ridge", {"weights": np.array([[1.5, float("nan")], [-0.0, 1e-300]])}, {"trials": 12.0})


def test_a_state_comes_back_bit_by_bit(tmp_path: Path) -> None:
    path = tmp_path / "state" / "model.bin"
    assert save_model_state(path, STATE, NOW) == ""
    loaded = load_model_state(path, NOW + 60.0, DAY_SECONDS)
    assert loaded.state is not None
    assert to_bytes(loaded.state) == to_bytes(STATE)
    assert (loaded.reason, loaded.saved_at) == ("", NOW)
    assert [file.name for file in path.parent.iterdir()] == ["model.bin"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(lambda data: data[:-3], "is torn or damaged", id="torn"),
        pytest.param(lambda data: data[:40] + b"\x00" + data[41:], "is torn or damaged", id="flipped"),
        pytest.param(lambda data: b"hello", "another version or another program", id="foreign"),
        pytest.param(lambda data: data.replace(b"model-1", b"model-2", 1), "another version", id="newer"),
        pytest.param(lambda data: seal(KIND, b"abc"), "is too short", id="too-short"),
        pytest.param(lambda data: seal(KIND, b"\x00" * 8 + b"junk"), "not a file of this program", id="inner-foreign"),
    ],
)
def test_a_bad_file_is_ignored_with_a_reason(tmp_path: Path, damage: Callable[[bytes], bytes], reason: str) -> None:
    path = tmp_path / "model.bin"
    save_model_state(path, STATE, NOW)
    path.write_bytes(damage(path.read_bytes()))
    loaded = load_model_state(path, NOW, DAY_SECONDS)
    assert loaded.state is None
    assert reason in loaded.reason
    assert str(path) in loaded.reason


@pytest.mark.parametrize(
    ("later_seconds", "used"),
    [
        pytest.param(0.0, True, id="just-saved"),
        pytest.param(DAY_SECONDS, True, id="as-old-as-allowed"),
        pytest.param(DAY_SECONDS + 1.0, False, id="too-old"),
        pytest.param(-1.0, True, id="the clock was set right"),
        pytest.param(-DAY_SECONDS - 1.0, False, id="from-the-future"),
    ],
)
def test_only_a_state_of_the_right_age_is_used(tmp_path: Path, later_seconds: float, used: bool) -> None:
    save_model_state(tmp_path / "model.bin", STATE, NOW)
    loaded = load_model_state(tmp_path / "model.bin", NOW + later_seconds, DAY_SECONDS)
    assert (loaded.state is not None) is used
    assert (loaded.reason == "") is used


def test_no_state_yet_is_said(tmp_path: Path) -> None:
    assert "there is no forecaster state" in load_model_state(tmp_path / "model.bin", NOW, DAY_SECONDS).reason
    assert "cannot be read" in load_model_state(tmp_path, NOW, DAY_SECONDS).reason


def test_a_state_that_cannot_be_saved_leaves_the_older_one(tmp_path: Path) -> None:
    save_model_state(tmp_path / "model.bin", STATE, NOW)
    path = tmp_path / ("m" * 250)  # what is written beside it gets a longer name than a file may have
    (tmp_path / "model.bin").rename(path)
    assert save_model_state(path, STATE, NOW + 60.0).startswith("the forecaster's state was not saved to ")
    assert load_model_state(path, NOW + 60.0, DAY_SECONDS).saved_at == NOW
