"""The field's payloads C-03, C-04, C-05, C-07 and C-15 as values: whole and believable, or refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from exporters.bridge.classes import VERSION, Variant, variant_of_class, variant_of_function, written
from exporters.bridge.dialects import Body, date_and_time, moment, name, percent, present, ratio, text
from exporters.bridge.refusals import shown
from exporters.bridge.replies import DONE_CODE, INVALID_VALUE, MISSING_FIELD, SENDER_ERROR, Refusal

_FINE: Final = ("", DONE_CODE, "0", "200")
"""Codes by which a sender says that its own measuring went well."""


@dataclass(frozen=True, slots=True)
class Usage:
    """C-03: the load of the whole machine, as ratios, said by one of its AIs; ``variant`` where it says which."""

    username: str
    cpu_ratio: float
    memory_ratio: float
    variant: Variant | None
    trouble: Refusal | None
    """Why the variant is not known although something was said of it; the load counts all the same."""


@dataclass(frozen=True, slots=True)
class Weather:
    """C-04 and C-05: what a camera's surroundings look like, in the sender's own word, at the sender's own Unix time."""

    nid: str
    word: str
    confidence_ratio: float | None
    said_at: float


@dataclass(frozen=True, slots=True)
class Result:
    """C-07: one analysed frame; what ``word`` means depends on ``ainame``."""

    sid: str
    ainame: str
    version: str
    word: str
    confidence_ratio: float
    said_at: float


@dataclass(frozen=True, slots=True)
class Trigger:
    """C-15: another version of an AI was registered."""

    aid: str
    filename: str
    version: str
    ai_class: str


def usage(body: Body) -> Usage:
    """Read C-03.

    Raises:
        Refusal: a field is missing or cannot be true, or the sender itself says that its measuring failed.
    """
    own = body.get("code")
    if own is not None and str(own).strip() not in _FINE:
        raise Refusal(SENDER_ERROR, "the sender's own code says that it could not measure")
    username, cpu, memory = name(body, "username"), percent(body, "cpu"), percent(body, "memory")
    try:
        return Usage(username, cpu, memory, _variant(body), None)
    except Refusal as trouble:
        return Usage(username, cpu, memory, None, trouble)


def _variant(body: Body) -> Variant | None:
    if body.get("ai_class") not in (None, ""):
        return variant_of_class(text(body, "ai_class"), text(body, "version") if body.get("version") not in (None, "") else "")
    return variant_of_function(text(body, "func")) if body.get("func") not in (None, "") else None


def weather(body: Body, zone: tzinfo) -> Weather:
    """Read C-05, or C-04 where ``result`` stands in place of ``res_class``.

    Raises:
        Refusal: a field is missing or cannot be read.
    """
    nid = name(body, "nid")
    if "res_class" in body:
        at = moment(present(body, "created_at"), zone, "created_at")
        return Weather(nid, _word(body, "res_class"), ratio(body, "res_confidence"), at)
    if "result" in body:
        return Weather(nid, _word(body, "result"), None, date_and_time(body, zone))
    raise Refusal(MISSING_FIELD, "res_class is missing (or result, in the older form)")


def result(body: Body, zone: tzinfo) -> Result:
    """Read C-07.

    Raises:
        Refusal: a field is missing or cannot be read.
    """
    version = text(body, "version")
    if not VERSION.fullmatch(version):
        raise Refusal(INVALID_VALUE, f"version is {shown(version)}: 1 to 32 letters, digits and . _ + - make a version")
    return Result(
        sid=text(body, "sid"),
        ainame=text(body, "ainame"),
        version=version,
        word=_word(body, "class"),
        confidence_ratio=ratio(body, "class_prob"),
        said_at=moment(present(body, "time"), zone, "time"),
    )


def trigger(body: Body) -> Trigger:
    """Read C-15.

    Raises:
        Refusal: a field is missing or cannot be read.
    """
    aid, filename, version = text(body, "aid"), text(body, "filename"), text(body, "version")
    return Trigger(aid, filename, version, text(body, "ai_class"))


def _word(body: Body, key: str) -> str:
    present(body, key)
    word = written(body[key], key)
    return text({key: word}, key)
