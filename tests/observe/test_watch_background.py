"""What stays on a device, over starts, moves, gaps and restarts: the background that forecasts stand on."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from decision_engine.catalog.model import Version
from decision_engine.core.limits import Limits, Times
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.past import summed_by_device, unsettled_cells_unknown
from decision_engine.observe.snapshot import Learned
from decision_engine.observe.source import PrometheusUnavailable, Samples
from decision_engine.observe.watch import Look
from tests.builders.observe import NOW, Listed, Watched, edge, live, small_catalog, workload_of

LEARNED = Learned(20.0, "digest")
DOWN = PrometheusUnavailable("prometheus_timeout", "Prometheus did not answer within 4 s")
CPU, MEMORY, GPU = 0, 1, 2


def test_history_is_read_once_at_the_start_and_again_after_a_gap() -> None:
    watched = Watched()
    for step in range(60):
        watched.speak(NOW - 300.0 + 5.0 * step)

    async def scenario() -> tuple[int, int, int]:
        await live(watched, 30.0)
        start = len(watched.world.past_asked)
        watched.world.trouble = DOWN
        for step in range(20):
            await watched.look(NOW + 35.0 + 5.0 * step)
        down = len(watched.world.past_asked)
        watched.world.trouble = None
        await live(watched, 30.0, start=NOW + 135.0)
        return start, down, len(watched.world.past_asked)

    assert asyncio.run(scenario()) == (5, 5, 10)
    assert {name for name, _, _ in watched.world.past_asked} == {"cpu", "memory", "gpu", "workload_cpu_cores", "workload_memory_bytes"}
    assert watched.world.past_asked[5][1] == NOW + 30.0


def test_background_is_known_right_after_a_restart() -> None:
    watched = Watched()
    for step in range(60):
        watched.speak(NOW - 300.0 + 5.0 * step, cpu=0.5, cores=0.8)

    async def scenario() -> np.ndarray:
        look = await live(watched, 60.0)
        return watched.watch.series(look).values.reshape(5, 3, -1)

    background = asyncio.run(scenario())
    assert background[0, CPU, -8:-4] == pytest.approx([0.4] * 4, abs=1e-6)  # 0.5 of the load, less 0.8 of 8 cores
    assert background[4, CPU, -8:-4] == pytest.approx([0.5] * 4, abs=1e-6)  # the server carries nothing
    assert background[0, MEMORY, -6] == pytest.approx(0.4 - 2e9 / 16e9, abs=1e-6)


def test_history_that_cannot_be_read_is_tried_again_one_grid_step_later() -> None:
    watched = Watched()

    async def scenario() -> list[str]:
        troubles = []
        for step in range(14):
            now = NOW + 5.0 * step
            watched.speak(now - 1)
            past = watched.world.past

            async def fail(*arguments: object) -> tuple[()]:
                raise DOWN

            watched.world.past = fail if step < 6 else past  # type: ignore[assignment,method-assign]
            troubles.append((await watched.look(now)).history_trouble)
            watched.world.past = past  # type: ignore[method-assign]
        return troubles

    troubles = asyncio.run(scenario())
    assert "read again" in troubles[0]
    assert troubles[1:] == [""] * 13
    assert watched.world.past_asked[0][2] == NOW + 30.0


def test_a_workload_that_comes_adds_its_cost_and_leaves_the_background_alone() -> None:
    watched = Watched(small_catalog(1))
    came = NOW + 120.0
    home = Listed(workload_of(1), edge(1), since=came)

    async def scenario() -> tuple[Look, Look]:
        looks = []
        for step in range(60):
            now = NOW + 5.0 * step
            there = now - 0.5 >= came
            watched.world.say_loads(now - 0.5, edge(1), (0.4 + (0.1 if there else 0.0), 0.4, 0.3))
            if there:
                watched.world.say_costs(now - 0.5, home.placement, 0.8, 2e9)
            looks.append(await watched.look(now, (home,) if now >= came else ()))
        return looks[20], looks[-1]

    before, after = asyncio.run(scenario())
    assert before.cost_now[0].tolist() == [0.0, 0.0, 0.0]
    assert after.cost_now[0, CPU] == pytest.approx(0.1)
    background = watched.watch.series(after).values.reshape(2, 3, -1)[0, CPU]
    known = background[np.isfinite(background)]
    assert known == pytest.approx(np.full(len(known), 0.4), abs=1e-6)
    assert 6 <= len(known) <= 9
    assert watched.watch.series(after).limits.reshape(2, 3)[0, CPU] == pytest.approx(0.75)


def test_gpu_history_restarts_when_a_placement_that_may_use_it_comes() -> None:
    version = Version("detector", "01", "1", "x", needs_gpu=True, gpu_ratio=0.2)
    watched = Watched(small_catalog(1, versions={("detector", "01", "1"): version}))
    home = Listed(workload_of(1), edge(1), since=NOW + 150.0)

    async def scenario() -> Look:
        look = None
        for step in range(60):
            now = NOW + 5.0 * step
            watched.world.say_loads(now - 0.5, edge(1), (0.4, 0.4, 0.3))
            look = await watched.look(now, (home,) if now >= NOW + 150.0 else ())
        assert look is not None
        return look

    look = asyncio.run(scenario())
    values = watched.watch.series(look).values.reshape(2, 3, -1)[0]
    assert np.count_nonzero(np.isfinite(values[GPU])) == 4
    assert look.cost_now[0, GPU] == 0.0


def test_what_was_never_measured_stays_background() -> None:
    watched = Watched(small_catalog(1))

    async def scenario() -> Look:
        look = None
        for step in range(30):
            now = NOW + 5.0 * step
            watched.world.say_loads(now - 0.5, edge(1), (0.6, 0.4, 0.3))
            look = await watched.look(now)
        assert look is not None
        return look

    look = asyncio.run(scenario())
    assert look.cost_now[0].tolist() == [0.0, 0.0, 0.0]
    background = watched.watch.series(look).values.reshape(2, 3, -1)[0, CPU]
    assert background[np.isfinite(background)] == pytest.approx(0.6)


def background_after(watched: Watched, look: Look) -> np.ndarray:
    """The background of the first edge's CPU load."""
    background: np.ndarray = watched.watch.series(look).values.reshape(len(watched.index.device_ids), 3, -1)[0, CPU]
    return background


