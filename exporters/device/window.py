"""Loads over a trailing window, sampled each second, so that they do not depend on who scrapes and when."""

from __future__ import annotations

from collections import deque
from typing import Final

from exporters.device.sensor import NO_CHANGE, OUT_OF_RANGE, STALE, WARMING_UP, SensorError

SAMPLING_SECONDS: Final = 1.0
SHORTEST_SECONDS: Final = 1.0
"""A ratio over less than this is mostly chance: the kernel counts in ticks of 10 ms."""

_JITTER_SECONDS: Final = SAMPLING_SECONDS / 2
"""A sample that is late by a little must not push its oldest companion out of the window."""

_CLOCK_GRAIN_SECONDS: Final = 0.01
"""Two samples that are meant to be a second apart may be a tick less."""


class RatioWindow:
    """``part`` over ``whole``, as they grew within the last ``seconds``; times are seconds of a clock that never jumps."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._samples: deque[tuple[float, float, float]] = deque()

    def add(self, at: float, part: float, whole: float) -> None:
        """Remember the two sums as they stood at ``at``; where one of them fell, its counter began again, and so does the window."""
        if self._samples and (part < self._samples[-1][1] or whole < self._samples[-1][2]):
            self._samples.clear()
        self._samples.append((at, part, whole))
        while self._samples[0][0] < at - self._seconds - _JITTER_SECONDS:
            self._samples.popleft()

    def ratio(self, now: float) -> float:
        """The growth of ``part`` over the growth of ``whole``; may be above 1.

        Raises:
            SensorError: there are no two samples far enough apart yet, sampling has stopped, or ``whole`` stands still.
        """
        if not self._samples:
            raise SensorError(WARMING_UP)
        (begin, first_part, first_whole), (end, last_part, last_whole) = self._samples[0], self._samples[-1]
        if end < now - self._seconds - _JITTER_SECONDS:
            raise SensorError(STALE)
        if end - begin < SHORTEST_SECONDS - _CLOCK_GRAIN_SECONDS:
            raise SensorError(WARMING_UP)
        return growth(first_part, first_whole, last_part, last_whole)


class MeanWindow:
    """The mean of what was seen within the last ``seconds``; one sight is enough, since each is true by itself."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._samples: deque[tuple[float, float]] = deque()

    def add(self, at: float, value: float) -> None:
        """Remember one sight."""
        self._samples.append((at, value))
        while self._samples[0][0] < at - self._seconds - _JITTER_SECONDS:
            self._samples.popleft()

    def mean(self, now: float) -> float:
        """The mean of what lies within the window.

        Raises:
            SensorError: nothing was seen yet, or not any more.
        """
        recent = [value for at, value in self._samples if at >= now - self._seconds - _JITTER_SECONDS]
        if not recent:
            raise SensorError(STALE if self._samples else WARMING_UP)
        return sum(recent) / len(recent)


def growth(first_part: float, first_whole: float, last_part: float, last_whole: float) -> float:
    """How much of what was added to ``whole`` was added to ``part``.

    Raises:
        SensorError: nothing was added to ``whole``, or a sum fell.
    """
    if last_whole == first_whole:
        raise SensorError(NO_CHANGE)
    if last_whole < first_whole or last_part < first_part:
        raise SensorError(OUT_OF_RANGE)
    return (last_part - first_part) / (last_whole - first_whole)
