"""Who may ask what: on loopback everybody on the machine; elsewhere every request carries a token with a role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from decision_engine.service.replies import refusal

READING_ROLES = frozenset({"viewer", "operator"})
DOING_ROLES = frozenset({"operator"})
READING_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Who:
    """The person or program behind a request, as it stands in the journal."""

    name: str
    role: str


WHO: web.RequestKey[Who] = web.RequestKey("who", Who)
LOCAL = Who("local", "operator")
"""Somebody on the machine itself, where no token is asked for."""


class TokenLike(Protocol):
    """A named token with a role."""

    @property
    def name(self) -> str:
        """Whose it is."""
        ...

    @property
    def role(self) -> str:
        """What its owner may do: viewer, operator or alertmanager."""
        ...

    def matches(self, given: str) -> bool:
        """Compare in constant time."""
        ...


def token_middleware(tokens: Sequence[TokenLike]) -> Middleware:
    """Refuse requests without a good token (401) or with too small a role (403)."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[WHO] = _who(request, tokens)
        return await handler(request)

    return check


def _who(request: web.Request, tokens: Sequence[TokenLike]) -> Who:
    """The owner of the token given.

    Raises:
        HTTPException: none was given, it is wrong, or its role may not do this.
    """
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    token = _found(tokens, given.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        why = "the token given is not known here" if given else "this service asks for a bearer token"
        raise refusal(web.HTTPUnauthorized, why, {"WWW-Authenticate": "Bearer"})
    if token.role not in (READING_ROLES if request.method in READING_METHODS else DOING_ROLES):
        raise refusal(web.HTTPForbidden, f"{token.name} has the role {token.role}, which may not {request.method} {request.path}")
    return Who(token.name, token.role)


def _found(tokens: Sequence[TokenLike], given: str) -> TokenLike | None:
    """Every token is compared, so that the time taken does not tell which was nearly right."""
    try:
        given.encode()
    except UnicodeEncodeError:  # bytes that are no text, which no token has
        return None
    found = [token for token in tokens if token.matches(given)]
    return found[0] if found else None
