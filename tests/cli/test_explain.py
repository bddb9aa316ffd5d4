"""`edgeshift explain`: a real decision out of a real journal, for a person and for a program."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from decision_engine.core.decision import Decision
from decision_engine.core.memory import CycleRecord
from decision_engine.core.proposal import Evidence, Reason
from decision_engine.core.targets import NOT_ASKED, REFUSALS
from decision_engine.execute.journal import Journal
from decision_engine.execute.questions import MOST_DECISIONS, DecisionQuery
from decision_engine.explanation import WORDS, explanation, matching, print_explanation
from tests.builders.configuration import MINIMAL, write_settings
from tests.builders.service import Story

CHECKED_BY_SECONDS = 75.0
IDS = ("abcd100000000000", "abcd200000000000", "abce000000000000")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Decision]]:
    """Settings whose journal a running engine holds, and the move in it."""
    directory = tmp_path_factory.mktemp("story")
    story = Story(directory)
    asyncio.run(story.live(CHECKED_BY_SECONDS))
    config = directory / "edgeshift.yaml"
    config.write_text(
        "schema: 1\nprometheus: {url: 'http://127.0.0.1:1'}\ncatalog: fleet.yaml\nstate_directory: state\n"
        "journal_url: sqlite:///journal.sqlite\n",
        encoding="utf-8",
    )
    (act,) = story.engine.journal.decisions(DecisionQuery(verdict="act", scenario="SC-12"))
    yield config, act
    asyncio.run(story.close())


def test_a_person_is_told_everything(told: tuple[Path, Decision], capsys: pytest.CaptureFixture[str]) -> None:
    config, act = told
    assert print_explanation(config, act.id, "en", json=False) == 0
    said = capsys.readouterr().out
    assert f"Decision {act.id}" in said
    assert "edge-03 will pass 85 % CPU in" in said
    assert re.search(r"Evidence:\n  cpu of edge-03: \d+ %, 0\.0 s old\n", said)
    assert re.search(r"Forecast: p90 \d+ %, probability of overload \d+ %, within \d+ s, skill over the margin rule [+-]\d\.\d\d", said)
    assert re.search(
        r"Promise:\n  edge-03 cpu: \d+ % now, p90 \d+ % without the move, p90 \d+ % with it, (still above|below) its limit of 85 %", said
    )
    assert re.search(r"forecaster state [0-9a-f]{12}\n", said)
    assert re.search(r"Rejected alternatives:\n  detector/cam-\d\d/main to ", said)
    history = said.partition("What came of it:\n")[2]
    assert [word for word in ("start accepted", "ready", "stop accepted", "promise kept") if word not in history] == []
    assert f"Catalogue {act.catalog_version}" in said


def test_a_person_may_be_told_in_korean(told: tuple[Path, Decision], capsys: pytest.CaptureFixture[str]) -> None:
    config, act = told
    assert print_explanation(config, act.id, "ko", json=False) == 0
    said = capsys.readouterr().out
    for heading in ("결정 ", "근거:", "예측: ", "약속:", "제외된 대안:", "결과:", "카탈로그 "):
        assert f"\n{heading}" in f"\n{said}"
    for heading in ("Decision", "Evidence", "Forecast", "Promise", "Rejected", "What came of it", "Catalogue", "forecaster", "within"):
        assert heading not in said


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (0.90, "79 % now, p90 94 % without the move, p90 90 % with it, still above its limit of 85 %"),
        (0.80, "79 % now, p90 94 % without the move, p90 80 % with it, below its limit of 85 %"),
        (0.852, "79 % now, p90 94 % without the move, p90 85 % with it, still above its limit of 85 %"),
        (None, "79 % now, p90 94 % without the move, p90 unknown with it\n"),
    ],
)
def test_a_promise_claims_no_more_than_its_numbers(told: tuple[Path, Decision], after: float | None, said: str) -> None:
    _, act = told
    assert act.promise is not None and act.proposal is not None
    because = Reason("will_pass_limit", {**act.proposal.because.parameters, "p90": 0.94, "resource": act.promise.resource})
    promise = replace(act.promise, source_before_ratio=0.79, source_after_ratio=after, target_after_ratio=0.9)
    text = explanation(replace(act, promise=promise, proposal=replace(act.proposal, because=because)), ())
    assert said in text
    (target,) = [line for line in text.splitlines() if line.startswith(f"  {promise.target} ")]
    assert target.endswith(" now, p90 90 % with it, still above its limit of 85 %")


def test_every_word_is_there_in_both_languages() -> None:
    refusals = {"refusal_fuller_afterwards", *(f"refusal_{refusal}" for refusal in REFUSALS if refusal not in NOT_ASKED)}
    assert set(WORDS["ko"]) == set(WORDS["en"]) | refusals


def test_degrees_are_no_ratio(told: tuple[Path, Decision]) -> None:
    _, act = told
    assert act.proposal is not None
    piece = Evidence("thermal_headroom", "edge-03", 2.0, act.at, True)
    text = explanation(replace(act, proposal=replace(act.proposal, evidence=(piece,))), ())
    assert "thermal_headroom of edge-03: 2.0 K, 0.0 s old" in text


def test_the_beginning_of_an_id_is_enough_where_no_other_begins_so(told: tuple[Path, Decision], capsys: pytest.CaptureFixture[str]) -> None:
    config, act = told
    assert print_explanation(config, act.id[:8], "en", json=False) == 0
    assert f"Decision {act.id}" in capsys.readouterr().out
    assert print_explanation(config, act.id[:3], "en", json=False) == 1
    assert capsys.readouterr().err.startswith(f"there is no decision {act.id[:3]} in ")


def test_a_beginning_that_several_share_lists_them(tmp_path: Path) -> None:
    made = [Decision(id=id_, at=1.0, verdict="hold", policy="p", scenario="", subject="s", reason=Reason("first_look", {})) for id_ in IDS]
    with Journal.open(f"sqlite:///{tmp_path / 'journal.db'}") as journal:
        newer = [replace(made[-1], id=f"{number:016x}") for number in range(MOST_DECISIONS + 5)]
        journal.append(CycleRecord(at=1.0, decisions=(*made, *newer)))
    write_settings(tmp_path, {**MINIMAL, "journal_url": "sqlite:///journal.db"})
    with Journal.open(f"sqlite:///{tmp_path / 'journal.db'}", read_only=True) as journal:
        assert matching(journal, "abcd") == IDS[:2]
        assert matching(journal, "abcd1") == IDS[:1]
        assert matching(journal, IDS[2]) == IDS[2:]


def test_an_ambiguous_beginning_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Journal.open(f"sqlite:///{tmp_path / 'journal.db'}") as journal:
        for id_ in IDS:
            made = Decision(id=id_, at=1.0, verdict="hold", policy="p", scenario="", subject="s", reason=Reason("first_look", {}))
            journal.append(CycleRecord(at=1.0, decisions=(made,)))
    config = write_settings(tmp_path, {**MINIMAL, "journal_url": "sqlite:///journal.db"})
    assert print_explanation(config, "abcd", "en", json=False) == 1
    assert capsys.readouterr().err == f"abcd begins the ids of 2 decisions: {IDS[0]}, {IDS[1]}\n"


def test_a_program_is_told_everything(told: tuple[Path, Decision], capsys: pytest.CaptureFixture[str]) -> None:
    config, act = told
    assert print_explanation(config, act.id, "en", json=True) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["id"] == act.id
    assert body["proposal"]["evidence"]
    assert body["rejected"]
    assert [step["what"]["verdict"] for step in body["history"] if step["kind"] == "outcome"] == ["kept"]
    assert all(step["sentence"] for step in body["history"])


@pytest.mark.parametrize("json_", [False, True])
def test_an_unknown_decision_is_one_sentence(told: tuple[Path, Decision], capsys: pytest.CaptureFixture[str], json_: bool) -> None:
    config, _ = told
    assert print_explanation(config, "0123456789abcdef", "en", json_) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"there is no decision 0123456789abcdef in sqlite:///{config.parent / 'journal.sqlite'}\n"


def test_a_journal_that_is_not_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "edgeshift.yaml"
    config.write_text("schema: 1\nprometheus: {url: 'http://127.0.0.1:1'}\ncatalog: fleet.yaml\nstate_directory: state\n", encoding="utf-8")
    assert print_explanation(config, "0123456789abcdef", "en", json=False) == 1
    assert re.fullmatch(
        r"journal .+journal\.db does not exist: start the engine on it once, or name another file\n", capsys.readouterr().err
    )
    assert [path.name for path in tmp_path.iterdir()] == ["edgeshift.yaml"]
