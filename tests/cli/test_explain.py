"""`edgeshift explain`: a real decision out of a real journal, for a person and for a program."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from decision_engine.core.decision import Decision
from decision_engine.execute.questions import DecisionQuery
from decision_engine.explanation import print_explanation
from tests.builders.service import Story

CHECKED_BY_SECONDS = 75.0


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
    assert re.search(r"Promise:\n  edge-03 cpu: \d+ % → \d+ % at p90, below 85 %", said)
    assert re.search(r"Rejected alternatives:\n  detector/cam-\d\d/main to ", said)
    history = said.partition("What came of it:\n")[2]
    assert [word for word in ("start accepted", "ready", "stop accepted", "promise kept") if word not in history] == []
    assert f"Catalogue {act.catalog_version}" in said


def test_a_person_may_be_told_in_korean(told: tuple[Path, Decision], capsys: pytest.CaptureFixture[str]) -> None:
    config, act = told
    assert print_explanation(config, act.id, "ko", json=False) == 0
    assert re.search(r"[가-힣]", capsys.readouterr().out)


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
