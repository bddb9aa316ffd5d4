"""Cycle by cycle: history is read and kept, costs are learned, and the snapshot says only what was seen."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import numpy as np
import pytest

from decision_engine.catalog.model import Version
from decision_engine.core.limits import Limits, Times
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import READY, STARTING, Snapshot
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.outlook import Foreseen, outlook
from decision_engine.observe.replay import encode_snapshot
from decision_engine.observe.snapshot import Learned, assemble
from decision_engine.observe.source import PrometheusUnavailable
from decision_engine.observe.watch import Look
from forecasting.forecasters import LastValueForecaster
from tests.builders.observe import NOW, Listed, Watched, edge, live, small_catalog, workload_of

LEARNED = Learned(20.0, "digest")
DOWN = PrometheusUnavailable("prometheus_timeout", "Prometheus did not answer within 4 s")
CPU, MEMORY, GPU = 0, 1, 2


def snapshot_of(watched: Watched, look: Look) -> Snapshot:
    return assemble(look.sight, None, watched.limits, LEARNED)


def test_a_snapshot_joins_all_that_was_seen() -> None:
    watched = Watched()
    for device in watched.catalog.devices:
        watched.world.say("thermal_headroom", NOW - 3, 25.0, device=device)
    placement = watched.listed()[0].placement
    watched.world.say("last_result", NOW - 2, NOW - 4.0, placement=placement)
    watched.world.say("confidence", NOW - 2, 0.7, placement=placement)
    snapshot = snapshot_of(watched, asyncio.run(live(watched, 0.0)))
    row = snapshot.devices.ids.index(edge(1))
    assert snapshot.reading(row, CPU).value == 0.5
    assert snapshot.reading(row, CPU).quality is Quality.FRESH
    assert snapshot.reading(row, CPU).at == NOW - 0.5
    assert snapshot.reading(snapshot.devices.ids.index("server-01"), GPU).quality is Quality.NOT_APPLICABLE
    assert math.isnan(snapshot.reading(snapshot.devices.ids.index("server-01"), GPU).value)
    assert snapshot.devices.thermal_headroom_kelvin[row] == 25.0
    assert snapshot.devices.placements_known.all()
    assert snapshot.placements.phase.tolist() == [READY] * 4
    assert snapshot.placements.last_result_at[0] == NOW - 4.0
    assert snapshot.placements.confidence[0] == 0.7
    assert np.isnan(snapshot.placements.confidence[1:]).all()
    assert (snapshot.catalog_version, snapshot.blind, snapshot.model_digest) == ("v1", "", "digest")


def test_a_result_that_was_never_made_is_unknown_not_the_year_1970() -> None:
    watched = Watched()
    watched.world.say("last_result", NOW - 2, 0.0, placement=watched.listed()[0].placement)
    assert math.isnan(snapshot_of(watched, asyncio.run(live(watched, 0.0))).placements.last_result_at[0])


def test_a_stale_temperature_is_unknown() -> None:
    watched = Watched()
    watched.world.say("thermal_headroom", NOW - 16, 25.0, device=edge(1))
    assert np.isnan(snapshot_of(watched, asyncio.run(live(watched, 0.0))).devices.thermal_headroom_kelvin).all()


def test_what_is_listed_is_joined_by_id_and_strangers_stay_strangers() -> None:
    watched = Watched()
    listed = (
        Listed("stranger/cam-99/main", edge(2)),
        Listed(workload_of(2), "edge-99", generation=4),
        Listed(workload_of(1), edge(1), phase="starting"),
        Listed(workload_of(1), edge(1), phase="starting"),
    )
    look = asyncio.run(watched.look(NOW, listed, frozenset({"rack"})))
    snapshot = snapshot_of(watched, look)
    assert snapshot.placements.ids == tuple(sorted({row.placement for row in listed}))
    assert snapshot.placements.workload.tolist() == [0, 1, -1]
    assert snapshot.placements.device.tolist() == [0, -1, 1]
    assert snapshot.placements.phase.tolist() == [STARTING, READY, READY]
    assert snapshot.devices.placements_known.tolist() == [True, True, True, True, False]


def test_an_unknown_phase_is_refused() -> None:
    with pytest.raises(ValueError, match="'dancing'"):
        asyncio.run(Watched().look(NOW, (Listed(workload_of(1), edge(1), phase="dancing"),)))


def test_a_measured_cost_comes_from_the_placement_that_runs() -> None:
    watched = Watched()
    workloads = snapshot_of(watched, asyncio.run(live(watched, 60.0))).workloads
    assert workloads.cost_cores == pytest.approx([0.8] * 4)
    assert workloads.cost_memory_bytes == pytest.approx([2e9] * 4)
    assert workloads.cost_measured.all()
    assert workloads.cost_gpu_ratio.tolist() == [0.0] * 4


def test_a_measured_cost_does_not_jump_with_one_reading() -> None:
    watched = Watched()

    async def scenario() -> Look:
        await live(watched, 60.0, cores=0.8)
        return await live(watched, 5.0, start=NOW + 65.0, cores=1.6)

    cost = snapshot_of(watched, asyncio.run(scenario())).workloads.cost_cores[0]
    assert 0.8 < cost < 1.0


def test_costs_are_pooled_then_declared_with_a_margin_then_unknown() -> None:
    versions = {
        ("detector", "01", "1"): Version("detector", "01", "1", "x", cpu_cores=5.0, memory_bytes=5e9),
        ("counter", "01", "1"): Version("counter", "01", "1", "x", cpu_cores=2.0, memory_bytes=1e9, gpu_ratio=0.2),
        ("blind", "01", "1"): Version("blind", "01", "1", "x", needs_gpu=True),
    }
    catalog = small_catalog(2, versions=versions)
    for package in ("counter", "blind"):
        workload = replace(catalog.workloads[workload_of(1)], package=package)
        catalog.workloads[workload.id] = workload
    watched = Watched(catalog)

    async def scenario() -> Look:
        look = None
        for step in range(12):
            now = NOW + 5.0 * step
            placement = Listed(workload_of(1), edge(1))
            watched.world.say_costs(now - 1, placement.placement, 0.6, 1.5e9)
            look = await watched.look(now, (placement,))
        assert look is not None
        return look

    snapshot = snapshot_of(watched, asyncio.run(scenario()))
    costs = dict(zip(snapshot.workloads.ids, snapshot.workloads.cost_cores.tolist(), strict=True))
    assert costs[workload_of(1)] == pytest.approx(0.6)
    assert costs[workload_of(2)] == pytest.approx(0.6)
    assert costs["counter/cam-01/main"] == pytest.approx(3.0)
    assert math.isnan(costs["blind/cam-01/main"])
    gpu = dict(zip(snapshot.workloads.ids, snapshot.workloads.cost_gpu_ratio.tolist(), strict=True))
    assert gpu["counter/cam-01/main"] == pytest.approx(0.3)
    assert math.isnan(gpu["blind/cam-01/main"])
    measured = dict(zip(snapshot.workloads.ids, snapshot.workloads.cost_measured.tolist(), strict=True))
    assert [id_ for id_, yes in measured.items() if yes] == [workload_of(1)]


def test_another_variant_is_measured_anew() -> None:
    watched = Watched(small_catalog(1))

    async def scenario() -> Look:
        await live(watched, 60.0, cores=0.8)
        look = None
        for step in range(3):
            now = NOW + 65.0 + 5.0 * step
            watched.speak(now - 1, cores=3.0)
            look = await watched.look(now, (Listed(workload_of(1), edge(1), version="2"),))
        assert look is not None
        return look

    assert snapshot_of(watched, asyncio.run(scenario())).workloads.cost_cores[0] == pytest.approx(3.0)


def test_before_it_was_measured_a_newcomer_is_expected_to_cost_what_is_declared() -> None:
    watched = Watched(small_catalog(1))
    look = asyncio.run(watched.look(NOW, (Listed(workload_of(1), edge(1), since=NOW - 2.0),)))
    assert look.cost_now[0, CPU] == pytest.approx(1.0 * 1.5 / 8.0)


def test_overload_is_counted_and_blindness_makes_it_stale() -> None:
    watched = Watched()

    async def scenario() -> tuple[Look, Look]:
        over = await live(watched, 30.0, cpu=0.9)
        watched.world.trouble = DOWN
        return over, await watched.look(NOW + 60.0)

    over, blind = asyncio.run(scenario())
    assert snapshot_of(watched, over).devices.over_seconds[0].tolist() == [30.0, 0.0, 0.0]
    snapshot = snapshot_of(watched, blind)
    assert snapshot.blind == "prometheus_timeout"
    assert snapshot.devices.over_seconds[0, CPU] == 0.0
    assert snapshot.reading(0, CPU).value == 0.9
    assert set(snapshot.devices.quality.ravel().tolist()) == {int(Quality.STALE), int(Quality.NOT_APPLICABLE)}


def test_a_clock_that_goes_backwards_blinds_one_cycle_and_spoils_nothing() -> None:
    watched = Watched()

    async def scenario() -> tuple[Look, Look]:
        await live(watched, 300.0)
        watched.world.said.clear()
        watched.speak(NOW + 99.0)
        backwards = await watched.look(NOW + 100.0)
        return backwards, await live(watched, 100.0, start=NOW + 105.0)

    backwards, after = asyncio.run(scenario())
    assert backwards.sight.readings.blind == "clock_backwards"
    snapshot = snapshot_of(watched, after)
    assert snapshot.blind == ""
    assert snapshot.reading(0, CPU).quality is Quality.FRESH
    total = watched.watch.history.total(NOW + 205.0)[0, CPU, -6:]
    assert total == pytest.approx([0.5] * 6)


def test_an_edit_keeps_history_and_fills_that_of_a_new_device() -> None:
    watched = Watched(small_catalog(2))
    wider = FleetIndex.of(small_catalog(3), "v2")

    async def scenario() -> Look:
        await live(watched, 60.0)
        for step in range(12):
            watched.world.say_loads(NOW + 5.0 * step, edge(3), (0.7, 0.4, 0.3))
        watched.speak(NOW + 64.0)
        watched.world.say_loads(NOW + 64.0, edge(3), (0.7, 0.4, 0.3))
        return await watched.watch.look(NOW + 65.0, wider, watched.listed(), frozenset())

    look = asyncio.run(scenario())
    total = watched.watch.history.total(NOW + 65.0)
    assert total[wider.device_row[edge(2)], CPU, -1] == pytest.approx(0.5)
    assert total[wider.device_row[edge(3)], CPU, -1] == pytest.approx(0.7)
    assert snapshot_of(watched, look).catalog_version == "v2"


def test_the_order_in_which_things_are_listed_changes_nothing() -> None:
    def snapshot(backwards: bool) -> bytes:
        watched = Watched()
        watched.world.backwards = backwards
        listed = tuple(reversed(watched.listed())) if backwards else watched.listed()

        async def scenario() -> Look:
            look = None
            for step in range(12):
                watched.speak(NOW + 5.0 * step - 0.5)
                look = await watched.look(NOW + 5.0 * step, listed)
            assert look is not None
            return look

        return encode_snapshot(snapshot_of(watched, asyncio.run(scenario())))

    assert snapshot(False) == snapshot(True)


def test_the_forecast_of_the_whole_is_background_plus_cost() -> None:
    watched = Watched(small_catalog(1), Limits(times=Times(history_hours=0.2)))
    for step in range(144):
        watched.speak(NOW - 720.0 + 5.0 * step)
    look = asyncio.run(live(watched, 60.0))
    table, _ = LastValueForecaster().forecast(watched.watch.series(look), None, NOW + 60.0)
    seen = outlook(Foreseen.of(table, watched.limits.foresight, 20.0), look.cost_now, np.array(watched.limits.overload.ratios))
    assert seen.p50[0, CPU] == pytest.approx(np.full(4, 0.5), abs=1e-6)
    assert seen.cost_now[0, CPU] == pytest.approx(0.1)
    assert np.isnan(seen.p50[1, GPU]).all()
    assert not seen.gate_open[np.isnan(seen.skill)].any()


def test_a_first_measurement_that_was_too_low_is_soon_outweighed() -> None:
    watched = Watched(small_catalog(1))

    async def scenario() -> Look:
        await live(watched, 5.0, cores=0.2)
        return await live(watched, 45.0, start=NOW + 10.0, cores=0.8)

    cost = snapshot_of(watched, asyncio.run(scenario())).workloads.cost_cores[0]
    assert cost == pytest.approx((2 * 0.2 + 10 * 0.8) / 12, rel=0.02)
