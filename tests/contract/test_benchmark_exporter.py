"""The benchmark of exporters: which scrape is the slow one, what breaks a promise, and what is said when node_exporter is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import exporter
from benchmarks.exporter import FIGURES, Cost, keep_the_promise, nearest, percentile, row
from benchmarks.table import BenchmarkError, as_row
from tests.builders.exporter_bench import NODE_EXPORTER, DidNotStart, running_node_exporter

LIGHT = Cost(
    series=140, scrape_cpu_seconds=0.001, core_ratio=0.0015, resident_bytes=28e6, idle_seconds=0.002, busy_seconds=0.03
)  # fmt: skip


@pytest.mark.parametrize(
    ("count", "slow"), [(1, 1), (2, 2), (20, 19), (24, 23), (100, 95)], ids=["one", "two", "twenty", "twenty-four", "hundred"]
)
def test_one_scrape_in_twenty_may_take_longer(count: int, slow: int) -> None:
    assert percentile([float(number) for number in range(count, 0, -1)]) == slow


def test_a_light_exporter_keeps_its_promise() -> None:
    keep_the_promise(LIGHT)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"scrape_cpu_seconds": 0.0016}, r"CPU for a scrape .* is 1\.6 ms, promised are 1\.5", id="scrape"),
        pytest.param({"core_ratio": 0.002}, r"is 0\.2 % of a core, promised are 0\.2", id="core"),
        pytest.param({"resident_bytes": 31e6}, r"is 31 MB, promised are 30", id="memory"),
        pytest.param({"idle_seconds": 0.044}, r"scrape p95 .* is 44 ms, promised are 10", id="idle"),
        pytest.param({"busy_seconds": 0.2}, r"every core is busy .* is 200 ms, promised are 100", id="busy"),
    ],
)
def test_a_broken_promise_is_said_in_one_sentence(change: dict[str, float], said: str) -> None:
    with pytest.raises(BenchmarkError, match=rf"^benchmarks\.exporter: .*{said}; try when the machine is idle$"):
        keep_the_promise(replace(LIGHT, **change))  # type: ignore[arg-type]


def test_the_promise_is_held_against_the_page_of_its_size() -> None:
    small = replace(LIGHT, series=60)
    assert nearest(LIGHT, small) is small
    assert nearest(LIGHT, replace(LIGHT, series=10)) is LIGHT


@pytest.mark.parametrize("figure", FIGURES, ids=[figure.field for figure in FIGURES])
def test_each_figure_is_a_row_of_the_table_whose_ratio_is_how_much_lighter_ours_is(figure: exporter.Figure) -> None:
    heavy = replace(LIGHT, **{figure.field: 2 * getattr(LIGHT, figure.field)})
    written = as_row("exporter", row(figure, "140 series", LIGHT, heavy))
    assert written.ratio == pytest.approx(2.0)
    assert written.alternative == pytest.approx(2 * written.ours)
    assert written.name.endswith("140 series")
    assert written.ours < figure.promised


def test_a_missing_node_exporter_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DidNotStart, match=f"install the package {NODE_EXPORTER}"), running_node_exporter():
        raise AssertionError("it ran")
