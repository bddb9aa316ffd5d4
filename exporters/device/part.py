"""One part of a tree that can hang alone: walks it seldom to find its sensors, and reads every number at every look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from exporters.device.number import printable
from exporters.device.sensor import MISSING, OUT_OF_RANGE, UNPARSABLE, SensorError, reason_of
from exporters.device.source import Report, Sample, SensorState, Source
from exporters.device.tree import Tree

LOOKS_PER_WALK: Final = 60
"""Looks are counted, not seconds, so that no clock is needed; at one a second a label is a minute old at most."""

LOOKS_PER_LISTING: Final = 5
"""Whether the folder of all devices has got another one; whether a known device is still the same is asked at every look."""

MOST_SENSORS: Final = 64
"""The largest board has about thirty of a kind; a tree with thousands must not become thousands of series."""


class Reading(NamedTuple):
    """One sensor that a walk found, and how its numbers are read now.

    ``folder`` is its device's: when another device gets that name (drivers that are loaded again exchange their numbers), the
    numbers in it are another sensor's. "" where it is the only one of its kind, so that nothing can be exchanged.
    """

    sensor: str
    read: Callable[[], Iterable[Sample]]
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What is looked for, and where.

    ``walk`` finds the sensors and may read names and labels, but no numbers. It is asked again each LOOKS_PER_WALK looks,
    when one of its sensors' folders is another one, when the listing of ``folder`` changes, and when a sensor stops to answer.
    Of two sensors with one name none is believed. A sensor that is no longer found is said to be missing while its folder is
    there, or for good where the part is ``expected``, unless its folder has another name for it now. ``plain`` is the sensor
    that stands for the whole part: it is said to be missing where nothing is found and ``expected`` holds, and to be out of
    range where more than MOST_SENSORS are found, of which the first are read.
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
        self._versions: dict[str, int] = {}
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
        if self._listing is not None and self._looks < LOOKS_PER_WALK and self._is_as_it_was():
            self._looks += 1
            return
        self._listing, self._looks, self._silent, self._states = self._tree.names(self._part.folder), 1, None, []
        found = _told_apart(self._part.walk(self._tree))
        found += self._lost(found)
        self._readings = found[:MOST_SENSORS]
        self._versions = {folder: self._tree.changed(folder) for folder in {reading.folder for reading in self._readings} if folder}
        if len(found) > MOST_SENSORS:
            self._states = [SensorState(self._part.plain, OUT_OF_RANGE)]
        if not found and self._part.expected(self._tree):
            self._states = [SensorState(self._part.plain, MISSING)]

    def _is_as_it_was(self) -> bool:
        for folder, version in self._versions.items():
            if self._tree.changed(folder) != version:
                return False
        return self._looks % LOOKS_PER_LISTING != 0 or self._tree.names(self._part.folder) == self._listing

    def _lost(self, found: Sequence[Reading]) -> list[Reading]:
        """What the last walk found and this one does not, as readings that fail; fewer in a folder, or it has been renamed."""
        names = {reading.sensor for reading in found}
        now, before = (Counter(reading.folder for reading in readings) for readings in (found, self._readings))
        return [
            Reading(reading.sensor, failing(MISSING), reading.folder)
            for reading in self._readings
            if reading.folder and reading.sensor not in names and now[reading.folder] < before[reading.folder]
            if self._tree.has(reading.folder) or self._part.expected(self._tree)
        ]

    def _doubt(self, silent: int) -> None:
        # A driver that is loaded again may give its files other numbers: walk again when more fall silent than at first.
        if self._silent is None:
            self._silent = silent
        elif silent > self._silent:
            self._listing = None


def _told_apart(readings: Iterable[Reading]) -> list[Reading]:
    """Each name once: two sensors of one name would be two series of one name, and nobody could tell whose the number is."""
    readings = list(readings)
    count = Counter(reading.sensor for reading in readings)
    first = {reading.sensor: reading for reading in reversed(readings)}
    return [
        reading if count[reading.sensor] == 1 else Reading(reading.sensor, failing(UNPARSABLE), reading.folder)
        for reading in reversed(first.values())
    ]


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
