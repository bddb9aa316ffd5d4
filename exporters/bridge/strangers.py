"""Who is let in at all: addresses on the allow-list; the others are counted, and remembered for ``/sources``."""

from __future__ import annotations

import time
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final

from exporters.bridge.desk import Desk
from exporters.bridge.posts import OTHER
from exporters.bridge.refusals import Refused
from exporters.bridge.replies import ADDRESS_REFUSED
from exporters.bridge.settings import Network

_REMEMBERED: Final = 1000
"""One who knocks all the time must not push everything else off the list of refusals."""


def is_allowed(address: str, allow: Collection[Network]) -> bool:
    """Whether an address lies in one of these networks; where there is none, every address is allowed."""
    if not allow:
        return True
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    plain = getattr(found, "ipv4_mapped", None) or found
    return any(plain in network for network in allow)


class Strangers:
    """Knows who is let in at all, counts the others, and remembers each of them for ``/sources`` once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: set[str] = set()

    def __call__(self, address: str) -> bool:
        """Whether this address may come in."""
        if is_allowed(address, self._desk.settings.allow):
            return True
        reason = ADDRESS_REFUSED.name
        self._desk.totals.refused[(OTHER, reason)] += 1
        if address not in self._known and len(self._known) < _REMEMBERED:
            self._known.add(address)
            self._desk.refusals.add(Refused(time.time(), OTHER, f"from {address}", reason, "this address is not on the allow-list"))
        return False
