"""`edgeshift once` in virtual time: two looks, sentences about what would be done, and nothing done or written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from decision_engine.core.memory import CycleRecord, Memory
from decision_engine.execute.faults import JournalError
from decision_engine.once import APART_SCRAPES, Blind, Findings, as_json, as_text, look_twice, print_once, remembered
from tests.builders.service import CALM_SECONDS, CYCLE_SECONDS, UNREACHABLE, Story

CALM_AGAIN_SECONDS = 70.0
"""Until then edge-03 is nearly full and then too full, and something would be done."""


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    told = Story(tmp_path)
    yield told
    asyncio.run(told.close())


SETTINGS = """\
schema: 1
prometheus: {url: 'http://127.0.0.1:1'}
catalog: fleet.yaml
state_directory: state
actuators: {simulated: {url: 'http://127.0.0.1:1'}}
"""


def looked(story: Story) -> Findings:
    """Two looks at a story, the world going on in between."""
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)
        story.plant.advance(CYCLE_SECONDS)
        story.plant_source.scrape()

    findings = asyncio.run(look_twice(story.engine, story.clock, pause))
    assert paused == [APART_SCRAPES * story.engine.limits.times.scrape_seconds]
    return findings


def looks_at_the_trouble(story: Story) -> Iterator[Findings]:
    """Looks of engines that remember nothing, one after the other while there is something to be done."""
    story.pass_unwatched(CALM_SECONDS)
    while story.plant.time < CALM_AGAIN_SECONDS:
        story.pass_unwatched(CYCLE_SECONDS)
        yield looked(story)
        story.engine.memory = Memory()


def test_a_calm_fleet_needs_nothing(story: Story) -> None:
    asyncio.run(story.live(2.0))
    findings = looked(story)
    assert as_text(findings) == ["nothing to do: 5 devices and 5 workloads are as they should be"]
    body = json.loads(msgspec.json.encode(as_json(findings)))
    assert body["at"] == story.clock()
    assert (body["would_do"], body["would_not_do"], body["under_way"], body["unreachable"], body["trouble"]) == ([], [], [], [], None)


def test_what_would_be_done_is_a_sentence_and_is_not_done(story: Story) -> None:
    before = story.plant.placements()
    findings = next(findings for findings in looks_at_the_trouble(story) if findings.acts)
    (act,) = findings.acts
    (line,) = [line for line in as_text(findings) if line.startswith("would do")]
    assert "edge-03" in line
    assert "moving detector/cam-" in line
    body = json.loads(msgspec.json.encode(as_json(findings)))
    assert body["would_do"][0]["move"]["source"] == "edge-03"
    assert body["would_do"][0]["sentence"] in line
    assert {row.placement for row in story.plant.placements()} == {row.placement for row in before}
    assert story.engine.journal.decisions() == ()
    assert story.engine.journal.memory() == Memory()
    assert not (story.directory / "cycles").exists()
    assert act.verdict == "act"


def test_what_is_held_or_refused_is_told_with_its_reason(story: Story) -> None:
    limits = story.engine.limits
    story.engine.limits = replace(limits, autonomy={"SC-1": "observe", "SC-12": "observe", "SC-2": "observe"})
    held: list[str] = []
    for findings in looks_at_the_trouble(story):
        assert not findings.acts
        held += as_text(findings)
    assert any(line.startswith("would hold") and line.endswith("is on observe: decided and recorded, not done") for line in held)
    assert not any("seen once" in line for line in held if "on observe" in line)


def test_a_move_under_way_is_told_with_its_next_step(story: Story) -> None:
    story.pass_unwatched(CALM_SECONDS)
    while not story.engine.memory.moves:
        asyncio.run(story.live(CYCLE_SECONDS))
        assert story.plant.time < 60.0
    (move,) = story.engine.memory.moves.values()
    memory = story.engine.memory
    findings = looked(story)
    while not findings.steps:
        assert story.plant.time < 90.0
        story.engine.memory = memory
        findings = looked(story)
    assert [line for line in as_text(findings) if line.startswith(f"under way   {move.order.workload}: ")]
    assert as_json(findings)["under_way"][0]["move"] == move.id


@pytest.mark.parametrize("blind_look", [1, 2])
def test_a_blind_look_is_no_answer(story: Story, blind_look: int) -> None:
    asyncio.run(story.live(2.0))

    async def pause(_: float) -> None:
        story.source.trouble = UNREACHABLE

    if blind_look == 1:
        story.source.trouble = UNREACHABLE
    with pytest.raises(Blind, match=r"^Prometheus at http://127\.0\.0\.1:1 cannot be reached"):
        asyncio.run(look_twice(story.engine, story.clock, pause))


def test_a_running_engines_journal_is_read_and_its_looks_are_not_counted(story: Story) -> None:
    story.pass_unwatched(CALM_SECONDS)
    while not story.engine.memory.moves:
        asyncio.run(story.live(CYCLE_SECONDS))
    journal, memory = remembered(f"sqlite:///{story.directory / 'journal.sqlite'}")
    journal.close()
    assert memory == replace(story.engine.memory, sightings={})
    assert memory.generations


def test_where_no_journal_is_none_is_made(tmp_path: Path) -> None:
    journal, memory = remembered(f"sqlite:///{tmp_path / 'journal.db'}")
    assert memory == Memory()
    with pytest.raises(JournalError, match="nothing was written"):
        journal.append(CycleRecord(at=1.0))
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_prometheus_is_one_sentence(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    config = story.directory / "edgeshift.yaml"
    config.write_text(SETTINGS, encoding="utf-8")
    before = sorted(path.name for path in story.directory.iterdir())
    assert print_once(config, json=True) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1].startswith("Prometheus at http://127.0.0.1:1 cannot be reached")
    assert sorted(path.name for path in story.directory.iterdir()) == before


def test_a_broken_catalogue_is_told_whole(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    config = story.directory / "edgeshift.yaml"
    config.write_text(SETTINGS, encoding="utf-8")
    story.write_catalog({**story.document, "clusters": []})
    assert print_once(config, json=False) == 1
    assert "devices[0].cluster" in capsys.readouterr().err
