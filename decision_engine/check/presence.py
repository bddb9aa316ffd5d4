"""Says for each signal how many devices or workloads have it, how old the newest sample is, and what to do where it is absent."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from decision_engine.catalog.model import Catalog
from decision_engine.check.line import CheckLine, few
from decision_engine.check.scraping import Asking, QueryRefused
from decision_engine.observe.signals import Key, Signal

NEEDED: Final = frozenset({"cpu", "memory", "last_result"})
"""Without these nothing is decided; a fleet may well be without the others, such as GPUs."""
WITHOUT: Final[Mapping[str, str]] = {
    "gpu": "without it these devices take no work from others; where there is no GPU say gpu: false in the catalogue",
    "thermal_headroom": "nothing is wrong where a board has no throttle trip; it then counts neither as too hot nor as about to throttle",
    "workload_cpu_cores": "what their version declares is taken until it is measured; they may not run now",
    "workload_memory_bytes": "what their version declares is taken until it is measured; they may not run now",
    "confidence": "no decision of today needs it; they may tell no confidence, or not run now",
    "last_frame": "a program that is silent cannot be told from a camera that sends nothing; they may not run now",
    "ambiguous": "no precise analysis is asked for because of doubtful results; they may tell no confidence, or not run now",
    "environment": "the AI of these cameras is not changed with the weather; an AI of class 00 or the bridge tells it",
    "environment_confidence": "a class told without confidence may not be enough to change an AI; an AI of class 00 or the bridge tells it",
}
"""What it means to be without a signal that one can do without."""
LEAST_WINDOW_SECONDS: Final = 60.0
"""A sample that is older than this counts as absent here, unless the rhythm is slower."""
WINDOW_FRESH_TIMES: Final = 4.0
NOUNS: Final[Mapping[Key, str]] = {"device": "devices", "placement": "workloads", "camera": "cameras"}
TOLD_BY_PROGRAMS: Final = frozenset({"last_result", "last_frame", "confidence", "ambiguous"})
"""Signals of what a program finds, and not of what it takes."""
METRIC_NAME: Final = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")


@dataclass(frozen=True, slots=True)
class Seen:
    """Whose newest sample is from when (Unix seconds; NaN where nobody tells)."""

    at: Mapping[str, float]

    def newest_age(self, now: float) -> float:
        """Age of the newest sample in seconds; NaN where unknown."""
        known = [at for at in self.at.values() if not math.isnan(at)]
        return now - max(known) if known else math.nan


def check_signals(signals: tuple[Signal, ...], catalog: Catalog, prometheus: Asking, fresh_seconds: float) -> list[CheckLine]:
    """One line per signal."""
    answers: dict[str, dict[str, float] | QueryRefused] = {}
    for signal in signals:
        try:
            answers[signal.name] = _seen(signal, prometheus, fresh_seconds)
        except QueryRefused as error:
            answers[signal.name] = error
    tellers = frozenset(
        device
        for signal in signals
        if signal.key == "device" and not isinstance(found := answers[signal.name], QueryRefused)
        for device in found
    )
    circumstances = Circumstances(prometheus.now, fresh_seconds, prometheus.metric_names(), tellers)
    return [_told(signal, answers[signal.name], expected_of(signal, catalog), circumstances) for signal in signals]


def _told(signal: Signal, answer: dict[str, float] | QueryRefused, expected: frozenset[str], known: Circumstances) -> CheckLine:
    if isinstance(answer, QueryRefused):
        return CheckLine(False, f"signal {signal.name}", f"Prometheus refuses {signal.promql}: {answer}", "correct signals.overrides")
    return _line(signal, expected, Seen({key: at for key, at in answer.items() if key in expected}), known)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The moment of asking, how old a sample may be, the metric names that Prometheus knows, and the devices that tell anything."""

    now: float
    fresh_seconds: float
    names: frozenset[str]
    tellers: frozenset[str]


