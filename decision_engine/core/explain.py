"""Decisions as sentences: what was seen, with number and limit, and what follows. English and Korean; rendered at the edge only."""

from __future__ import annotations

from decision_engine.core.decision import Decision, MoveOrder, Promise
from decision_engine.core.proposal import Parameter, Reason

Language = str

RESOURCE_NAMES = {"en": {"cpu": "CPU", "memory": "memory", "gpu": "GPU"}, "ko": {"cpu": "CPU", "memory": "메모리", "gpu": "GPU"}}

SENTENCES: dict[str, dict[str, str]] = {
    "en": {
        "over_limit": "{device} is at {load} {resource}, over its limit of {limit} for {seconds}",
        "throttling_near": "{device} is {headroom_kelvin} K below its throttle trip, at {load} {resource}",
        "will_pass_limit": "{device} will pass {limit} {resource} in {seconds} "
        "(p90 {p90}, P {probability} within {horizon_seconds}; now {load})",
        "margin_passes_limit": "{device} at {load} {resource} plus its volatility margin passes {limit} (p90 {p90}); "
        "the forecast has no skill here yet",
        "home_has_room": "{workload} has been away from {home} for {seconds} and {home} has room again",
        "first_look": "seen once; a second look on newer samples decides",
        "stale_evidence": "the {signal} reading of {subject} is not fresh: nothing is decided on it",
        "resting": "{kind} {id} rests for another {seconds} after its last move",
        "budget_in_flight": "{limit} moves are in flight already, as many as allowed",
        "budget_fleet": "the fleet has used its {limit} moves per {window_seconds}",
        "budget_site": "site {site} has used its {limit} moves per {window_seconds}",
        "observe_only": "{scenario} is on observe: decided and recorded, not done",
        "scenario_off": "{scenario} is switched off",
        "move_under_way": "{workload} is on its way to {target} already",
        "usually_too_short": "overloads here usually last {usual_seconds}, a move takes {move_seconds}: not worth it",
        "nothing_movable": "no workload on {device} can be moved now",
        "cost_unknown": "what the workloads on {device} take of its {resource} is unknown",
        "no_room_on_edge": "no edge has room",
        "no_room_on_analysis": "the analysis server has no room",
        "no_room_on_edge_or_analysis": "neither an edge nor the analysis server has room",
        "engine_blind": "Prometheus cannot be believed ({cause}): nothing is decided until it answers again",
        "policy_failed": "policy {policy} failed and is benched for this cycle: {error}",
        "home_no_room": "{home} has no room for it yet",
        "home_resting": "{home} is still resting",
        "home_not_fresh": "{home} says nothing fresh",
        "home_no_forecast": "nothing can be forecast for {home} yet",
        "home_in_a_move": "{home} has a move in flight",
    },
    "ko": {
        "over_limit": "{device}의 {resource} 사용률 {load}, 한계 {limit} 초과 {seconds} 지속",
        "will_pass_limit": "{device}의 {resource}이(가) {seconds} 안에 한계 {limit}를 넘을 전망 "
        "(p90 {p90}, {horizon_seconds} 내 확률 {probability}, 현재 {load})",
        "margin_passes_limit": "{device}의 {resource} {load}에 변동 여유를 더하면 {limit} 초과 (p90 {p90}); 예측 신뢰도 부족",
        "home_has_room": "{workload}: {home}을(를) 떠난 지 {seconds}, {home}에 다시 여유 있음",
        "first_look": "한 번 관측됨; 새 표본으로 다시 확인 후 결정",
        "engine_blind": "Prometheus를 신뢰할 수 없음 ({cause}): 응답이 회복될 때까지 결정하지 않음",
        "no_room_on_edge": "여유 있는 엣지 없음",
        "no_room_on_analysis": "분석 서버에 여유 없음",
        "no_room_on_edge_or_analysis": "엣지와 분석 서버 모두 여유 없음",
        "observe_only": "{scenario}은(는) 관찰 모드: 기록만 하고 실행하지 않음",
    },
}

MOVE_CLAUSES = {
    "en": "moving {workload} from {source} to {target}{loads}",
    "ko": "{workload}을(를) {source}에서 {target}(으)로 이동{loads}",
}


def sentence(decision: Decision, language: Language = "en") -> str:
    """The whole decision in one sentence for the person on call."""
    why = render(decision.reason, language)
    if decision.verdict == "act" and decision.move is not None:
        return f"{why}; {move_clause(decision.move, decision.promise, language)}"
    if decision.proposal is not None and decision.reason.code != decision.proposal.because.code:
        return f"{render(decision.proposal.because, language)}; {why}"
    return why


def render(reason: Reason, language: Language = "en") -> str:
    """A reason as a clause; a code without a template is shown with its parameters, never hidden."""
    template = SENTENCES.get(language, {}).get(reason.code) or SENTENCES["en"].get(reason.code)
    words = {key: _word(key, value, language) for key, value in reason.parameters.items()}
    if template is None:
        return reason.code.replace("_", " ") + "".join(f", {key} {value}" for key, value in words.items())
    return template.format_map(_Forgiving(words))


def move_clause(order: MoveOrder, promise: Promise | None, language: Language = "en") -> str:
    """«moving A from B to C (54 % → 71 %)»."""
    loads = ""
    if promise is not None and promise.target_before_ratio is not None and promise.target_after_ratio is not None:
        loads = f" ({percent(promise.target_before_ratio)} → {percent(promise.target_after_ratio)} at p90)"
    return MOVE_CLAUSES.get(language, MOVE_CLAUSES["en"]).format(
        workload=order.workload, source=order.source, target=order.target, loads=loads
    )


def percent(ratio: float) -> str:
    """0.847 as «85 %»."""
    return f"{ratio * 100:.0f} %"


def duration(seconds: float) -> str:
    """Seconds as people say them: «40 s», «6 min», «2.5 h»."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


class _Forgiving(dict[str, str]):
    """A parameter that an older record lacks is shown as «?»."""

    def __missing__(self, key: str) -> str:
        return "?"


_RATIOS = frozenset({"load", "limit", "p90"})


def _word(key: str, value: Parameter, language: Language) -> str:
    if value is None:
        return "unknown"
    if key == "resource":
        return RESOURCE_NAMES.get(language, RESOURCE_NAMES["en"]).get(str(value), str(value))
    if isinstance(value, float):
        if key in _RATIOS:
            return percent(value)
        return duration(value) if key.endswith("seconds") else f"{value:.2f}"
    return str(value)
