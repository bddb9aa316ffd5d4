"""The tokens of the service: who may ask it, in which role, and how a given token is looked up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from decision_engine.catalog.mistakes import did_you_mean, shown
from decision_engine.catalog.rules import why_bad_id
from decision_engine.config.faults import ConfigError
from decision_engine.config.secret import Secret, read_private

Role = Literal["viewer", "operator", "alertmanager"]
ROLES: Final[dict[str, Role]] = {role: role for role in get_args(Role)}
SHORTEST_CHARACTERS: Final = 16
"""With random letters and digits some 95 bits: nobody guesses that over a network."""
FIELDS: Final = 3


@dataclass(frozen=True, slots=True)
class Token:
    """A named right to ask: viewers read, operators act, Alertmanager posts alerts."""

    name: str
    role: Role
    secret: Secret

    def matches(self, given: str) -> bool:
        """Compare in constant time."""
        return self.secret.matches(given)


def find_token(tokens: Sequence[Token], given: str) -> Token | None:
    """The token that was given; every one is compared, so that the time taken does not tell which."""
    found = [token for token in tokens if token.matches(given)]
    return found[0] if found else None


def load_tokens(path: Path) -> tuple[Token, ...]:
    """Read a tokens file: a line each with name, role and token; empty lines and those that begin with `#` count nothing.

    Raises:
        ConfigError: the file cannot be read, is open to everybody or empty, or a line is wrong; tokens are never repeated
            in a message.
    """
    lines = read_private(path, "service.tokens_file").splitlines()
    tokens: list[tuple[int, Token]] = []
    errors: list[str] = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        wrong = list(_wrong(words))
        errors.extend(f"{path.name} line {number}: {why}" for why in wrong)
        if not wrong:
            tokens.append((number, Token(words[0], ROLES[words[1]], Secret(words[2]))))
    errors.extend(f"{path.name} line {number}: {why}" for number, why in _twice(tokens))
    if not tokens and not errors:
        errors.append(f"service.tokens_file: {path} names nobody; write lines of the form: name role token")
    if errors:
        raise ConfigError(tuple(errors))
    return tuple(token for _, token in tokens)


def _wrong(words: list[str]) -> Iterator[str]:
    if len(words) != FIELDS:
        yield f"has {len(words)} words; it must have name, role and token"
        return
    name, role, secret = words
    # Neither word is repeated: who mixes up the order has written the token there.
    if why_bad_id(name):
        yield "the first word is not a name: small letters, digits, dot, underscore and dash, beginning with a letter or digit"
    if role not in ROLES:
        yield f"the second word is not a role{did_you_mean(role, ROLES)}"
    if len(secret) < SHORTEST_CHARACTERS:
        yield f"the token has {len(secret)} characters; at least {SHORTEST_CHARACTERS} are needed"


def _twice(tokens: list[tuple[int, Token]]) -> Iterator[tuple[int, str]]:
    names: dict[str, int] = {}
    secrets: dict[Secret, int] = {}
    for number, token in tokens:
        if (first := names.setdefault(token.name, number)) != number:
            yield number, f"name {shown(token.name)} stands already in line {first}"
        if (first := secrets.setdefault(token.secret, number)) != number:
            yield number, f"the token stands already in line {first}; each needs its own"
