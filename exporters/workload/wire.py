"""The datagram between an AI program and the device exporter, and its distrustful parser: bytes in, an Observation out.

One datagram is one UTF-8 JSON object, shorter than 8192 bytes. All totals are cumulative within a *session* (one life of
one publisher), so that a lost datagram loses no totals, a duplicate counts nothing twice, and the newest ``seq`` wins::

    v               1
    worker          optional id of the process (like session), one for its whole life. Sessions of several workers add up;
                    without it, a new session of the placement ends the old one
    session, seq    id of the session (8–64 of 0-9a-f); 1, 2, 3 … for each attempt to send
    at, end         Unix seconds when it was made; true in the last datagram: goodbye
    lost            attempts that the publisher knows to have failed
    workload        package/camera/purpose          placement   workload@device#generation
    class, version  of the running variant          camera      optional; default: the middle of workload
    frames, results                                 totals
    empty, ambiguous                                optional totals: results without a finding, results within the ambiguous band
    last_frame, last_result                         Unix seconds; absent before the first
    latency, confidence                             {"sum": s, "counts": [one per bucket of contract.py, and one above]}
    events          {name: {"total": n, "at": Unix seconds, "confidence": ratio}}; at and confidence absent before the first
    streams         optional {name: [frames, results, last result in Unix seconds or null]}: at most 16 names, and "other";
                    left out where a datagram would be too long
    streams_over_limit  optional number of streams that are counted as "other"
    environment     optional {"class": "01"…"06" or "unknown", "confidence": ratio, "at": Unix seconds}
    cpu_seconds     of the process and the children it waited for; waited_cpu_seconds: optional, the children's part of it
    resident_bytes  optional
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from exporters.contract import CONFIDENCE_BUCKETS_RATIO, ENVIRONMENT_CLASSES, LATENCY_BUCKETS_SECONDS
from exporters.workload.observation import Distribution, Observation, Sighting, Stream, Totals

__all__ = ["REASONS", "Distribution", "Observation", "Sighting", "Stream", "Totals", "WireError", "parse"]

FORMAT_VERSION: Final = 1
MAX_DATAGRAM_BYTES: Final = 8192
MAX_EVENTS: Final = 32
MAX_STREAMS: Final = 16
OTHER_STREAMS: Final = "other"
MAX_AHEAD_SECONDS: Final = 60.0
"""A sender on the same machine shares our clock; a minute forgives a step of it, more would make a time in the future "newest" for ever."""
MAX_COUNT: Final = 2**53
"""Beyond this a count is no longer exact in a Prometheus sample."""
UNKNOWN_ENVIRONMENT: Final = "unknown"
REASONS: Final = (
    "too_long", "not_json", "format_version", "identity", "number", "time_in_future", "buckets", "events", "streams",
    "environment", "contradiction",
)  # fmt: skip

_PART = r"[^\s/@#\x00-\x1f\x7f]{1,64}"
_WORKLOAD = re.compile(rf"{_PART}/({_PART})/{_PART}")
_PLACEMENT_TAIL = re.compile(rf"@{_PART}#\d{{1,9}}")
_SESSION = re.compile(r"[0-9a-f]{8,64}")
_CLASS = re.compile(r"[\w.-]{0,32}")
_VERSION = re.compile(r"[\w.:@/+-]{0,128}")
_MAX_NAME_LETTERS = 64


class WireError(Exception):
    """A datagram that cannot be accepted: ``reason`` is one of REASONS, ``detail`` says what was wrong."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def parse(data: bytes, now: float) -> Observation:
    """Read one datagram at Unix time ``now``.

    Raises:
        WireError: it is too long, not ours, or says something impossible.
    """
    body = _decode(data)
    latest = now + MAX_AHEAD_SECONDS
    labels, camera = _identity(body)
    events, sightings = _events(body.get("events", {}), latest)
    environment, environment_seen = _environment(body.get("environment"), latest)
    totals = _totals(body, events)
    return Observation(
        session=_text(body, "session", _SESSION),
        worker=_text(body, "worker", _SESSION) if "worker" in body else "",
        seq=_count(body, "seq", 1),
        at=_time(body, "at", latest),
        end=body.get("end") is True,
        lost=_count(body, "lost"),
        labels=labels,
        camera=camera,
        totals=totals,
        last_frame=_time(body, "last_frame", latest) if "last_frame" in body else None,
        last_result=_time(body, "last_result", latest) if "last_result" in body else None,
        sightings=sightings,
        streams=_streams(body["streams"], totals, latest) if "streams" in body else None,
        streams_over_limit=_count(body, "streams_over_limit") if "streams_over_limit" in body else None,
        environment=environment,
        environment_seen=environment_seen,
        resident_bytes=_number(body, "resident_bytes") if "resident_bytes" in body else None,
    )


def _decode(data: bytes) -> dict[str, Any]:
    if len(data) >= MAX_DATAGRAM_BYTES:
        raise WireError("too_long", f"a datagram must be shorter than {MAX_DATAGRAM_BYTES} bytes")
    try:
        body = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise WireError("not_json", "the datagram is not one JSON object in UTF-8") from error
    if not isinstance(body, dict):
        raise WireError("not_json", f"the datagram holds a {type(body).__name__}, not an object")
    if body.get("v") != FORMAT_VERSION or isinstance(body["v"], bool):
        raise WireError("format_version", f"this exporter speaks version {FORMAT_VERSION}")
    return body


def _refuse_constant(name: str) -> NoReturn:
    raise WireError("number", f"{name} is not a number that can be kept")