def expected_of(signal: Signal, catalog: Catalog) -> frozenset[str]:
    """Ids of the devices, workloads or cameras that should have a signal; of a camera that nobody analyses nothing is asked."""
    if signal.key == "device":
        return frozenset(device.id for device in catalog.devices.values() if device.gpu or signal.name != "gpu")
    if signal.key == "camera":
        return frozenset(workload.camera for workload in catalog.workloads.values())
    tells = signal.name in TOLD_BY_PROGRAMS
    packages = {package.id for package in catalog.packages.values() if package.result == "helper" or not tells}
    return frozenset(workload.id for workload in catalog.workloads.values() if workload.package in packages)


def _seen(signal: Signal, prometheus: Asking, fresh_seconds: float) -> dict[str, float]:
    """The time of the newest sample by id of device, workload or camera."""
    window = max(LEAST_WINDOW_SECONDS, WINDOW_FRESH_TIMES * (signal.allowed_age_seconds or fresh_seconds))
    results = prometheus.ask(signal.at_window(window))
    times = {_key(signal, result): _newest(result) for result in prometheus.ask(signal.freshness)} if signal.freshness else {}
    seen: dict[str, float] = {}
    for result in results:
        key, at = _key(signal, result), _sampled_at(result)
        if key and at is not None:
            if signal.kind == "instant":
                at = _newest(result) if signal.value_is_time else times.get(key, math.nan)
            seen[key] = max(seen.get(key, -math.inf), at) if not math.isnan(at) else seen.get(key, at)
    return seen


def _key(signal: Signal, result: Mapping[str, Any]) -> str:
    label: str = result["metric"].get(signal.key, "")
    return label.rpartition("@")[0] if signal.key == "placement" else label


def _sampled_at(result: Mapping[str, Any]) -> float | None:
    """Time of the newest sample that is a number; None where there is none."""
    samples = result["values"] if "values" in result else [result["value"]]
    return next((float(at) for at, value in reversed(samples) if not math.isnan(float(value))), None)


def _newest(result: Mapping[str, Any]) -> float:
    return float(result["value"][1])


def _line(signal: Signal, expected: frozenset[str], seen: Seen, known: Circumstances) -> CheckLine:
    subject, noun = f"signal {signal.name}", NOUNS[signal.key]
    if not expected:
        return CheckLine(True, subject, f"no {noun} of the catalogue should have it")
    absent, allowed = expected - set(seen.at), signal.allowed_age_seconds or known.fresh_seconds
    stale = {key for key, at in seen.at.items() if known.now - at > allowed}
    age = seen.newest_age(known.now)
    sentence = f"present for {len(seen.at)} of {len(expected)} {noun}"
    if seen.at:
        sentence += ", no freshness known" if math.isnan(age) else f", newest sample {max(age, 0.0):.1f} s old"
    if stale:
        sentence += f", {len(stale)} older than {allowed:g} s ({few(stale)})"
    ok = signal.name not in NEEDED or not (absent or stale)
    return CheckLine(ok, subject, sentence, _advice(signal, absent, seen, known) if absent else _stale_advice(stale))


def _advice(signal: Signal, absent: Collection[str], seen: Seen, known: Circumstances) -> str:
    """What to do where a signal is absent; nobody is told to start what can be seen to run."""
    used = known.names & set(METRIC_NAME.findall(signal.promql))
    if not seen.at and used:
        return f"Prometheus has {few(used)}, but with no known label {signal.key}: let it read the catalogue's targets"
    whose = f"absent for {few(absent)}" if seen.at else f"Prometheus has no metric of {signal.promql}"
    if signal.name in WITHOUT:
        return f"{whose}: {WITHOUT[signal.name]}"
    if signal.key != "device":
        return f"{whose}: see whether these AI programs run, and report through exporters.workload.publish"
    if set(absent) & known.tellers:
        return f"{whose}: other signals of {few(set(absent) & known.tellers)} are there, so look at edge_sensor_up for the reason"
    start = "see there whether `edgeshift exporter` runs" if seen.at else "start `edgeshift exporter` on the devices"
    return f"{whose}: {start}, or set signals.preset or overrides"


def _stale_advice(stale: Collection[str]) -> str:
    return f"see whether Prometheus still scrapes {few(stale)}, and whether the clocks agree" if stale else ""
