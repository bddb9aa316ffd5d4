"""`edgeshift once` beside a real Prometheus and a real, running engine: it says what would be done, and leaves no trace."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from decision_engine.core.limits import Foresight, Moving, Overload
from decision_engine.evaluation.fleet import FLEET_CLUSTER, fleet_document
from exporters.simulated.backfill import write_backfill
from exporters.simulated.blueprint import Episode
from exporters.simulated.control import serve_control
from exporters.simulated.live import LivePlant
from exporters.simulated.plant import Plant
from exporters.simulated.stories import default_story
from exporters.simulated.targets import serve_targets
from tests.builders.prometheus_process import PrometheusProcess, running_prometheus, within
from tests.builders.serve_process import Ended, edgeshift, serving, write_settings

pytestmark = [pytest.mark.real, pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs the prometheus program")]

HOT = "edge-03"
RELIEVING = ("SC-1", "SC-2")
"""Whether an edge has room in this story is not what this is about."""
ALWAYS = Episode(HOT, 0.0, 1.0, 600.0, 8.0, 0.35)
CLUSTER, JOB, BACKFILL_STEP_SECONDS = FLEET_CLUSTER, "devices", 2.0
SUSTAIN_SECONDS = 8.0
SEEN_FOR_SECONDS = 11
"""Long enough that Prometheus has seen an overload that lasts; `once` itself looks for one, and its read window is 5 s."""
LIMITS = {
    "overload": asdict(Overload(sustain_seconds=SUSTAIN_SECONDS)),
    "foresight": asdict(Foresight(move_seconds_prior=7.0)),
    "moving": asdict(Moving(deadline_seconds=30.0)),
}


class Fleet:
    """A live plant with its settings, scraped by a real Prometheus."""

    def __init__(self, directory: Path, config: Path, live: LivePlant, prometheus: PrometheusProcess) -> None:
        self.directory, self.config, self.live, self.prometheus = directory, config, live, prometheus

    def placements(self) -> set[str]:
        return {row.placement for row in self.live.catch_up().placements()}

    async def once(self, *words: str) -> Ended:
        return await asyncio.to_thread(edgeshift, "once", "--config", str(self.config), *words)

    async def seen(self, at_least_ratio: float) -> None:
        """Wait until Prometheus itself has seen the edge at such a load for some seconds."""
        load = f'edge_cpu_usage_ratio{{device="{HOT}",scope="host"}}[{SEEN_FOR_SECONDS}s]'
        promql = f"min_over_time({load}) >= {at_least_ratio} and count_over_time({load}) >= {SEEN_FOR_SECONDS - 1}"
        await asyncio.to_thread(self.prometheus.wait_for, promql, 1, 30.0)


def with_fleet(directory: Path, episodes: tuple[Episode, ...], use: Callable[[Fleet], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        blueprint = replace(default_story(3, 600.0, 1, lent_device=False), episodes=episodes)
        live = LivePlant(await asyncio.to_thread(Plant, blueprint), time.time() - 5.0, time.time)
        targets = await serve_targets(live, 0)
        control = await serve_control(live, "127.0.0.1", 0)
        port = int(targets.addresses[HOT].rpartition(":")[2])
        (directory / "fleet.yaml").write_text(yaml.safe_dump(fleet_document(blueprint, port)), encoding="utf-8")
        try:
            text = prometheus_text(targets.addresses)
            await asyncio.to_thread(backfill, live, directory / "prometheus", targets.addresses)
            running = running_prometheus(directory / "prometheus", text)
            prometheus = await asyncio.to_thread(running.__enter__)
            try:
                config = write_settings(
                    directory,
                    prometheus={"url": prometheus.url, "timeout_seconds": 2.0},
                    actuators={"simulated": {"url": control.url}},
                    times={"scrape_seconds": 1.0, "cycle_seconds": 1.0, "grid_seconds": 3.0, "history_hours": 0.5},
                    **LIMITS,
                )
                await use(Fleet(directory, config, live, prometheus))
            finally:
                await asyncio.to_thread(running.__exit__, None, None, None)
        finally:
            await control.close()
            await targets.close()

    asyncio.run(asyncio.wait_for(all_of_it(), 120.0))


def backfill(live: LivePlant, directory: Path, addresses: dict[str, str]) -> None:
    """Put the plant's past into Prometheus' storage: without one nothing can be forecast, and then nothing is moved."""
    (directory / "data").mkdir(parents=True)
    labels = {name: {"device": name, "cluster": CLUSTER, "job": JOB, "instance": address} for name, address in addresses.items()}
    write_backfill(live.plant, directory / "past.om", live.story_began_unix_seconds, labels, BACKFILL_STEP_SECONDS)
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "-q", str(directory / "past.om"), str(directory / "data")]
    subprocess.run(command, capture_output=True, timeout=60.0, check=True)


def prometheus_text(addresses: dict[str, str]) -> str:
    groups = [{"targets": [address], "labels": {"device": device, "cluster": CLUSTER}} for device, address in addresses.items()]
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "900ms"},
            "scrape_configs": [{"job_name": JOB, "static_configs": groups}],
        }
    )


def traces(directory: Path) -> dict[str, str]:
    """Every file of the engine with a digest of its content."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file() and "prometheus" not in path.relative_to(directory).parts]
    return {str(path.relative_to(directory)): hashlib.blake2s(path.read_bytes()).hexdigest() for path in files}


