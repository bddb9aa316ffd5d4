"""What an integrator may call: a block for each inference, batches, streams, an ambiguous band; and what it costs."""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from exporters.workload.publish import CONFIDENCE_BUCKETS_RATIO, Options, Publisher
from exporters.workload.wire import MAX_DATAGRAM_BYTES, MAX_STREAMS, Stream
from tests.builders.exporters import NOW, PLACEMENT, WORKLOAD, World
from tests.builders.workload import Outlet


def told(outlet: Outlet, publisher: Publisher) -> Any:
    publisher.flush()
    return outlet.last.totals


def test_an_inference_is_one_result_with_the_time_it_took() -> None:
    outlet = Outlet()
    with outlet.publisher() as publisher:
        with publisher.inference() as inference:
            outlet.seconds += 0.03
            inference.confidence = 0.8
        totals = told(outlet, publisher)
    assert (totals.results, totals.empty, totals.frames) == (1, 0, 0)
    assert totals.latency.sum == pytest.approx(0.03)
    assert totals.confidence.counts.index(1) == CONFIDENCE_BUCKETS_RATIO.index(0.8)
    assert outlet.last.end


@pytest.mark.parametrize(
    ("calls", "confidence_sum", "empty"),
    [
        pytest.param((), 0.0, 1, id="not-a-word"),
        pytest.param((("found", 0.3), ("found", 0.9), ("found", 0.5)), 0.9, 0, id="the-surest-of-several"),
        pytest.param((("found", 0.3), ("empty",)), 0.0, 1, id="taken-back"),
        pytest.param((("found", float("nan")),), 0.0, 0, id="a-finding-of-unknown-confidence-is-not-empty"),
        pytest.param((("found", 0.4), ("found", "sure")), 0.4, 0, id="a-word-beside-a-number"),
    ],
)
def test_what_an_inference_may_say(calls: tuple[tuple[Any, ...], ...], confidence_sum: float, empty: int) -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    with publisher.inference() as inference:
        for name, *arguments in calls:
            getattr(inference, name)(*arguments)
    totals = told(outlet, publisher)
    assert (totals.results, totals.confidence.sum, totals.empty) == (1, confidence_sum, empty)


def test_a_block_that_raises_counts_nothing_but_a_failure() -> None:
    outlet = Outlet()
    publisher = outlet.publisher()

    def analyse() -> None:
        with publisher.inference(stream="a") as inference:
            inference.confidence = 0.5
            raise KeyError("camera")

    with pytest.raises(KeyError, match="camera"):
        analyse()
    totals = told(outlet, publisher)
    assert (totals.results, sum(totals.latency.counts), publisher.failures, outlet.last.streams) == (0, 0, 1, {})


def test_a_batch_is_as_many_results_of_the_same_latency() -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    publisher.batch((c for c in (0.5, None, 0.9, float("nan"))), 0.2, stream="a")
    totals = told(outlet, publisher)
    assert (totals.results, totals.empty, totals.ambiguous) == (4, 1, 1)
    assert sum(totals.latency.counts) == 4
    assert outlet.last.streams == {"a": Stream(0, 4, NOW)}


@pytest.mark.parametrize(
    ("band", "confidence", "ambiguous"),
    [
        ((0.4, 0.6), 0.4, 0), ((0.4, 0.6), 0.41, 1), ((0.4, 0.6), 0.6, 1), ((0.4, 0.6), 0.61, 0),
        ((0.3, 0.4), 0.35, 1), ((0.3, 0.4), 0.45, 0), ((0.9, 1.0), 1.0, 1), ((0.4, 0.6), None, 0),
    ],
)  # fmt: skip
def test_the_ambiguous_band_is_what_its_buckets_hold(band: tuple[float, float], confidence: float | None, ambiguous: int) -> None:
    outlet = Outlet()
    publisher = outlet.publisher(ambiguous=band)
    publisher.result(0.1, confidence)
    totals = told(outlet, publisher)
    low, high = (CONFIDENCE_BUCKETS_RATIO.index(end) for end in band)
    assert totals.ambiguous == ambiguous == sum(totals.confidence.counts[low + 1 : high + 1])


@pytest.mark.parametrize("band", [(0.45, 0.6), (0.4, 0.65), (0.6, 0.4), (0.4, 0.4), (0.4,), 0.4, ("a", "b"), None])
def test_a_band_that_is_no_pair_of_edges_is_said_at_once(band: Any) -> None:
    with pytest.raises(ValueError, match=r"two different edges of the confidence histogram.*0\.1, 0\.2"):
        Outlet().publisher(ambiguous=band)


def test_streams_over_the_limit_are_counted_together_and_counted() -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    for _ in range(2):
        for number in range(MAX_STREAMS + 4):
            publisher.frame(stream=f"gate {number:02d}")
            publisher.result(0.1, 0.5, stream=f"gate {number:02d}")
    publisher.frame(stream="other")
    publisher.frame()
    publisher.flush()
    streams = outlet.last.streams
    assert streams is not None
    assert len(streams) == MAX_STREAMS + 1
    assert streams["gate 15"] == Stream(2, 2, NOW)
    assert streams["other"] == Stream(2 * 4 + 1, 2 * 4, NOW)
    assert outlet.last.streams_over_limit == 4
    assert outlet.last.totals.frames == 2 * (MAX_STREAMS + 4) + 2


