"""How many requests are taken: a bucket that fills steadily for everybody, and one for each sender."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

BURST_SECONDS: Final = 2.0
"""A bucket holds this many seconds of requests: devices that were cut off for a moment post all at once."""


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
    """One bucket for each sender, of the ``most`` that were heard last; who is forgotten begins with a full one."""

    def __init__(self, rate: float, most: int) -> None:
        self._rate = rate
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, sender: str, now: float) -> bool:
        """Take one request of this sender, if it has one left."""
        bucket = self._buckets.get(sender)
        if bucket is None:
            bucket = self._buckets[sender] = Bucket(self._rate, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(sender)
        return bucket.take(now)
