"""Decisions as sentences: what was seen, with number and limit, and what follows. English and Korean; rendered at the edge only."""

from __future__ import annotations

from dataclasses import replace

from decision_engine.core.decision import Decision, MoveOrder, Promise
from decision_engine.core.proposal import Parameter, Reason
from decision_engine.core.sentences import (
    CAUSES,
    CHANGE_CLAUSES,
    ENVIRONMENTS,
    FULL,
    KINDS,
    LOAD_CLAUSES,
    MOSTLY,
    MOVE_CLAUSES,
    NEWEST,
    RESOURCE_NAMES,
    RESTART_CLAUSES,
    SENTENCES,
    START_CLAUSES,
    UNITS,
    UNKNOWN,
    VERBS,
    WISHED,
)

Language = str


def sentence(decision: Decision, language: Language = "en") -> str:
    """The whole decision in one sentence for the person on call."""
    if decision.verdict == "act" and decision.move is not None:
        return f"{render(decision.reason, language)}; {move_clause(decision.move, decision.promise, language)}"
    reason, proposal = _about_the_stale_piece(decision), decision.proposal
    if proposal is None or reason.code == proposal.because.code:
        return render(reason, language)
    wished = replace(proposal.because, code=proposal.because.code + WISHED)
    because = wished if wished.code in SENTENCES["en"] else proposal.because
    return f"{render(because, language)}; {render(reason, language)}"


def render(reason: Reason, language: Language = "en") -> str:
    """A reason as a clause; a code without a template is shown with its parameters, never hidden."""
    code = reason.code + (FULL if reason.parameters.get("mostly") == "no_room" else "")
    template = SENTENCES.get(language, {}).get(code) or SENTENCES["en"].get(code)
    words = {key: _word(key, value, language) for key, value in reason.parameters.items()}
    if template is None:
        return reason.code.replace("_", " ") + "".join(f", {key} {value}" for key, value in words.items())
    return template.format_map(_Forgiving({"mostly": "", **words}))


def move_clause(order: MoveOrder, promise: Promise | None, language: Language = "en") -> str:
    """«moving A from B to C (54 % now, 71 % at p90 with it)», «changing A on B from sunny 01 to rain 01», or «starting A on B (…)»."""
    loads = ""
    if promise is not None and promise.target_before_ratio is not None and promise.target_after_ratio is not None:
        template = LOAD_CLAUSES.get(language, LOAD_CLAUSES["en"])
        loads = template.format(now=percent(promise.target_before_ratio), after=percent(promise.target_after_ratio))
    if order.replaces and order.stays:
        before, after = (
            build(order.source_class, order.source_version, language),
            build(order.environment_class, order.version, language),
        )
        if before == after:
            return RESTART_CLAUSES.get(language, RESTART_CLAUSES["en"]).format(workload=order.workload, target=order.target)
        return CHANGE_CLAUSES.get(language, CHANGE_CLAUSES["en"]).format(
            workload=order.workload, target=order.target, before=before, after=after
        )
    clauses = MOVE_CLAUSES if order.replaces else START_CLAUSES
    return clauses.get(language, clauses["en"]).format(workload=order.workload, source=order.source, target=order.target, loads=loads)


def build(environment_class: str, version: str, language: Language = "en") -> str:
    """«rain 02»; what is not known is said so."""
    name = ENVIRONMENTS.get(language, ENVIRONMENTS["en"]).get(environment_class, environment_class)
    return f"{name} {version}".strip() or UNKNOWN.get(language, UNKNOWN["en"])


def percent(ratio: float) -> str:
    """0.847 as «85 %»."""
    return f"{ratio * 100:.0f} %"


def duration(seconds: float, language: Language = "en") -> str:
    """Seconds as people say them: «40 s», «6 min», «2.5 h»."""
    second, minute, hour = UNITS.get(language, UNITS["en"])
    if seconds < 100:
        return f"{seconds:.0f}{second}"
    if seconds < 7200:
        return f"{seconds / 60:.0f}{minute}"
    return f"{seconds / 3600:.1f}{hour}"


def _about_the_stale_piece(decision: Decision) -> Reason:
    """The reason; one about stale evidence names whose reading it is, which may be another than the wish is about."""
    if decision.reason.code != "stale_evidence" or decision.proposal is None:
        return decision.reason
    stale = next((piece for piece in decision.proposal.evidence if not piece.fresh), None)
    return decision.reason if stale is None else Reason("stale_evidence", {"signal": stale.signal, "subject": stale.subject})


class _Forgiving(dict[str, str]):
    """A parameter that an older record lacks is shown as «?»."""

    def __missing__(self, key: str) -> str:
        return "?"


_RATIOS = frozenset({"load", "limit", "p90"})


def _word(key: str, value: Parameter, language: Language) -> str:
    if value is None:
        return UNKNOWN.get(language, UNKNOWN["en"])
    if isinstance(value, str):
        return _named(key, value, language)
    if isinstance(value, float):
        if key in _RATIOS:
            return percent(value)
        return duration(value, language) if key.endswith("seconds") else f"{value:.2f}"
    return str(value)


def _named(key: str, value: str, language: Language) -> str:
    """A name as people say it in this language."""
    if key in ("resource", "signal"):
        return RESOURCE_NAMES.get(language, RESOURCE_NAMES["en"]).get(value, value.replace("_", " ") or NEWEST.get(language, ""))
    if key == "mostly":
        return f": {render(Reason(MOSTLY + value, {}), language)}" if value else ""
    tables = {"kind": KINDS, "verb": VERBS, "environment": ENVIRONMENTS, "runs": ENVIRONMENTS, "cause": CAUSES}
    return tables.get(key, {}).get(language, {}).get(value, value)
