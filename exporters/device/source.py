"""What one source of readings says in one look: samples, and for each of its sensors whether it answered, or why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from exporters.contract import BY_NAME
from exporters.device.sensor import OUT_OF_RANGE, SensorError, reason_of

USUAL_LIMIT_SECONDS: Final = 1.0
"""A look takes well under a millisecond; a scrape may take four seconds, and several sources may hang at once."""


class Sample(NamedTuple):
    """One number with the name and label values of the contract, in the contract's unit."""

    name: str
    labels: tuple[str, ...]
    value: float


class SensorState(NamedTuple):
    """Whether a sensor answered: ``reason`` is "" or one of the codes of ``sensor.py``."""

    sensor: str
    reason: str


@dataclass(slots=True)
class Report:
    """Filled by one look at one source. A sensor that fails leaves nothing behind but its reason, and stops no other."""

    samples: list[Sample] = field(default_factory=list)
    sensors: list[SensorState] = field(default_factory=list)

    def sensor(self, name: str, read: Callable[[], Iterable[Sample]]) -> None:
        """Ask one sensor; its samples count only if all of them can be true."""
        try:
            samples = list(read())
            for sample in samples:
                check(sample)
        except Exception as error:  # one broken sensor, of whatever kind, must not take the others with it
            self.sensors.append(SensorState(name, reason_of(error)))
            return
        self.samples += samples
        self.sensors.append(SensorState(name, ""))


@dataclass(frozen=True, slots=True)
class Source:
    """One place that readings come from, which may fail or hang by itself.

    ``name`` says which (``procfs``, ``sysfs``, ``tegrastats``, ``nvml``) and, where one of them has several parts that can
    hang alone, which part (``sysfs/power``). ``look`` is given up after ``limit_seconds``. ``retells``: it speaks of the same
    zones, rails and cores as the sources before it, by other names, so that it only fills families that they left empty.
    """

    name: str
    look: Callable[[], Report]
    limit_seconds: float = USUAL_LIMIT_SECONDS
    retells: bool = False


def one(name: str, value: float, labels: Sequence[str] = ()) -> tuple[Sample]:
    """What a sensor with a single number answers."""
    return (Sample(name, tuple(labels), value),)


def check(sample: Sample) -> None:
    """Hold a sample against its promise.

    Raises:
        SensorError: the number is NaN, or outside what can be true of it.
        KeyError, ValueError: the contract knows no such metric, or other labels.
    """
    metric = BY_NAME[sample.name]
    if len(sample.labels) != len(metric.labels):
        raise ValueError(f"{sample.name} has the labels {metric.labels}, not {len(sample.labels)} of them")
    if not metric.lowest <= sample.value <= metric.highest:  # NaN is in no range
        raise SensorError(OUT_OF_RANGE)
