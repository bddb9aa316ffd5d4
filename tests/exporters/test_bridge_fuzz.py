"""Thousands of bodies on every path: each is answered in the field's style, and none leaves a false number behind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporters.contract import BY_NAME
from tests.builders.bridge import RESULT, World, result, trigger, usage, weather, weather_v1

pytestmark = pytest.mark.thorough

PATHS = ["/usage", "/save_edgeData", "/optimize_by_weather", RESULT, "/optimize_by_version", "/observations", "other"]
GOOD = [usage(), usage(func="SUNNY"), weather_v1(), weather(), result(), trigger()]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=8)
HALF_GOOD = st.sampled_from(GOOD).flatmap(
    lambda body: st.builds(lambda changed: {**body, **changed}, st.dictionaries(st.sampled_from(sorted(body)), VALUES, max_size=3))
)
OBJECTS = (HALF_GOOD | VALUES).map(lambda value: json.dumps(value).encode())
BODIES = st.binary(max_size=300) | OBJECTS | OBJECTS.map(lambda data: json.dumps(data.decode()).encode())


@given(posts=st.lists(st.tuples(st.sampled_from(PATHS), BODIES, st.text(max_size=30)), min_size=20, max_size=30))
def test_every_body_is_answered_and_the_page_stays_true(posts: list[tuple[str, bytes, str]]) -> None:
    one = World()
    for path, body, token in posts:
        answer: dict[str, Any] = json.loads(one.take(path, body, token).reply.body)
        assert set(answer) - {"reason"} == ({"code", "msg"} if path == RESULT else {"code", "message"})
    page = one.page
    for family in text_string_to_metric_families(page):
        metric = BY_NAME[f"{family.name}_total" if family.type == "counter" else family.name]
        for sample in family.samples:
            if metric.kind != "histogram":
                assert metric.lowest <= sample.value <= metric.highest, sample
            assert sample.labels.get("device", "edge-07") == "edge-07"
    assert "edge_bridge_posts_total" in page
