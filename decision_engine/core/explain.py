"""Decisions as sentences: what was seen, with number and limit, and what follows. English and Korean; rendered at the edge only."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from decision_engine.core.decision import Decision, MoveOrder, Promise
from decision_engine.core.proposal import Parameter, Reason

Language = str

RESOURCE_NAMES = {"en": {"cpu": "CPU", "memory": "memory", "gpu": "GPU"}, "ko": {"cpu": "CPU", "memory": "메모리", "gpu": "GPU"}}

WISHED: Final = "_wished"
"""Ends the code under which a reason stands that is only wished for: it must not claim what the refusal after it denies."""

FULL: Final = "_full"
"""Ends the code under which a refusal stands where room is what most devices lack."""

MOSTLY: Final = "mostly_"
"""Begins the code under which a refusal of ``core.targets`` stands as what most devices have in common."""

SENTENCES: dict[str, dict[str, str]] = {
    "en": {
        # What policies wish for.
        "over_limit": "{device} is at {load} {resource}, over its limit of {limit} for {seconds}",
        "throttling_near": "{device} is {headroom_kelvin} K below its throttle trip, at {load} {resource}",
        "will_pass_limit": "{device} will pass {limit} {resource} in {seconds} "
        "(p90 {p90}, P {probability} within {horizon_seconds}, now {load})",
        "may_pass_limit": "{device} may pass {limit} {resource} within {horizon_seconds}: P {probability} (p90 {p90}, now {load})",
        "margin_passes_limit": "{device} at {load} {resource} plus its volatility margin passes {limit} "
        "(p90 {p90}, by the margin rule: the forecast has not earned the right to act here)",
        "home_has_room": "{workload} has been away from {home} for {seconds} and {home} has room again",
        "home_has_room_wished": "{workload} would go home to {home} after {seconds} away",
        # Why nothing is done about it now.
        "first_look": "seen once: a second look on newer samples decides",
        "stale_evidence": "the {signal} reading of {subject} is not fresh: nothing is decided on it",
        "resting": "{kind} {id} rests for another {seconds} after its last move",
        "budget_in_flight": "as many moves as allowed ({limit}) are in flight already",
        "budget_fleet": "the fleet has used its {limit} moves per {window_seconds}",
        "budget_site": "site {site} has used its {limit} moves per {window_seconds}",
        "observe_only": "{scenario} is on observe: decided and recorded, not done",
        "scenario_off": "{scenario} is switched off",
        "move_under_way": "{workload} is on its way to {target} already",
        "usually_too_short": "overloads here usually last {usual_seconds}, a move takes {move_seconds}: not worth it",
        "nothing_movable": "no workload on {device} can be moved now",
        "cost_unknown": "what the workloads on {device} take of its {resource} is unknown",
        "no_room_on_edge": "no edge can take it{mostly}",
        "no_room_on_edge_full": "no edge has room",
        "no_room_on_analysis": "no analysis server can take it{mostly}",
        "no_room_on_analysis_full": "no analysis server has room",
        "no_room_on_edge_or_analysis": "neither an edge nor an analysis server can take it{mostly}",
        "no_room_on_edge_or_analysis_full": "neither an edge nor an analysis server has room",
        "engine_blind": "Prometheus cannot be believed ({cause}): nothing is decided until it answers again",
        "engine_sees_again": "Prometheus can be believed again: deciding goes on",
        "waits_for": "the {policy} policy is asked first, and has not found that there is no room",
        "policy_failed": "policy {policy} failed and is benched for this cycle: {error}",
        # Why home cannot take a workload back; one for each refusal of core.targets.
        "home_is_source": "it runs on {home} already",
        "home_other_role": "{home} has another role",
        "home_not_home": "{home} is not its home",
        "home_does_not_fit": "no build of it fits {home}",
        "home_camera_unreachable": "{home} cannot reach its camera",
        "home_runtime_silent": "the runtime of {home} does not answer",
        "home_not_fresh": "not every reading of {home} is fresh",
        "home_too_hot": "{home} is too near its throttle trip",
        "home_in_a_move": "{home} has a move in flight",
        "home_resting": "{home} is still resting after a move",
        "home_cost_unknown": "what it would take of {home} is unknown",
        "home_no_forecast": "{home} cannot be forecast yet",
        "home_no_room": "{home} has no room for it yet",
        "home_likely_overload": "{home} would probably come too near its limit with it",
        # What most devices have in common that cannot take a workload.
        "mostly_does_not_fit": "no build of the workload fits most of them",
        "mostly_camera_unreachable": "most of them cannot reach the camera",
        "mostly_runtime_silent": "the runtimes of most of them do not answer",
        "mostly_not_fresh": "the readings of most of them are not fresh",
        "mostly_too_hot": "most of them are too near their throttle trip",
        "mostly_in_a_move": "most of them have a move in flight",
        "mostly_resting": "most of them are resting after a move",
        "mostly_cost_unknown": "what the workload would take of most of them is unknown",
        "mostly_no_forecast": "most of them cannot be forecast yet",
        "mostly_likely_overload": "most of them would probably come too near a limit with it",
        # What a move says of itself.
        "move_planned": "a move is planned",
        "move_begun": "the start on {target} is ordered",
        "target_ready": "it is ready on {target}",
        "first_result_seen": "its first result came from {target}: the old placement may stop now",
        "source_stopping": "{source} is stopping it",
        "source_gone": "{source} no longer runs it",
        "order_repeated": "{verb} on {device} is ordered once more (order {times})",
        "overdue": "it is {state} for {seconds} already and no end is seen",
        "target_failed": "it failed on {target}: the move is taken back",
        "start_refused": "{target} refused to start it: the move is taken back",
        "deadline_passed": "it was not ready on {target} in time: the move is taken back",
        "no_result_before_deadline": "{target} gave no result in time: the move is taken back",
        "target_lost": "it was lost on {target}: the move is taken back",
        "target_gone": "{target} no longer runs it: the move is taken back",
        "kept_last_placement": "it stays on {target}, because it was lost where it came from",
        "no_longer_in_catalogue": "{workload} or a device of its move left the catalogue: it is left as it is",
    },
    "ko": {
        "over_limit": "{device}의 {resource} 사용률 {load}, 한계 {limit} 초과 {seconds} 지속",
        "throttling_near": "{device}의 {resource} 사용률 {load}, 온도 제한까지 {headroom_kelvin} K 남음",
        "will_pass_limit": "{device}의 {resource}이(가) {seconds} 안에 한계 {limit}를 넘을 전망 "
        "(p90 {p90}, {horizon_seconds} 내 확률 {probability}, 현재 {load})",
        "may_pass_limit": "{device}의 {resource}이(가) {horizon_seconds} 내 한계 {limit}를 넘을 수 있음: 확률 {probability} "
        "(p90 {p90}, 현재 {load})",
        "margin_passes_limit": "{device}의 {resource} {load}에 변동 여유를 더하면 {limit} 초과 "
        "(p90 {p90}, 여유 규칙 적용: 예측이 여기서 아직 검증되지 않음)",
        "home_has_room": "{workload}: {home}을(를) 떠난 지 {seconds}, {home}에 다시 여유 있음",
        "home_has_room_wished": "{workload}: {home}을(를) 떠난 지 {seconds}, 복귀 희망",
        "first_look": "한 번 관측됨: 새 표본으로 다시 확인 후 결정",
        "stale_evidence": "{subject}의 {signal} 값이 최신이 아님: 이 값으로는 결정하지 않음",
        "resting": "{kind} {id}: 직전 이동 후 {seconds} 더 대기",
        "budget_in_flight": "허용된 수({limit})만큼 이미 이동 진행 중",
        "budget_fleet": "전체 이동 한도 소진 ({window_seconds}당 {limit}회)",
        "budget_site": "사이트 {site}의 이동 한도 소진 ({window_seconds}당 {limit}회)",
        "observe_only": "{scenario}은(는) 관찰 모드: 기록만 하고 실행하지 않음",
        "scenario_off": "{scenario}은(는) 꺼져 있음",
        "move_under_way": "{workload}은(는) 이미 {target}(으)로 이동 중",
        "usually_too_short": "여기의 과부하는 보통 {usual_seconds} 지속, 이동에는 {move_seconds} 소요: 이동할 가치 없음",
        "nothing_movable": "{device}에 지금 옮길 수 있는 워크로드 없음",
        "cost_unknown": "{device}의 워크로드가 쓰는 {resource} 양을 알 수 없음",
        "no_room_on_edge": "맡을 수 있는 엣지 없음{mostly}",
        "no_room_on_edge_full": "여유 있는 엣지 없음",
        "no_room_on_analysis": "맡을 수 있는 분석 서버 없음{mostly}",
        "no_room_on_analysis_full": "여유 있는 분석 서버 없음",
        "no_room_on_edge_or_analysis": "맡을 수 있는 엣지도 분석 서버도 없음{mostly}",
        "no_room_on_edge_or_analysis_full": "여유 있는 엣지도 분석 서버도 없음",
        "engine_blind": "Prometheus를 신뢰할 수 없음 ({cause}): 응답이 회복될 때까지 결정하지 않음",
        "engine_sees_again": "Prometheus를 다시 신뢰할 수 있음: 결정 재개",
        "waits_for": "정책 {policy}이(가) 먼저이며, 자리가 없다는 결과가 아직 없음",
        "policy_failed": "정책 {policy} 실패, 이번 주기에서 제외: {error}",
        "home_is_source": "이미 {home}에서 실행 중",
        "home_other_role": "{home}의 역할이 다름",
        "home_not_home": "{home}은(는) 본래 장치가 아님",
        "home_does_not_fit": "{home}에 맞는 빌드 없음",
        "home_camera_unreachable": "{home}에서 카메라에 접근할 수 없음",
        "home_runtime_silent": "{home}의 런타임이 응답하지 않음",
        "home_not_fresh": "{home}의 값이 모두 최신은 아님",
        "home_too_hot": "{home}의 온도가 제한에 너무 가까움",
        "home_in_a_move": "{home}에서 이동 진행 중",
        "home_resting": "{home}은(는) 이동 후 아직 대기 중",
        "home_cost_unknown": "{home}에서 얼마나 쓸지 알 수 없음",
        "home_no_forecast": "{home}은(는) 아직 예측할 수 없음",
        "home_no_room": "{home}에 아직 여유 없음",
        "home_likely_overload": "복귀하면 {home}이(가) 한계에 너무 가까워질 가능성 높음",
        "mostly_does_not_fit": "대부분 맞는 빌드 없음",
        "mostly_camera_unreachable": "대부분 카메라에 접근할 수 없음",
        "mostly_runtime_silent": "대부분 런타임이 응답하지 않음",
        "mostly_not_fresh": "대부분 값이 최신이 아님",
        "mostly_too_hot": "대부분 온도가 제한에 너무 가까움",
        "mostly_in_a_move": "대부분 이동 진행 중",
        "mostly_resting": "대부분 이동 후 대기 중",
        "mostly_cost_unknown": "대부분 얼마나 쓸지 알 수 없음",
        "mostly_no_forecast": "대부분 아직 예측할 수 없음",
        "mostly_likely_overload": "대부분 한계에 너무 가까워질 가능성 높음",
        "move_planned": "이동 계획됨",
        "move_begun": "{target}에서 시작 지시",
        "target_ready": "{target}에서 준비됨",
        "first_result_seen": "{target}에서 첫 결과 확인: 이제 이전 장치에서 중지 가능",
        "source_stopping": "{source}에서 중지 중",
        "source_gone": "{source}에서 더 이상 실행되지 않음",
        "order_repeated": "{device}에 {verb} 다시 지시 ({times}번째)",
        "overdue": "{state} 상태로 {seconds} 경과, 끝이 보이지 않음",
        "target_failed": "{target}에서 실패: 이동 취소",
        "start_refused": "{target}이(가) 시작을 거부: 이동 취소",
        "deadline_passed": "{target}에서 제때 준비되지 않음: 이동 취소",
        "no_result_before_deadline": "{target}에서 제때 결과 없음: 이동 취소",
        "target_lost": "{target}에서 사라짐: 이동 취소",
        "target_gone": "{target}에서 더 이상 실행되지 않음: 이동 취소됨",
        "kept_last_placement": "원래 장치에서 사라져 {target}에 남음",
        "no_longer_in_catalogue": "{workload} 또는 이동 장치가 카탈로그에서 빠짐: 그대로 둠",
    },
}

MOVE_CLAUSES = {
    "en": "moving {workload} from {source} to {target}{loads}",
    "ko": "{workload}을(를) {source}에서 {target}(으)로 이동{loads}",
}
LOAD_CLAUSES = {"en": " ({now} now, {after} at p90 with it)", "ko": " (현재 {now}, 이동 후 p90 {after})"}
UNKNOWN = {"en": "unknown", "ko": "알 수 없음"}
KINDS = {"ko": {"workload": "워크로드", "device": "장치"}}
VERBS = {"en": {"start": "the start", "stop": "the stop"}, "ko": {"start": "시작", "stop": "중지"}}
NEWEST = {"en": "newest", "ko": "최신"}
UNITS = {"en": (" s", " min", " h"), "ko": ("초", "분", "시간")}


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
    """«moving A from B to C (54 % now, 71 % at p90 with it)»."""
    loads = ""
    if promise is not None and promise.target_before_ratio is not None and promise.target_after_ratio is not None:
        template = LOAD_CLAUSES.get(language, LOAD_CLAUSES["en"])
        loads = template.format(now=percent(promise.target_before_ratio), after=percent(promise.target_after_ratio))
    return MOVE_CLAUSES.get(language, MOVE_CLAUSES["en"]).format(
        workload=order.workload, source=order.source, target=order.target, loads=loads
    )


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
    tables = {"kind": KINDS, "verb": VERBS}
    return tables.get(key, {}).get(language, {}).get(value, value)
