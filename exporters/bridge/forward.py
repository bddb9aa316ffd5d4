"""Hands C-15 on to the service, with its token, for a bounded time, and never to anywhere else."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from exporters.bridge.identity import Trust
from exporters.bridge.payloads import Trigger
from exporters.bridge.posts import VERSION
from exporters.bridge.replies import DONE_CODE, NO_SERVICE, SERVICE_FAILED, Refusal, Reply, coded
from exporters.bridge.settings import Service

DONE: Final = "done"
REFUSED: Final = "refused"
FAILED: Final = "failed"
TIMED_OUT: Final = "timed_out"
REDIRECTED: Final = "redirected"
BUSY: Final = "busy"
NOT_CONFIGURED: Final = "not_configured"

TRUST_HEADER: Final = "Edgeshift-Trust"
"""Tells the service how far the first sender can be believed: our token says who hands it on, not who asked."""

_MOST_AT_ONCE: Final = 8
_LONGEST_ANSWER_BYTES: Final = 16_384
_LONGEST_MESSAGE: Final = 200
_CODE_DIGITS: Final = 4


class Forwarded(Exception):
    """It was not done: ``outcome`` is one of the words above, ``refusal`` is what the sender is told."""

    def __init__(self, outcome: str, refusal: Refusal) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.refusal = refusal


class Forwarder:
    """One session towards the service; made in the running loop, closed at the end."""

    def __init__(self, service: Service | None) -> None:
        self.service = service
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)
        self._session = aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """End the session."""
        await self._session.close()

    async def hand_on(self, trigger: Trigger, trust: Trust) -> tuple[str, Reply]:
        """Hand it on; the answer is the outcome and the service's reply in the style of the field.

        Raises:
            Forwarded: nobody is configured, or the service did not take it.
        """
        if self.service is None:
            raise Forwarded(NOT_CONFIGURED, Refusal(NO_SERVICE, "no service is configured that could do it"))
        if self._places.locked():
            raise Forwarded(BUSY, Refusal(SERVICE_FAILED, f"{_MOST_AT_ONCE} requests wait for the service already"))
        async with self._places:
            try:
                async with asyncio.timeout(self.service.seconds):
                    status, body = await self._ask(self.service, trigger, trust)
            except TimeoutError:
                detail = f"the service did not answer within {self.service.seconds:g} s"
                raise Forwarded(TIMED_OUT, Refusal(SERVICE_FAILED, detail)) from None
            except (aiohttp.ClientError, OSError, ValueError):
                raise Forwarded(FAILED, Refusal(SERVICE_FAILED, "the service cannot be reached")) from None
        return _judged(status, body)

    async def _ask(self, service: Service, trigger: Trigger, trust: Trust) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {service.token}", TRUST_HEADER: trust}
        request = self._session.post(service.url + VERSION, json=asdict(trigger), headers=headers, allow_redirects=False)
        async with request as answer:
            body = bytearray()
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > _LONGEST_ANSWER_BYTES:
                    raise ValueError("too long")
            return answer.status, bytes(body)


def _judged(status: int, body: bytes) -> tuple[str, Reply]:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise Forwarded(REDIRECTED, Refusal(SERVICE_FAILED, "the service's address leads elsewhere; its token is not taken there"))
    fine = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    if not fine:
        raise Forwarded(REFUSED, Refusal(SERVICE_FAILED, f"the service refused it with status {status}"))
    code, message = _said(body)
    return (DONE if code == DONE_CODE else REFUSED), coded(code, message)


def _said(body: bytes) -> tuple[str, str]:
    """Code and message of an answer in the field's style.

    Raises:
        Forwarded: it is another kind of answer, such as the page of a login: nobody has said that it was done.
    """
    unreadable = Forwarded(FAILED, Refusal(SERVICE_FAILED, "the service's answer cannot be read; is its address right?"))
    try:
        answer: Any = json.loads(body)
        code, message = answer["code"], answer["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise unreadable from None
    if not isinstance(code, str) or len(code) != _CODE_DIGITS or not code.isascii() or not code.isdecimal() or not isinstance(message, str):
        raise unreadable
    return code, "".join(letter for letter in message if letter.isprintable())[:_LONGEST_MESSAGE]
