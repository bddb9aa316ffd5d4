"""Secrets: a value that prints as `***`, read from a file that strangers cannot read."""

from __future__ import annotations

import hmac
import stat
from pathlib import Path
from typing import Final, NoReturn

from decision_engine.catalog.mistakes import shown
from decision_engine.config.faults import ConfigError

HIDDEN: Final = "***"


class Secret:
    """Text that shows itself only to ``reveal``; in a log, a page, a message or a pickle it does not."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Keep the text."""
        self._text = text

    def reveal(self) -> str:
        """The text, for the one place that sends it."""
        return self._text

    def matches(self, given: str) -> bool:
        """Whether this is the secret, in a time that does not tell how much of it was right."""
        return hmac.compare_digest(self._text.encode(), given.encode(errors="surrogatepass"))

    def __str__(self) -> str:
        """Hide the text."""
        return HIDDEN

    def __repr__(self) -> str:
        """Hide the text."""
        return f"Secret({HIDDEN})"

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        return isinstance(other, Secret) and self.matches(other._text)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            TypeError: always.
        """
        raise TypeError("a secret is not written down")


def read_secret(path: Path, name: str) -> Secret:
    """The secret that a file holds, without the white space around it; ``name`` is the setting that named the file.

    Raises:
        ConfigError: the file cannot be read, is open to everybody, is empty or has more than one line.
    """
    text = read_private(path, name).strip()
    if not text:
        raise ConfigError((f"{name}: {path} is empty; write the secret into it",))
    if len(text.splitlines()) > 1:
        raise ConfigError((f"{name}: {path} has more than one line; it must hold the secret alone",))
    return Secret(text)


def read_private(path: Path, name: str) -> str:
    """The text of a file that only its owner and group may touch.

    Raises:
        ConfigError: it cannot be read, is not UTF-8, or is open to everybody.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
            raise ConfigError((f"{name}: {path} is open to every user of this machine; close it with: chmod o-rwx {path}",))
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError((f"{name}: {path} cannot be read: {error.strerror}",)) from error
    except UnicodeDecodeError as error:
        raise ConfigError((f"{name}: {path} is not UTF-8 text",)) from error
    except ValueError as error:
        raise ConfigError((f"{name}: {shown(str(path))} cannot be read: {error}; mend the path",)) from error
