"""`edgeshift backtest` on a range of a real Prometheus, read in several chunks."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from decision_engine.observe.range_frames import CHUNK_POINTS, RangeError, RangeQuery, read_range
from tests.builders.backtest import restless
from tests.builders.prometheus_process import PrometheusProcess, running_prometheus
from tests.builders.serve_process import edgeshift

pytestmark = [pytest.mark.real, pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs the prometheus program")]

BEGAN, STEP, POINTS = 1_700_000_000, 30, CHUNK_POINTS + 300
VALUES = restless(3, POINTS).round(4)
GAP = slice(100, 140)
CONFIG = "global: {scrape_interval: 1h}\n"
FOR_EVER = ("--storage.tsdb.retention.time=100y",)


def fill(directory: Path) -> None:
    """Put three series into Prometheus' storage, one with twenty minutes of silence."""
    lines = ["# TYPE load gauge"]
    for row, values in enumerate(VALUES):
        silent = range(*GAP.indices(POINTS)) if row == 0 else range(0)
        lines += [f'load{{device="edge-{row}"}} {value} {BEGAN + STEP * at}' for at, value in enumerate(values) if at not in silent]
    (directory / "data").mkdir(parents=True)
    (directory / "past.om").write_text("\n".join([*lines, "# EOF\n"]), encoding="utf-8")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "-q", str(directory / "past.om"), str(directory / "data")]
    subprocess.run(command, capture_output=True, timeout=60.0, check=True)


def test_a_range_is_read_in_chunks_and_lived_through(tmp_path: Path) -> None:
    fill(tmp_path)
    with running_prometheus(tmp_path, CONFIG, arguments=FOR_EVER) as prometheus:
        the_frame_is_what_was_stored(prometheus)
        an_empty_range_and_a_wrong_query_are_sentences(prometheus)
        words = ("--prometheus", prometheus.url, "--query", "load", "--from", str(BEGAN), "--to", str(BEGAN + STEP * (POINTS - 1)))
        ended = edgeshift("backtest", *words, "--step", "30", "--method", "smoothing", "--json")
    assert ended.code == 0, ended.err
    source = json.loads(ended.out)["sources"]["prometheus"]
    assert (source["series"], source["machines"], source["grid_seconds"]) == (3, 3, float(STEP))
    assert VALUES.size - (GAP.stop - GAP.start) <= source["points"] < VALUES.size
    assert source["methods"]["smoothing"]["skill"]["value"][-1] > 0.0


def the_frame_is_what_was_stored(prometheus: PrometheusProcess) -> None:
    told: list[float] = []
    frame = read_range(RangeQuery(prometheus.url, 'load{device!="edge-0"}', BEGAN, BEGAN + STEP * (POINTS - 1), STEP), told.append)
    assert told == [pytest.approx(CHUNK_POINTS / POINTS, rel=0.05), 1.0]
    wide = frame.pivot_table(index="series_id", columns="timestamp", values="value")
    assert list(wide.index) == ['edge-1/load{device="edge-1"}', 'edge-2/load{device="edge-2"}']
    np.testing.assert_allclose(wide.to_numpy(), VALUES[1:])


def an_empty_range_and_a_wrong_query_are_sentences(prometheus: PrometheusProcess) -> None:
    with pytest.raises(RangeError, match="nothing_here has no sample between"):
        read_range(RangeQuery(prometheus.url, "nothing_here", BEGAN, BEGAN + 600, STEP), lambda _: None)
    with pytest.raises(RangeError, match=r"refuses the query \(HTTP 400\): .*parse error"):
        read_range(RangeQuery(prometheus.url, "load{", BEGAN, BEGAN + 600, STEP), lambda _: None)
    with pytest.raises(RangeError, match=r"does not answer as Prometheus does|refuses the query"):
        read_range(RangeQuery(f"{prometheus.url}/graph", "load", BEGAN, BEGAN + 600, STEP), lambda _: None)
