"""Reads one HTTP request as far as a page of metrics needs it, at a fraction of what the standard library takes for a mail header."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import urlsplit

_LONGEST_LINE_BYTES: Final = 8192
_MOST_HEADERS: Final = 64
"""A scraper sends six."""


class BadRequest(Exception):
    """It cannot be answered as asked; ``status`` and a sentence say why."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, and whether the connection may be kept for the next request."""

    method: str
    path: str = ""
    accept: str = ""
    keep: bool = True


class Lines(Protocol):
    """What a request is read from."""

    def readline(self, limit: int, /) -> bytes:
        """One line with its end, or its first ``limit`` bytes, or what there was before the other side ended."""
        ...


def read_request(lines: Lines) -> Request | None:
    """Read the head of one request; None where the other side ended. A body is not read: its connection is not kept.

    Raises:
        BadRequest: it is no HTTP/1 request, its address cannot be read, or it is too long.
    """
    first = _line(lines)
    if first is None:
        return None
    words = first.split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(HTTPStatus.BAD_REQUEST, "This is no request of HTTP/1.1.")
    method, target, version = words
    headers = _headers(lines)
    if headers is None:
        return None
    wish = headers.get("connection", "").lower()
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    keep = not has_body and (wish == "keep-alive" if version == "HTTP/1.0" else wish != "close")
    return Request(method, _path(target), headers.get("accept", ""), keep)


def _headers(lines: Lines) -> dict[str, str] | None:
    """Names in small letters; of a header that comes several times, the values with commas between, as they mean the same."""
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = _line(lines)
        if line is None:
            return None
        if not line:
            return headers
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest(HTTPStatus.BAD_REQUEST, "A header has no colon.")
        key = name.lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"There are more than {_MOST_HEADERS} headers.")


def _path(target: str) -> str:
    if target.startswith("/"):
        return target.partition("?")[0]
    try:
        return urlsplit(target).path
    except ValueError as error:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "This is no address that can be read.") from error


def _line(lines: Lines) -> str | None:
    line = lines.readline(_LONGEST_LINE_BYTES)
    if not line.endswith(b"\n"):
        if len(line) == _LONGEST_LINE_BYTES:
            raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"A line is longer than {_LONGEST_LINE_BYTES} bytes.")
        return None
    return line.decode("latin-1").rstrip("\r\n")
