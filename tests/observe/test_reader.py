"""What readings are worth: fresh only when young, blind when nothing can be believed, and never a false zero."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_engine.core.limits import Times
from decision_engine.core.reading import Quality
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.reader import FleetReader
from decision_engine.observe.readings import Readings
from decision_engine.observe.signals import Signal, SignalError
from decision_engine.observe.source import PrometheusUnavailable
from tests.builders.observe import NOW, World, edge, edgeshift_signals, small_catalog

CPU = Signal("cpu", "edge_cpu_usage_ratio", "ratio", "range", "device", history=True)
DOWN = PrometheusUnavailable("prometheus_unreachable", "Prometheus at http://127.0.0.1:1 cannot be reached")


def fleet(edges: int = 2) -> FleetIndex:
    return FleetIndex.of(small_catalog(edges))


def read(reader: FleetReader, now: float, index: FleetIndex) -> Readings:
    return asyncio.run(reader.read(now, index))


def quality_of(readings: Readings, index: FleetIndex, device: str = edge(1)) -> Quality:
    return Quality(int(readings.devices["cpu"].quality[index.device_row[device]]))


@pytest.mark.parametrize(
    ("age", "value", "expected"),
    [
        pytest.param(0.0, 0.5, Quality.FRESH, id="now"),
        pytest.param(15.0, 0.5, Quality.FRESH, id="just-allowed"),
        pytest.param(15.1, 0.5, Quality.STALE, id="too-old"),
        pytest.param(-5.0, 0.5, Quality.FRESH, id="one-scrape-ahead"),
        pytest.param(-5.1, 0.5, Quality.STALE, id="clock-skew"),
        pytest.param(1.0, math.nan, Quality.NOT_A_NUMBER, id="nan"),
        pytest.param(1.0, math.inf, Quality.NOT_A_NUMBER, id="infinite"),
        pytest.param(None, 0.0, Quality.ABSENT, id="nothing"),
    ],
)
def test_quality(age: float | None, value: float, expected: Quality) -> None:
    world, index = World(), fleet()
    if age is not None:
        world.say("cpu", NOW - age, value, device=edge(1))
    readings = read(FleetReader(world, (CPU,), Times()), NOW, index)
    assert quality_of(readings, index) is expected
    assert readings.blind == ""
    row = index.device_row[edge(1)]
    if age is None:
        assert math.isnan(readings.devices["cpu"].value[row])
        assert math.isnan(readings.devices["cpu"].at[row])
    else:
        assert readings.devices["cpu"].at[row] == NOW - age


def test_a_signal_may_allow_another_age() -> None:
    world, index = World(), fleet()
    world.say("cpu", NOW - 18.0, 0.5, device=edge(1))
    patient = Signal("cpu", "x", "ratio", "range", "device", allowed_age_seconds=60.0)
    assert quality_of(read(FleetReader(world, (patient,), Times()), NOW, index), index) is Quality.FRESH


def test_a_sample_without_a_time_is_never_fresh() -> None:
    world, index = World(), fleet()
    world.say("cpu", math.nan, 0.5, device=edge(1))
    assert quality_of(read(FleetReader(world, (CPU,), Times()), NOW, index), index) is Quality.STALE


@pytest.mark.parametrize(("lent", "expected"), [(None, 0.3), (2.0, 0.9)], ids=["whole-machine", "lent-cores"])
def test_the_load_that_counts_is_measured_against_the_cores_the_device_lends(lent: float | None, expected: float) -> None:
    catalog, world = small_catalog(1), World()
    catalog.devices[edge(1)] = replace(catalog.devices[edge(1)], lent_cores=lent)
    world.say("cpu", NOW - 1, 0.3, device=edge(1), scope="host")
    world.say("cpu", NOW - 1, 0.9, device=edge(1), scope="lent")
    index = FleetIndex.of(catalog)
    readings = read(FleetReader(world, (CPU,), Times()), NOW, index)
    assert readings.devices["cpu"].value[index.device_row[edge(1)]] == expected


def test_the_wrong_scope_is_no_reading() -> None:
    world, index = World(), fleet()
    world.say("cpu", NOW - 1, 0.3, device=edge(1), scope="lent")
    assert quality_of(read(FleetReader(world, (CPU,), Times()), NOW, index), index) is Quality.ABSENT


def test_blindness_keeps_the_last_known_values_stale_and_ends_by_itself() -> None:
    world, index = World(), fleet()
    reader = FleetReader(world, (CPU,), Times())
    world.say("cpu", NOW - 1, 0.5, device=edge(1))
    assert quality_of(read(reader, NOW, index), index) is Quality.FRESH
    world.trouble = DOWN
    blind = read(reader, NOW + 1, index)
    assert blind.blind == "prometheus_unreachable"
    assert "cannot be reached" in blind.sentence
    assert "(asked for cpu)" in blind.sentence
    assert quality_of(blind, index) is Quality.STALE
    assert blind.devices["cpu"].value[index.device_row[edge(1)]] == 0.5
    world.trouble = None
    world.say("cpu", NOW + 59, 0.6, device=edge(1))
    recovered = read(reader, NOW + 60, index)
    assert recovered.blind == ""
    assert recovered.window_seconds == pytest.approx(67.5)
    assert quality_of(recovered, index) is Quality.FRESH


@pytest.mark.parametrize(
    ("silence", "window"),
    [(5.0, 12.5), (60.0, 67.5), (100_000.0, 300.0)],
    ids=["every-cycle", "after-a-minute", "bounded"],
)
def test_the_window_reaches_back_to_the_last_good_read(silence: float, window: float) -> None:
    world, index = World(), fleet()
    reader = FleetReader(world, (CPU,), Times())
    read(reader, NOW, index)
    assert read(reader, NOW + silence, index).window_seconds == pytest.approx(window)


def test_a_clock_that_goes_backwards_blinds_one_cycle_and_asks_nothing() -> None:
    world, index = World(), fleet()
    reader = FleetReader(world, (CPU,), Times())
    world.say("cpu", NOW - 101, 0.5, device=edge(1))
    read(reader, NOW, index)
    asked = len(world.asked)
    backwards = read(reader, NOW - 100, index)
    assert (backwards.blind, backwards.queries, len(world.asked)) == ("clock_backwards", 0, asked)
    assert read(reader, NOW - 95, index).blind == ""


def test_a_sample_of_a_wrong_clock_does_not_shut_out_right_ones() -> None:
    world, index = World(), fleet()
    reader = FleetReader(world, (CPU,), Times())
    world.said["cpu"][(("device", edge(1)),)] = [(NOW + 9999.0, 0.9)]
    assert quality_of(read(reader, NOW, index), index) is Quality.STALE
    world.said["cpu"][(("device", edge(1)),)] = [(NOW + 4.0, 0.4)]
    readings = read(reader, NOW + 5, index)
    assert quality_of(readings, index) is Quality.FRESH
    assert readings.devices["cpu"].value[index.device_row[edge(1)]] == 0.4


def vanishing(edges: int, gone: list[int]) -> tuple[list[str], Readings]:
    """Read three times: all there, then without the series of some edges for two cycles of eight seconds."""
    world, index = World(), fleet(edges)
    reader = FleetReader(world, (CPU,), Times())
    codes = []
    readings = read(reader, NOW - 8, index)
    for step in range(4):
        now = NOW + 8.0 * step
        for number in range(1, edges + 1):
            if step == 0 or number not in gone:
                world.say("cpu", now - 0.1, 0.5, device=edge(number))
            elif step == 1:
                world.said["cpu"].pop((("device", edge(number)),))
        readings = read(reader, now, index)
        codes.append(readings.blind)
    return codes, readings


@pytest.mark.parametrize(
    ("edges", "gone", "blind"),
    [
        pytest.param(20, [1, 2, 3], True, id="three-of-twenty"),
        pytest.param(20, [1, 2], False, id="two-of-twenty"),
        pytest.param(40, [1, 2, 3, 4], False, id="a-tenth-is-not-more-than-a-tenth"),
        pytest.param(40, [1, 2, 3, 4, 5], True, id="five-of-forty"),
        pytest.param(3, [1, 2, 3], True, id="all"),
    ],
)
def test_many_vanished_series_blind_until_the_memory_of_them_has_passed(edges: int, gone: list[int], blind: bool) -> None:
    codes, readings = vanishing(edges, gone)
    assert codes == ["", "series_vanished" if blind else "", "", ""]
    assert readings.blind == ""


def test_all_series_of_one_device_are_its_own_trouble() -> None:
    signals = tuple(Signal(f"s{n}", f"s{n}", "", "range", "device") for n in range(5))
    world, index = World(), fleet(1)
    reader = FleetReader(world, signals, Times())
    for signal in signals:
        world.say(signal.name, NOW - 1, 0.5, device=edge(1))
    read(reader, NOW, index)
    world.said.clear()
    assert read(reader, NOW + 5, index).blind == ""


def test_too_many_signals_are_refused_at_construction() -> None:
    signals = tuple(Signal(f"s{n}", f"s{n}", "", "instant", "device", freshness=f"t{n}") for n in range(6))
    with pytest.raises(SignalError, match="12 queries"):
        FleetReader(World(), signals, Times())


def test_a_cycle_costs_nine_queries_however_large_the_fleet() -> None:
    for edges in (1, 50):
        world, index = World(), fleet(edges)
        readings = read(FleetReader(world, edgeshift_signals(), Times()), NOW, index)
        assert readings.queries == 9
        assert len(world.asked) == 12  # what is asked together, and two freshness texts, are the source's own affair


@pytest.mark.parametrize("name", ["ambiguous", "last_frame"])
def test_what_programs_say_of_frames_and_doubts_comes_by_placement(name: str) -> None:
    world, index = World(), fleet()
    world.say("workload_cpu_cores", NOW - 1, 0.5, placement="a@b#1")
    world.say(name, NOW - 1, 0.25, placement="a@b#1")
    found = read(FleetReader(world, edgeshift_signals(), Times()), NOW, index).placement_column(name)
    assert found.column.value[found.row["a@b#1"]] == 0.25
    assert found.column.fresh[found.row["a@b#1"]]


def test_trouble_with_a_question_for_several_names_them_all() -> None:
    world, index = World(trouble=DOWN), fleet()
    readings = read(FleetReader(world, edgeshift_signals(), Times()), NOW, index)
    assert readings.sentence.endswith("(asked for cpu, memory, gpu, last_result, last_frame, environment_confidence)")


def test_series_of_cameras_and_placements_that_vanish_blind_nobody() -> None:
    world, index = World(), fleet(20)
    reader = FleetReader(world, edgeshift_signals(), Times())
    for number in range(1, 21):
        world.say("cpu", NOW - 1, 0.5, device=edge(number))
        world.say("cpu", NOW + 4, 0.5, device=edge(number))
        world.say("environment", NOW - 1, 1.0, camera=f"cam-{number:02d}", environment="01")
        world.say("environment_confidence", NOW - 1, 0.9, camera=f"cam-{number:02d}")
        world.say("last_frame", NOW - 1, NOW, placement=f"a@{edge(number)}#1")
    read(reader, NOW, index)
    for name in ("environment", "environment_confidence", "last_frame"):
        del world.said[name]
    assert read(reader, NOW + 5, index).blind == ""


def test_an_edit_of_the_catalogue_keeps_what_is_known_of_the_others() -> None:
    world = World()
    reader = FleetReader(world, (CPU,), Times())
    for number in (1, 2):
        world.say("cpu", NOW - 1, number / 10, device=edge(number))
    read(reader, NOW, fleet(2))
    world.said.clear()
    wider = fleet(3)
    readings = read(reader, NOW + 1, wider)
    column = readings.devices["cpu"]
    assert column.value[wider.device_row[edge(2)]] == 0.2
    assert Quality(int(column.quality[wider.device_row[edge(3)]])) is Quality.ABSENT


@given(
    ages=st.lists(st.floats(-30.0, 400.0), min_size=1, max_size=8),
    steps=st.lists(st.floats(0.0, 60.0), min_size=1, max_size=4),
    down=st.sets(st.integers(0, 3)),
)
def test_freshness_is_never_claimed_for_a_sample_older_than_allowed(ages: list[float], steps: list[float], down: set[int]) -> None:
    world, index, times = World(), fleet(), Times()
    reader = FleetReader(world, (CPU,), times)
    for age in sorted(ages, reverse=True):
        world.say("cpu", NOW - age, 0.5, device=edge(1))
    now = NOW
    for number, step in enumerate(steps):
        now += step
        world.trouble = DOWN if number in down else None
        column = read(reader, now, index).devices["cpu"]
        claimed = now - column.at[column.fresh]
        assert np.all(claimed <= times.fresh_seconds)
        assert np.all(claimed >= -times.scrape_seconds)
        assert not (column.fresh.any() and world.trouble)


@given(st.permutations(range(6)), st.booleans(), st.lists(st.floats(0.0, 12.0), min_size=6, max_size=6))
def test_the_order_of_answers_changes_nothing(order: list[int], backwards: bool, ages: list[float]) -> None:
    said = [(edge(n % 3 + 1), NOW - age, 0.1 * n) for n, age in enumerate(ages)]

    def readings(rows: list[tuple[str, float, float]], turned: bool) -> Readings:
        world = World(backwards=turned)
        for number, (device, at, value) in enumerate(rows):
            world.say("cpu", at, value, device=device, twin=str(number))
        return read(FleetReader(world, (CPU,), Times()), NOW, fleet(3))

    one, other = readings(said, False), readings([said[n] for n in order], backwards)
    for field in ("value", "at", "quality"):
        np.testing.assert_array_equal(getattr(one.devices["cpu"], field), getattr(other.devices["cpu"], field))
    for field in ("row", "at", "value"):
        np.testing.assert_array_equal(getattr(one.samples["cpu"], field), getattr(other.samples["cpu"], field))
