"""What the lab tells of a story, event by event, on bodies made by the real decide and the real views."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from decision_engine.core.explain import render
from decision_engine.core.memory import EffectOutcome, EffectVerdict
from decision_engine.core.move import Move, MoveState, Transition, step
from decision_engine.core.proposal import Reason
from decision_engine.core.records import as_plain
from decision_engine.core.sentences import SENTENCES
from decision_engine.core.snapshot import FAILED, READY
from decision_engine.lab.narrate import HOLD_TONES, UNTOLD, Line, Narrator
from tests.builders.fleet import NOW, FakeWorkload, calm_fleet
from tests.builders.lab_story import GUEST, SOURCE, STARTED_AT, TARGET, Storyteller, device, lab_fleet, overload_story, workload


def tell(narrator: Narrator, events: Any) -> list[Line]:
    return [line for event, body in events for line in narrator.lines(event, body)]


def texts(story: Storyteller, turns: int = 1, narrator: Narrator | None = None) -> list[str]:
    heard = narrator or Narrator(STARTED_AT)
    return [line.text for _ in range(turns) for line in tell(heard, story.turn())]


def test_a_foreseen_overload_is_told_from_first_look_to_checked_effect() -> None:
    narrator = Narrator(STARTED_AT)
    told = [line for _, events in overload_story() for line in tell(narrator, events)]
    assert [(str(line), line.tone) for line in told] == [
        ("[ 10 s] edge-03 will pass 85 % CPU in 30 s (p90 91 %): seen once, a second look decides", "dim"),
        ("[ 15 s] edge-03 will pass 85 % CPU in 30 s (p90 91 %); moving detector/cam-03/main to edge-09 (41 % → 55 %)", "warn"),
        ("[ 25 s] edge-09 runs detector/cam-03/main, Ready after 10.0 s", "plain"),
        ("[ 30 s] first result from edge-09: the old placement on edge-03 is stopped", "good"),
        ("[ 35 s] edge-03 is stopping its old placement of detector/cam-03/main", "dim"),
        ("[ 40 s] moved in 25.0 s: detector/cam-03/main runs on edge-09, no longer on edge-03", "good"),
        ("[100 s] effect kept: edge-03 at 78 %, edge-09 at 41 % CPU", "good"),
    ]


def test_a_calm_cycle_and_an_unknown_event_say_nothing() -> None:
    narrator = Narrator(STARTED_AT)
    assert tell(narrator, Storyteller(lab_fleet()).turn()) == []
    assert narrator.lines("ping", {}) == ()


def test_blindness_is_told_once_and_its_end_with_how_long_it_was() -> None:
    story, narrator = Storyteller(replace(lab_fleet(), blind="series_vanished")), Narrator(STARTED_AT)
    first, second = tell(narrator, story.turn()), tell(narrator, story.turn())
    assert [line.tone for line in first] == ["bad"] and "many series vanished at once" in first[0].text and "_" not in first[0].text
    assert second == []
    story.fleet = replace(story.fleet, blind="")
    assert texts(story, 2, narrator) == ["Prometheus can be believed again after 10 s: deciding goes on"]


def test_blindness_that_began_before_the_lab_listened_is_told_by_the_cycle_alone() -> None:
    body = Storyteller(replace(lab_fleet(), blind="unreachable")).turn()[-1][1]
    assert [line.tone for line in Narrator(STARTED_AT).lines("cycle", body)] == ["bad"]


def test_trouble_is_told_when_it_is_new() -> None:
    narrator, body = Narrator(STARTED_AT), Storyteller(lab_fleet()).turn()[-1][1]
    told = [
        len(narrator.lines("cycle", {**body, "trouble": trouble})) for trouble in (None, "no history", "no history", None, "no history")
    ]
    assert told == [0, 1, 0, 0, 1]


def test_no_room_is_told_by_name_of_what_lacks_it() -> None:
    story = Storyteller(calm_fleet(2))
    story.fleet.devices[0].load, story.fleet.devices[0].over_seconds = (0.93, 0.5, 0.5), 40.0
    story.fleet.devices[1].load = story.fleet.devices[2].load = (0.84, 0.5, 0.5)
    said = texts(story, 2)
    assert "edge-01 is at 93 % CPU, over 85 % for 40 s: seen once, a second look decides" in said
    assert any("no edge has room" in text for text in said)


def test_a_device_at_rest_is_told_and_not_again_in_the_same_breath() -> None:
    story, narrator = Storyteller(calm_fleet(2)), Narrator(STARTED_AT)
    story.fleet.devices[0].load, story.fleet.devices[0].over_seconds = (0.93, 0.5, 0.5), 40.0
    story.memory = replace(story.memory, device_rests={"edge-01": story.fleet.now + 600.0})
    said = texts(story, 3, narrator)
    assert sum("rests for another" in text for text in said) == 1
    hold = next(body for name, body in _holds(story) if body["reason"]["code"] == "resting")
    assert narrator.lines("decision", hold) == ()
    assert narrator.lines("decision", {**hold, "at": hold["at"] + 60.0}) != ()


def _holds(story: Storyteller) -> list[tuple[str, dict[str, Any]]]:
    story.memory = replace(story.memory, sightings={key: replace(seen, said="") for key, seen in story.memory.sightings.items()})
    return [event for event in story.turn() if event[0] == "decision"]


def test_the_way_home_is_told_as_a_return() -> None:
    story, narrator = Storyteller(lab_fleet()), Narrator(STARTED_AT)
    story.place(GUEST, TARGET)
    said = texts(story, 2, narrator)
    assert said[-1] == f"{SOURCE} has room again; {GUEST} returns home from {TARGET} after 60 min away"
    story.fleet.generations[f"{GUEST}@{SOURCE}"] = 2
    story.place(GUEST, TARGET, SOURCE)
    said = texts(story, 2, narrator)
    assert said == [f"{SOURCE} runs {GUEST}, Ready after 5.0 s", f"first result from {SOURCE}: the old placement on {TARGET} is stopped"]
    story.place(GUEST, SOURCE)
    assert texts(story, 1, narrator) == [f"home again in 15.0 s: {GUEST} runs on {SOURCE}"]


def a_move(state: MoveState, **change: Any) -> Move:
    """The move that a sustained overload of the story begins, put into this state."""
    story = Storyteller(lab_fleet())
    crowded = device(story.fleet, SOURCE)
    crowded.load, crowded.over_seconds = (0.93, 0.5, 0.5), 40.0
    story.turn(), story.turn()
    return replace(story.memory.moves[GUEST], state=state, **change)


def told_of(move: Move, before: Move | None = None) -> Line:
    """The line for a move that became ``move``."""
    narrator = Narrator(STARTED_AT)
    if before is not None:
        narrator.lines("transition", _body(Transition(move=before, order=None, because=Reason("x", {}))))
    (line,) = narrator.lines("transition", _body(Transition(move=move, order=None, because=Reason("x", {}))))
    return line


def _body(transition: Transition) -> dict[str, Any]:
    return {"move": as_plain(transition.move), "because": render(transition.because), "code": transition.because.code}


@pytest.mark.parametrize(
    ("detail", "refused", "words"),
    [
        ("target_failed", "", f"{GUEST} failed to start there"),
        ("start_refused", "no image {x}", "edge-09 refused the start (no image {x})"),
        ("deadline_passed", "", "it was not Ready there in time"),
        ("target_lost", "", "its new placement was lost"),
        ("no_result_before_deadline", "", "no result came from there in time"),
        ("a_new_reason", "", "a new reason"),
    ],
)
def test_an_undoing_says_why(detail: str, refused: str, words: str) -> None:
    line = told_of(a_move(MoveState.UNDOING, detail=detail, refused=refused))
    assert (line.text, line.tone) == (f"the move of {GUEST} to {TARGET} is undone: {words}", "warn")


def test_the_reasons_to_undo_are_those_of_the_state_machine() -> None:
    story = Storyteller(lab_fleet())
    story.place(GUEST, SOURCE, TARGET)
    story.fleet.generations[f"{GUEST}@{TARGET}"] = 2
    snapshot = story.fleet.snapshot()
    snapshot.placements.phase[snapshot.placements.ids.index(f"{GUEST}@{TARGET}#2")] = FAILED
    transition = step(a_move(MoveState.STARTING), snapshot, story.limits.moving)
    assert transition is not None
    assert told_of(transition.move).text.endswith("failed to start there")


@pytest.mark.parametrize(
    ("state", "detail", "words", "tone"),
    [
        (MoveState.UNDONE, "target_failed", f"{GUEST} stays on {SOURCE}", "warn"),
        (MoveState.DONE, "target_lost", f"{GUEST} is kept on {TARGET} after all", "warn"),
        (MoveState.DONE, "", f"{GUEST} runs on {TARGET}, no longer on {SOURCE}", "good"),
    ],
)
def test_the_end_of_a_move_is_told_for_what_it_is(state: MoveState, detail: str, words: str, tone: str) -> None:
    line = told_of(a_move(state, detail=detail))
    assert words in line.text and line.tone == tone


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (MoveState.STARTING, f"{TARGET} has not started {GUEST} yet"),
        (MoveState.FIRST_RESULT, f"{SOURCE} has not stopped {GUEST} yet"),
        (MoveState.UNDOING, f"the move of {GUEST} is still being undone"),
    ],
)
def test_a_repeated_order_is_told_at_the_time_of_the_repetition(state: MoveState, words: str) -> None:
    before = a_move(state)
    line = told_of(replace(before, orders=2, ordered_at=before.since + 10.0), before)
    assert line.text == f"{words}: told again (order 2)"
    assert line.at_seconds == before.since + 10.0 - STARTED_AT


@pytest.mark.parametrize(
    ("verdict", "source", "target", "text", "tone"),
    [
        ("kept", 0.78, 0.41, "effect kept: edge-03 at 78 %, edge-09 at 41 % CPU", "good"),
        ("missed", 0.88, 0.41, "effect missed: edge-03 at 88 %, still over its limit of 85 % CPU; edge-09 at 41 %", "warn"),
        ("worse", 0.78, 0.9, "effect worse: edge-09 at 90 %, over its limit of 85 % CPU; edge-03 at 78 %", "bad"),
        ("unknown", None, 0.4, "effect unknown: edge-03 says nothing fresh, edge-09 at 40 %", "dim"),
    ],
)
def test_effects(verdict: EffectVerdict, source: float | None, target: float | None, text: str, tone: str) -> None:
    narrator, move = Narrator(STARTED_AT), a_move(MoveState.DONE)
    narrator.lines("transition", _body(Transition(move=move, order=None, because=Reason("source_gone", {}))))
    outcome = EffectOutcome(decision=move.id, at=NOW + 99.0, verdict=verdict, source_ratio=source, target_ratio=target)
    (line,) = narrator.lines("effect", as_plain(outcome))
    assert (line.text, line.tone, line.at_seconds) == (text, tone, 99.0)


def test_an_effect_of_a_move_never_heard_of_is_told_without_names() -> None:
    outcome = EffectOutcome(decision="gone", at=NOW, verdict="kept", source_ratio=0.5, target_ratio=None)
    (line,) = Narrator(STARTED_AT).lines("effect", as_plain(outcome))
    assert line.text == "effect kept: the source at 50 %, the target says nothing fresh"


def test_the_codes_named_here_exist_in_the_engine() -> None:
    assert set(HOLD_TONES) | UNTOLD <= set(SENTENCES["en"])


def test_a_move_under_way_already_is_not_told_again() -> None:
    story = Storyteller(lab_fleet())
    crowded = device(story.fleet, SOURCE)
    crowded.load, crowded.over_seconds = (0.93, 0.5, 0.5), 40.0
    assert sum("moving" in text for text in texts(story, 3)) == 1


def test_a_workload_that_came_late_needs_no_other_story() -> None:
    fleet = lab_fleet()
    fleet.workloads.append(FakeWorkload("counter/cam-20/precise", "edge-01", phase=READY))
    assert workload(fleet, "counter/cam-20/precise").home == "edge-01"
    assert texts(Storyteller(fleet)) == []
