"""A frozen snapshot thaws into the same one, bit by bit, and the same snapshot freezes into the same bytes."""

from __future__ import annotations

import asyncio
from dataclasses import fields, is_dataclass, replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_engine.catalog.model import Catalog
from decision_engine.core.limits import Limits
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import Snapshot
from decision_engine.observe.replay import ReplayError, decode_arrays, decode_snapshot, encode_arrays, encode_snapshot
from decision_engine.observe.snapshot import Learned, assemble
from tests.builders.fleet import FakeDevice, FakeFleet, FakeWorkload, calm_fleet
from tests.builders.observe import NOW, Watched


def same(one: object, other: object) -> None:
    """Equal types, and equal to the last bit."""
    assert type(one) is type(other)
    if is_dataclass(one):
        for field in fields(one):
            same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray)
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    elif isinstance(one, dict):
        assert isinstance(other, dict)
        assert list(one) == list(other)
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, float):
        assert isinstance(other, float)
        assert one.hex() == other.hex()
    else:
        assert one == other


def fleet(seed: int) -> Snapshot:
    random = Random(seed)
    devices = [
        FakeDevice(
            f"엣지-{n}",
            load=(random.random(), random.choice([float("nan"), float("inf"), -0.0]), random.random()),
            quality=random.choice(list(Quality)),
            gpu=random.random() < 0.5,
        )
        for n in range(random.randrange(1, 5))
    ]
    names = [device.id for device in devices]
    workloads = [
        FakeWorkload(f"a/cam-{n}/main", random.choice(names), reachable=tuple(names[: n + 1]) if random.random() < 0.5 else None)
        for n in range(random.randrange(6))
    ]
    snapshot = FakeFleet(devices, workloads, now=random.uniform(0, 2e9), blind=random.choice(["", "prometheus_timeout"])).snapshot()
    return snapshot if random.random() < 0.7 else replace(snapshot, outlook=None)


@given(st.integers(0, 1_000_000))
def test_round_trip(seed: int) -> None:
    snapshot = fleet(seed)
    data = encode_snapshot(snapshot)
    same(decode_snapshot(data), snapshot)
    assert encode_snapshot(fleet(seed)) == data


def test_an_empty_fleet_travels_too() -> None:
    look = asyncio.run(Watched(Catalog()).look(NOW))
    snapshot = assemble(look.sight, None, Limits(), Learned(20.0))
    same(decode_snapshot(encode_snapshot(snapshot)), snapshot)


def test_shared_rows_are_written_once() -> None:
    snapshot = calm_fleet(4).snapshot()
    reach = np.arange(100_000) % 4
    shared = replace(snapshot, workloads=replace(snapshot.workloads, reachable=dict.fromkeys(range(50), reach)))
    assert len(encode_snapshot(shared)) < len(encode_snapshot(snapshot)) + 100_000
    same(decode_snapshot(encode_snapshot(shared)), shared)


def test_plain_arrays_travel_too() -> None:
    arrays, words = decode_arrays(encode_arrays({"x": np.array([[1.5, np.nan]], dtype=np.float32)}, {"note": ["가", 1]}))
    assert arrays["x"].dtype == np.float32
    assert words == {"note": ["가", 1]}


def test_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        encode_arrays({"x": np.array([object()])}, {})


DATA = encode_snapshot(calm_fleet(1).snapshot())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a recording", id="words"),
        pytest.param(DATA[: len(DATA) // 2], id="cut-off"),
        pytest.param(DATA[:400] + b"\x00" * 60 + DATA[460:], id="overwritten"),
        pytest.param(encode_arrays({}, {}), id="no-snapshot-in-it"),
    ],
)
def test_what_cannot_be_replayed_is_said_in_one_sentence(data: bytes) -> None:
    with pytest.raises(ReplayError) as refusal:
        decode_snapshot(data)
    assert "\n" not in str(refusal.value)
