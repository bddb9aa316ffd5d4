"""Who a sender is: by token or configured mapping, never by its address alone."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal

from exporters.bridge.classes import ClassMap
from exporters.bridge.refusals import shown
from exporters.bridge.replies import (
    IDENTIFIES_NOTHING,
    IDENTITY_CONFLICT,
    MISSING_FIELD,
    TOKEN_MISSING,
    UNMAPPED,
    WRONG_TOKEN,
    Reason,
    Refusal,
)
from exporters.bridge.settings import ALIAS, UNMAPPED_CLUSTER, Destination, Settings, Source, Token
from exporters.workload.collector import CATALOG_ID

Trust = Literal["high", "low"]
HIGH: Final[Trust] = "high"
LOW: Final[Trust] = "low"

_ACCOUNTS: Final = frozenset(("root", "localhost", "none", "null", "nil", "unknown", "undefined", "nan"))
_CONTAINER: Final = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}")
"""Short and long ids of containers: another one at each start."""
_LONG_WORD: Final = re.compile(r"[\w.~+/=-]{16,}", re.ASCII)
_LONGEST_DEVICE: Final = 64
_BEARER: Final = "bearer "


def identifies_nothing(name: str) -> bool:
    """Whether many devices may send this name: nothing, ``root`` and its like, or a container's id."""
    plain = name.strip().lower()
    return not plain or plain in _ACCOUNTS or bool(_CONTAINER.fullmatch(plain))


def confirmed_names(source: Source) -> tuple[tuple[str, str], ...]:
    """What ``confirmed`` confirms, by field: the names that are listed and no others, or the device's id where none is listed."""
    return source.names or ((ALIAS, source.destination.device),)


@dataclass(frozen=True, slots=True)
class Who:
    """A sender as far as it is known; without a ``source`` nothing of it is taken, for ``why``.

    ``key`` tells it from all others: the name as it was sent, its field and the token. ``label`` is how people see it, and
    may be the same for many.
    """

    key: tuple[str, ...]
    label: str
    trust: Trust
    source: Source | None
    mapped: bool
    why: Refusal | None = None


class Identities:
    """The configured senders, ready to be looked up at each post."""

    def __init__(self, settings: Settings) -> None:
        self._allow_unmapped = settings.allow_unmapped
        self._tokens_only = settings.tokens_only
        self._by_name: dict[tuple[str, str], Source] = {key: source for source in settings.sources for key in source.names}
        self._confirmed = frozenset(key for source in settings.sources if source.confirmed for key in confirmed_names(source))
        self._by_device: dict[str, Source] = {}
        for source in settings.sources:
            self._by_device.setdefault(source.destination.device, source)
        self._key = secrets.token_bytes()
        self._tokens: dict[bytes, Token] = {self._digest(token.secret): token for token in settings.tokens}
        self._reader = self._digest(settings.page_token) if settings.page_token else None

    def token(self, authorization: str) -> Token | None:
        """The token of an ``Authorization`` header; None where there is none.

        Tokens are compared by a keyed digest whose key nobody knows, so that how long it takes tells nothing of them.

        Raises:
            Refusal: it is none of ours, or none was given although one is needed.
        """
        if not authorization:
            if self._tokens_only:
                raise Refusal(TOKEN_MISSING, "a token is needed: send the header Authorization: Bearer TOKEN")
            return None
        digest = self._given(authorization)
        found = self._tokens.get(digest)
        if found is None or not hmac.compare_digest(self._digest(found.secret), digest):
            raise Refusal(WRONG_TOKEN, "the token is not known here")
        return found

    def check_reader(self, authorization: str) -> None:
        """Whether this header may read the pages, where a token is needed for them.

        Raises:
            Refusal: it may not.
        """
        if self._reader is None:
            return
        if not authorization:
            raise Refusal(TOKEN_MISSING, "a token is needed to read this: send the header Authorization: Bearer TOKEN")
        if not hmac.compare_digest(self._reader, self._given(authorization)):
            raise Refusal(WRONG_TOKEN, "the token does not open this page")

    def who(self, field: str, name: str, token: Token | None, address: str) -> Who:
        """Find out who sends: ``name`` is what stands under ``field`` of the payload, "" where nothing does.

        ``address`` is only shown, where a sender has no name at all.
        """
        source = None if identifies_nothing(name) else self._source(field, name)
        if token is not None and token.device:
            return self._by_token(token, source, field)
        trust = HIGH if token is not None else LOW
        key = (field, name if name else address, token.name if token else "", "" if name else "no name")
        label = f"{field} {self.veiled(shown(name))}" if name else f"no {field}, from {address}"
        if source is not None:
            mapped = source.destination.device in self._by_device
            confirmed = (field, name) in self._confirmed or (ALIAS, name) in self._confirmed
            return Who(key, label, HIGH if confirmed else trust, source, mapped)
        return Who(key, label, trust, None, False, _why_unknown(field, name))

    def veiled(self, text: str) -> str:
        """A text without any word that is one of our tokens, for what is shown to people."""
        return _LONG_WORD.sub(lambda word: "***" if self._is_secret(word.group()) else word.group(), text)

    def _source(self, field: str, name: str) -> Source | None:
        found = self._by_name.get((field, name)) or self._by_name.get((ALIAS, name)) or self._by_device.get(name)
        if found is None and self._allow_unmapped and CATALOG_ID.fullmatch(name) and len(name) <= _LONGEST_DEVICE:
            return Source(Destination(name, UNMAPPED_CLUSTER), classes=ClassMap())
        return found

    def _by_token(self, token: Token, named: Source | None, field: str) -> Who:
        key, label = ("token", token.name), f"token {token.name}"
        own = self._by_device[token.device]
        if named is None or named.destination.device not in self._by_device:
            return Who(key, label, HIGH, own, True)
        if named.destination.device != token.device:
            detail = f"{field} belongs to another device than the token does"
            return Who(key, label, HIGH, None, True, Refusal(IDENTITY_CONFLICT, detail))
        return Who(key, label, HIGH, named, True)

    def _given(self, authorization: str) -> bytes:
        """The digest of a header's token; that of nothing where it holds none."""
        return self._digest(authorization[len(_BEARER) :].strip() if authorization.lower().startswith(_BEARER) else "")

    def _is_secret(self, word: str) -> bool:
        digest = self._digest(word)
        return digest in self._tokens or digest == self._reader

    def _digest(self, secret: str) -> bytes:
        return hmac.digest(self._key, secret.encode("utf-8", "surrogateescape"), "sha256")


def _why_unknown(field: str, name: str) -> Refusal:
    reason: Reason
    if not name:
        reason, detail = MISSING_FIELD, f"{field} is missing, and there is no token to tell who sends"
    elif identifies_nothing(name):
        reason, detail = IDENTIFIES_NOTHING, f"{field} {shown(name)} identifies nothing: many devices send it; use a token"
    else:
        reason, detail = UNMAPPED, f"{field} {shown(name)} is not mapped; add it to a [[source]] of the configuration"
    return Refusal(reason, detail)
