"""What becomes of a post: which metrics it changes, whom it is believed for, and how long."""

from __future__ import annotations

from typing import Any

import pytest

from exporters.contract import ENVIRONMENT_CLASSES
from tests.builders.bridge import FIRE, RESULT, WEATHER_AI, World, result, settings, source, trigger, usage, weather, weather_v1

CPU = "edge_cpu_usage_ratio"
STATE = "ai_environment_state"
FIRES = "ai_events_total"


def world(**tables: Any) -> World:
    return World(settings(**tables))


def seen(one: World, **labels: str) -> str | None:
    """The class that a camera sees; None where nothing is said of it."""
    states = {environment: one.value(STATE, environment=environment, **labels) for environment in ENVIRONMENT_CLASSES}
    if set(states.values()) == {None}:
        return None
    (active,) = [environment for environment, state in states.items() if state == 1]
    assert list(states.values()).count(0) == len(ENVIRONMENT_CLASSES) - 1
    return active


def test_the_load_of_the_machine_is_the_newest_said_by_any_of_its_ais() -> None:
    one = world()
    for cpu in (10, 20, 30):
        assert one.post("/usage", usage(cpu=cpu)) == "0000"
    assert one.value(CPU, cluster="farm", device="edge-07", trust="high", scope="host") == 0.3
    assert one.value("edge_memory_usage_ratio", device="edge-07") == 0.41


def test_where_the_devices_own_exporter_says_the_load_nobody_else_does() -> None:
    one = world(source=[source(usage=False)])
    assert one.post("/usage", usage()) == "0000"
    assert one.value(CPU) is None
    assert one.value("edge_bridge_last_seen_timestamp_seconds", path="/usage") == one.now


@pytest.mark.parametrize("username", ["root", "ROOT", "", " ", "localhost", "3f2a9c01b7de", "a" * 64])
def test_a_name_that_many_devices_send_identifies_nothing(username: str) -> None:
    one = world(allow_unmapped=True)
    assert one.post("/usage", usage(username=username)) in ("0004", "0015")
    assert one.value(CPU) is None
    assert one.value("edge_bridge_sources", trust="low") == 1


def test_an_unmapped_sender_is_listed_and_believed_nothing() -> None:
    one = world()
    assert one.post("/usage", usage(username="edge-99")) == "0004"
    assert one.value(CPU) is None
    assert one.value("edge_bridge_refused_total", path="/usage", reason="unmapped") == 1
    (sender,) = one.desk.senders.everybody()
    listed = one.desk.senders.listed(sender, 0.0)
    assert (listed["sender"], listed["device"], listed["mapped"]) == ("username edge-99", None, False)


def test_where_unmapped_senders_are_allowed_they_have_low_trust_and_no_cluster_of_ours() -> None:
    one = world(allow_unmapped=True)
    assert one.post("/usage", usage(username="edge-99")) == "0000"
    assert one.post("/usage", usage(username="Edge 99")) == "0004"
    assert one.value(CPU, device="edge-99", cluster="unmapped", trust="low") == 0.123


def test_an_unconfirmed_mapping_has_low_trust_and_replaces_nothing_that_is_known() -> None:
    one = world(source=[source(), source(username="guess", nid=None, eid=None, confirmed=False)])
    one.post("/usage", usage(cpu=20))
    one.post("/usage", usage(cpu=90, username="guess"))
    assert one.value(CPU, trust="high") == 0.2
    assert one.value(CPU, trust="low") == 0.9


def test_a_source_that_is_silent_for_three_intervals_disappears_and_its_last_time_stays() -> None:
    one = world()
    for _ in range(6):
        one.now += 2.0
        one.post("/usage", usage())
    last = one.now
    one.now = last + 5.9
    assert one.value(CPU) == 0.123
    assert one.value("edge_bridge_sources", trust="high") == 1
    one.now = last + 6.1
    assert one.value(CPU) is None
    assert one.value("edge_bridge_sources", trust="high") == 0
    assert one.value("edge_bridge_last_seen_timestamp_seconds", path="/usage") == last


@pytest.mark.parametrize(
    ("gap", "posts", "alive", "silent"),
    [
        pytest.param(2.0, 2, 29.0, 31.0, id="too few posts: the configured ten seconds"),
        pytest.param(0.1, 200, 2.9, 10.0, id="never faster than a second"),
        pytest.param(1000.0, 6, 899.0, 901.0, id="never slower than five minutes"),
    ],
)
def test_the_learned_interval_is_bounded(gap: float, posts: int, alive: float, silent: float) -> None:
    one = world()
    for _ in range(posts):
        one.post("/usage", usage())
        one.now += gap
    last = one.now - gap
    one.now = last + alive
    assert one.value(CPU) is not None
    one.now = last + silent
    assert one.value(CPU) is None


def test_ais_that_post_together_do_not_shorten_their_devices_interval() -> None:
    one = world()
    for _ in range(6):
        for _ in range(5):
            one.post("/usage", usage())
            one.now += 0.01
        one.now += 9.95
    one.now += 12
    assert one.value(CPU) is not None


