"""What is kept on disk survives: whole, in order, and without what was never answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporters.bridge.journal import Journal, StateError
from exporters.bridge.keeper import Keeper, NotKept
from tests.builders.bridge import RESULT, World, result, settings, source, usage
from tests.builders.bridge_keeper import ENTRY, Counted, living


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "bridge.state")


def numbers(journal: Journal) -> list[int]:
    return [entry["n"] for entry in journal.read().entries]


def test_entries_and_snapshots_come_back(journal: Journal) -> None:
    assert journal.read() == type(journal.read())()
    journal.append([{"n": 1, **ENTRY}, {"n": 2, **ENTRY}])
    journal.replace([["posts", ["/usage", "0000"], 7]], 1)
    found = journal.read()
    assert (found.rows, [entry["n"] for entry in found.entries], found.number) == ([["posts", ["/usage", "0000"], 7]], [2], 2)


def test_a_snapshot_that_holds_all_entries_empties_the_log(journal: Journal, tmp_path: Path) -> None:
    journal.append([{"n": 1, **ENTRY}])
    journal.replace([], 1)
    assert not (tmp_path / "bridge.state.log").exists()
    assert journal.read().number == 1


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_line_cut_off_by_a_crash_takes_no_other_with_it(journal: Journal, tmp_path: Path, cut: int) -> None:
    journal.append([{"n": 1, **ENTRY}])
    journal.append([{"n": 2, **ENTRY}])
    log = tmp_path / "bridge.state.log"
    log.write_bytes(log.read_bytes()[:-cut])
    journal.append([{"n": 3, **ENTRY}])
    found = numbers(journal)
    assert found[0] == 1 and found[-1] == 3


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[:-5], id="cut off"),
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: b"garbage", id="garbage"),
        pytest.param(lambda data: data.replace(b"posts", b"\xff"), id="not UTF-8"),
        pytest.param(lambda data: data.partition(b"\n")[0] + b"\n", id="head alone"),
        pytest.param(lambda data: b"[" * 100_000, id="deep"),
    ],
)
def test_a_broken_snapshot_is_set_aside_with_a_sentence(journal: Journal, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "bridge.state"
    journal.replace([["posts", ["/usage", "0000"], 7]], 0)
    path.write_bytes(damage(path.read_bytes()))
    found = journal.read()
    assert found.rows == ([["posts", ["/usage", "0000"], 7]] if path.read_bytes().count(b"\n") == 2 else [])
    assert len(found.sentences) == 1 and "set aside as bridge.state.broken" in found.sentences[0]
    assert (tmp_path / "bridge.state.broken").read_bytes() == path.read_bytes(), "what is whole in it stays until it is kept anew"


def test_two_bridges_do_not_share_a_state_file(journal: Journal, tmp_path: Path) -> None:
    journal.open()
    with pytest.raises(StateError, match="Another bridge"):
        Journal(tmp_path / "bridge.state").open()
    journal.close()
    journal.open()
    journal.close()


def test_a_folder_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be used"):
        Journal(tmp_path / "nowhere/bridge.state").open()


def test_entries_of_one_moment_are_written_together_and_applied_in_order(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    counted = Counted(tmp_path / "state")

    async def story(keeper: Keeper) -> None:
        await asyncio.gather(*(keeper.write(dict(ENTRY)) for _ in range(50)))
        assert counted.applied == list(range(1, 51))
        assert numbers(Journal(counted.journal._path)) == counted.applied

    living(counted, story)
    assert counted.journal.read().rows == [["posts", ["/usage", "0000"], 50]]
    assert counted.journal.read().entries == []


def test_what_cannot_be_written_is_not_counted_and_goes_on_when_it_can(tmp_path: Path) -> None:
    counted = Counted(tmp_path / "state")

    async def story(keeper: Keeper) -> None:
        for _ in range(2):
            with pytest.raises(NotKept):
                await keeper.write(dict(ENTRY))
        assert counted.applied == []
        (tmp_path / "state").mkdir()
        await keeper.write(dict(ENTRY))
        assert counted.applied == [3]

    living(counted, story)
    assert [sentence.partition(":")[0] for sentence in counted.said] == [
        "The state file cannot be written",
        "The state file can be written again.",
    ]


def test_a_desk_comes_back_as_it_was(tmp_path: Path) -> None:
    before = World()
    before.post("/usage", usage())
    before.post(RESULT, result(class_=0))
    before.post(RESULT, result())
    before.post("/usage", usage(username="root"))
    journal = Journal(tmp_path / "bridge.state")
    journal.replace(before.desk.totals.rows(), 0)
    fire = before.take(RESULT, result()).entry
    assert fire is not None
    journal.append([{"n": 1, **fire}])
    after = World()
    found = journal.read()
    after.desk.restore(found.rows, found.entries)
    assert [line for line in after.page.splitlines() if line.startswith("ai_")] == [
        line for line in before.page.splitlines() if line.startswith("ai_")
    ]
    assert after.value("ai_events_total", event="fire") == 2
    assert after.value("edge_bridge_refused_total", reason="identifies_nothing") == 1
    assert after.value("edge_bridge_last_seen_timestamp_seconds", path="/usage") == before.now


def test_what_is_no_longer_configured_does_not_come_back() -> None:
    before = World()
    before.post(RESULT, result())
    after = World(settings(source=[source(device="edge-08", camera="cam-08")]))
    after.desk.restore(list(before.desk.totals.rows()), [])
    assert after.value("ai_results_total") is None
    assert after.value("ai_events_total", device="edge-07") is None


@pytest.mark.parametrize(
    "row",
    [["cats", ["a"], 1], ["results", ["a"], 1, 1, [], 0, 0], ["posts", [1], 1], ["posts", ["a"], "many"], [], ["posts"], ["events", ["a"]]],
)
def test_rows_that_are_none_of_ours_are_an_error(row: list[Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        World().desk.restore([row], [])
