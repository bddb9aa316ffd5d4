"""What the bridge says and what the contract promises of it are the same, in both directions."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters.bridge.forward import DONE
from exporters.bridge.meter import Meter
from exporters.bridge.page import Page, labels_of
from exporters.bridge.posts import VERSION
from exporters.contract import BRIDGE_LABELS, BRIDGE_METRICS, BY_NAME
from exporters.workload.wire import parse
from tests.builders.bridge import NOW, RESULT, World, result, settings, source, usage, weather
from tests.builders.exporters import datagram

PASSED_ON = {
    "edge_cpu_usage_ratio",
    "edge_memory_usage_ratio",
    "ai_results_total",
    "ai_results_ambiguous_total",
    "ai_confidence_ratio",
    "ai_last_result_timestamp_seconds",
    "ai_workers",
    "ai_environment_state",
    "ai_environment_confidence_ratio",
    "ai_events_total",
    "ai_event_last_timestamp_seconds",
    "ai_event_confidence_ratio",
}
"""What the field's payloads can say."""


@pytest.fixture
def world() -> World:
    """A bridge to which everything was said."""
    one = World(settings(source=[source(package="yolo")]))
    one.post("/usage", usage(func="SUNNY"))
    one.post("/usage", usage(username="root"))
    one.post("/save_edgeData", weather())
    one.post("/save_edgeData", weather(res_class="3"))
    one.post(RESULT, result())
    one.desk.totals.forwarded[(VERSION, DONE)] += 1
    return one


def page_of(one: World) -> str:
    """The page after some answers were timed."""
    meter = Meter()
    for seconds in (0.001, 0.3, 99.0):
        meter.add("/usage", seconds)
    return b"".join(Page(one.desk, meter, one.now - NOW).pieces()).decode()


def names_and_kinds(page: str) -> dict[str, str]:
    """The families of a page by their promised names."""
    families = text_string_to_metric_families(page)
    return {f"{family.name}_total" if family.type == "counter" else family.name: family.type for family in families}


def test_every_family_is_promised_with_its_kind_labels_and_buckets(world: World) -> None:
    for family in text_string_to_metric_families(page_of(world)):
        metric = BY_NAME[f"{family.name}_total" if family.type == "counter" else family.name]
        assert (family.type, family.documentation) == (metric.kind, metric.meaning)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(labels_of(metric)), sample
        bounds = {sample.labels["le"] for sample in family.samples if "le" in sample.labels} - {"+Inf"}
        assert {float(bound) for bound in bounds} == set(metric.buckets)


def test_every_promise_of_the_bridge_is_kept(world: World) -> None:
    assert set(names_and_kinds(page_of(world))) == {metric.name for metric in BRIDGE_METRICS} | PASSED_ON


def test_what_is_passed_on_carries_the_bridges_labels_first() -> None:
    assert labels_of(BY_NAME["edge_cpu_usage_ratio"]) == (*BRIDGE_LABELS, "scope")
    assert labels_of(BY_NAME["edge_bridge_posts_total"]) == ("path", "code")


def test_no_series_is_said_twice_and_each_family_once(world: World) -> None:
    world.desk.observations.accept(("farm", "edge-07", "high"), parse(observation(), NOW))
    lines = [line for line in page_of(world).splitlines() if line]
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(series) == len(set(series))
    types = [line for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types))


def observation(placement: str = "yolo/cam-07/main@edge-07#3") -> bytes:
    """What our own publisher posts, of an AI that sees the same camera."""
    return datagram(placement=placement, environment={"class": "02", "confidence": 0.9, "at": NOW})


def test_our_own_publisher_may_post_to_the_bridge() -> None:
    one = World(settings(source=[source(alias="edge-07")]))
    assert one.post("/observations", observation()) == "0000"
    assert (one.value("ai_frames_total", device="edge-07", cluster="farm", trust="high") or 0) > 0
    assert one.value("ai_environment_state", environment="02", camera="cam-07") == 1
    counts = [value for value in (one.value("ai_confidence_ratio_bucket", le="+Inf"), one.value("ai_confidence_ratio_count")) if value]
    assert len(counts) == 2


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        (b"{}", "0019", "bad_observation"),
        (b"nonsense", "0010", "not_json"),
        (b"x" * 9000, "0016", "too_long"),
        (observation("yolo/cam-07/main@edge-99#3"), "0004", "unmapped"),
        (json.dumps(usage()).encode(), "0019", "bad_observation"),
    ],
)
def test_what_is_no_observation_of_a_known_device_is_refused(body: bytes, code: str, reason: str) -> None:
    one = World()
    assert one.post("/observations", body) == code
    assert one.refusals() == [reason]


def test_an_observation_names_its_device_by_the_catalogues_id() -> None:
    one = World(settings(source=[source(alias="ni01")]))
    assert one.post("/observations", observation("yolo/cam-07/main@ni01#3")) == "0004"
    assert one.refusals() == ["identity_conflict"]


def test_a_long_page_comes_in_pieces() -> None:
    sources = [source(device=f"edge-{n:03d}", camera=f"cam-{n:03d}", username=f"u{n}", nid=None, eid=f"e{n}") for n in range(200)]
    one = World(settings(source=sources))
    for number in range(200):
        one.post(RESULT, result(eid=f"e{number}"))
    pieces = list(Page(one.desk, Meter(), 0.0).pieces())
    assert len(pieces) > 5
    assert max(map(len, pieces)) < 100_000
    assert len(list(text_string_to_metric_families(b"".join(pieces).decode()))) > 5


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_complain_about(world: World) -> None:
    checked = subprocess.run(["promtool", "check", "metrics"], input=page_of(world).encode(), capture_output=True, timeout=20, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
