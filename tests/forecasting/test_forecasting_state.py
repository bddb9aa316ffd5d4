"""What a forecaster remembers: round trip, damage, and what a remembered fleet is good for."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from forecasting.api import ForecastState
from forecasting.forecasters import RegressionForecaster, remembered_pool
from forecasting.regression import RegressionSettings
from forecasting.state import MAGIC, SCHEMA, Unreadable, digest, from_bytes, to_bytes
from tests.builders.forecasting import END, ar1, history

KINDS = st.sampled_from([np.float16, np.float32, np.float64])
STATES = st.builds(
    ForecastState,
    method=st.text(max_size=20),
    arrays=st.dictionaries(st.text(max_size=8), arrays(KINDS, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)), max_size=4),
    numbers=st.dictionaries(st.text(max_size=8), st.floats(), max_size=4),
    keys=st.lists(st.text(max_size=8), max_size=4).map(tuple),
)


@given(state=STATES)
def test_round_trip(state: ForecastState) -> None:
    data = to_bytes(state)
    found = from_bytes(data)
    assert isinstance(found, ForecastState)
    assert to_bytes(found) == data and digest(found) == digest(state)
    assert found.method == state.method and found.arrays.keys() == state.arrays.keys()
    for name, array in state.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype
    assert found.keys == state.keys
    np.testing.assert_equal(found.numbers, state.numbers)


@given(state=STATES, position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_any_damaged_byte_is_noticed(state: ForecastState, position: int, flip: int) -> None:
    data = bytearray(to_bytes(state))
    data[position % len(data)] ^= flip
    found = from_bytes(bytes(data))
    assert isinstance(found, Unreadable) and found.reason.endswith("ignored and learnt anew.")


@given(data=st.binary(max_size=200))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    assert isinstance(from_bytes(data), Unreadable)
    assert isinstance(from_bytes(MAGIC + f" {SCHEMA}\n".encode() + data), Unreadable)


def header(**changed: object) -> dict[str, object]:
    return {"method": "m", "numbers": {}, "shapes": {}, "kinds": {}, "keys": []} | changed


def test_a_header_of_ours_is_read() -> None:
    assert isinstance(from_bytes(sealed(header(shapes={"a": [1]}, kinds={"a": "<f8"}), b"12345678")), ForecastState)


def sealed(header: object, payload: bytes = b"") -> bytes:
    body = (header if isinstance(header, bytes) else json.dumps(header).encode()) + b"\n" + payload
    return MAGIC + f" {SCHEMA}\n".encode() + hashlib.sha256(body).digest() + body


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(MAGIC + b" 1\n" + b"0" * 40, id="a former schema"),
        pytest.param(sealed(header(shapes={"a": [2]}, kinds={"a": "<f8"}), b"12345678"), id="too few numbers"),
        pytest.param(sealed(header(shapes={"a": [1]}, kinds={"a": "<f8"}), b"1234567812345678"), id="too many numbers"),
        pytest.param(sealed(header(shapes={"a": [1]}, kinds={"a": "<i8"}), b"12345678"), id="numbers of another kind"),
        pytest.param(sealed(header(shapes={"a": [1]}), b"12345678"), id="numbers of no kind"),
        pytest.param(sealed(header(shapes={"a": [-1]}, kinds={"a": "<f8"})), id="a negative axis"),
        pytest.param(sealed(header(shapes={"a": [True]}, kinds={"a": "<f8"}), b"12345678"), id="an axis that is no number"),
        pytest.param(sealed(header(numbers={"x": "many"})), id="a number that is none"),
        pytest.param(sealed(header(keys=7)), id="keys that are none"),
        pytest.param(sealed(header(method=7)), id="a method that is no name"),
        pytest.param(sealed([]), id="a header that is no object"),
        pytest.param(sealed(b"[" * 100_000), id="a header nested without end"),
        pytest.param(sealed({"method": "m"}), id="a header without numbers"),
    ],
)
def test_a_foreign_file_is_answered_with_a_reason(data: bytes) -> None:
    assert isinstance(from_bytes(data), Unreadable)


def test_a_remembered_fleet_bounds_a_single_newcomer() -> None:
    forecaster = RegressionForecaster()
    _, learnt = forecaster.forecast(history(0.5 + ar1(40, 240, 0.06, 0.5, seed=1)), None, END)
    read = from_bytes(to_bytes(learnt))
    assert isinstance(read, ForecastState)
    newcomer = history(np.full((1, 6), 0.5))
    alone, forgetful = forecaster.forecast(newcomer, None, END)
    helped, kept = forecaster.forecast(newcomer, read, END)
    assert (helped.spread > alone.spread * 2).all()
    assert digest(kept) == digest(learnt) != digest(forgetful)


@pytest.mark.parametrize(
    "state",
    [
        None,
        ForecastState("another-method-1", {}, {}),
        ForecastState("regression-1", {}, {}),
        ForecastState("regression-1", {name: np.ones(2) for name in ("horizon_steps", "log_square", "quantile_ratio")}, {"series": 9.0}),
        ForecastState(
            "regression-1",
            {"horizon_steps": np.array([1.0, 3.0, 6.0, 12.0]), "log_square": np.ones(3), "quantile_ratio": np.ones(4)},
            {"series": 9.0},
        ),
    ],
    ids=["none", "method", "empty", "horizons", "shape"],
)
def test_a_state_that_does_not_fit_is_ignored(state: ForecastState | None) -> None:
    assert remembered_pool(state, RegressionSettings()) is None
    values = history(0.5 + ar1(3, 60, 0.02, 0.5, seed=2))
    found = RegressionForecaster().forecast(values, state, END)[0]
    np.testing.assert_array_equal(found.p90, RegressionForecaster().forecast(values, None, END)[0].p90)
