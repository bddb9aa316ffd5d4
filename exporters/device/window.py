"""A ratio over a trailing window: two rising sums, sampled each second, so that it does not depend on who scrapes and when."""

from __future__ import annotations

from collections import deque
from typing import Final

SAMPLING_SECONDS: Final = 1.0
SHORTEST_SECONDS: Final = 1.0
"""A ratio over less than this is mostly chance: the kernel counts in ticks of 10 ms."""

_JITTER_SECONDS: Final = SAMPLING_SECONDS / 2
"""A sample that is late by a little must not push its oldest companion out of the window."""


class RatioWindow:
    """``part`` over ``whole``, as they grew within the last ``seconds``; times are seconds of a clock that never jumps."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._samples: deque[tuple[float, float, float]] = deque()

    def add(self, at: float, part: float, whole: float) -> None:
        """Remember the two sums as they stood at ``at``."""
        self._samples.append((at, part, whole))
        while self._samples[0][0] < at - self._seconds - _JITTER_SECONDS:
            self._samples.popleft()

    def ratio(self, now: float) -> float | None:
        """None until there are two samples far enough apart, when sampling has stopped, or when ``whole`` did not grow."""
        if not self._samples or self._samples[-1][0] < now - self._seconds - _JITTER_SECONDS:
            return None
        (begin, first_part, first_whole), (end, last_part, last_whole) = self._samples[0], self._samples[-1]
        if end - begin < SHORTEST_SECONDS or last_whole <= first_whole:
            return None
        return max(0.0, (last_part - first_part) / (last_whole - first_whole))
