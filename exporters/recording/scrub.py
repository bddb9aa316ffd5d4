"""Finds and removes what names a machine or its network in a text: addresses, UUIDs and serial numbers; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final, NamedTuple

_HEX: Final = "[0-9A-Fa-f]"
_PATTERNS: Final = {
    "UUID": re.compile(rf"(?<!{_HEX}){_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}(?!{_HEX})"),
    "MAC address": re.compile(rf"(?<![0-9A-Fa-f:-]){_HEX}{{2}}(?:(?::{_HEX}{{2}}){{5}}|(?:-{_HEX}{{2}}){{5}})(?![0-9A-Fa-f:-])"),
    "IP address": re.compile(
        rf"(?<![\w.])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\w.])|(?<![\w:.])(?:{_HEX}{{0,4}}:){{2,7}}{_HEX}{{0,4}}(?![\w:.])"
    ),
    # A Jetson module's serial number has 13 digits: https://docs.nvidia.com/jetson/archives/r36.4/DeveloperGuide/HR/JetsonEepromLayout.html
    "serial number": re.compile(r"(?<![\w.])\d{13}(?![\w.])"),
}  # fmt: skip
"""The order matters: a UUID's last part could be taken for something shorter."""

_WHOLE_IPV6_COLONS: Final = 7
_TELLING_NAMES: Final = re.compile(r".*(serial|uuid|hostname|mac[-_]?addr).*|address|machine-id", re.IGNORECASE)


class Finding(NamedTuple):
    """Something that names a machine: what kind it is, and in which line (from 1); the thing itself is not repeated."""

    kind: str
    line: int


def scrubbed(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with everything telling replaced by words, and the kinds of what was there, sorted."""
    kinds: set[str] = set()
    for kind, pattern in _PATTERNS.items():

        def replace(match: re.Match[str], kind: str = kind) -> str:
            if not _is_meant(kind, match[0]):
                return match[0]
            kinds.add(kind)
            return f"removed-{kind.replace(' ', '-')}"

        text = pattern.sub(replace, text)
    return text, tuple(sorted(kinds))


def findings(text: str) -> Iterator[Finding]:
    """Everything telling that a text holds."""
    for number, line in enumerate(text.split("\n"), start=1):
        for kind, pattern in _PATTERNS.items():
            if any(_is_meant(kind, match[0]) for match in pattern.finditer(line)):
                yield Finding(kind, number)


def is_telling_name(name: str) -> bool:
    """Whether a file of this name holds what names a machine."""
    return _TELLING_NAMES.fullmatch(name) is not None


def _is_meant(kind: str, found: str) -> bool:
    """Not every row of numbers with dots or colons is an address: ``12:30:05`` is a time and ``300.1.1.1`` nothing."""
    if kind != "IP address":
        return True
    if found == "::":  # no address, or any
        return False
    try:
        if ":" not in found:
            IPv4Address(found)
        elif "::" not in found and found.count(":") != _WHOLE_IPV6_COLONS:
            return False
        else:
            IPv6Address(found)
    except AddressValueError:
        return False
    return True
