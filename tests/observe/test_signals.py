"""Signals come from a preset, may be overridden by name, and never cost more queries than allowed."""

from __future__ import annotations

import pytest

from decision_engine.core.limits import Times
from decision_engine.observe.presets import PRESETS
from decision_engine.observe.signals import QUERY_LIMIT, SignalError, query_count, signals_from
from exporters.contract import BY_NAME

TIMES = Times()


def test_edgeshift_costs_fewer_queries_than_allowed_and_node_exporter_less() -> None:
    assert query_count(signals_from("edgeshift", {}, TIMES)) == 9 < QUERY_LIMIT
    assert query_count(signals_from("node_exporter", {}, TIMES)) == 7


def test_node_exporter_knows_no_gpu_and_no_confidence() -> None:
    names = {signal.name for signal in signals_from("node_exporter", {}, TIMES)}
    assert names == {"cpu", "memory", "workload_cpu_cores", "workload_memory_bytes"}


def test_edgeshift_asks_only_for_promised_metrics() -> None:
    signals = signals_from("edgeshift", {}, TIMES)
    words = {
        word.removesuffix("_sum").removesuffix("_count")
        for signal in signals
        for text in (signal.promql, signal.freshness, signal.history_promql)
        for word in text.replace("(", " ").replace(")", " ").replace("[", " ").replace("{", " ").split()
        if word.startswith(("edge_", "ai_"))
    }
    assert len(words) >= 8
    assert words <= set(BY_NAME)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_placeholder_is_filled(preset: str) -> None:
    for signal in signals_from(preset, {}, TIMES):
        assert "{rate_window}" not in signal.promql + signal.history_promql + signal.freshness
        assert "{window}" not in signal.at_window(12.5)


def test_a_range_signal_is_asked_over_the_window_to_the_millisecond() -> None:
    cpu = next(signal for signal in signals_from("edgeshift", {}, TIMES) if signal.name == "cpu")
    assert cpu.at_window(12.5) == 'edge_cpu_usage_ratio{trust!="low"}[12500ms]'


def test_a_rate_looks_back_over_four_scrapes() -> None:
    cost = next(signal for signal in signals_from("edgeshift", {}, Times(scrape_seconds=2.0)) if signal.name == "workload_cpu_cores")
    assert "[8000ms]" in cost.promql


def test_an_override_takes_its_history_along() -> None:
    signals = signals_from("edgeshift", {"cpu": {"promql": 'site:cpu{job="x"}'}}, TIMES)
    cpu = next(signal for signal in signals if signal.name == "cpu")
    assert cpu.history_promql == 'avg_over_time(site:cpu{job="x"}[{window}])'


def test_a_regular_expression_is_no_placeholder() -> None:
    signals = signals_from("edgeshift", {"cpu": {"promql": 'edge_cpu_usage_ratio{device=~"edge-[0-9]{2}"}'}}, TIMES)
    assert signals[0].at_window(5.0).endswith('{2}"}[5000ms]')


def test_an_empty_query_turns_a_signal_off() -> None:
    assert "gpu" not in {signal.name for signal in signals_from("edgeshift", {"gpu": {"promql": ""}}, TIMES)}


@pytest.mark.parametrize(
    ("preset", "overrides", "says"),
    [
        pytest.param("jetson", {}, "preset 'jetson'", id="unknown-preset"),
        pytest.param("edgeshift", {"cpuu": {}}, "signal 'cpuu'", id="unknown-signal"),
        pytest.param("edgeshift", {"cpu": {"expr": "x"}}, "'expr' cannot be set", id="unknown-key"),
        pytest.param("edgeshift", {"cpu": {"key": "placement"}}, "'key' cannot be set", id="fixed-key"),
        pytest.param("edgeshift", {"cpu": {"promql": 3}}, "promql must be text", id="not-text"),
        pytest.param("edgeshift", {"cpu": {"promql": "x[{windows}]"}}, "{windows}", id="unknown-placeholder"),
        pytest.param("edgeshift", {"cpu": {"kind": "matrix"}}, "neither range nor instant", id="unknown-kind"),
        pytest.param("edgeshift", {"cpu": {"history": "yes"}}, "true or false", id="history-not-bool"),
        pytest.param("edgeshift", {"cpu": {"allowed_age_seconds": 0}}, "above 0", id="age-zero"),
        pytest.param("edgeshift", {"cpu": {"allowed_age_seconds": True}}, "above 0", id="age-bool"),
        pytest.param("edgeshift", {"thermal_headroom": {"promql": "x"}}, "its own freshness", id="no-freshness"),
        pytest.param("edgeshift", {"cpu": {"together": "x"}}, "'together' cannot be set", id="fixed-group"),
        pytest.param("edgeshift", {"environment": {"promql": "x"}}, "its own freshness", id="no-time"),
        pytest.param("edgeshift", {"environment": {"promql": "x", "value_is_time": 1}}, "true or false", id="time-not-bool"),
        pytest.param("edgeshift", {"environment": {"freshness": "y"}}, "without freshness", id="two-times"),
        pytest.param("edgeshift", {"cpu": {"value_is_time": True}}, "for an instant promql", id="time-of-a-range"),
        pytest.param(
            "edgeshift",
            {"confidence": {"freshness": "timestamp(x)"}, "ambiguous": {"freshness": "timestamp(y)"}},
            "11 queries",
            id="too-many",
        ),
        pytest.param("edgeshift", {"cpu": {"promql": "a{x='1'}"}, "gpu": {"promql": "b{x='2'}"}}, "11 queries", id="too-many-alone"),
    ],
)
def test_a_wrong_configuration_is_refused_in_one_sentence(preset: str, overrides: dict[str, dict[str, object]], says: str) -> None:
    with pytest.raises(SignalError) as refusal:
        signals_from(preset, overrides, TIMES)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
