"""Which version of a package is installed, out of a package list of megabytes, of which only the stanzas asked for are kept.

Format: https://manpages.debian.org/bookworm/dpkg-dev/deb-control.5.en.html (stanzas apart by an empty line, UTF-8, one line a field)
and https://manpages.debian.org/bookworm/dpkg/dpkg-query.1.en.html (``Status`` ends with the state, ``installed`` among them).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

PACKAGES: Final = "var/lib/dpkg/status"
MOST_BYTES: Final = 32 << 20
"""A full desktop with JetPack has some 5 MB."""

JETPACK: Final = "nvidia-jetpack"
CORE: Final = "nvidia-l4t-core"
READ: Final = (JETPACK, CORE)
"""The packages that tell a release."""

_LONGEST_STANZA_BYTES: Final = 1 << 20
_BETWEEN: Final = b"\n\n"
_INSTALLED: Final = " installed"
_VERSION = re.compile(r"([0-9]+(?:\.[0-9]+)+)(?:[-+~].*)?")


def stanzas(pieces: Iterable[bytes], names: Sequence[str]) -> dict[str, str]:
    """The stanza of each of these packages that the list has, without the empty line behind it; reads no further than it must.

    Bytes are letters here (latin-1), so that no maintainer's name stands in the way; of a stanza that was cut, whole lines count.
    """
    found: dict[str, str] = {}
    rest = b""
    for piece in pieces:
        whole, between, rest = (rest + piece).rpartition(_BETWEEN)
        _keep(whole + between[:1], names, found)
        if len(found) == len(names) or len(rest) > _LONGEST_STANZA_BYTES:
            return found
    _keep(rest[: rest.rfind(b"\n") + 1], names, found)
    return found


def version(stanza: str) -> str:
    """The version up to its build (``6.2`` of ``6.2+b77``); "" where it says none, or where the package is not, or only half, installed."""
    fields = {name: value for name, _, value in (line.partition(": ") for line in stanza.splitlines())}
    match = _VERSION.fullmatch(fields.get("Version", ""))
    return match[1] if match and fields.get("Status", _INSTALLED).endswith(_INSTALLED) else ""


def _keep(text: bytes, names: Sequence[str], found: dict[str, str]) -> None:
    for name in names:
        begin = b"Package: %b\n" % name.encode()
        at = 0 if text.startswith(begin) else text.find(b"\n" + begin) + 1
        if (at or text.startswith(begin)) and name not in found:
            found[name] = text[at:].split(_BETWEEN, 1)[0].decode("latin-1").rstrip("\n") + "\n"
