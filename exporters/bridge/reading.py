"""Reads one table of a configuration distrustfully, and collects every mistake with its key instead of stopping at the first."""

from __future__ import annotations

import errno
import math
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from exporters.bridge.refusals import shown
from exporters.device.server import Endpoint
from exporters.workload.collector import CATALOG_ID

LONGEST_ID: Final = 64
_HIGHEST_PORT: Final = 65535
_TOKEN: Final = re.compile(r"[\w.~+/=-]{16,256}", re.ASCII)
_LONGEST_TOKEN_BYTES: Final = 1024


@dataclass(slots=True)
class Mistakes:
    """What is wrong with a file, one sentence each."""

    sentences: list[str] = field(default_factory=list)

    def add(self, key: str, what: str) -> None:
        """Note one, under its key."""
        self.sentences.append(f"{key}: {what}")


class Table:
    """One table; every reader takes its key away, so that what is left in the end is unknown."""

    def __init__(self, values: object, key: str, mistakes: Mistakes) -> None:
        self._values: dict[str, Any] = dict(values) if isinstance(values, dict) else {}
        self._key = key
        self.mistakes = mistakes
        if not isinstance(values, dict):
            mistakes.add(key, "must be a table.")

    def key(self, name: str) -> str:
        """The full key of a name in this table."""
        return f"{self._key}.{name}" if self._key else name

    def wrong(self, name: str, what: str) -> None:
        """Note a mistake under a name."""
        self.mistakes.add(self.key(name), what)

    def has(self, name: str) -> bool:
        """Whether it is there and not read yet."""
        return name in self._values

    def take(self, name: str) -> Any:
        """The raw value, or None."""
        return self._values.pop(name, None)

    def end(self) -> None:
        """Say which keys nobody knows."""
        for name in self._values:
            self.wrong(name, "is no key of this table; see docs/examples/bridge.example.toml.")

    def text(self, name: str, default: str = "") -> str:
        """Text of at most some hundred printable characters; the default where it is missing."""
        value = self.take(name)
        if value is None:
            return default
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            self.wrong(name, "must be text that is not empty.")
            return default
        return value

    def id(self, name: str, needed: bool = True) -> str:
        """An id of the catalogue."""
        missing = name not in self._values
        value = self.text(name)
        if missing and needed:
            self.wrong(name, "is missing; name an id of the catalogue, such as edge-07.")
        elif value and (not CATALOG_ID.fullmatch(value) or len(value) > LONGEST_ID):
            self.wrong(name, f"{shown(value)} is no id of a catalogue: small letters, digits, '.', '_' and '-', at most {LONGEST_ID}.")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """true or false."""
        value = self.take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(name, "must be true or false.")
        return bool(value)

    def number(self, name: str, default: float, lowest: float, highest: float) -> float:
        """A finite number in bounds."""
        value = self.take(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not lowest <= value <= highest or math.isnan(value):
            self.wrong(name, f"must be a number from {lowest:g} to {highest:g}.")
            return default
        return float(value)

    def count(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A whole number in bounds."""
        value = self._values.get(name)
        if isinstance(value, float):
            self.wrong(name, "must be a whole number.")
            self.take(name)
        return int(self.number(name, default, lowest, highest))

    def texts(self, name: str) -> tuple[str, ...]:
        """One text or a list of them."""
        value = self.take(name)
        if value is None:
            return ()
        listed = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) and one.strip() and one.isprintable() for one in listed):
            self.wrong(name, "must be text, or a list of texts, none of them empty.")
            return ()
        return tuple(listed)

    def words(self, name: str) -> Mapping[str, str]:
        """A table of texts by text; keys are compared without regard to capitals."""
        value = self.take(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(word, str) for word in value.values()):
            self.wrong(name, 'must be a table of texts, such as { "4" = "04" }.')
            return {}
        return {key.strip().lower(): word for key, word in value.items()}

    def tables(self, name: str) -> list[Table]:
        """A list of tables, ``[[name]]``."""
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(name, f"must be written as [[{name}]], once for each.")
            return []
        return [Table(one, f"{self.key(name)}[{number}]", self.mistakes) for number, one in enumerate(value, start=1)]

    def endpoint(self, name: str, default: Endpoint | None) -> Endpoint | None:
        """``host:port``."""
        value = self.text(name)
        if not value:
            return default
        found = endpoint(value)
        if found is None:
            self.wrong(name, f"must be of the form host:port with a port up to {_HIGHEST_PORT}, such as 127.0.0.1:6432.")
        return found or default

    def secret(self, name: str, folder: Path) -> str:
        """The one line of a token's file; a relative path begins at the configuration's folder."""
        path = self.text(name)
        if not path:
            self.wrong(name, "is missing; name a file that holds the token in one line.")
            return ""
        try:
            token = contents(folder / path, _LONGEST_TOKEN_BYTES).decode("ascii", "replace").strip()
        except OSError as error:
            self.wrong(name, f"the file cannot be read: {error.strerror}.")
            return ""
        if not _TOKEN.fullmatch(token):
            self.wrong(name, "the file must hold one line of 16 to 256 letters, digits and . _ ~ + / = -.")
            return ""
        return token


def contents(path: Path, most_bytes: int) -> bytes:
    """All of a regular file; a pipe or a device, which may never end or never begin, is not read.

    Raises:
        OSError: it cannot be read, is no regular file, or is longer than so many bytes.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        with os.fdopen(number, "rb", closefd=False) as file:
            data = file.read(most_bytes + 1)
    finally:
        os.close(number)
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"it is longer than {most_bytes} bytes")
    return data


def endpoint(written: str) -> Endpoint | None:
    """``host:port`` or ``[address]:port``; None where it is neither."""
    host, colon, port = written.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    fits = colon and host and port.isascii() and port.isdecimal() and int(port) <= _HIGHEST_PORT and not re.search(r"[\s/@]", host)
    return Endpoint(host, int(port)) if fits else None
