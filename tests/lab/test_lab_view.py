"""The lab's screen as text, at two sizes, on bodies made by the real decide and the real views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from decision_engine.core.memory import Memory
from decision_engine.core.reading import Quality
from decision_engine.lab.bars import BarLoad, load_bar
from decision_engine.lab.tenants import short_names
from decision_engine.lab.view import LabView
from tests.builders.fleet import FakeDevice, FakeWorkload
from tests.builders.lab_screen import SIZES, Size, text_of
from tests.builders.lab_story import GUEST, STARTED_AT, TARGET, Storyteller, cycle_body, device, lab_fleet, overload_story, spoil, workload

ADDRESSES = {"prometheus": "http://127.0.0.1:9090", "alertmanager": "http://127.0.0.1:9093", "service": "http://127.0.0.1:8780"}


def view() -> LabView:
    return LabView(ADDRESSES, 90.0, STARTED_AT, frozenset({"host-01"}))


def shown(body: Mapping[str, Any], size: Size = (100, 30), later_seconds: float = 1.0) -> list[str]:
    screen = view()
    screen.take("cycle", body)
    return text_of(screen.render(body["at"] + later_seconds), size)


def row(lines: list[str], device_id: str) -> str:
    return next(line for line in lines if line[2:].startswith(f"{device_id} "))


def watched(cycles: int) -> tuple[LabView, float]:
    """A view that has seen the first cycles of the story, and the time of the last."""
    screen, heard = view(), overload_story()[:cycles]
    for event, body in (event for _, events in heard for event in events):
        screen.take(event, body)
    return screen, heard[-1][0] if heard else STARTED_AT


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cycles", range(10))
def test_every_moment_of_the_story_fits_the_screen(cycles: int, size: Size) -> None:
    screen, at = watched(cycles)
    lines = text_of(screen.render(at), size)
    assert len(lines) < size[1]
    assert max(cell_len(line) for line in lines) <= size[0]


@pytest.mark.parametrize("size", SIZES)
def test_the_screen_does_not_jump_while_the_story_goes_on(size: Size) -> None:
    moments = [watched(cycles) for cycles in range(1, 10)]
    heights = {len(text_of(screen.render(at), size)) for screen, at in moments}
    devices = {tuple(line[2:13] for line in text_of(screen.render(at), size)[5:17]) for screen, at in moments}
    assert len(heights) == len(devices) == 1


@pytest.mark.parametrize("size", SIZES)
def test_the_header_says_time_addresses_and_where_the_past_comes_from(size: Size) -> None:
    screen, at = watched(3)
    first, second, third, *_ = text_of(screen.render(at), size)
    assert "0:15 of 1:30" in first and "all 12 devices are fresh" in first
    assert all(url in second for url in ADDRESSES.values()) and "Alertmanager" in second
    assert "Two hours of virtual history were backfilled" in third and not third.endswith("…")


@pytest.mark.parametrize("size", SIZES)
def test_a_crowded_device_shows_load_limit_and_chance(size: Size) -> None:
    screen, at = watched(3)
    line = row(text_of(screen.render(at), size), "edge-03")
    assert line.startswith("△") and "80 %" in line and "71 %" in line and "forecast" in line and "23 K" in line
    assert "━" in line and "│" in line and line.rindex("╌") > line.index("│")


@pytest.mark.parametrize("size", SIZES)
def test_a_move_is_shown_with_its_steps_and_its_guest_as_away(size: Size) -> None:
    screen, at = watched(4)
    lines = text_of(screen.render(at + 1.0), size)
    assert f"{GUEST}  edge-03 → edge-09   ● Ready ─ ○ first result ─ ○ old one stopped   6 s" in lines
    assert "◌ cam-03 starting" in row(lines, TARGET)
    screen, at = watched(8)
    lines = text_of(screen.render(at), size)
    assert "● cam-03 0.90 away" in row(lines, TARGET) and "● cam-10 0.90" in row(lines, TARGET)
    assert "away from home: cam-03 on edge-09 (home edge-03)" in lines
    assert "cam-03" not in row(lines, "edge-03")


@pytest.mark.parametrize("size", SIZES)
def test_the_one_real_device_is_labelled(size: Size) -> None:
    lines = shown(cycle_body(lab_fleet()), size)
    assert lines[lines.index(row(lines, "host-01")) + 1].strip() == "this machine, real"
    assert sum("this machine, real" in line for line in lines) == 1


@pytest.mark.parametrize("size", SIZES)
def test_what_is_unknown_is_a_dash_with_its_quality_and_never_a_zero(size: Size) -> None:
    lines = shown(cycle_body(spoil(lab_fleet())), size)
    for id_, words in (("edge-01", "— stale 62 s"), ("edge-02", "— absent"), ("edge-04", "— not a number")):
        line = row(lines, id_)
        assert line.startswith("?") and words in line and "━" not in line and "CPU   0 %" not in line
    assert "3 of 12 devices say nothing fresh" in lines[0]
    assert row(lines, "edge-02").split("● cam")[0].count("—") >= 2
    assert row(lines, "edge-05").count("—") >= (2 if size[0] > 140 else 1) and "╌" not in row(lines, "edge-05")
    assert "? runtime silent  ? cam-07" in row(lines, "edge-06")


def test_a_workload_seen_nowhere_is_said_at_its_home_and_only_where_every_runtime_answers() -> None:
    fleet = lab_fleet()
    workload(fleet, "detector/cam-07/main").at = ()
    assert "✗ cam-07 runs nowhere" in row(shown(cycle_body(fleet)), "edge-06")
    device(fleet, "edge-01").known = False
    line = row(shown(cycle_body(fleet)), "edge-06")
    assert "? cam-07" in line and "nowhere" not in line


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_made_up_without_a_forecast_or_a_cycle(size: Size) -> None:
    snapshot = replace(lab_fleet().snapshot(), outlook=None)
    body = {**cycle_body(lab_fleet()), "devices": _devices_of(snapshot)}
    line = row(shown(body, size), "edge-01")
    assert "43 %" in line and "╌" not in line and "0 %" not in line and "open" not in line and "forecast" not in line
    lines = text_of(view().render(STARTED_AT), size)
    assert "waiting for the engine's first cycle" in lines[0] and "no device has been seen yet" in "\n".join(lines)


def _devices_of(snapshot: Any) -> list[Any]:
    from decision_engine.service.views import fleet_view

    devices: list[Any] = fleet_view(snapshot, Memory())["devices"]
    assert devices[0]["forecast"] is None
    return devices


def test_a_blind_engine_and_old_numbers_are_said_aloud() -> None:
    blind = shown(cycle_body(replace(lab_fleet(), blind="series_vanished")))
    assert "BLIND, many series vanished at once: nothing is decided" in blind[0]
    assert "no cycle for 40 s: these numbers are old" in shown(cycle_body(lab_fleet()), later_seconds=40.0)[0]


def test_an_overload_of_another_resource_takes_the_bar() -> None:
    fleet = lab_fleet()
    device(fleet, "edge-08").load = (0.5, 0.4, 0.93)
    line = row(shown(cycle_body(fleet)), "edge-08")
    assert line.startswith("▲") and "GPU  93 %" in line and "┃" in line


def test_a_hot_device_is_marked_without_colour() -> None:
    fleet = lab_fleet()
    device(fleet, "edge-09").headroom_kelvin = 6.0
    assert "6 K !" in row(shown(cycle_body(fleet)), "edge-09")


def test_a_stale_reading_over_the_limit_is_not_called_over() -> None:
    fleet = lab_fleet()
    device(fleet, "edge-01").load, device(fleet, "edge-01").quality = (0.95, 0.95, 0.95), Quality.STALE
    assert row(shown(cycle_body(fleet)), "edge-01").startswith("?")


@pytest.mark.parametrize("size", SIZES)
def test_of_many_devices_those_worth_a_look_stay_and_the_rest_is_counted(size: Size) -> None:
    fleet = lab_fleet(200)
    device(fleet, "edge-150").load = (0.93, 0.5, 0.5)
    device(fleet, "edge-180").quality = Quality.STALE
    lines = shown(cycle_body(fleet), size)
    assert len(lines) < size[1]
    assert [line.split()[1] for line in lines if line.startswith(("▲ edge", "? edge"))] == ["edge-150", "edge-180"]
    assert row(lines, "host-01") and row(lines, "edge-01")
    counted = next(line for line in lines if "more devices" in line)
    drawn = sum("CPU" in line and "load" not in line for line in lines)
    assert f"… and {202 - drawn} more devices: {202 - drawn} calm" in counted


def test_notes_and_lines_stand_in_their_order_and_long_ones_keep_their_numbers_whole() -> None:
    screen, at = watched(3)
    screen.note("Prometheus was killed on purpose", "bad")
    lines = text_of(screen.render(at), (100, 30))
    told = [line.rstrip() for line in lines]
    moving = told.index("[ 15 s] ! edge-03 will pass 85 % CPU in 30 s (p90 91 %); moving detector/cam-03/main to edge-09")
    assert told[moving + 1 : moving + 3] == ["          (41 % → 55 %)", "[ 15 s] ✗ Prometheus was killed on purpose"]


@pytest.mark.parametrize("size", SIZES)
def test_the_footer_says_what_a_cycle_costs(size: Size) -> None:
    last = shown(cycle_body(lab_fleet()), size)[-1]
    assert last.endswith("cycle 42 ms, 9 queries") and "✗ failed" in last


def test_the_deciding_horizon_is_learned_from_a_foreseen_overload() -> None:
    assert "p90 in 14 s" in "\n".join(text_of(watched(1)[0].render(STARTED_AT), (160, 45)))
    assert "p90 in 90 s" in "\n".join(text_of(watched(3)[0].render(STARTED_AT), (160, 45)))


@given(now=st.floats(0.0, 3.0), p90=st.none() | st.floats(0.0, 3.0), limit=st.floats(0.01, 1.0), width=st.integers(1, 60))
def test_a_bar_is_as_wide_as_asked_and_always_shows_its_limit(now: float, p90: float | None, limit: float, width: int) -> None:
    bar = load_bar(BarLoad(now, p90, limit), width, "").plain
    assert cell_len(bar) == width
    assert bar.count("┃" if now >= limit else "│") == 1


odd = st.just(float("nan")) | st.floats(0.0, 1.5)
first_devices = st.builds(
    lambda load, p_over, quality, known: FakeDevice("edge-01", load=(load, load, load), p_over=p_over, quality=quality, known=known),
    odd, odd, st.sampled_from(Quality), st.booleans(),
)  # fmt: skip


@given(size=st.tuples(st.integers(40, 220), st.integers(20, 60)), first=first_devices, edges=st.integers(1, 30))
def test_no_fleet_and_no_screen_breaks_it(size: Size, first: FakeDevice, edges: int) -> None:
    fleet = lab_fleet(edges)
    fleet.devices[0] = first
    lines = shown(cycle_body(fleet), size)
    assert len(lines) < size[1]
    assert max(cell_len(line) for line in lines) <= size[0]
    assert row(lines, "host-01")


def test_short_names_drop_only_what_all_share() -> None:
    assert short_names(["a/cam-1/main", "a/cam-2/precise"]) == {"a/cam-1/main": "cam-1", "a/cam-2/precise": "cam-2/precise"}
    assert short_names(["a/cam-1/main", "b/cam-1/main"]) == {"a/cam-1/main": "a/cam-1", "b/cam-1/main": "b/cam-1"}


def test_guests_that_do_not_fit_are_counted() -> None:
    fleet = lab_fleet()
    fleet.workloads += [FakeWorkload(f"detector/cam-{n}/main", "analysis-01") for n in range(30, 40)]
    line = row(shown(cycle_body(fleet)), "analysis-01")
    assert line.endswith("+8") and "cam-30" in line


@pytest.mark.parametrize("size", SIZES)
def test_every_number_of_a_device_is_named_and_who_decides_is_a_word(size: Size) -> None:
    lines = shown(cycle_body(lab_fleet()), size)
    heading = next(line for line in lines if line.strip().startswith("device"))
    for name in ("load", "in 14 s", "risk", "decides by", "workloads and their confidence"):
        assert name in heading
    assert "to throttle" in heading + row(lines, "edge-01")
    assert " forecast " in row(lines, "edge-01") and " margin rule " in row(lines, "host-01")
    assert not any("…" in line[:60] or " shut" in line or " open" in line for line in lines[5:18])


def test_a_view_hands_back_what_it_added() -> None:
    story, screen = Storyteller(lab_fleet()), view()
    device(story.fleet, "edge-03").p_over = 0.7
    added = [line for event, body in story.turn() for line in screen.take(event, body)]
    assert [line.tone for line in added] == ["dim"]
    assert screen.note("ready", "good").at_seconds == 5.0