def test_counting_streams_over_the_limit_takes_bounded_memory() -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    for number in range(3000):
        publisher.frame(stream=f"{number}")
    publisher.flush()
    assert outlet.last.streams_over_limit == 1024
    assert len(publisher._tally._over_limit) == 1024


def stuffed(letter: str, workload_letter: str) -> tuple[Outlet, Publisher]:
    """A publisher that says all it can with names as long as may be, and has said hello."""
    outlet = Outlet()
    workload = "/".join((workload_letter * 64, workload_letter * 64, "main"))
    publisher = outlet.publisher(
        workload=workload, placement=f"{workload}@{workload_letter * 64}#123456789", camera=workload_letter * 64, version="v" * 128
    )
    for number in range(40):
        publisher.event(f"{number:02d}" + letter * 62, 1 / 3, at=NOW - 1 / 3)
        for _ in range(20):
            publisher.result(1 / 3, 1 / 3, at=NOW - 1 / 3, stream=f"{number:02d}" + letter * 62)
            publisher.frame(stream=f"{number:02d}" + letter * 62)
    publisher.flush()
    return outlet, publisher


def test_16_streams_and_32_events_of_the_longest_names_fit_into_a_datagram() -> None:
    outlet, publisher = stuffed("x", "w")
    last = outlet.last
    assert (len(last.streams or ()), len(last.totals.events), len(last.sightings)) == (MAX_STREAMS + 1, 32, 31)  # "fire" was not seen
    assert 6500 < len(outlet.sent[-1]) < MAX_DATAGRAM_BYTES
    assert (publisher.shortened, publisher.unsent, publisher.events_refused) == (0, 0, 9)


@pytest.mark.parametrize("letter", ["불", "\U0001f525", '"', "\\"])
def test_what_is_too_long_loses_detail_but_never_totals(letter: str) -> None:
    outlet, publisher = stuffed(letter, "워")
    last = outlet.last
    assert all(len(data) < MAX_DATAGRAM_BYTES for data in outlet.sent)
    assert last.totals.results == last.totals.frames == 800
    assert sum(last.totals.events.values()) == 40 - publisher.events_refused
    assert publisher.unsent == 0
    if last.streams is None:
        assert publisher.shortened == 1
        assert last.streams_over_limit == 24


def test_streams_go_first_and_the_page_does_not_repeat_what_they_were() -> None:
    outlet, collector = Outlet(), World().collector()
    publisher = outlet.publisher()
    publisher.result(0.1, 0.5, stream="a")
    publisher.flush()
    for data in outlet.sent:
        collector.accept(data, 0)
    for number in range(16):
        publisher.event(f"{number:02d}" + "불" * 60, 0.5)
        publisher.result(0.1, 0.5, stream=f"{number:02d}" + "\U0001f525" * 60)
    publisher.flush()
    assert (outlet.last.streams, len(outlet.last.sightings)) == (None, 16)
    collector.accept(outlet.sent[-1], 0)
    said = {sample.name for family in collector.collect() for sample in family.samples}
    assert "ai_stream_results_total" not in said
    assert {"ai_streams_over_limit", "ai_event_last_timestamp_seconds", "ai_results_total"} <= said


def test_it_travels_to_a_spawned_process_as_a_publisher_of_its_own() -> None:
    publisher = Publisher(WORKLOAD, PLACEMENT, "01", "1", socket_path="/nowhere/s", options=Options(heartbeat=False))
    other: Publisher = pickle.loads(pickle.dumps(publisher))  # noqa: S301 - our own bytes
    assert other._identity == publisher._identity
    assert other._session != publisher._session


@pytest.mark.parametrize(
    "url",
    ["ftp://bridge/x", "bridge:6432", "http://", "http://user:hunter2@bridge/x", "http://bridge:port/x", "http://[::1/x", "file:///etc"],
)
def test_a_url_that_cannot_be_posted_to_is_said_without_repeating_it(url: str) -> None:
    with pytest.warns(UserWarning, match="http://host:6432/observations") as said:
        publisher = Publisher(WORKLOAD, PLACEMENT, "01", "1", url=url)
    assert "hunter2" not in str(said[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        publisher.frame()
        publisher.close()
    assert (publisher.sent, publisher.unsent) == (0, 0)


@pytest.mark.parametrize("call", ["frame", "result", "inference", "batch"])
def test_a_call_costs_little(call: str) -> None:
    outlet = Outlet()
    publisher = outlet.publisher()

    def inference() -> None:
        with publisher.inference(stream="a") as one:
            one.confidence = 0.5

    calls: dict[str, Callable[[], None]] = {
        "frame": lambda: publisher.frame(stream="a"),
        "result": lambda: publisher.result(0.1, 0.5, stream="a"),
        "inference": inference,
        "batch": lambda: publisher.batch((0.5,), 0.1),
    }
    took = []
    for _ in range(5):
        begun = time.thread_time()
        for _ in range(1000):
            calls[call]()
        took.append((time.thread_time() - begun) / 1000)
    assert min(took) < 20e-6
