"""What the bridge answers: every refusal has its reason, its code, and a sentence in the style of the path that was asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Final

DONE_CODE: Final = "0000"
DONE_MESSAGE: Final = "처리성공"
HTTP_OK: Final = 200
GOOD_NUMBER: Final = 200
GOOD_MESSAGE: Final = "GOOD"


class Style(Enum):
    """How a path's senders expect to be answered: ``{"code":"0000","message":…}``, or C-07's ``{"code":200,"msg":…}``.

    OURS is for what no older system speaks: a refusal has HTTP's own status and, beside code and message, its ``reason``.
    """

    CODE = "code"
    RESULT = "result"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was refused: ``name`` for a label, ``code`` and ``korean`` by the field's table, ``number`` (HTTP's) for C-07."""

    name: str
    code: str
    number: int
    korean: str


def _reason(name: str, code: str, number: int, korean: str) -> Reason:
    return Reason(name, code, number, korean)


NOT_UTF8: Final = _reason("not_utf8", "0010", 400, "파싱 오류")
NOT_JSON: Final = _reason("not_json", "0010", 400, "파싱 오류")
NOT_OBJECT: Final = _reason("not_object", "0010", 400, "파싱 오류")
MISSING_FIELD: Final = _reason("missing_field", "0015", 400, "파라미터 누락")
EMPTY_FIELD: Final = _reason("empty_field", "0020", 400, "데이터 누락")
SENDER_ERROR: Final = _reason("sender_error", "0020", 400, "데이터 누락")
TOO_LONG: Final = _reason("too_long", "0016", 400, "길이 초과")
TOO_LARGE: Final = _reason("too_large", "0016", 413, "길이 초과")
BAD_TIME: Final = _reason("bad_time", "0018", 400, "날짜 형식 오류")
WRONG_TYPE: Final = _reason("wrong_type", "0019", 400, "잘못된 코드 값")
INVALID_VALUE: Final = _reason("invalid_value", "0019", 400, "잘못된 코드 값")
OUT_OF_RANGE: Final = _reason("out_of_range", "0019", 400, "잘못된 코드 값")
UNKNOWN_CLASS: Final = _reason("unknown_class", "0019", 400, "잘못된 코드 값")
UNKNOWN_VARIANT: Final = _reason("unknown_variant", "0019", 400, "잘못된 코드 값")
UNMAPPED_CLASS: Final = _reason("unmapped_class", "0019", 400, "잘못된 코드 값")
BAD_OBSERVATION: Final = _reason("bad_observation", "0019", 400, "잘못된 코드 값")
WRONG_TOKEN: Final = _reason("wrong_token", "0005", 401, "비밀번호 오류")
TOKEN_MISSING: Final = _reason("token_missing", "0021", 401, "헤더 누락")
IDENTIFIES_NOTHING: Final = _reason("identifies_nothing", "0004", 404, "잘못된 아이디")
UNMAPPED: Final = _reason("unmapped", "0004", 404, "잘못된 아이디")
UNMAPPED_AI: Final = _reason("unmapped_ai", "0004", 404, "잘못된 아이디")
IDENTITY_CONFLICT: Final = _reason("identity_conflict", "0004", 409, "잘못된 아이디")
NO_CAMERA: Final = _reason("no_camera", "0014", 404, "연동 오류")
ADDRESS_REFUSED: Final = _reason("address_refused", "0002", 403, "허용되지 않음")
TOO_OLD: Final = _reason("too_old", "0018", 400, "날짜 형식 오류")
TOKEN_NEEDED: Final = _reason("token_needed", "9999", 401, "기타 오류")
RATE: Final = _reason("rate", "9999", 429, "기타 오류")
TOO_MANY_SENDERS: Final = _reason("too_many_senders", "9999", 429, "기타 오류")
TOO_SLOW: Final = _reason("too_slow", "0013", 408, "프로토콜 오류")
WRONG_METHOD: Final = _reason("wrong_method", "0013", 405, "프로토콜 오류")
COMPRESSED: Final = _reason("compressed", "0013", 415, "프로토콜 오류")
UNKNOWN_PATH: Final = _reason("unknown_path", "0012", 404, "알 수 없음")
CANNOT_STORE: Final = _reason("cannot_store", "0011", 503, "데이터베이스 오류")
NO_SERVICE: Final = _reason("no_service", "9999", 503, "기타 오류")
SERVICE_FAILED: Final = _reason("service_failed", "9999", 502, "기타 오류")
INTERNAL: Final = _reason("internal", "9999", 500, "기타 오류")


class Refusal(Exception):
    """Something cannot be accepted. ``detail`` is a short sentence that holds nothing secret: values go through ``shown``."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.name}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: HTTP status, the code inside it (for a label), and its bytes."""

    status: int
    code: str
    body: bytes


def done(style: Style) -> Reply:
    """The answer to what was taken."""
    return _DONE[style]


def refused(style: Style, refusal: Refusal) -> Reply:
    """The answer to what was not; HTTP says 200, as senders expect, but 503 while an event cannot be stored."""
    reason = refusal.reason
    if style is Style.OURS:
        said: dict[str, object] = {"code": reason.code, "message": f"{reason.korean}: {refusal.detail}", "reason": reason.name}
        return Reply(reason.number, reason.code, _json(said))
    status = reason.number if reason is CANNOT_STORE else HTTP_OK
    if style is Style.RESULT:
        return Reply(status, str(reason.number), _json({"code": reason.number, "msg": refusal.detail}))
    return coded(reason.code, f"{reason.korean}: {refusal.detail}", status)


def coded(code: str, message: str, status: int = HTTP_OK) -> Reply:
    """An answer in the style of C-03 with any code."""
    return Reply(status, code, _json({"code": code, "message": message}))


def _json(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


_DONE: Final = {
    Style.CODE: coded(DONE_CODE, DONE_MESSAGE),
    Style.OURS: coded(DONE_CODE, DONE_MESSAGE),
    Style.RESULT: Reply(HTTP_OK, str(GOOD_NUMBER), _json({"code": GOOD_NUMBER, "msg": GOOD_MESSAGE})),
}
