"""The HTTP face of the engine: fleet, decisions, live stream, scrape targets, metrics and health."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from aiohttp import web

from decision_engine.catalog.targets import scrape_targets
from decision_engine.core.sentences import SENTENCES
from decision_engine.engine import CycleReport
from decision_engine.execute.questions import DecisionQuery, OperatorNote
from decision_engine.service.loop import Loop
from decision_engine.service.origin import same_machine
from decision_engine.service.quiet import keep_quiet
from decision_engine.service.replies import JSON, bounded_body, json_errors, json_reply, refusal
from decision_engine.service.stream import Listener, TooManyListeners
from decision_engine.service.tokens import WHO, TokenLike, token_middleware
from decision_engine.service.views import decision_view, fleet_view, history_view, seen_view

LOOP: web.AppKey[Loop] = web.AppKey("loop", Loop)
DECISIONS_PER_PAGE = 50
DECISIONS_PER_PAGE_MOST = 500
VERDICTS = ("act", "hold", "refuse")
KEEP_ALIVE_SECONDS = 15.0
"""A comment line this often keeps proxies from closing a quiet stream."""
STILL_HERE = b": still here\n\n"
READ_WITHIN_SECONDS = 10.0
"""A listener of the stream that takes nothing for this long is let go."""
WRITE_BUFFER_BYTES = 16 * 2**10
"""What is kept for a listener beside the event under way before the stream waits for it to read."""


def make_app(loop: Loop, tokens: Sequence[TokenLike], max_body_bytes: int) -> web.Application:
    """All routes around one running loop; where no tokens are asked for, only pages and programs of this machine are answered."""
    door = token_middleware(tokens) if tokens else same_machine
    keep_quiet()
    app = web.Application(middlewares=[json_errors, door, bounded_body], client_max_size=max_body_bytes)
    app[LOOP] = loop
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", metrics),
            web.get("/api/v1/fleet", fleet),
            web.get("/api/v1/targets", targets),
            web.get("/api/v1/decisions", decisions),
            web.get("/api/v1/decisions/{id}", decision),
            web.get("/api/v1/stream", stream, allow_head=False),
            web.post("/api/v1/catalog/reload", reload_catalog),
        ]
    )
    return app


async def healthz(request: web.Request) -> web.Response:
    """The process lives and its loop turns."""
    stuck = _stuck(request.app[LOOP])
    return json_reply({"status": "stuck", "reason": stuck}, 503) if stuck else json_reply({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """Cycles run on evidence that can be believed; either way it says how many devices were seen in the newest good one."""
    loop = request.app[LOOP]
    report = loop.latest
    seen = seen_view(None if report is None else report.snapshot, len(loop.engine.catalog.devices))
    status, reason = _not_ready(loop)
    if status or report is None:
        return json_reply({"status": status, "reason": reason, **seen}, 503)
    return json_reply({"status": "ready", "unreachable": sorted(report.unreachable), **seen})


async def metrics(request: web.Request) -> web.Response:
    """The engine's own metrics."""
    page = await asyncio.to_thread(request.app[LOOP].metrics.page)
    return web.Response(body=page, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


async def fleet(request: web.Request) -> web.Response:
    """The newest snapshot."""
    report = request.app[LOOP].latest
    if report is None:
        return json_reply({"error": "no cycle has ended yet"}, 503)
    return web.Response(body=await asyncio.to_thread(_fleet, report), content_type=JSON)


async def targets(request: web.Request) -> web.Response:
    """What Prometheus shall scrape, by the catalogue (http_sd)."""
    return json_reply(scrape_targets(request.app[LOOP].engine.catalog))


async def decisions(request: web.Request) -> web.Response:
    """The newest decisions, newest first, by ``limit``, ``verdict``, ``scenario``, ``workload``, ``device`` and ``before`` (an id)."""
    asked, language = request.query, _one_of(request, "language", tuple(SENTENCES), "en")
    query = DecisionQuery(
        limit=_limit(request),
        verdict=_one_of(request, "verdict", VERDICTS, ""),
        scenario=asked.get("scenario", ""),
        workload=asked.get("workload", ""),
        device=asked.get("device", ""),
        before_id=asked.get("before", ""),
    )
    found = await asyncio.to_thread(request.app[LOOP].engine.journal.decisions, query)
    return json_reply({"decisions": [decision_view(one, language) for one in found]})


async def decision(request: web.Request) -> web.Response:
    """One decision with what became of it."""
    journal, id_ = request.app[LOOP].engine.journal, request.match_info["id"]
    language = _one_of(request, "language", tuple(SENTENCES), "en")
    found = await asyncio.to_thread(journal.decision, id_)
    if found is None:
        raise refusal(web.HTTPNotFound, f"there is no decision {id_}")
    steps = await asyncio.to_thread(journal.history_of, id_)
    return json_reply({**decision_view(found, language), "history": [history_view(step, language) for step in steps]})


async def stream(request: web.Request) -> web.StreamResponse:
    """Server-sent events: «cycle» after each cycle, «decision», «transition» and «effect» as they happen."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    response.force_close()  # the end of a stream is the end of its connection, so that whoever was let go notices
    try:
        with request.app[LOOP].broadcast.listen() as listener:
            return await _tell_all(listener, request, response)
    except TooManyListeners as error:
        full = refusal(web.HTTPServiceUnavailable, str(error))
        full.force_close()  # whoever asks thousands of times shall not keep thousands of connections either
        raise full from error


async def reload_catalog(request: web.Request) -> web.Response:
    """Read the catalogue anew, whole or not at all; who asked goes to the journal."""
    loop, who = request.app[LOOP], request[WHO]
    note = OperatorNote(at=loop.clock(), who=who.name, role=who.role, what="catalog reload")
    await asyncio.to_thread(loop.engine.journal.note_operator, note)
    errors = await loop.reload_catalog()
    if errors:
        return json_reply({"error": "the catalogue was refused and the old one stays", "errors": list(errors)}, 422)
    return json_reply({"catalog_version": loop.engine.catalog_version})


async def _tell_all(listener: Listener, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Hand on message after message until there is no more or nobody who reads."""
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
    await response.prepare(request)
    while True:
        try:
            message = await asyncio.wait_for(listener.next(), KEEP_ALIVE_SECONDS)
        except TimeoutError:
            message = STILL_HERE
        if message is None or not await _taken(message, request, response):
            return response


async def _taken(message: bytes, request: web.Request, response: web.StreamResponse) -> bool:
    """Hand one message on; False when the listener is gone or does not read, and then its connection is dropped."""
    try:
        async with asyncio.timeout(READ_WITHIN_SECONDS):
            await response.write(message)
    except ConnectionError:
        return False
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        return False
    return True


def _fleet(report: CycleReport) -> bytes:
    return msgspec.json.encode(fleet_view(report.snapshot, report.memory))


def _not_ready(loop: Loop) -> tuple[str, str]:
    """Why the engine is not to be relied upon now, as status and reason; two empty texts when it is."""
    if stuck := _stuck(loop):
        return "stuck", stuck
    if loop.fault:
        return "failing", f"the newest cycle failed with {loop.fault.splitlines()[0]}; the service's log says where"
    if loop.latest is None:
        return "starting", "no cycle has ended yet"
    if loop.latest.snapshot.blind:
        return "engine_blind", loop.latest.trouble or loop.latest.snapshot.blind
    return "", ""


def _stuck(loop: Loop) -> str:
    late = loop.seconds_late()
    return "" if late is None else f"no cycle has come to a good end for {late:.0f} s"


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", str(DECISIONS_PER_PAGE))
    short = text.isascii() and text.isdecimal() and len(text) <= len(str(DECISIONS_PER_PAGE_MOST))
    if not short or not 1 <= int(text) <= DECISIONS_PER_PAGE_MOST:
        raise refusal(web.HTTPBadRequest, f"limit {text[:20]!r} is not a number from 1 to {DECISIONS_PER_PAGE_MOST}")
    return int(text)


def _one_of(request: web.Request, name: str, words: Sequence[str], otherwise: str) -> str:
    word = request.query.get(name, otherwise)
    if word != otherwise and word not in words:
        raise refusal(web.HTTPBadRequest, f"{name} {word[:20]!r} is not one of {', '.join(words)}")
    return word
