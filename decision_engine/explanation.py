"""`edgeshift explain`: one decision out of the journal, for a person or a program."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import typer

from decision_engine.config import ConfigError, load_settings
from decision_engine.core.decision import Decision
from decision_engine.core.explain import duration, percent, sentence
from decision_engine.core.proposal import Parameter
from decision_engine.execute.faults import JournalError
from decision_engine.execute.journal import Journal
from decision_engine.execute.questions import HistoryEntry, in_words
from decision_engine.service.views import decision_view, history_view

FORECAST_WORDS: Final = {
    "p90": "p90",
    "probability": "probability of overload",
    "horizon_seconds": "within",
    "skill": "skill over the margin rule",
}
"""What a reason says of a forecast, in the order in which it is told."""


def print_explanation(config: Path, decision_id: str, language: str, json: bool) -> int:
    """Print one decision with all that is known of it; 1 when there is none."""
    try:
        settings = load_settings(config)
        with Journal.open(settings.journal_url, read_only=True) as journal:
            found = journal.decision(decision_id)
            steps = journal.history_of(decision_id) if found else ()
    except ConfigError as error:
        for line in error.errors:
            typer.echo(line, err=True)
        return 1
    except JournalError as error:
        typer.echo(str(error), err=True)
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


def explanation(decision: Decision, steps: tuple[HistoryEntry, ...], language: str = "en") -> str:
    """Sentence, evidence, forecast, plan, alternatives, promise and history, as text."""
    lines = [
        f"Decision {decision.id} · {clock(decision.at)} · {decision.scenario} ({decision.policy}) · {decision.verdict}",
        f"  {sentence(decision, language)}",
        *_evidence(decision),
        *_promise(decision),
        *_alternatives(decision),
    ]
    if steps:
        lines += ["What came of it:", *(f"  {clock(step.at)}  {step.kind:<10} {in_words(step, language)}" for step in steps)]
    lines.append(f"Catalogue {decision.catalog_version or 'unknown'} · forecaster state {decision.model_digest or 'none'}")
    return "\n".join(lines)


def clock(at: float) -> str:
    """A time as people read it, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _evidence(decision: Decision) -> list[str]:
    if decision.proposal is None:
        return []
    lines = ["Evidence:"]
    for piece in decision.proposal.evidence:
        value = "unknown" if piece.value is None else percent(piece.value)
        age = "no sample" if piece.at is None else f"{decision.at - piece.at:.1f} s old"
        lines.append(f"  {piece.signal} of {piece.subject}: {value}, {age}{'' if piece.fresh else ', NOT fresh'}")
    named = decision.proposal.because.parameters
    forecast = [f"{words} {_said(key, named[key])}" for key, words in FORECAST_WORDS.items() if key in named]
    return [*lines, f"Forecast: {', '.join(forecast)}"] if forecast else lines


def _said(key: str, value: Parameter) -> str:
    if not isinstance(value, float):
        return "unknown"
    if key.endswith("seconds"):
        return duration(value)
    return f"{value:+.2f}" if key == "skill" else percent(value)


def _promise(decision: Decision) -> list[str]:
    promise = decision.promise
    if promise is None:
        return []
    return [
        "Promise:",
        f"  {promise.source} {promise.resource}: {_ratio(promise.source_before_ratio)} → {_ratio(promise.source_after_ratio)} at p90,"
        f" below {percent(promise.limit_ratio)}",
        f"  {promise.target} {promise.resource}: {_ratio(promise.target_before_ratio)} → {_ratio(promise.target_after_ratio)} at p90,"
        f" stays below {percent(promise.limit_ratio)}",
    ]


def _alternatives(decision: Decision) -> list[str]:
    if not decision.rejected:
        return []
    return ["Rejected alternatives:"] + [
        f"  {one.workload} to {one.target}: {one.reason.replace('_', ' ')}"
        + ("" if one.load_after_ratio is None else f" ({percent(one.load_after_ratio)} afterwards)")
        for one in decision.rejected
    ]


def _ratio(value: float | None) -> str:
    return "unknown" if value is None else percent(value)
