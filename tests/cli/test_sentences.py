"""Every reason the engine can give has a sentence in both languages, and no wish says what the refusal after it denies."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from decision_engine.core.decision import Decision
from decision_engine.core.explain import render, sentence
from decision_engine.core.proposal import Evidence, Parameter, Proposal, Reason, Relieve, Return
from decision_engine.core.sentences import FULL, MOSTLY, SENTENCES, WISHED
from decision_engine.core.targets import NOT_ASKED, REFUSALS

ENGINE = Path(__file__).parents[2] / "decision_engine"
SOURCES = [*sorted((ENGINE / "core").glob("*.py")), *sorted((ENGINE / "policies").glob("*.py"))]
BUILT = {
    "home_": tuple(REFUSALS),
    "place_": tuple(REFUSALS),
    "no_room_on_": ("edge", "analysis", "edge_or_analysis"),
}
"""Codes that are put together, by how they begin."""
LANGUAGES = tuple(SENTENCES)
NOW = 1_700_000_000.0


def codes_of(name: str, call: ast.Call) -> Iterator[str]:
    """The codes that one call can give; one that this test cannot read is given as it stands, and has no sentence."""
    if name == "_undo":  # it hands its last argument on as the code
        yield from literals(call.args[3])
    elif name == "Reason" and not (isinstance(call.args[0], ast.Name) and call.args[0].id == "why"):
        yield from literals(call.args[0])


def literals(node: ast.expr) -> Iterator[str]:
    """The words that an expression can be."""
    if isinstance(node, ast.IfExp):
        yield from (*literals(node.body), *literals(node.orelse))
    elif isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant) and node.left.value in BUILT:
        yield from (f"{node.left.value}{end}" for end in BUILT[str(node.left.value)])
    else:
        yield str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)


@cache
def calls() -> tuple[tuple[str, ast.Call], ...]:
    """Every call of Reason and of what hands a code on to it; the sources are parsed once."""
    return tuple(found_calls())


def found_calls() -> Iterator[tuple[str, ast.Call]]:
    """Look through the sources."""
    for path in SOURCES:
        if path.name in ("explain.py", "sentences.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Reason", "_undo"):
                yield node.func.id, node


CODES = sorted({code for name, call in calls() for code in codes_of(name, call)})
POSSIBLE_REFUSALS = [refusal for refusal in REFUSALS if refusal not in NOT_ASKED]


def given_with(code: str) -> set[str]:
    """Names of the parameters that every call with this code gives, where they are written out."""
    found = [
        {str(key.value) for key in call.args[1].keys if isinstance(key, ast.Constant)}
        for name, call in calls()
        if name == "Reason" and code in codes_of(name, call) and isinstance(call.args[1], ast.Dict)
    ]
    return set.intersection(*found) if found else set()


def asked_by(template: str) -> set[str]:
    """Names of the parameters that a sentence needs."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_the_search_finds_what_there_is() -> None:
    assert {"over_limit", "margin_passes_limit", "home_no_forecast", "no_room_on_edge_or_analysis", "target_lost", "overdue"} <= set(CODES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_sentence(language: str) -> None:
    assert [code for code in CODES if code not in SENTENCES[language]] == []
    mostly = [MOSTLY + refusal for refusal in POSSIBLE_REFUSALS if refusal != "no_room"]
    assert [code for code in mostly if code not in SENTENCES[language]] == []
    if language == "ko":
        assert [code for code in CODES if not re.search("[가-힣]", SENTENCES[language][code])] == []


def test_no_sentence_is_for_nothing() -> None:
    derived = {code for code in SENTENCES["en"] if code.startswith(MOSTLY) or code.endswith((WISHED, FULL))}
    assert set(SENTENCES["en"]) - derived == set(CODES)
    assert set(SENTENCES["ko"]) == set(SENTENCES["en"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_ask_for_what_is_given(language: str) -> None:
    short = {code: asked_by(SENTENCES[language][code]) - given_with(code) for code in CODES if given_with(code)}
    assert {code: names for code, names in short.items() if names} == {}


LOAD: dict[str, Parameter] = {"device": "edge-03", "resource": "cpu", "load": 0.91, "limit": 0.85, "seconds": 40.0}
FORESEEN: dict[str, Parameter] = {**LOAD, "p90": 0.99, "probability": 0.8, "horizon_seconds": 90.0, "skill": 0.2}
AWAY: dict[str, Parameter] = {"workload": "detector/cam-03/main", "home": "edge-03", "device": "edge-01", "seconds": 24.0}
WISHES = (
    Reason("over_limit", LOAD),
    Reason("throttling_near", {"device": "edge-03", "headroom_kelvin": 2.0, "resource": "cpu", "load": 0.7}),
    Reason("will_pass_limit", FORESEEN),
    Reason("margin_passes_limit", FORESEEN),
)
HOMEWARD = Reason("home_has_room", AWAY)
EITHER = (
    Reason("first_look", {}),
    Reason("stale_evidence", {"signal": "cpu", "subject": "edge-03/cpu"}),
    Reason("scenario_off", {"scenario": "SC-1"}),
    Reason("resting", {"kind": "device", "id": "edge-03", "seconds": 40.0}),
    Reason("budget_in_flight", {"limit": 1}),
    Reason("budget_fleet", {"limit": 10, "window_seconds": 600.0}),
    Reason("budget_site", {"limit": 5, "window_seconds": 600.0, "site": "north"}),
    Reason("observe_only", {"scenario": "SC-1"}),
    Reason("waits_for", {"policy": "relieve"}),
    Reason("move_under_way", {"workload": "detector/cam-03/main", "target": "edge-05"}),
)
OF_RELIEF = (
    Reason("usually_too_short", {"usual_seconds": 8.0, "move_seconds": 20.0}),
    Reason("nothing_movable", {"device": "edge-03"}),
    Reason("cost_unknown", {"device": "edge-03", "resource": "cpu"}),
    *(
        Reason(f"no_room_on_{place}", {"device": "edge-03", "mostly": mostly})
        for place in BUILT["no_room_on_"]
        for mostly in ("", *POSSIBLE_REFUSALS)
    ),
)
OF_RETURN = tuple(Reason(f"home_{refusal}", {"home": "edge-03"}) for refusal in REFUSALS)
PAIRS = [*product(WISHES, (*EITHER, *OF_RELIEF)), *product([HOMEWARD], (*EITHER, *OF_RETURN))]


def refused(because: Reason, reason: Reason) -> Decision:
    """A wish that came to nothing."""
    wish: Relieve | Return = Return(workload="detector/cam-03/main", device="edge-01", home="edge-03")
    if because is not HOMEWARD:
        wish = Relieve(device="edge-03", resource="cpu", limit_ratio=0.85, excess_ratio=0.06, target_roles=("edge",))
    piece = Evidence("memory", "edge-03", 0.4, NOW - 60.0, False)
    proposal = Proposal(policy="p", scenario="SC-1", subject="s", wish=wish, because=because, evidence=(piece,), urgency=0.0)
    return Decision(id="1", at=NOW, verdict="hold", policy="p", scenario="SC-1", subject="s", reason=reason, proposal=proposal)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_pair_contradicts_itself_or_shows_its_seams(language: str) -> None:
    """Run with -s to read them all."""
    for because, reason in PAIRS:
        said = sentence(refused(because, reason), language)
        print(said)
        assert said.count(";") == 1, said
        assert not re.search(r"[?{}_]|  ", said), said
        assert "room again" not in said and "다시 여유" not in said
        about_room = reason.code in ("waits_for", "home_no_room") or reason.parameters.get("mostly") == "no_room"
        assert (" room" in said or "여유 있는" in said or "에 아직 여유 없음" in said or "자리" in said) == about_room, said


def test_a_refused_return_is_only_wished_for() -> None:
    said = sentence(refused(HOMEWARD, Reason("home_no_room", {"home": "edge-03"})))
    assert said == "detector/cam-03/main would go home to edge-03 after 24 s away; edge-03 has no room for it yet"
    assert render(HOMEWARD).endswith("edge-03 has room again")


def test_a_refusal_says_what_most_devices_lack() -> None:
    blamed = Reason("no_room_on_edge", {"device": "edge-03", "mostly": "no_forecast"})
    assert render(blamed) == "no edge can take it: most of them cannot be forecast yet"
    assert render(Reason("no_room_on_edge", {"device": "edge-03"})) == "no edge can take it"
    assert render(Reason("no_room_on_edge", {"mostly": "no_room"})) == "no edge has room"


def test_a_stale_reading_is_named_for_the_device_it_is_of() -> None:
    said = sentence(refused(HOMEWARD, Reason("stale_evidence", {"signal": "cpu", "subject": "detector/cam-03/main"})))
    assert said.endswith("; the memory reading of edge-03 is not fresh: nothing is decided on it")


def test_a_code_without_a_sentence_is_shown_with_its_parameters() -> None:
    assert render(Reason("moon_is_full", {"seconds": 20.0})) == "moon is full, seconds 20 s"
