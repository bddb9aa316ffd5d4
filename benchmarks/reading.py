"""What one cycle's reading of a thousand series costs, against reading half an hour of them again into a frame each time."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import requests
from prometheus_api_client import MetricRangeDataFrame, PrometheusConnect

from benchmarks.table import BenchmarkError
from decision_engine.observe.client import Endpoint, PrometheusClient
from decision_engine.observe.prometheus_source import PrometheusSource
from decision_engine.observe.signals import Signal
from tests.builders.prometheus_process import running_prometheus

SERIES, SCRAPE_SECONDS = 1000, 15
HISTORY_SECONDS, WINDOW_SECONDS = 1800, 37.5
"""The window of a regular cycle: one scrape interval of silence and one and a half of overlap."""
REPEATS = 5
MILLISECONDS = 1e3
METRIC = "edge_cpu_usage_ratio"
SIGNAL = Signal("cpu", METRIC, "ratio", "range", "device")


def rows() -> list[dict[str, object]]:
    """Milliseconds from question to numbers, server included: a real Prometheus on loopback, filled by promtool.

    Raises:
        BenchmarkError: prometheus or promtool is missing, or the two ways do not read the same samples.
    """
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        raise BenchmarkError("benchmarks.reading: prometheus and promtool must be on PATH; install the package prometheus")
    now = float(int(time.time()) // SCRAPE_SECONDS * SCRAPE_SECONDS)
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        backfill(directory, now)
        with running_prometheus(directory, "global: {}\n") as prometheus:
            return measured(prometheus.url, now)


def backfill(directory: Path, now: float) -> None:
    """Half an hour of a thousand series that wander, as blocks on disk."""
    lines = [f"# HELP {METRIC} load\n# TYPE {METRIC} gauge\n"]
    for number in range(SERIES):
        labels = f'{{device="edge-{number:04d}",cluster="farm",scope="host",instance="127.0.0.1:9750",job="devices"}}'
        for age in range(HISTORY_SECONDS, -1, -SCRAPE_SECONDS):
            value = 0.5 + 0.3 * ((number * 7919 + age * 104729) % 1000) / 1000
            lines.append(f"{METRIC}{labels} {value:.6f} {now - age:.3f}\n")
    text = directory / "history.om"
    text.write_text("".join([*lines, "# EOF\n"]), encoding="utf-8")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(directory / "data")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def measured(url: str, now: float) -> list[dict[str, object]]:
    """Ours in one event loop, as in the engine; the other client with a kept connection, as it would be used."""
    session = requests.Session()
    session.trust_env = False  # loopback needs no proxy
    connect = PrometheusConnect(url=url, session=session)
    start, end = (datetime.fromtimestamp(at, tz=UTC) for at in (now - HISTORY_SECONDS, now))
    window = f"{METRIC}[{round(WINDOW_SECONDS * 1000)}ms]"

    def read_again() -> int:
        return len(MetricRangeDataFrame(connect.get_metric_range_data(METRIC, start_time=start, end_time=end)))

    def read_window() -> int:
        return len(MetricRangeDataFrame(connect.custom_query(window, params={"time": now})))

    ours, samples = asyncio.run(our_seconds(url, now))
    again, half_an_hour = quickest(read_again)
    same, same_samples = quickest(read_window)
    if samples != same_samples or half_an_hour <= samples:
        raise BenchmarkError(f"benchmarks.reading: {samples} samples were read by one way and {same_samples} by the other")
    return [
        row(f"one cycle's reading of {SERIES} series, instead of 30 minutes again as a frame", ours, again),
        row(f"the same window of {SERIES} series, instead of prometheus-api-client and a frame", ours, same),
    ]


async def our_seconds(url: str, now: float) -> tuple[float, int]:
    """The quickest of some reads, and how many samples it brought."""
    source = PrometheusSource(PrometheusClient(Endpoint(url)))

    async def ask() -> int:
        return sum(len(series.values) for series in await source.ask(SIGNAL, now, WINDOW_SECONDS))

    try:
        return await quickest_awaited(ask)
    finally:
        await source.close()


async def quickest_awaited(work: Callable[[], Awaitable[int]]) -> tuple[float, int]:
    """Shortest wall-clock time of some runs, and what the last one answered."""
    seconds, answer = [], 0
    for _ in range(REPEATS):
        begun = time.perf_counter()
        answer = await work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds), answer


def quickest(work: Callable[[], int]) -> tuple[float, int]:
    """The same for work that is not awaited."""
    seconds, answer = [], 0
    for _ in range(REPEATS):
        begun = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds), answer


def row(name: str, ours_seconds: float, alternative_seconds: float) -> dict[str, object]:
    """One row of the table, in milliseconds."""
    return {
        "name": name,
        "ours": ours_seconds * MILLISECONDS,
        "alternative": alternative_seconds * MILLISECONDS,
        "ratio": alternative_seconds / ours_seconds,
        "unit": "ms",
    }
