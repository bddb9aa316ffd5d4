"""The helper that AI programs use: what it says arrives as said, and it never gets in their way."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from exporters.workload import publish
from exporters.workload.publish import Options, Publisher
from tests.builders.exporters import NOW, PLACEMENT, WORKLOAD, Page, World
from tests.builders.workload import Outlet


def test_it_says_hello_at_once_so_that_the_first_event_is_seen_to_rise() -> None:
    outlet = Outlet()
    outlet.publisher()
    assert len(outlet.sent) == 1
    assert dict(outlet.last.totals.events) == {"fire": 0}
    assert outlet.last.last_frame is None
    assert outlet.last.totals.cpu_seconds > 0
    assert (outlet.last.resident_bytes or 0) > 1e6


def test_all_that_is_told_arrives() -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    publisher.frame()
    publisher.frame(at=NOW - 5)
    publisher.result(0.03, 0.45)
    publisher.result(99.0, None, at=NOW - 2)
    publisher.event("fire", 0.9, at=NOW - 1)
    publisher.event("fire", 0.8, at=NOW - 3)
    publisher.environment("02", 0.7)
    publisher.flush()
    told = outlet.last
    assert (told.totals.frames, told.totals.results) == (2, 2)
    assert (told.last_frame, told.last_result) == (NOW, NOW)
    assert told.totals.latency.counts == (0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1)
    assert told.totals.latency.sum == pytest.approx(99.03)
    assert told.totals.confidence.counts == (0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    assert dict(told.totals.events) == {"fire": 2}
    assert (told.sightings["fire"].at, told.sightings["fire"].confidence) == (NOW - 1, 0.9)
    assert told.environment == "02"


def test_a_value_on_an_edge_belongs_below_it() -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    publisher.result(0.05, 0.4)
    publisher.flush()
    assert outlet.last.totals.latency.counts.index(1) == publish.LATENCY_BUCKETS_SECONDS.index(0.05)
    assert outlet.last.totals.confidence.counts.index(1) == publish.CONFIDENCE_BUCKETS_RATIO.index(0.4)


@pytest.mark.parametrize(
    ("latency", "confidence"),
    [
        pytest.param(float("nan"), float("nan"), id="nan"),
        pytest.param(-1.0, -0.1, id="negative"),
        pytest.param(float("inf"), 1.01, id="too-much"),
        pytest.param("fast", "sure", id="words"),
        pytest.param(None, None, id="nothing"),
        pytest.param(10**400, object(), id="not-even-numbers"),
    ],
)
def test_numbers_that_cannot_be_are_left_out_and_the_result_still_counts(latency: Any, confidence: Any) -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    publisher.result(latency, confidence)
    publisher.event("fire", confidence)
    publisher.environment("night", confidence)
    publisher.flush()
    assert outlet.last.totals.results == 1
    assert sum(outlet.last.totals.latency.counts) == sum(outlet.last.totals.confidence.counts) == 0
    assert outlet.last.sightings["fire"].confidence is None
    assert outlet.last.environment == "unknown"


@pytest.mark.parametrize("at", [NOW * 1000, float("nan"), -1, "yesterday"], ids=["milliseconds", "nan", "negative", "word"])
def test_a_time_that_cannot_be_is_now(at: Any) -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    publisher.result(0.1, 0.5, at=at)
    publisher.flush()
    assert outlet.last.last_result == NOW


def test_a_clock_set_back_does_not_silence_a_program() -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    publisher.frame()
    publisher.event("fire", 0.5)
    publisher.environment("01", 0.5)
    outlet.now -= 86_400
    publisher.flush()
    assert outlet.last.last_frame == outlet.now


def test_at_most_one_datagram_an_interval_and_flush_whenever_asked() -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    for _ in range(50):
        publisher.frame()
    assert len(outlet.sent) == 1
    outlet.seconds = 1.0
    publisher.frame()
    publisher.frame()
    assert len(outlet.sent) == 2
    assert outlet.last.totals.frames == 51
    publisher.flush()
    assert outlet.last.totals.frames == 52


def test_while_nobody_listens_totals_are_kept_and_the_loss_is_counted_exactly() -> None:
    outlet, collector = Outlet(), World().collector()
    publisher = outlet.publisher()
    collector.accept(outlet.sent[-1], 0)
    outlet.away = True
    for second in range(1, 6):
        outlet.seconds = float(second)
        publisher.frame()
    outlet.away = False
    publisher.flush()
    collector.accept(outlet.sent[-1], 0)
    assert (publisher.sent, publisher.unsent) == (2, 5)
    assert (outlet.last.seq, outlet.last.lost) == (7, 5)
    page = Page(collector)
    assert page.value("ai_frames_total") == 5
    assert page.value("ai_observations_lost_total") == 5


def test_goodbye_is_the_last_word() -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    publisher.close()
    publisher.close()
    publisher.frame()
    publisher.flush()
    assert len(outlet.sent) == 2
    assert outlet.last.end


def test_identity_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WORKLOAD": WORKLOAD, "PLACEMENT": PLACEMENT, "CLASS": "03", "VERSION": "9", "CAMERA": "gate"}.items():
        monkeypatch.setenv(f"EDGESHIFT_{name}", value)
    outlet = Outlet()
    outlet.publisher(workload="", placement="", environment_class="", version="")
    assert (outlet.last.labels, outlet.last.camera) == ((WORKLOAD, PLACEMENT, "03", "9"), "gate")


def test_without_identity_it_warns_once_and_publishes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGESHIFT_WORKLOAD", raising=False)
    outlet = Outlet()
    with pytest.warns(UserWarning, match="EDGESHIFT_WORKLOAD"):
        publisher = outlet.publisher(workload="")
    publisher.frame()
    publisher.close()
    assert outlet.sent == []


@pytest.mark.parametrize("path", ["nobody.sock", "x" * 200, "a\0b"], ids=["nobody", "too-long", "null-byte"])
def test_a_door_that_is_not_there_harms_nobody(tmp_path: Path, path: str) -> None:
    publisher = Publisher(WORKLOAD, PLACEMENT, "01", "1", socket_path=str(tmp_path / path), options=Options(heartbeat=False))
    publisher.frame()
    publisher.flush()
    publisher.close()
    assert (publisher.sent, publisher.unsent) == (0, 3)


def test_threads_count_every_frame() -> None:
    outlet = Outlet()
    publisher = outlet.publisher()

    def work() -> None:
        for _ in range(500):
            publisher.frame()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publisher.flush()
    assert outlet.last.totals.frames == 2000
