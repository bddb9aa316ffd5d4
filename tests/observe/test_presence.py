"""`edgeshift check` tells whether the cameras' signals are there, without asking a real Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from decision_engine.check.presence import check_signals
from decision_engine.check.scraping import QueryRefused
from decision_engine.core.limits import Times
from decision_engine.observe.signals import Signal, signals_from
from tests.builders.observe import NOW, small_catalog

SIGNALS = {signal.name: signal for signal in signals_from("edgeshift", {}, Times())}


@dataclass
class Answers:
    """Answers by query text; any other is refused."""

    by_text: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    now: float = NOW

    def metric_names(self) -> frozenset[str]:
        return frozenset()

    def ask(self, promql: str) -> Sequence[Mapping[str, Any]]:
        if promql not in self.by_text:
            raise QueryRefused("parse error")
        return self.by_text[promql]


def state(camera: str, age: float) -> dict[str, Any]:
    return {"metric": {"camera": camera, "environment": "02"}, "value": [NOW, str(NOW - age)]}


def ranged(label: str, name: str, age: float) -> dict[str, Any]:
    return {"metric": {label: name}, "values": [[NOW - age, "0.5"]]}


def told(signal: Signal, *series: Mapping[str, Any]) -> tuple[str, str, str]:
    """State, sentence and advice."""
    text = signal.promql if signal.kind == "instant" else signal.at_window(60.0)
    texts: dict[str, Sequence[Mapping[str, Any]]] = {text: series}
    line = check_signals((signal,), small_catalog(2), Answers(texts | ({signal.freshness: []} if signal.freshness else {})), 15.0)[0]
    return line.state, line.sentence, line.advice


def test_the_environment_is_as_old_as_its_value_says() -> None:
    found = told(SIGNALS["environment"], state("cam-01", 4.0), state("cam-02", 3.0), state("cam-99", 1.0))
    assert found[:2] == ("ok", "present for 2 of 2 cameras, newest sample 3.0 s old")


def test_a_camera_without_an_environment_is_a_note_that_says_what_that_means() -> None:
    state_, sentence, advice = told(SIGNALS["environment"], state("cam-01", 4.0))
    assert (state_, sentence) == ("note", "present for 1 of 2 cameras, newest sample 4.0 s old")
    assert advice.startswith("absent for cam-02: the AI of these cameras is not changed")


def test_an_environment_that_is_too_old_is_named() -> None:
    assert "1 older than 15 s (cam-02)" in told(SIGNALS["environment"], state("cam-01", 4.0), state("cam-02", 20.0))[1]


@pytest.mark.parametrize(
    ("name", "label", "whose", "noun"),
    [
        ("environment_confidence", "camera", "cam-01", "cameras"),
        ("last_frame", "placement", "detector/cam-01/main@edge-01#1", "workloads"),
        ("ambiguous", "placement", "detector/cam-01/main@edge-01#1", "workloads"),
    ],
)
def test_the_other_new_signals_are_counted_by_whom_they_speak_of(name: str, label: str, whose: str, noun: str) -> None:
    signal = SIGNALS[name]
    series = ranged(label, whose, 2.0) if signal.kind == "range" else {"metric": {label: whose}, "value": [NOW, "0.5"]}
    age = ", newest sample 2.0 s old" if signal.kind == "range" else ", no freshness known"
    state_, sentence, advice = told(signal, series)
    assert (state_, sentence) == ("note", f"present for 1 of 2 {noun}{age}")
    assert advice
