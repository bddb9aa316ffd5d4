"""`edgeshift explain`: one decision out of the journal, for a person or a program."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import typer

from decision_engine.config import ConfigError, load_settings
from decision_engine.core.decision import Alternative, Decision
from decision_engine.core.explain import duration, percent, sentence
from decision_engine.core.proposal import Evidence, Parameter
from decision_engine.execute.faults import JournalError
from decision_engine.execute.journal import Journal
from decision_engine.execute.questions import MOST_DECISIONS, DecisionQuery, HistoryEntry, in_words
from decision_engine.service.views import decision_view, history_view

PREFIX_CHARACTERS: Final = 4
"""A shorter beginning of an id is a typing mistake rather than an abbreviation."""
DIGEST_CHARACTERS: Final = 12
"""Enough of a hash to tell states apart; the whole of it stands in the JSON."""
KELVIN_SIGNALS: Final = frozenset({"thermal_headroom"})
"""Evidence that is no ratio."""
FORECAST_KEYS: Final = ("p90", "probability", "horizon_seconds", "skill")
"""What a reason says of a forecast, in the order in which it is told."""

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "decision": "Decision",
        "act": "act",
        "hold": "hold",
        "refuse": "refuse",
        "evidence": "Evidence",
        "of": "{signal} of {subject}",
        "no_sample": "no sample",
        "old": "{seconds:.1f} s old",
        "stale": ", NOT fresh",
        "forecast": "Forecast",
        "p90": "p90",
        "probability": "probability of overload",
        "horizon_seconds": "within",
        "skill": "skill over the margin rule",
        "promise": "Promise",
        "now": "{load} now",
        "without": ", p90 {p90} without the move",
        "afterwards": ", p90 {p90} with it",
        "above": ", still above its limit of {limit}",
        "below": ", below its limit of {limit}",
        "rejected": "Rejected alternatives",
        "to": "{workload} to {target}",
        "load_after": " ({load} afterwards)",
        "history": "What came of it",
        "transition": "transition",
        "receipt": "receipt",
        "outcome": "outcome",
        "catalogue": "Catalogue",
        "forecaster": "forecaster state",
        "unknown": "unknown",
        "none": "none",
    },
    "ko": {
        "decision": "결정",
        "act": "실행",
        "hold": "보류",
        "refuse": "거부",
        "evidence": "근거",
        "of": "{subject}의 {signal}",
        "no_sample": "표본 없음",
        "old": "{seconds:.1f}초 전",
        "stale": ", 최신 아님",
        "forecast": "예측",
        "p90": "p90",
        "probability": "과부하 확률",
        "horizon_seconds": "기간",
        "skill": "여유 규칙 대비 예측력",
        "promise": "약속",
        "now": "현재 {load}",
        "without": ", 이동하지 않으면 p90 {p90}",
        "afterwards": ", 이동 후 p90 {p90}",
        "above": ", 여전히 한계 {limit} 초과",
        "below": ", 한계 {limit} 이내",
        "rejected": "제외된 대안",
        "to": "{workload} → {target}",
        "load_after": " (이동 후 {load})",
        "history": "결과",
        "transition": "단계",
        "receipt": "접수",
        "outcome": "판정",
        "catalogue": "카탈로그",
        "forecaster": "예측기 상태",
        "unknown": "알 수 없음",
        "none": "없음",
        "refusal_fuller_afterwards": "이동 후 더 참",
        "refusal_does_not_fit": "맞는 빌드 없음",
        "refusal_camera_unreachable": "카메라에 접근할 수 없음",
        "refusal_runtime_silent": "런타임이 응답하지 않음",
        "refusal_not_fresh": "값이 최신이 아님",
        "refusal_too_hot": "온도가 제한에 너무 가까움",
        "refusal_in_a_move": "이동 진행 중",
        "refusal_resting": "이동 후 대기 중",
        "refusal_cost_unknown": "얼마나 쓸지 알 수 없음",
        "refusal_no_forecast": "아직 예측할 수 없음",
        "refusal_no_room": "여유 없음",
        "refusal_likely_overload": "한계에 너무 가까워질 가능성 높음",
    },
}
"""Every word of an explanation; a refusal that English says by its code needs no entry there."""


def print_explanation(config: Path, decision_id: str, language: str, json: bool) -> int:
    """Print one decision with all that is known of it; 1 when there is none."""
    try:
        settings = load_settings(config)
        with Journal.open(settings.journal_url, read_only=True) as journal:
            ids = matching(journal, decision_id)
            found = journal.decision(ids[0]) if len(ids) == 1 else None
            steps = journal.history_of(ids[0]) if found else ()
    except ConfigError as error:
        for line in error.errors:
            typer.echo(line, err=True)
        return 1
    except JournalError as error:
        typer.echo(str(error), err=True)
        return 1
    if len(ids) > 1:
        typer.echo(f"{decision_id} begins the ids of {len(ids)} decisions: {', '.join(ids)}", err=True)
        return 1
    if found is None:
        typer.echo(f"there is no decision {decision_id} in {settings.journal_url}", err=True)
        return 1
    if json:
        body: dict[str, Any] = {**decision_view(found, language), "history": [history_view(step, language) for step in steps]}
        typer.echo(msgspec.json.encode(body).decode())
        return 0
    typer.echo(explanation(found, steps, language))
    return 0


def matching(journal: Journal, asked: str) -> tuple[str, ...]:
    """The ids that are meant: this one, or else those that begin so; a beginning needs four characters.

    Raises:
        JournalError: the journal cannot be read.
    """
    if journal.decision(asked) is not None:
        return (asked,)
    if len(asked) < PREFIX_CHARACTERS:
        return ()
    found: set[str] = set()
    ends = [""]
    while page := journal.decisions(DecisionQuery(limit=MOST_DECISIONS, before_id=ends[-1])):
        found |= {decision.id for decision in page if decision.id.startswith(asked)}
        if page[-1].id in ends:  # two decisions share an id, so that this page came before
            break
        ends.append(page[-1].id)
    return tuple(sorted(found))


def explanation(decision: Decision, steps: tuple[HistoryEntry, ...], language: str = "en") -> str:
    """Sentence, evidence, forecast, plan, alternatives, promise and history, as text."""
    words = WORDS[language]
    lines = [
        f"{words['decision']} {decision.id} · {clock(decision.at)} · {decision.scenario} ({decision.policy}) · {words[decision.verdict]}",
        f"  {sentence(decision, language)}",
        *_evidence(decision, language),
        *_promise(decision, words),
        *_alternatives(decision, words),
    ]
    if steps:
        lines += [f"{words['history']}:", *(f"  {clock(step.at)}  {words[step.kind]:<10} {in_words(step, language)}" for step in steps)]
    digest = decision.model_digest[:DIGEST_CHARACTERS] or words["none"]
    lines.append(f"{words['catalogue']} {decision.catalog_version or words['unknown']} · {words['forecaster']} {digest}")
    return "\n".join(lines)


def clock(at: float) -> str:
    """A time as people read it, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _evidence(decision: Decision, language: str) -> list[str]:
    if decision.proposal is None:
        return []
    words = WORDS[language]
    lines = [f"{words['evidence']}:", *(_piece(piece, decision.at, words) for piece in decision.proposal.evidence)]
    named = decision.proposal.because.parameters
    forecast = [f"{words[key]} {_said(key, named[key], language)}" for key in FORECAST_KEYS if key in named]
    return [*lines, f"{words['forecast']}: {', '.join(forecast)}"] if forecast else lines


