"""How many requests are taken: strangers share one budget, everybody who is known has their own, and no one can spend another's."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from exporters.bridge.replies import RATE, Refusal
from exporters.bridge.settings import Limits

BURST_SECONDS: Final = 2.0
"""A bucket holds this many seconds of requests: devices that were cut off for a moment post all at once."""

_MOST_BUCKETS: Final = 8192
"""Some megabytes at most. Who is forgotten begins with a full bucket, so that a flood of addresses takes nothing from anybody."""
_KNOWN_ADDRESSES: Final = 4096
_NETWORK_BITS: Final = 64
"""One IPv6 host may post from any address of such a network."""

Key = tuple[str, ...]


class Bucket:
    """Holds up to ``rate * BURST_SECONDS`` requests and fills with ``rate`` a second (seconds on a clock that never jumps)."""

    __slots__ = ("_at", "_level", "_rate")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._level = rate * BURST_SECONDS
        self._at = now

    def take(self, now: float) -> bool:
        """Take one out, if there is one."""
        self._level = min(self._rate * BURST_SECONDS, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True


class Rates:
    """One bucket for each key, of the ``most`` that were heard last; who is forgotten begins with a full one."""

    def __init__(self, rate: float, most: int) -> None:
        self._rate = rate
        self._most = most
        self._buckets: OrderedDict[Key, Bucket] = OrderedDict()

    def take(self, key: Key, now: float) -> bool:
        """Take one request of this key, if it has one left."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._rate, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(now)


class Budgets:
    """Who may post how often. A name is only charged at the address that said it, or with the token that proved it.

    A post is charged once it is known what it is: what is refused, or comes from somebody unknown, is a stranger's,
    whatever name it claims; so a forger at another address never spends what a known sender needs.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._strangers = Bucket(limits.requests_per_second, now)
        self._addresses = Rates(limits.requests_per_second_of_one_address, _MOST_BUCKETS)
        self._senders = Rates(limits.requests_per_second_of_one, _MOST_BUCKETS)

    def charge_stranger(self, address: str, now: float) -> None:
        """Charge a post of somebody unknown, or one that was refused.

        Raises:
            Refusal: the address, or all strangers together, have posted too often.
        """
        if not self._addresses.take(("stranger", peer(address)), now):
            raise self._of_one_address()
        if not self._strangers.take(now):
            raise Refusal(RATE, f"more than {self._limits.requests_per_second:g} requests a second of unknown senders together")

    def charge_known(self, sender: Key, trust: str, address: str, now: float) -> None:
        """Charge a post of a mapped sender without a token; trust high and low have each their own at one address.

        Raises:
            Refusal: this name, or this address, has posted too often.
        """
        place = peer(address)
        if not self._addresses.take((trust, place), now):
            raise self._of_one_address()
        self.charge_sender((place, *sender), now)

    def charge_sender(self, sender: Key, now: float) -> None:
        """Charge who has proven who it is, or has paid for its address.

        Raises:
            Refusal: it has posted too often.
        """
        if not self._senders.take(sender, now):
            raise Refusal(RATE, f"more than {self._limits.requests_per_second_of_one:g} requests a second of one sender")

    def _of_one_address(self) -> Refusal:
        return Refusal(RATE, f"more than {self._limits.requests_per_second_of_one_address:g} requests a second of one address")


@lru_cache(maxsize=_KNOWN_ADDRESSES)
def peer(address: str) -> str:
    """Whom an address stands for: itself, or in IPv6 its network of 64 bits."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address) or found.ipv4_mapped is not None:
        return str(getattr(found, "ipv4_mapped", None) or found)
    return f"{int(found) >> _NETWORK_BITS:x}::/{_NETWORK_BITS}"
