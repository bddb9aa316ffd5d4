"""One part of a tree that can hang alone: walks it seldom to find its sensors, and reads every number at every look."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from exporters.device.number import printable
from exporters.device.sensor import MISSING, OUT_OF_RANGE, SensorError, reason_of
from exporters.device.source import Report, Sample, SensorState, Source
from exporters.device.tree import Tree

LOOKS_PER_WALK: Final = 60
"""Looks are counted, not seconds, so that no clock is needed; at one a second a label is a minute old at most."""

MOST_SENSORS: Final = 64
"""The largest board has about thirty of a kind; a tree with thousands must not become thousands of series."""


class Reading(NamedTuple):
    """One sensor that a walk found, and how its numbers are read now."""

    sensor: str
    read: Callable[[], Iterable[Sample]]


@dataclass(frozen=True, slots=True)
class Part:
    """What is looked for, and where.

    ``walk`` finds the sensors and may read names and labels, but no numbers. It is asked again each LOOKS_PER_WALK looks,
    when the listing of ``folder`` changes, and when a sensor stops to answer. ``plain`` is the sensor that stands for the
    whole part: it is said to be missing where nothing is found and ``expected`` holds, and to be out of range where more
    than MOST_SENSORS are found, of which the first are read.
    """

    name: str
    plain: str
    folder: str
    walk: Callable[[Tree], Sequence[Reading]]
    expected: Callable[[Tree], bool]

    def source(self, tree: Tree) -> Source:
        """The part as a source; nothing is read before its first look."""
        return Source(self.name, _Looker(self, tree).look)


class _Looker:
    def __init__(self, part: Part, tree: Tree) -> None:
        self._part = part
        self._tree = tree
        self._readings: Sequence[Reading] = ()
        self._listing: list[str] | None = None
        self._looks = 0
        self._silent: int | None = None
        self._states: list[SensorState] = []

    def look(self) -> Report:
        report = Report()
        try:
            self._find()
        except Exception as error:  # a folder that may not be listed, or a walk that fails, is a fact about this part
            self._listing = None
            report.sensors.append(SensorState(self._part.plain, reason_of(error)))
            return report
        for reading in self._readings:
            report.sensor(reading.sensor, reading.read)
        self._doubt(sum(1 for state in report.sensors if state.reason))
        report.sensors += self._states
        return report

    def _find(self) -> None:
        listing = self._tree.names(self._part.folder)
        if listing == self._listing and self._looks < LOOKS_PER_WALK:
            self._looks += 1
            return
        self._listing, self._looks, self._silent, self._states = listing, 1, None, []
        # Two sensors of one name would be two series of one name, which no page may hold.
        found = list({reading.sensor: reading for reading in reversed(self._part.walk(self._tree))}.values())[::-1]
        self._readings = found[:MOST_SENSORS]
        if len(found) > MOST_SENSORS:
            self._states = [SensorState(self._part.plain, OUT_OF_RANGE)]
        if not found and self._part.expected(self._tree):
            self._states = [SensorState(self._part.plain, MISSING)]

    def _doubt(self, silent: int) -> None:
        # A driver that is loaded again may give its files other numbers: walk again when more fall silent than at first.
        if self._silent is None:
            self._silent = silent
        elif silent > self._silent:
            self._listing = None


def label(tree: Tree, path: str) -> str:
    """A short file's text as a label; "" where there is none that can be read."""
    try:
        return printable(tree.text(path))
    except (OSError, ValueError, SensorError):
        return ""


def failing(reason: str) -> Callable[[], Iterable[Sample]]:
    """How a sensor is read of which only the absence is known."""

    def read() -> Iterable[Sample]:
        raise SensorError(reason)

    return read


def never(tree: Tree) -> bool:
    """Of a part that no machine must have."""
    return False