@pytest.mark.parametrize("path", ["/save_edgeData", "/optimize_by_weather"])
@pytest.mark.parametrize(
    ("body", "trust", "environment"),
    [
        (weather(res_class="04"), "high", "04"),
        (weather(res_class="맑음"), "high", "01"),
        (weather(res_class="Rain", res_confidence="0.8"), "high", "02"),
        (weather(res_class=4), "low", "04"),
        (weather_v1(), "low", "04"),
    ],
)
def test_an_environment_is_a_state_of_the_camera(path: str, body: dict[str, Any], trust: str, environment: str) -> None:
    one = world()
    assert one.post(path, body) == "0000"
    assert seen(one, camera="cam-07", device="edge-07", trust=trust) == environment
    assumed = one.value("edge_bridge_assumed_classes_total", device="edge-07")
    assert assumed == (1 if trust == "low" else None)


def test_a_bare_number_is_believed_once_its_map_is_confirmed() -> None:
    one = world(source=[source(class_map={"4": "02"}, classes_confirmed=True)])
    one.post("/save_edgeData", weather(res_class="4"))
    assert seen(one, trust="high") == "02"
    assert one.value("edge_bridge_assumed_classes_total") is None


@pytest.mark.parametrize("word", ["night", "00", "9", "99"])
def test_an_unknown_environment_changes_nothing(word: str) -> None:
    one = world()
    one.post("/save_edgeData", weather(res_class="02"))
    assert one.post("/save_edgeData", weather(res_class=word)) == "0019"
    assert seen(one, trust="high") == "02"
    assert one.value("edge_bridge_refused_total", reason="unknown_class") == 1


def test_the_older_form_has_no_confidence_and_leaves_none_of_another_behind() -> None:
    one = world(source=[source(classes_confirmed=True)])
    one.post("/save_edgeData", weather())
    assert one.value("ai_environment_confidence_ratio", camera="cam-07") == 0.7
    one.post("/save_edgeData", weather_v1())
    assert one.value("ai_environment_confidence_ratio") is None


def test_a_usage_shows_which_variant_of_the_sources_package_runs() -> None:
    one = world(source=[source(package="yolo")])
    one.post("/usage", usage(func="SUNNY"))
    one.post("/usage", usage(ai_class="02", version="10"))
    placement = "yolo/cam-07/main@edge-07#0"
    assert one.value("ai_workers", placement=placement, **{"class": "01"}, version="") == 1
    assert one.value("ai_workers", placement=placement, **{"class": "02"}, version="10") == 1
    one.now += 31
    assert one.value("ai_workers") is None


def test_an_unknown_function_is_counted_and_the_load_is_taken() -> None:
    one = world(source=[source(package="yolo")])
    assert one.post("/usage", usage(func="NIGHT")) == "0000"
    assert one.value(CPU) == 0.123
    assert one.value("edge_bridge_refused_total", reason="unknown_variant") == 1


def test_without_a_camera_nothing_is_said_of_one() -> None:
    one = world(source=[source(camera=None)])
    assert one.post("/save_edgeData", weather()) == "0014"
    assert one.post(RESULT, result()) == "404"
    assert one.value(STATE) is None
    assert one.value(FIRES) is None


def test_extra_fields_are_tolerated() -> None:
    one = world()
    assert one.post("/usage", usage(gpu=99, note={"a": [1]})) == "0000"


def test_an_event_is_handed_on_to_be_kept_before_it_counts() -> None:
    one = world()
    taken = one.take(RESULT, result())
    assert taken.entry is not None
    assert one.take(RESULT, result(class_=0)).entry is None


def test_a_version_trigger_is_validated_and_handed_on() -> None:
    one = world()
    taken = one.take("/optimize_by_version", trigger())
    assert taken.trigger is not None and taken.trigger[1] == "low"
    assert one.post("/optimize_by_version", trigger(aid="-")) == "0015"


def test_the_others_of_an_ai_can_be_plain_results() -> None:
    one = world(ai=[{**FIRE, "others": "result"}, WEATHER_AI])
    assert one.post(RESULT, result(class_=42)) == "200"
    assert one.value("ai_results_total") == 1


def test_another_configuration_takes_effect_at_once_and_forgets_devices_that_are_gone() -> None:
    one = world()
    one.post("/usage", usage())
    one.post(RESULT, result())
    one.desk.reload(settings(source=[source(device="edge-08", camera="cam-08")]), 0.0)
    assert one.value(CPU) is None
    assert one.value(FIRES, device="edge-07") is None
    assert one.value(FIRES, device="edge-08", event="fire") == 0
    assert one.value("edge_bridge_last_seen_timestamp_seconds") is None
    assert one.post("/usage", usage()) == "0000"
    assert one.value(CPU, device="edge-08") == 0.123


def test_a_reload_keeps_what_is_still_configured() -> None:
    one = world()
    one.post("/usage", usage())
    one.post(RESULT, result())
    one.desk.reload(settings(), 0.0)
    assert one.value(CPU) == 0.123
    assert one.value(FIRES, event="fire") == 1


def test_a_reload_forgets_no_event_that_was_seen_with_another_trust() -> None:
    one = world(source=[source(confirmed=False)])
    one.post(RESULT, result())
    one.desk.reload(settings(), 0.0)
    assert one.value(FIRES, event="fire", trust="low") == 1
    assert one.value(FIRES, event="fire", trust="high") == 0
    assert one.value(FIRES, event="smoke", trust="low") is None
    one.desk.reload(settings(ai=[{**FIRE, "events": {"2": "smoke"}}]), 0.0)
    assert one.value(FIRES, event="fire") is None