def _identity(body: dict[str, Any]) -> tuple[tuple[str, str, str, str], str]:
    workload, placement = body.get("workload"), body.get("placement")
    named = _WORKLOAD.fullmatch(workload) if isinstance(workload, str) else None
    if not isinstance(workload, str) or named is None:
        raise WireError("identity", "workload is not of the form package/camera/purpose")
    if not isinstance(placement, str) or not placement.startswith(workload) or not _PLACEMENT_TAIL.fullmatch(placement[len(workload) :]):
        raise WireError("identity", "placement is not of the form workload@device#generation")
    camera = body.get("camera") or named.group(1)
    if not isinstance(camera, str) or not re.fullmatch(_PART, camera):
        raise WireError("identity", "camera is not an id")
    if not (placement + camera).isprintable():  # a lone surrogate in one label would break the whole page
        raise WireError("identity", "an id has letters that cannot be printed")
    return (workload, placement, _text(body, "class", _CLASS), _text(body, "version", _VERSION)), camera


def _text(body: dict[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise WireError("identity", f"{key} is missing or has letters it must not have")
    return value


def _number(body: Mapping[str, Any], key: str, at_most: float = MAX_COUNT) -> float:
    value = body.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= at_most:
        raise WireError("number", f"{key} must be a number between 0 and {at_most:g}")
    return float(value)


def _count(body: Mapping[str, Any], key: str, at_least: int = 0) -> int:
    value = body.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not at_least <= value <= MAX_COUNT:
        raise WireError("number", f"{key} must be a whole number of at least {at_least}")
    return value


def _time(body: Mapping[str, Any], key: str, latest: float) -> float:
    moment = _number(body, key)
    if moment > latest:
        raise WireError("time_in_future", f"{key} is more than {MAX_AHEAD_SECONDS:g} s ahead of this machine's clock")
    return moment


def _ratio(body: Mapping[str, Any]) -> float | None:
    return None if body.get("confidence") is None else _number(body, "confidence", 1.0)


def _distribution(value: object, name: str, length: int) -> Distribution:
    counts = value.get("counts") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(counts, list) or len(counts) != length:
        raise WireError("buckets", f"{name} must have {length} counts and a sum")
    return Distribution(tuple(_count({name: count}, name) for count in counts), _number(value, "sum"))


def _totals(body: dict[str, Any], events: dict[str, int]) -> Totals:
    totals = Totals(
        frames=_count(body, "frames"),
        results=_count(body, "results"),
        empty=_count(body, "empty") if "empty" in body else None,
        ambiguous=_count(body, "ambiguous") if "ambiguous" in body else None,
        latency=_distribution(body.get("latency"), "latency", len(LATENCY_BUCKETS_SECONDS) + 1),
        confidence=_distribution(body.get("confidence"), "confidence", len(CONFIDENCE_BUCKETS_RATIO) + 1),
        cpu_seconds=_number(body, "cpu_seconds"),
        waited_cpu_seconds=_number(body, "waited_cpu_seconds") if "waited_cpu_seconds" in body else 0.0,
        events=events,
    )
    sure = sum(totals.confidence.counts)
    if (totals.empty or 0) > totals.results or (totals.ambiguous or 0) > sure or totals.waited_cpu_seconds > totals.cpu_seconds:
        raise WireError("contradiction", "a part is more than its whole: empty of results, ambiguous of confidences, or waited of CPU time")
    return totals


def _streams(value: object, totals: Totals, latest: float) -> dict[str, Stream]:
    if not isinstance(value, dict) or len(value.keys() - {OTHER_STREAMS}) > MAX_STREAMS:
        raise WireError("streams", f"streams must be an object of at most {MAX_STREAMS} names and {OTHER_STREAMS}")
    streams: dict[str, Stream] = {}
    for name, said in value.items():
        if not _is_name(name) or not isinstance(said, list) or len(said) != len(Stream._fields):
            raise WireError("streams", "a stream needs a printable name of at most 64 letters, its frames, results and last result")
        told = dict(zip(Stream._fields, said, strict=True))
        last = None if told["last_result"] is None else _time(told, "last_result", latest)
        streams[name] = Stream(_count(told, "frames"), _count(told, "results"), last)
    if sum(one.frames for one in streams.values()) > totals.frames or sum(one.results for one in streams.values()) > totals.results:
        raise WireError("contradiction", "the streams have more frames or results than the program")
    return streams


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _MAX_NAME_LETTERS and name.isprintable()


def _events(value: object, latest: float) -> tuple[dict[str, int], dict[str, Sighting]]:
    if not isinstance(value, dict) or len(value) > MAX_EVENTS:
        raise WireError("events", f"events must be an object of at most {MAX_EVENTS} names")
    totals: dict[str, int] = {}
    sightings: dict[str, Sighting] = {}
    for name, event in value.items():
        if not isinstance(event, dict) or not _is_name(name):
            raise WireError("events", "an event needs a printable name of at most 64 letters, and a total")
        totals[name] = _count(event, "total")
        if totals[name] and "at" in event:
            sightings[name] = Sighting(_time(event, "at", latest), _ratio(event))
    return totals, sightings


def _environment(value: object, latest: float) -> tuple[str | None, Sighting | None]:
    if value is None:
        return None, None
    if not isinstance(value, dict) or value.get("class") not in (*ENVIRONMENT_CLASSES, UNKNOWN_ENVIRONMENT):
        raise WireError("environment", f"the environment's class must be {', '.join(ENVIRONMENT_CLASSES)} or {UNKNOWN_ENVIRONMENT}")
    return value["class"], Sighting(_time(value, "at", latest), _ratio(value))
