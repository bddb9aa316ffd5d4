"""Whatever happens to a state file, the bridge starts, serves no number that was not counted, and keeps all that is whole."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trial
from hypothesis import strategies as some

from exporters.bridge.journal import Journal, _line
from exporters.bridge.rows import entry_fits, fits, past
from exporters.bridge.serving import _restore
from tests.builders.bridge import World

EDGE = ["farm", "edge-07", "high"]
SERIES = [*EDGE, "fire/cam-07/main", "fire/cam-07/main@edge-07#0", "", "0.01v"]
EVENT = [*SERIES[:6], "", "fire"]
AT = 1_790_000_000.0
RESULTS = ["results", SERIES, 7, 1, [0, 0, 0, 0, 0, 1, 2, 2, 1, 1, 0], 5.3, AT]
FIRES = ["events", EVENT, 7, AT, 0.9]
SEEN = ["last_seen", [*EDGE, "/result"], AT]
POSTS = ["posts", ["/result", "200"], 9]
ROWS = [RESULTS, FIRES, SEEN, POSTS, ["refused", ["/result", "rate"], 3], ["assumed", EDGE, 2]]
ENTRY = {"r": SERIES, "e": EVENT, "p": 0.7, "at": AT + 1}


def started(journal: Journal) -> tuple[World, list[str]]:
    """A desk that has read the state file, and what the operator was told."""
    world, said = World(), []
    found = journal.read()
    said += found.sentences
    _restore(world.desk, journal, found, said.append)
    world.page  # noqa: B018 - it can be written and parsed
    return world, said


def kept(folder: Path) -> Journal:
    """A state file with seven fires in the snapshot and two in the log."""
    journal = Journal(folder / "bridge.state")
    journal.append([{"n": 5, **ENTRY}])
    journal.replace(ROWS, 5)
    journal.append([{"n": 6, **ENTRY}, {"n": 7, **ENTRY}])
    return journal


def counts(world: World) -> list[str]:
    """Everything that was counted, as the page says it."""
    names = ("ai_events_total{", "ai_results_total{", "ai_confidence_ratio_sum{", "edge_bridge_posts_total{", "edge_bridge_refused_total{")
    return [line for line in world.page.splitlines() if line.startswith(names)]


def test_all_that_was_kept_comes_back_and_nothing_is_said(tmp_path: Path) -> None:
    world, said = started(kept(tmp_path))
    assert world.value("ai_events_total", event="fire") == 9
    assert said == []


@trial(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.data())
def test_damage_is_said_and_nothing_else_is_lost(tmp_path: Path, data: some.DataObject) -> None:
    journal = kept(tmp_path)
    path = tmp_path / data.draw(some.sampled_from(["bridge.state", "bridge.state.log"]))
    before = path.read_bytes()
    at = data.draw(some.integers(0, len(before) - 1))
    length, put = data.draw(some.integers(0, 30)), data.draw(some.binary(max_size=6))
    after = before[:at] + put + before[at + length :]
    path.write_bytes(after)
    world, said = started(journal)
    whole = set(before.split(b"\n")) & set(after.split(b"\n"))
    fires = 7 * any(b'"events"' in line for line in whole) if path.suffix == ".state" else 7
    fires += 2 if path.suffix == ".state" else sum(b'"at"' in line for line in whole)
    assert world.value("ai_events_total", event="fire", trust="high") == fires
    assert said or [line for line in after.split(b"\n") if line] == [line for line in before.split(b"\n") if line]
    assert not said or (tmp_path / path.name.replace("state", "state.broken", 1)).read_bytes() == after


@pytest.mark.parametrize(
    ("name", "foreign"),
    [
        ("bridge.state", b'{"format":1,"n":1e999}\n{"rows":0}\n'),
        ("bridge.state", b'{"format":1,"n":5}\n["posts",["/result","200"],Infinity]\n{"rows":1}\n'),
        ("bridge.state.log", b'{"n":6,"r":[]}\n'),
        ("bridge.state.log", b'{"n":Infinity,"r":[],"e":[],"p":1,"at":2}\n'),
        ("bridge.state.log", b"\x00" * 4096),
        ("bridge.state.log", _line(6, {"n": 6, "r": []})),
        ("bridge.state.log", _line(6, [6])),
        ("bridge.state", _line(5, {"format": 3}) + _line(5, POSTS) + _line(5, {"rows": 1})),
    ],
)
def test_what_others_wrote_ends_no_start(tmp_path: Path, name: str, foreign: bytes) -> None:
    journal = kept(tmp_path)
    (tmp_path / name).write_bytes(foreign)
    world, said = started(journal)
    assert world.value("ai_events_total", event="fire") == (7 if name.endswith("log") else 2)
    assert len(said) == 1


def test_a_number_that_every_line_knows_is_not_lost_with_the_head_and_the_tail(tmp_path: Path) -> None:
    journal = kept(tmp_path)
    journal.append([{"n": 8, **ENTRY}])
    path = tmp_path / "bridge.state"
    _, *rows, _ = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(rows))
    log = tmp_path / "bridge.state.log"
    log.write_bytes(_line(5, {"n": 5, **ENTRY}) + log.read_bytes())
    world, _ = started(journal)
    assert world.value("ai_events_total", event="fire") == 10, "entry 5 is in the snapshot already"


def test_what_was_saved_from_damage_is_still_there_when_nothing_was_written_since(tmp_path: Path) -> None:
    journal = kept(tmp_path)
    path = tmp_path / "bridge.state"
    path.write_bytes(path.read_bytes().replace(b'["posts"', b'["p0sts"'))
    for _ in range(3):
        world, said = started(journal)
        assert (world.value("ai_events_total", event="fire"), len(said)) == (9, 1)


def changed(row: list[Any], *change: tuple[int, Any]) -> list[Any]:
    """A row with other values in some places."""
    other = json.loads(json.dumps(row))
    for place, value in change:
        other[place] = value
    return list(other)


@pytest.mark.parametrize(
    "row",
    [
        ["cats", ["a"], 1],
        [],
        None,
        {},
        "posts",
        ["posts"],
        ["posts", ["/result", "200"]],
        ["posts", ["/result"], 3],
        ["last_seen", ["farm", "edge-07"], 1.0],
        changed(POSTS, (1, "ab")),
        changed(POSTS, (1, ["\ud800", "200"])),
        *[changed(POSTS, (2, wrong)) for wrong in (-5, 1.5, True, None, "9", float("inf"), float("nan"), 10**30, 9.0)],
        *[changed(SEEN, (2, wrong)) for wrong in (-5.0, float("nan"), float("inf"), None, 1e30)],
        *[changed(FIRES, (4, wrong)) for wrong in (1.1, -0.1, float("nan"), None)],
        changed(FIRES, (1, EVENT[:-1])),
        changed(FIRES, (1, [*EVENT[:2], "medium", *EVENT[3:]])),
        changed(RESULTS, (2, 8)),
        changed(RESULTS, (3, 8)),
        changed(RESULTS, (4, [7])),
        changed(RESULTS, (4, "01234567890")),
        changed(RESULTS, (5, 7.1)),
        changed(RESULTS, (6, float("inf"))),
    ],
    ids=repr,
)
def test_a_row_that_cannot_be_true_is_left_out_and_said(tmp_path: Path, row: Any) -> None:
    assert not fits(row)
    journal = Journal(tmp_path / "bridge.state")
    journal.replace([row, *ROWS], 5)
    world, said = started(journal)
    assert world.value("ai_events_total", event="fire") == 7
    assert len(said) == 1 and "set aside as bridge.state.broken" in said[0]
    assert all(fits(good) for good in ROWS)


@pytest.mark.parametrize(
    "change",
    [{"r": EVENT}, {"e": SERIES}, {"p": 1.5}, {"p": None}, {"at": float("nan")}, {"at": -1}, {"seen": "now"}, {"r": None}],
    ids=repr,
)
def test_an_entry_that_cannot_be_true_is_none(change: dict[str, Any]) -> None:
    assert entry_fits({"n": 1, **ENTRY}) and entry_fits({"n": 1, **ENTRY, "seen": AT})
    assert not entry_fits({"n": 1, **ENTRY, **change})


def test_times_of_a_clock_that_was_ahead_are_forgotten_or_no_later_than_now(tmp_path: Path) -> None:
    ahead, begin = time.time() + 400 * 86_400, time.time()
    journal = Journal(tmp_path / "bridge.state")
    journal.replace([changed(RESULTS, (6, ahead)), changed(FIRES, (3, ahead)), changed(SEEN, (2, ahead)), POSTS], 5)
    world, said = started(journal)
    assert begin <= (world.value("ai_event_last_timestamp_seconds") or 0) <= time.time()
    assert begin <= (world.value("ai_last_result_timestamp_seconds") or 0) <= time.time()
    assert world.value("edge_bridge_last_seen_timestamp_seconds") is None
    assert said == []
    journal.append([{"n": 6, **ENTRY}])
    world, _ = started(journal)
    assert world.value("ai_event_last_timestamp_seconds") == ENTRY["at"], "the newest that came is known"
    assert world.value("ai_event_confidence_ratio") == ENTRY["p"]


def test_a_clock_that_nobody_has_set_yet_calls_nothing_the_future() -> None:
    assert [past(row, 100.0) for row in ROWS] == ROWS
    assert [past(row, AT + 0.5) for row in ROWS] == ROWS


def test_the_next_snapshot_has_its_room_before_the_log_can_take_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "bridge.state")
    journal.open()
    for count in (1, 2000, 3):
        reserved = (tmp_path / "bridge.state.new").stat()
        journal.append([{"n": count, **ENTRY}])
        journal.replace([POSTS] * count, count)
        snapshot = (tmp_path / "bridge.state").stat()
        assert snapshot.st_ino == reserved.st_ino, "it was written into the room that was reserved, and needed no other"
        assert (tmp_path / "bridge.state.new").stat().st_blocks * 512 >= 2 * snapshot.st_size
        assert len(journal.read().rows) == count
    journal.close()
