"""What the engine says about itself: its promised metrics and the page that carries them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client import Metric as Family
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from decision_engine.catalog.model import RESOURCES
from decision_engine.core.memory import CycleRecord
from decision_engine.core.move import ENDED
from decision_engine.core.snapshot import Snapshot
from decision_engine.engine import CycleReport
from exporters.contract import Metric
from forecasting.api import ForecastTable

CYCLE_BUCKETS_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

SKILL: Final = Metric(
    "edgeshift_forecast_skill_ratio",
    "gauge",
    "ratio",
    ("device", "resource"),
    "How much closer P of overload was lately than the margin rule (Brier skill): 1 perfect, 0 no better, below 0 worse",
)
GATE: Final = Metric(
    "edgeshift_forecast_gate_open", "gauge", "", ("device", "resource"), "1 where the forecast may act, 0 where the margin rule decides"
)


def _by_horizon(name: str, unit: str, meaning: str, *labels: str) -> Metric:
    """A gauge of the whole fleet's forecasts, by how many seconds ahead they look."""
    return Metric(f"edgeshift_forecast_{name}", "gauge", unit, ("horizon", *labels), meaning)


QUALITY_METRICS: Final = (
    _by_horizon("coverage_ratio", "ratio", "Share of recent loads at or below p90, by seconds ahead; 0.9 is promised"),
    _by_horizon("pinball_ratio", "ratio", "Recent mean pinball loss of p90, by seconds ahead"),
    _by_horizon("fleet_skill_ratio", "ratio", "edgeshift_forecast_skill_ratio of the whole fleet as one, by seconds ahead"),
    _by_horizon("foreseen_ratio", "ratio", "Share of recent overloads before which P had reached foresight.probability"),
    _by_horizon("lead_seconds", "seconds", "How long before the overloads that it foresaw it did so, in the mean"),
)
CALIBRATION_METRICS: Final = (
    _by_horizon("said_ratio", "ratio", "Mean P of overload that was said lately, by tenths: 3 is 0.3 to 0.4", "tenth"),
    _by_horizon("came_ratio", "ratio", "Share of overloads that came of it; the same as was said where P is calibrated", "tenth"),
)
FORECAST_METRICS: Final = (SKILL, GATE, *QUALITY_METRICS, *CALIBRATION_METRICS)

ENGINE_METRICS: Final[tuple[Metric, ...]] = (
    Metric("edgeshift_engine_blind", "gauge", "", (), "1 while Prometheus cannot be believed and nothing is decided"),
    Metric("edgeshift_cycle_seconds", "histogram", "seconds", (), "Time of one whole cycle", CYCLE_BUCKETS_SECONDS),
    Metric("edgeshift_last_cycle_timestamp_seconds", "gauge", "seconds", (), "When the newest cycle began, Unix time"),
    Metric("edgeshift_decisions_total", "counter", "", ("scenario", "verdict", "reason"), "Decisions written down"),
    Metric("edgeshift_moves_total", "counter", "", ("outcome",), "Moves ended, by how: done or undone"),
    Metric("edgeshift_moves_in_flight", "gauge", "", (), "Moves under way"),
    Metric("edgeshift_effects_total", "counter", "", ("verdict",), "Promised effects checked: kept, missed, worse or unknown"),
    Metric("edgeshift_prometheus_queries_per_cycle", "gauge", "", (), "Queries that the newest cycle asked of Prometheus"),
    *FORECAST_METRICS,
    Metric("edgeshift_runtime_reachable", "gauge", "", ("actuator",), "1 when the runtime answered in the newest cycle"),
    Metric("edgeshift_build_info", "gauge", "", ("version",), "Always 1; the version stands in the label"),
)

FOR_A_PERSON: Final = (
    ("SC-6", "hold", "camera_down"),
    ("SC-6", "hold", "site_in_trouble"),
    ("SC-6", "hold", "repair_given_up"),
    ("SC-9", "refuse", "no_variant"),
    ("SC-10", "refuse", "no_version"),
)
"""Decisions that ask for a person, by scenario, verdict and reason."""
EFFECT_VERDICTS: Final = ("kept", "missed", "worse", "unknown")