def test_right_after_a_start_who_is_not_measured_yet_is_awaited_and_restarts_nothing() -> None:
    watched = Watched(small_catalog(1))

    async def scenario() -> tuple[Look, Look]:
        looks = []
        for step in range(40):
            now = NOW + 5.0 * step
            watched.world.say_loads(now - 0.5, edge(1), (0.5, 0.4, 0.3))
            if step >= 3:
                watched.world.say_costs(now - 0.5, watched.listed()[0].placement, 0.8, 2e9)
            looks.append(await watched.look(now))
        return looks[0], looks[-1]

    first, last = asyncio.run(scenario())
    assert first.cost_now[0, CPU] == pytest.approx(1.0 * 1.5 / 8.0)
    background = background_after(watched, last)
    assert np.isnan(background[-6])  # the cell that begins at NOW
    assert background[-5:] == pytest.approx([0.4] * 5, abs=1e-6)


def test_right_after_a_start_who_is_measured_already_is_believed() -> None:
    watched = Watched(small_catalog(1))
    background = background_after(watched, asyncio.run(live(watched, 30.0)))
    assert background[-1] == pytest.approx(0.4, abs=1e-6)


def test_the_cell_in_which_a_workload_left_stays_unknown() -> None:
    watched = Watched(small_catalog(1))
    left = NOW + 75.0

    async def scenario() -> Look:
        look = None
        for step in range(40):
            now = NOW + 5.0 * step
            watched.world.say_loads(now - 0.5, edge(1), (0.5 if now < left else 0.4, 0.4, 0.3))
            if now < left:
                watched.world.say_costs(now - 0.5, watched.listed()[0].placement, 0.8, 2e9)
            look = await watched.look(now, watched.listed() if now < left else ())
        assert look is not None
        return look

    background = background_after(watched, asyncio.run(scenario()))
    assert np.isnan(background[-4])  # the cell from NOW + 60 to NOW + 90
    assert background[-3:] == pytest.approx([0.4] * 3, abs=1e-6)
    assert background[-5] == pytest.approx(0.4, abs=1e-6)


def test_a_cost_is_not_subtracted_from_a_load_that_is_not_seen() -> None:
    watched = Watched(small_catalog(1), Limits(times=Times(grid_seconds=60.0)))
    begin = NOW // 60.0 * 60.0 + 60.0

    async def scenario() -> Look:
        look = None
        for step in range(14):
            now = begin + 1.0 + 5.0 * step
            silent = 2 <= step < 12
            if not silent:
                watched.world.say_loads(now - 0.5, edge(1), (0.5, 0.4, 0.3))
            watched.world.say_costs(now - 0.5, watched.listed()[0].placement, 3.2 if silent else 0.8, 2e9)
            look = await watched.look(now)
        assert look is not None
        return look

    background = background_after(watched, asyncio.run(scenario()))
    while_fresh = (2 * 0.1 + 2 * 0.4) / 4  # the load is not yet stale two cycles after its last sample
    assert background[-1] == pytest.approx(0.5 - while_fresh, abs=1e-6)


def test_costs_read_again_are_summed_by_device_in_their_own_cells() -> None:
    index = FleetIndex.of(small_catalog(2))
    answer = (
        Samples({"device": edge(1)}, (75.0, 105.0), (1.0, 2.0)),
        Samples({"placement": f"{workload_of(2)}@{edge(1)}#3"}, (105.0,), (0.5,)),
        Samples({"device": edge(2)}, (45.0, 135.0, 165.0), (9.0, 3.0, 9.0)),
        Samples({"device": "stranger"}, (75.0,), (7.0,)),
        Samples({"placement": "no name of a placement"}, (75.0,), (7.0,)),
    )
    assert summed_by_device(answer, index, (2, 3), 30.0).tolist() == [[1.0, 2.5, 0.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]]


def test_a_workload_that_left_costs_nothing_although_its_last_measurement_is_fresh() -> None:
    watched = Watched(small_catalog(1))
    left = NOW + 60.0  # at the beginning of a cell: the whole cell is judged by what is subtracted in it

    async def scenario() -> list[float]:
        expected = []
        for step in range(16):
            now = NOW + 5.0 * step
            watched.world.say_loads(now - 0.5, edge(1), (0.5 if now < left else 0.4, 0.4, 0.3))
            if now < left:
                watched.world.say_costs(now - 0.5, watched.listed()[0].placement, 0.8, 2e9)
            look = await watched.look(now, watched.listed() if now < left else ())
            expected.append(float(look.cost_now[0, CPU]))
        return expected

    expected = asyncio.run(scenario())
    assert expected[11] == pytest.approx(0.1)
    assert expected[12:] == [0.0] * 4


def test_cells_beside_a_published_cost_are_unknown_not_free() -> None:
    sums = np.array([[0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0], [0.0] * 7])
    settled = unsettled_cells_unknown(sums, 1)
    assert settled[0] == pytest.approx([0.0, np.nan, 0.5, 0.5, np.nan, 0.0, 0.0], nan_ok=True)
    assert settled[1] == pytest.approx([0.0] * 7)
