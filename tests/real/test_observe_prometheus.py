"""Reading a real Prometheus: fresh while it runs, blind while it does not, and on again by itself afterwards."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from decision_engine.core.limits import Limits, Times
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import Snapshot
from decision_engine.observe.client import Endpoint, PrometheusClient
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.presets import PRESETS
from decision_engine.observe.prometheus_source import PrometheusSource
from decision_engine.observe.signals import Signal, signals_from
from decision_engine.observe.snapshot import Learned, assemble
from decision_engine.observe.source import Samples
from decision_engine.observe.watch import FleetWatch, Look
from tests.builders.observe import Listed, edge, small_catalog, workload_of
from tests.builders.prometheus_process import Page, running_prometheus, served_page

pytestmark = [pytest.mark.real, pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs the prometheus program")]

TIMES = Times(scrape_seconds=1.0, cycle_seconds=1.0, grid_seconds=2.0, history_hours=0.1)
WITHIN_SECONDS = 20.0
PLACEMENT = Listed(workload_of(1), edge(1)).placement
LABELS = f'workload="{workload_of(1)}",placement="{PLACEMENT}",class="01",version="1"'


def page(cpu_seconds: float) -> str:
    """What one device and its one AI program say."""
    now = time.time()
    return f"""\
edge_cpu_usage_ratio{{scope="host"}} 0.5
edge_cpu_usage_ratio{{scope="lent"}} 0.9
edge_memory_usage_ratio 0.4
edge_gpu_usage_ratio 0.3
edge_temperature_celsius{{zone="cpu"}} 60
edge_temperature_celsius{{zone="gpu"}} 70
edge_temperature_limit_celsius{{zone="cpu"}} 95
edge_temperature_limit_celsius{{zone="gpu"}} 95
ai_process_cpu_seconds_total{{{LABELS}}} {cpu_seconds}
ai_process_resident_memory_bytes{{{LABELS}}} 1e9
ai_last_result_timestamp_seconds{{{LABELS}}} {now - 1}
ai_confidence_ratio_sum{{{LABELS}}} {cpu_seconds * 7}
ai_confidence_ratio_count{{{LABELS}}} {cpu_seconds * 10}
ai_results_total{{{LABELS}}} {cpu_seconds * 10}
ai_results_ambiguous_total{{{LABELS}}} {cpu_seconds * 4}
ai_last_frame_timestamp_seconds{{{LABELS}}} {now - 0.5}
ai_environment_state{{camera="cam-01",environment="01"}} 0
ai_environment_state{{camera="cam-01",environment="02"}} 1
ai_environment_state{{camera="cam-01",environment="03",trust="low"}} 1
ai_environment_confidence_ratio{{camera="cam-01"}} 0.8
ai_environment_confidence_ratio{{camera="cam-01",trust="low"}} 0.1
"""


def config(address: str) -> str:
    return f"""\
global: {{scrape_interval: 1s, scrape_timeout: 900ms}}
scrape_configs:
  - job_name: devices
    static_configs:
      - targets: ["{address}"]
        labels: {{device: {edge(1)}, cluster: farm}}