def result_of(ended: Ended) -> Any:
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    return json.loads(ended.out)


def test_an_overload_that_lasts_is_seen_at_once_and_nothing_is_done(tmp_path: Path) -> None:
    async def use(fleet: Fleet) -> None:
        await fleet.seen(0.85)
        before, running = traces(fleet.directory), fleet.placements()
        result = result_of(await fleet.once("--json"))
        (act,) = result["would_do"]
        assert (act["reason"]["code"], act["move"]["source"]) == ("over_limit", HOT)
        assert act["scenario"] in RELIEVING
        assert result["trouble"] is None
        told = await fleet.once()
        assert told.code == 0, told.err
        # Which of the two it is may change with the forecast of the other edges, which is a scrape older by now.
        assert any(f"would do    {scenario}: {HOT} is at " in told.out for scenario in RELIEVING), told.out
        assert "moving detector/cam-" in told.out
        assert [line for line in told.err.splitlines() if line.startswith("looking")] == [
            f"looking at 4 devices through {fleet.prometheus.url}",
            "looking again in 1.1 s",
        ]
        assert traces(fleet.directory) == before
        assert fleet.placements() == running

    with_fleet(tmp_path, (ALWAYS,), use)


def test_beside_a_running_engine_it_neither_waits_nor_disturbs(tmp_path: Path) -> None:
    async def use(fleet: Fleet) -> None:
        await fleet.seen(0.0)
        with serving(fleet.config) as engine:
            assert await asyncio.to_thread(within, 15.0, lambda: engine.get("/readyz")[0] == 200)
            told = await fleet.once()
            assert (told.code, told.out) == (0, "nothing to do: 4 devices and 4 workloads are as they should be\n"), told.err
            assert engine.answers()
            engine.process.terminate()
            assert await asyncio.to_thread(engine.ended, 5.0) == 0, engine.log
        before = traces(fleet.directory)
        assert "state/journal.db" in before
        assert (await fleet.once()).code == 0
        assert traces(fleet.directory) == before

    with_fleet(tmp_path, (), use)


def test_a_prometheus_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    ended = edgeshift("once", "--config", str(write_settings(tmp_path)), "--json")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines() == [
        "looking at 4 devices through http://127.0.0.1:1",
        "Prometheus at http://127.0.0.1:1 cannot be reached (asked for cpu, memory, gpu, last_result, last_frame, environment_confidence)",
    ]
    assert not (tmp_path / "state").exists()
