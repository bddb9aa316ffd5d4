"""Answers HTTP: reads a bounded body in a bounded time, lets the desk judge it, and writes the pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from exporters.bridge import sources
from exporters.bridge.desk import Desk, Taken
from exporters.bridge.edgeconfig import as_environment, as_xml
from exporters.bridge.forward import Forwarded, Forwarder
from exporters.bridge.keeper import Keeper, NotKept
from exporters.bridge.meter import Meter
from exporters.bridge.observations import Clocks
from exporters.bridge.page import CONTENT_TYPE, Page
from exporters.bridge.places import Places
from exporters.bridge.posts import EDGE_ENV, EDGE_XML, HEALTH, METRICS, OTHER, PAGES, POSTED, SOURCES, Post, style_of
from exporters.bridge.replies import (
    ADDRESS_REFUSED,
    CANNOT_STORE,
    COMPRESSED,
    INTERNAL,
    NOT_JSON,
    TOO_LARGE,
    TOO_SLOW,
    UNKNOWN_PATH,
    WRONG_METHOD,
    Refusal,
    Reply,
)
from exporters.bridge.settings import Settings
from exporters.bridge.strangers import is_allowed

_KNOWN_ADDRESSES: Final = 4096
_READ_METHODS: Final = ("GET", "HEAD")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_ASK_FOR_TOKEN: Final = {"WWW-Authenticate": "Bearer"}
_PLAIN: Final = "text/plain; charset=utf-8"
_JSON: Final = "application/json; charset=utf-8"
_XML: Final = "application/xml; charset=utf-8"


class Bridge:
    """The HTTP side of a desk. ``keeper`` is None where nothing is kept; ``say`` tells the operator one sentence."""

    def __init__(self, desk: Desk, forwarder: Forwarder, clocks: Clocks, say: Callable[[str], None]) -> None:
        self.desk = desk
        self.keeper: Keeper | None = None
        self._forwarder = forwarder
        self._clocks = clocks
        self._say = say
        self._meter = Meter()
        self._places = Places()
        self._allows = lru_cache(maxsize=_KNOWN_ADDRESSES)(lambda address: is_allowed(address, self.desk.settings.allow))

    def reload(self, settings: Settings) -> None:
        """Go on by other settings."""
        self.desk.reload(settings, self._clocks.monotonic())
        self._forwarder.service = settings.service
        self._allows.cache_clear()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, whatever it is."""
        path = request.path.rstrip("/")
        known = path in PAGES or path in POSTED or path == self.desk.settings.result_path
        named = path if known else OTHER
        try:
            self._admit(request, path, known)
            if path in PAGES:
                return await self._page(request, path)
            return await self._taken(self._post(request, named, await self._body(request)))
        except Refusal as refusal:
            return self._refused(request, named, refusal)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # a defect of ours must neither show its inside nor stop the others
            self._say(f"A request to {named} could not be answered because of a defect ({_place(error)}); please report it.")
            return self._refused(request, named, Refusal(INTERNAL, "this could not be answered"))

    def _refused(self, request: web.BaseRequest, path: str, refusal: Refusal) -> web.Response:
        post = self._post(request, path, b"")
        return self._answered(post, self.desk.refuse(post, refusal, f"from {post.address}"))

    def _admit(self, request: web.BaseRequest, path: str, known: bool) -> None:
        if not self._allows(request.remote or ""):
            raise Refusal(ADDRESS_REFUSED, "this address is not on the allow-list")
        if not known:
            raise Refusal(UNKNOWN_PATH, "there is nothing on this path")
        wanted = _READ_METHODS if path in PAGES else ("POST",)
        if request.method not in wanted:
            raise Refusal(WRONG_METHOD, f"this path is asked with {wanted[0]}")

    def _post(self, request: web.BaseRequest, path: str, body: bytes) -> Post:
        style = style_of(path, self.desk.settings.result_path)
        authorization = request.headers.get("Authorization", "")
        return Post(path, style, body, authorization, request.remote or "", self._clocks.wall(), self._clocks.monotonic())

    async def _body(self, request: web.BaseRequest) -> bytes:
        limits = self.desk.settings.limits
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refusal(COMPRESSED, "compressed bodies are not taken")
        if (request.content_length or 0) > limits.body_bytes:
            raise _too_large(limits.body_bytes)
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(_CONTINUE)
            request.writer.output_size = 0
        if request.content.is_eof():  # nearly always: it came with the headers
            body = request.content.read_nowait()
            if len(body) > limits.body_bytes:  # a chunked one says no length
                raise _too_large(limits.body_bytes)
            return body
        return await self._read(request)

    async def _read(self, request: web.BaseRequest) -> bytes:
        """A body that is still coming."""
        limits, body = self.desk.settings.limits, bytearray()
        try:
            async with asyncio.timeout(limits.request_seconds):
                async for piece in request.content.iter_any():
                    body += piece
                    if len(body) > limits.body_bytes:
                        raise _too_large(limits.body_bytes)
        except TimeoutError:
            raise Refusal(TOO_SLOW, f"the body did not come within {limits.request_seconds:g} s") from None
        except RequestPayloadError:
            raise Refusal(NOT_JSON, "the body broke off") from None
        return bytes(body)

    async def _taken(self, post: Post) -> web.Response:
        """Judge a post; an event is kept before it is answered, a trigger handed on."""
        taken = self.desk.take(post)
        reply = taken.reply
        if taken.entry is not None:
            reply = await self._kept(post, taken, taken.entry)
        elif taken.trigger is not None:
            reply = await self._handed_on(post, taken)
        return self._answered(post, reply)

    async def _kept(self, post: Post, taken: Taken, entry: dict[str, object]) -> Reply:
        if self.keeper is None:
            self.desk.apply(entry)
            return taken.reply
        try:
            await self.keeper.write(entry)
        except NotKept:
            return self.desk.refuse(post, Refusal(CANNOT_STORE, "the event cannot be stored now; send it again"), taken.who)
        return taken.reply

    async def _handed_on(self, post: Post, taken: Taken) -> Reply:
        if taken.trigger is None:
            return taken.reply
        try:
            outcome, reply = await self._forwarder.hand_on(*taken.trigger)
        except Forwarded as forwarded:
            outcome, reply = forwarded.outcome, self.desk.refuse(post, forwarded.refusal, taken.who)
        self.desk.totals.forwarded[(post.path, outcome)] += 1
        return reply

    def _answered(self, post: Post, reply: Reply) -> web.Response:
        """Count an answer, and how long it took."""
        self.desk.totals.posts[(post.path, reply.code)] += 1
        self._meter.add(post.path, self._clocks.monotonic() - post.monotonic)
        headers = {"Content-Type": _JSON, **(_ASK_FOR_TOKEN if reply.status == HTTPStatus.UNAUTHORIZED else {})}
        return web.Response(status=reply.status, body=reply.body, headers=headers)

    async def _page(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """A page; long ones are written while others are answered in between."""
        monotonic = self._clocks.monotonic()
        if path in (METRICS, SOURCES):
            self.desk.identities.check_reader(request.headers.get("Authorization", ""))
            if request.method == "HEAD":
                return web.Response(headers={"Content-Type": CONTENT_TYPE if path == METRICS else _JSON})
            async with self._places.one(lambda: _cut(request)):
                if path == METRICS:
                    return await _streamed(request, Page(self.desk, self._meter, monotonic).pieces(), CONTENT_TYPE)
                return await _streamed(request, sources.pieces(self.desk, monotonic), _JSON)
        if path == HEALTH:
            return _text(HTTPStatus.OK, "ok\n", _PLAIN)
        advertise = self.desk.settings.told
        if advertise is None:
            return _text(HTTPStatus.NOT_FOUND, "Nobody has configured which address senders are told: set advertise.\n", _PLAIN)
        if path == EDGE_XML:
            return _text(HTTPStatus.OK, as_xml(advertise), _XML)
        return _text(HTTPStatus.OK, as_environment(advertise) if path == EDGE_ENV else "", _PLAIN)


def _too_large(most_bytes: int) -> Refusal:
    return Refusal(TOO_LARGE, f"the body is longer than {most_bytes} bytes")


def _cut(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def _text(status: HTTPStatus, text: str, content_type: str) -> web.Response:
    return web.Response(status=status, body=text.encode(), headers={"Content-Type": content_type})


async def _streamed(request: web.BaseRequest, pieces: Iterator[bytes], content_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    for piece in pieces:
        if piece:
            await response.write(piece)
        await asyncio.sleep(0)
    await response.write_eof()
    return response


def _place(error: Exception) -> str:
    """Where a defect is, without anything of what was sent."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    file = trace.tb_frame.f_code.co_filename.rpartition("/")[2] if trace else "?"
    return f"{type(error).__name__} in {file}:{trace.tb_lineno if trace else 0}"