"""


class Behind:
    """A source that can be pointed at another Prometheus, as a restarted one on a new port is."""

    def __init__(self, url: str) -> None:
        self.point_at(url)

    def point_at(self, url: str) -> None:
        self.client = PrometheusClient(Endpoint(url, timeout_seconds=2.0))
        self.source = PrometheusSource(self.client)

    async def ask(self, signal: Signal, at: float, window_seconds: float) -> tuple[Samples, ...]:
        return await self.source.ask(signal, at, window_seconds)

    async def past(self, signal: Signal, start: float, end: float, step_seconds: float) -> tuple[Samples, ...]:
        return await self.source.past(signal, start, end, step_seconds)

    async def close(self) -> None:
        await self.source.close()


class Watcher:
    """A watch over one real Prometheus and one device."""

    def __init__(self, url: str) -> None:
        self.index = FleetIndex.of(small_catalog(1))
        self.limits = Limits(times=TIMES)
        self.behind = Behind(url)
        self.watch = FleetWatch(self.behind, signals_from("edgeshift", {}, TIMES), self.limits)

    async def look(self) -> Look:
        listed = (Listed(workload_of(1), edge(1), since=time.time() - 3600.0),)
        return await self.watch.look(time.time(), self.index, listed, frozenset())

    def snapshot(self, look: Look) -> Snapshot:
        return assemble(look.sight, None, self.limits, Learned(20.0))


async def work(served: Page) -> None:
    """The AI program takes half a core, for ever."""
    begun = time.monotonic()
    while True:
        served.text = page(0.5 * (time.monotonic() - begun))
        await asyncio.sleep(0.1)


async def until(watcher: Watcher, blind: str, cpu: Quality, seconds: float = WITHIN_SECONDS) -> Snapshot:
    """Look once a second until the snapshot is as expected."""
    deadline = time.monotonic() + seconds
    while True:
        snapshot = watcher.snapshot(await watcher.look())
        if (snapshot.blind, snapshot.reading(0, 0).quality) == (blind, cpu):
            return snapshot
        assert time.monotonic() < deadline, f"still {snapshot.blind!r} and {snapshot.reading(0, 0)}"
        await asyncio.sleep(1.0)


def test_reads_goes_blind_and_recovers(tmp_path: Path) -> None:
    async def scenario(served: Page) -> None:
        working = asyncio.create_task(work(served))
        with running_prometheus(tmp_path, config(served.address)) as prometheus:
            watcher = Watcher(prometheus.url)
            await until(watcher, "", Quality.FRESH)
            for _ in range(12):
                await asyncio.sleep(1.0)
                await watcher.look()
            await check_a_fresh_snapshot(watcher)
            prometheus.stop()
            blind = await until(watcher, "prometheus_unreachable", Quality.STALE)
            assert blind.reading(0, 0).value == 0.5
            await watcher.behind.close()
        with running_prometheus(tmp_path, config(served.address)) as again:
            watcher.behind.point_at(again.url)
            recovered = await until(watcher, "", Quality.FRESH)
            assert recovered.reading(0, 0).value == 0.5
            await watcher.watch.close()
        working.cancel()

    with served_page(page(0.0)) as served:
        asyncio.run(scenario(served))


async def check_a_fresh_snapshot(watcher: Watcher) -> None:
    await watcher.look()
    asked = watcher.behind.client.asked
    look = await watcher.look()
    assert watcher.behind.client.asked - asked <= 10
    snapshot = watcher.snapshot(look)
    assert [snapshot.reading(0, r).value for r in range(3)] == [0.5, 0.4, 0.3]
    assert all(snapshot.reading(0, r).quality is Quality.FRESH for r in range(3))
    assert 0.0 <= snapshot.now - snapshot.reading(0, 0).at <= TIMES.fresh_seconds
    assert snapshot.devices.thermal_headroom_kelvin[0] == 25.0
    assert snapshot.reading(1, 0).quality is Quality.ABSENT
    assert snapshot.workloads.cost_cores[0] == pytest.approx(0.5, rel=0.2)
    assert snapshot.workloads.cost_memory_bytes[0] == pytest.approx(1e9)
    assert snapshot.workloads.cost_measured[0]
    assert 0.0 < snapshot.now - snapshot.placements.last_result_at[0] < 5.0
    assert snapshot.placements.confidence[0] == pytest.approx(0.7)
    check_what_programs_and_cameras_say(snapshot, look)
    assert look.history_trouble == ""
    background = watcher.watch.series(look).values.reshape(2, 3, -1)[0, 0]
    assert np.isfinite(background).sum() >= 2
    assert background[np.isfinite(background)] == pytest.approx(0.5 - 0.5 / 8.0, abs=0.03)


def check_what_programs_and_cameras_say(snapshot: Snapshot, look: Look) -> None:
    seen = snapshot.cameras
    assert (seen.ids, seen.environment_class, seen.environment_fresh.tolist()) == (("cam-01",), ("02",), [True])
    assert seen.environment_confidence.tolist() == [0.8]
    assert 0.0 <= snapshot.now - seen.environment_at[0] <= TIMES.fresh_seconds
    doubts, frame = (look.sight.readings.placement_column(name) for name in ("ambiguous", "last_frame"))
    assert doubts.column.value[doubts.row[PLACEMENT]] == pytest.approx(0.4)
    assert doubts.column.fresh[doubts.row[PLACEMENT]]
    assert 0.0 < snapshot.now - frame.column.value[frame.row[PLACEMENT]] < 5.0


def test_two_classes_at_once_are_none_and_one_that_nobody_says_any_more_grows_stale(tmp_path: Path) -> None:
    state = 'ai_environment_state{{camera="cam-01",environment="{0}"}} 1\n'

    async def until_seen(watcher: Watcher, expected: tuple[str, bool]) -> None:
        deadline = time.monotonic() + WITHIN_SECONDS
        while True:
            seen = watcher.snapshot(await watcher.look()).cameras
            if (seen.environment_class[0], bool(seen.environment_fresh[0])) == expected:
                return
            assert time.monotonic() < deadline, f"still {seen}"
            await asyncio.sleep(0.5)

    async def scenario(served: Page) -> None:
        with running_prometheus(tmp_path, config(served.address)) as prometheus:
            watcher = Watcher(prometheus.url)
            await until_seen(watcher, ("02", True))
            served.text = state.format("02") + state.format("03")
            await until_seen(watcher, ("", False))
            served.text = state.format("03")
            await until_seen(watcher, ("03", True))
            served.text = ""
            await until_seen(watcher, ("03", False))
            await watcher.watch.close()

    with served_page(state.format("02")) as served:
        asyncio.run(scenario(served))


def test_every_query_of_both_presets_is_understood(tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        client = PrometheusClient(Endpoint(url))
        source = PrometheusSource(client)
        now = time.time()
        for preset in PRESETS:
            for signal in signals_from(preset, {}, TIMES):
                assert await source.ask(signal, now, 12.5) == ()
                if signal.history:
                    assert await source.past(signal, now - 600.0, now, 2.0) == ()
        await source.close()

    with running_prometheus(tmp_path, "global: {}\n") as prometheus:
        asyncio.run(scenario(prometheus.url))


def test_a_wrong_query_is_named_with_its_signal(tmp_path: Path) -> None:
    async def scenario(url: str) -> Look:
        watcher = Watcher(url)
        signals = signals_from("edgeshift", {"cpu": {"promql": "edge_cpu_usage_ratio{"}}, TIMES)
        watcher.watch = FleetWatch(watcher.behind, signals, watcher.limits)
        look = await watcher.look()
        await watcher.watch.close()
        return look

    with running_prometheus(tmp_path, "global: {}\n") as prometheus:
        readings = asyncio.run(scenario(prometheus.url)).sight.readings
    assert readings.blind == "prometheus_error"
    assert "parse error" in readings.sentence
    assert readings.sentence.endswith("(asked for cpu)")


def test_history_comes_back_cell_by_cell(tmp_path: Path) -> None:
    """What the live reads put into a cell, and what a range query says of it later, is the same."""

    async def scenario(served: Page) -> None:
        with running_prometheus(tmp_path, config(served.address)) as prometheus:
            prometheus.wait_for("edge_cpu_usage_ratio")
            live = Watcher(prometheus.url)
            for step in range(12):
                served.text = page(1.0).replace('ratio{scope="host"} 0.5', f'ratio{{scope="host"}} {0.3 + step / 50}')
                await asyncio.sleep(1.0)
                await live.look()
            later = Watcher(prometheus.url)
            await later.look()
            now = time.time()
            kept, read_again = (watcher.watch.history.total(now)[0, 0, -5:-1] for watcher in (live, later))
            await live.watch.close()
            await later.watch.close()
        assert np.isfinite(kept).all()
        assert read_again == pytest.approx(kept, abs=1e-6)

    with served_page(page(0.0)) as served:
        asyncio.run(scenario(served))
