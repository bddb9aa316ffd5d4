"""Reads the JSON of the Prometheus HTTP API into samples, typed and in one pass."""

from __future__ import annotations

from typing import Final

import msgspec

from decision_engine.observe.source import PrometheusUnavailable, Samples

SAID_CHARACTERS: Final = 200
"""How much of a server's own words is repeated: enough to name the trouble, too little to flood a log."""


class _Instant(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _Range(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]]


class _Data(msgspec.Struct):
    resultType: str  # noqa: N815  the API's own spelling
    result: msgspec.Raw


class _Answer(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str = ""
    errorType: str = ""  # noqa: N815  the API's own spelling
    warnings: list[str] = []


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_VECTOR: Final = msgspec.json.Decoder(list[_Instant])
_MATRIX: Final = msgspec.json.Decoder(list[_Range])


def read_answer(body: bytes, server: str, matrix: bool | None = None) -> tuple[Samples, ...]:
    """Decode a vector or matrix answer; an instant sample's time is that of the evaluation. ``matrix`` says which of the
    two was asked for; a series without a sample is no series.

    Raises:
        PrometheusUnavailable: ``prometheus_error`` it says so itself, ``prometheus_partial`` it warns that data is
            missing, ``prometheus_malformed`` this is not an answer of the API or it was cut off.
    """
    try:
        answer = _ANSWER.decode(body)
        if answer.status != "success" or answer.data is None:
            raise PrometheusUnavailable("prometheus_error", f"Prometheus at {server} refused a query: {said(answer.error)}")
        if answer.warnings:
            raise PrometheusUnavailable("prometheus_partial", f"Prometheus at {server} warns about its answer: {said(answer.warnings[0])}")
        if matrix is not None and (answer.data.resultType == "matrix") is not matrix:
            wanted = "a matrix" if matrix else "a vector"
            message = f"Prometheus at {server} answered a {said(answer.data.resultType)} where {wanted} was asked for"
            raise PrometheusUnavailable("prometheus_malformed", message)
        return _samples(answer.data, server)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        message = f"Prometheus at {server} gave an answer of {len(body)} bytes that is not a whole answer of its query API"
        raise PrometheusUnavailable("prometheus_malformed", message) from error


def error_in(body: bytes) -> str:
    """What the server itself says went wrong, "" when it is not saying it in the API's way."""
    try:
        return said(_ANSWER.decode(body).error)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


def said(words: str) -> str:
    """A server's words, on one line and not too long."""
    return " ".join(words.split())[:SAID_CHARACTERS]


def _samples(data: _Data, server: str) -> tuple[Samples, ...]:
    if data.resultType == "vector":
        return tuple(Samples(series.metric, (series.value[0],), (float(series.value[1]),)) for series in _VECTOR.decode(data.result))
    if data.resultType == "matrix":
        return tuple(
            Samples(series.metric, [point[0] for point in series.values], [float(point[1]) for point in series.values])
            for series in _MATRIX.decode(data.result)
            if series.values
        )
    message = f"Prometheus at {server} answered a {said(data.resultType)} where series were expected; the signal must yield a vector"
    raise PrometheusUnavailable("prometheus_malformed", message)
