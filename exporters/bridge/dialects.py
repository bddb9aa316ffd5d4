"""Reads what senders of every dialect post: bytes to an object, and its fields to text, numbers and moments; pure and distrustful."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, NoReturn

from exporters.bridge.refusals import shown
from exporters.bridge.replies import (
    BAD_TIME,
    EMPTY_FIELD,
    INVALID_VALUE,
    MISSING_FIELD,
    NOT_JSON,
    NOT_OBJECT,
    NOT_UTF8,
    OUT_OF_RANGE,
    TOO_LONG,
    WRONG_TYPE,
    Refusal,
)

MOST_ENCODINGS: Final = 3
"""Once is JSON, twice is what many senders do; a third time forgives a proxy. More is nobody's dialect."""

LONGEST_TEXT: Final = 64
"""Ids and names in use have at most a dozen letters."""

PERCENT: Final = 100.0
_RATIO_DIGITS: Final = 12
"""Enough for any sensor, and 12.3 % is 0.123."""
_LONGEST_NUMBER: Final = 32
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_COMPACT: Final = {12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_PARSED_DIGITS: Final = 6
"""datetime keeps microseconds; finer digits are cut off."""

Body = Mapping[str, Any]


def decode(body: bytes) -> Body:
    """The object that a body holds, whether it was encoded once or is a JSON string holding JSON.

    Raises:
        Refusal: it is not UTF-8, not JSON, no object, or encoded more than three times.
    """
    try:
        value: Any = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal(NOT_UTF8, "the body is not UTF-8") from None
    for _ in range(MOST_ENCODINGS):
        value = _loads(value)
        if isinstance(value, dict):
            return value
        if not isinstance(value, str):
            raise Refusal(NOT_OBJECT, "the body is JSON, but not an object")
    raise Refusal(NOT_OBJECT, f"the body is encoded more than {MOST_ENCODINGS} times")


def _loads(text: str) -> Any:
    try:
        return json.loads(text.removeprefix("\ufeff"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Refusal(NOT_JSON, "the body is not JSON") from None


def _refuse_constant(name: str) -> NoReturn:
    raise Refusal(OUT_OF_RANGE, f"{name} is not a number that can be kept")


def present(body: Body, key: str) -> Any:
    """What stands under a key.

    Raises:
        Refusal: nothing does, or null or an empty text.
    """
    if key not in body:
        raise Refusal(MISSING_FIELD, f"{key} is missing")
    value = body[key]
    if value is None or (isinstance(value, str) and not value.strip()):
        raise Refusal(EMPTY_FIELD, f"{key} is empty")
    return value


def text(body: Body, key: str, longest: int = LONGEST_TEXT) -> str:
    """A printable text without blanks around it; a whole number is taken as its digits.

    Raises:
        Refusal: it is missing, of another type, too long, or cannot be printed.
    """
    value = present(body, key)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**_LONGEST_NUMBER:
        value = str(value)
    if not isinstance(value, str):
        raise Refusal(WRONG_TYPE, f"{key} must be text")
    value = value.strip()
    if len(value) > longest:
        raise Refusal(TOO_LONG, f"{key} is longer than {longest} characters")
    if not value.isprintable():
        raise Refusal(INVALID_VALUE, f"{key} has characters that cannot be printed")
    return value


def name(body: Body, key: str) -> str:
    """Who a sender says it is; "" where it says nothing, since a token may tell as well.

    Raises:
        Refusal: there is something else than text or a whole number.
    """
    value = body.get(key)
    return "" if value is None or value == "" else text({key: value}, key) if str(value).strip() else ""


def number(body: Body, key: str, lowest: float, highest: float) -> float:
    """A finite number between two bounds, written as a number or as text.

    Raises:
        Refusal: it is missing, no number, or outside.
    """
    value = present(body, key)
    if isinstance(value, str):
        digits = value.strip()
        if len(digits) > _LONGEST_NUMBER or not _NUMBER.fullmatch(digits):
            raise Refusal(INVALID_VALUE, f"{key} is {shown(value)}, not a number")
        value = float(digits)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refusal(WRONG_TYPE, f"{key} must be a number")
    if not lowest <= value <= highest:
        raise Refusal(OUT_OF_RANGE, f"{key} is {shown(value)}, not between {lowest:g} and {highest:g}")
    return float(value)


def ratio(body: Body, key: str) -> float:
    """A number between 0 and 1."""
    return number(body, key, 0.0, 1.0)


def percent(body: Body, key: str) -> float:
    """A percentage between 0 and 100, as a ratio; a percent sign behind it is tolerated."""
    value = body.get(key)
    if isinstance(value, str) and value.rstrip().endswith("%"):
        body = {key: value.rstrip().removesuffix("%")}
    return round(number(body, key, 0.0, PERCENT) / PERCENT, _RATIO_DIGITS)


def moment(written: object, zone: tzinfo, key: str) -> float:
    """Unix seconds of ``2024-07-25T12:34:56Z``, the same without a zone (then in ``zone``), or of ``202407251234`` with or without seconds.

    Raises:
        Refusal: it is no such time.
    """
    digits = str(written).strip() if isinstance(written, (str, int)) and not isinstance(written, bool) and _is_short(written) else ""
    try:
        if _ISO.fullmatch(digits):
            at = datetime.fromisoformat(_cut_fraction(digits))
        elif digits.isascii() and digits.isdecimal() and len(digits) in _COMPACT:
            at = datetime.strptime(digits, _COMPACT[len(digits)])  # noqa: DTZ007 - the zone follows below
        else:
            raise ValueError(key)
        seconds = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise Refusal(BAD_TIME, f"{key} is no date and time such as 2024-07-25T12:34:56Z or 202407251234") from None
    return seconds if math.isfinite(seconds) else 0.0


def date_and_time(body: Body, zone: tzinfo) -> float:
    """Unix seconds of C-04's pair in ``zone``: ``date`` as 20240808, ``time`` as 123456; a number's lost leading zero is put back."""
    date, clock = text(body, "date"), text(body, "time")
    if isinstance(body["time"], int):
        clock = clock.zfill(6)
    return moment(date + clock, zone, "date and time")


def _is_short(written: str | int) -> bool:
    return len(written) <= LONGEST_TEXT if isinstance(written, str) else 0 <= written < 10**_LONGEST_NUMBER


def _cut_fraction(iso: str) -> str:
    """Python reads at most six digits behind the point."""
    return re.sub(rf"(\.\d{{{_PARSED_DIGITS}}})\d+", r"\1", iso)