def _piece(piece: Evidence, now: float, words: dict[str, str]) -> str:
    value = f"{piece.value:.1f} K" if piece.value is not None and piece.signal in KELVIN_SIGNALS else _ratio(piece.value, words)
    age = words["no_sample"] if piece.at is None else words["old"].format(seconds=now - piece.at)
    return f"  {words['of'].format(signal=piece.signal, subject=piece.subject)}: {value}, {age}{'' if piece.fresh else words['stale']}"


def _said(key: str, value: Parameter, language: str) -> str:
    if not isinstance(value, float):
        return WORDS[language]["unknown"]
    if key.endswith("seconds"):
        return duration(value, language)
    return f"{value:+.2f}" if key == "skill" else percent(value)


def _promise(decision: Decision, words: dict[str, str]) -> list[str]:
    """Both ends now and afterwards; what is a load now and what a forecast is said, since they are not the same measure."""
    promise = decision.promise
    if promise is None:
        return []
    ends = (
        (promise.source, promise.source_before_ratio, _foreseen(decision), promise.source_after_ratio),
        (promise.target, promise.target_before_ratio, None, promise.target_after_ratio),
    )
    lines = [f"{words['promise']}:"]
    for device, now, foreseen, after in ends:
        without = "" if foreseen is None else words["without"].format(p90=percent(foreseen))
        afterwards = words["afterwards"].format(p90=_ratio(after, words))
        verdict = _held_against(after, promise.limit_ratio, words)
        lines.append(f"  {device} {promise.resource}: {words['now'].format(load=_ratio(now, words))}{without}{afterwards}{verdict}")
    return lines


def _foreseen(decision: Decision) -> float | None:
    """The p90 of the source if nothing were moved, where the wish was about a forecast of that resource."""
    if decision.proposal is None or decision.promise is None:
        return None
    said = decision.proposal.because.parameters
    foreseen = said.get("p90") if said.get("resource") == decision.promise.resource else None
    return foreseen if isinstance(foreseen, float) else None


def _held_against(after: float | None, limit: float, words: dict[str, str]) -> str:
    if after is None:
        return ""
    return words["above" if after > limit else "below"].format(limit=percent(limit))


def _alternatives(decision: Decision, words: dict[str, str]) -> list[str]:
    if not decision.rejected:
        return []
    return [f"{words['rejected']}:", *(_alternative(one, words) for one in decision.rejected)]


def _alternative(one: Alternative, words: dict[str, str]) -> str:
    why = words.get(f"refusal_{one.reason}", one.reason.replace("_", " "))
    load = "" if one.load_after_ratio is None else words["load_after"].format(load=percent(one.load_after_ratio))
    return f"  {words['to'].format(workload=one.workload, target=one.target)}: {why}{load}"


def _ratio(value: float | None, words: dict[str, str]) -> str:
    return words["unknown"] if value is None else percent(value)
