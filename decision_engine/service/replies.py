"""Answers in one form: JSON, and for everything that goes wrong one sentence, never a page and never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from decision_engine.execute.faults import JournalError

log = logging.getLogger(__name__)

JSON = "application/json"
TOO_LARGE = 413


def json_reply(body: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=msgspec.json.encode(body), status=status, content_type=JSON)


def refusal(kind: type[web.HTTPException], sentence: str, headers: Mapping[str, str] | None = None) -> web.HTTPException:
    """An exception of this kind that answers with one sentence."""
    return kind(text=msgspec.json.encode({"error": sentence}).decode(), content_type=JSON, headers=headers)


@web.middleware
async def json_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into one sentence."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.content_type == JSON:
            raise
        reply = json_reply({"error": _sentence(request, error)}, error.status)
        if "Allow" in error.headers:
            reply.headers["Allow"] = error.headers["Allow"]
        return reply
    except ConnectionError:  # whoever asked is gone, nobody waits for an answer
        raise
    except JournalError as error:
        return json_reply({"error": str(error)}, 503)
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return json_reply({"error": f"{request.method} {request.path} failed here, not with you; the service's log says why"}, 500)


@web.middleware
async def bounded_body(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read what was sent, so that too much (413) and what cannot be unpacked (400) is refused whether or not a route looks at it."""
    length = request.content_length
    if length is not None and length > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(max_size=request.client_max_size, actual_size=length)
    if request.can_read_body:
        try:
            await request.read()
        except (web.RequestPayloadError, HttpProcessingError) as error:
            broken = refusal(web.HTTPBadRequest, "the request's body is not in the encoding that its headers name")
            broken.force_close()  # where the next request would begin is not known
            raise broken from error
    return await handler(request)


def _sentence(request: web.Request, error: web.HTTPException) -> str:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return f"{request.path} cannot be asked with {error.method}; it takes {', '.join(sorted(error.allowed_methods))}"
    if isinstance(error, web.HTTPNotFound):
        return f"there is nothing at {request.path}"
    if error.status == TOO_LARGE:
        return f"the request's body is larger than the {request.client_max_size} bytes that are read here (service.max_body_bytes)"
    return f"{request.method} {request.path}: {error.reason}"