class EngineMetrics:
    """Keeps the promised families up to date from cycle reports; ``actuators`` are the runtimes spoken of."""

    def __init__(self, version: str, actuators: tuple[str, ...]) -> None:
        self.actuators = actuators
        self._kept = CollectorRegistry()
        self._families = {metric.name: self._family(metric) for metric in ENGINE_METRICS if metric not in FORECAST_METRICS}
        self._forecasts = ForecastFamilies()
        self._gauge("edgeshift_build_info").labels(version).set(1)
        self._gauge("edgeshift_engine_blind").set(1)
        for outcome in ENDED:
            self._counter("edgeshift_moves_total").labels(outcome.value)
        for scenario, verdict, reason in FOR_A_PERSON:  # they are alerted on by their increase, which needs a first 0
            self._counter("edgeshift_decisions_total").labels(scenario, verdict, reason)
        for verdict in EFFECT_VERDICTS:
            self._counter("edgeshift_effects_total").labels(verdict)

    def observe(self, report: CycleReport) -> None:
        """Take in one cycle."""
        self._gauge("edgeshift_engine_blind").set(1 if report.snapshot.blind else 0)
        self._gauge("edgeshift_last_cycle_timestamp_seconds").set(report.snapshot.now)
        self._gauge("edgeshift_prometheus_queries_per_cycle").set(report.queries)
        self._gauge("edgeshift_moves_in_flight").set(len(report.memory.moves))
        self._histogram("edgeshift_cycle_seconds").observe(report.seconds)
        reachable = self._gauge("edgeshift_runtime_reachable")
        reachable.clear()
        for name in self.actuators:
            reachable.labels(name).set(0 if name in report.unreachable else 1)
        self._count(report.record)
        self._forecasts.snapshot = report.snapshot

    def page(self) -> bytes:
        """The text exposition; may be called in a thread, since ten thousand devices take a second to write out."""
        return generate_latest(_Promised(self._kept, self._forecasts))

    def _count(self, record: CycleRecord) -> None:
        for decision in record.decisions:
            self._counter("edgeshift_decisions_total").labels(decision.scenario, decision.verdict, decision.reason.code).inc()
        for transition in record.transitions:
            if transition.move.state in ENDED:
                self._counter("edgeshift_moves_total").labels(transition.move.state.value).inc()
        for outcome in record.outcomes:
            self._counter("edgeshift_effects_total").labels(outcome.verdict).inc()

    def _family(self, metric: Metric) -> Counter | Gauge | Histogram:
        if metric.kind == "histogram":
            return Histogram(metric.name, metric.meaning, metric.labels, buckets=metric.buckets, registry=self._kept)
        kind = Counter if metric.kind == "counter" else Gauge
        return kind(metric.name, metric.meaning, metric.labels, registry=self._kept)

    def _gauge(self, name: str) -> Gauge:
        family = self._families[name]
        assert isinstance(family, Gauge)
        return family

    def _counter(self, name: str) -> Counter:
        family = self._families[name]
        assert isinstance(family, Counter)
        return family

    def _histogram(self, name: str) -> Histogram:
        family = self._families[name]
        assert isinstance(family, Histogram)
        return family


class ForecastFamilies(Collector):
    """Skill, gate and record of the newest snapshot's forecasts, written out when somebody asks and not in every cycle."""

    snapshot: Snapshot | None = None

    def collect(self) -> Iterator[Family]:
        """Where nothing is known about skill there is no sample of it, never a 0; the gate is closed there, and that is said."""
        skill, gate = _family(SKILL), _family(GATE)
        snapshot = self.snapshot
        outlook = None if snapshot is None else snapshot.outlook
        if snapshot is not None and outlook is not None:
            for device, skills, gates in zip(snapshot.devices.ids, outlook.skill.tolist(), outlook.gate_open.tolist(), strict=True):
                for resource, ratio, is_open in zip(RESOURCES, skills, gates, strict=True):
                    gate.add_metric((device, resource), 1 if is_open else 0)
                    if math.isfinite(ratio):
                        skill.add_metric((device, resource), ratio)
        yield from (skill, gate, *_quality(None if outlook is None else outlook.background))


def _quality(table: ForecastTable | None) -> list[GaugeMetricFamily]:
    """The fleet's record by horizon; a method that keeps none, or has no outcomes yet, has no samples."""
    families = {metric.name: _family(metric) for metric in (*QUALITY_METRICS, *CALIBRATION_METRICS)}
    if table is None or table.quality is None:
        return list(families.values())
    quality, horizons = table.quality, [f"{seconds:g}" for seconds in table.horizon_seconds]
    by_horizon = (quality.coverage, quality.pinball, quality.skill, quality.foreseen, quality.lead_seconds)
    for metric, values in zip(QUALITY_METRICS, by_horizon, strict=True):
        for horizon, value in zip(horizons, values.tolist(), strict=True):
            if math.isfinite(value):
                families[metric.name].add_metric((horizon,), value)
    for metric, shares in zip(CALIBRATION_METRICS, (quality.said, quality.came), strict=True):
        for horizon, row in zip(horizons, shares.tolist(), strict=True):
            for tenth, value in enumerate(row):
                if math.isfinite(value):
                    families[metric.name].add_metric((horizon, str(tenth)), value)
    return list(families.values())


def _family(metric: Metric) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)


class _Promised(Collector):
    """All families without what the library adds on its own: the times at which counters were made."""

    def __init__(self, *parts: Collector) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Family]:
        """Each family as it was promised."""
        for part in self._parts:
            for family in part.collect():
                family.samples = [sample for sample in family.samples if sample.name != f"{family.name}_created"]
                yield family
