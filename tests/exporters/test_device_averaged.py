"""A GPU's load that a source tells of a moment is said as the mean over the window; the rest of the source is as it was last."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from exporters.device.averaged import GPU_USAGE, Averaged
from exporters.device.sampler import Sampler
from exporters.device.sensor import MISSING, OUT_OF_RANGE, STALE, TIMED_OUT, WARMING_UP, SensorError
from exporters.device.source import Report, Sample, Source, one
from tests.builders.exporters import Clock

WATTS = "edge_power_watts"


class Card:
    """A source whose load, watts and fault a test sets."""

    def __init__(self) -> None:
        self.load, self.watts, self.reason = 0.0, 0.0, ""

    def look(self) -> Report:
        report = Report()
        report.sensor("gpu_usage", self._usage)
        report.sensor("power/gpu", lambda: one(WATTS, self.watts, ("gpu",)))
        report.sensor("fan", self._broken)
        return report

    def _broken(self) -> Iterable[Sample]:
        raise ZeroDivisionError

    def _usage(self) -> Iterable[Sample]:
        if self.reason:
            raise SensorError(self.reason)
        return one(GPU_USAGE, self.load)


def meter(card: Card, clock: Clock) -> Averaged:
    return Averaged(Source("nvml", card.look), 5.0, clock)


def said(report: Report) -> tuple[dict[str, float], dict[str, str]]:
    return {sample.name: sample.value for sample in report.samples}, dict(report.sensors)


def test_the_load_is_a_mean_and_the_power_that_of_now() -> None:
    card, clock = Card(), Clock()
    asked = meter(card, clock)
    for card.load, card.watts in ((0.2, 10.0), (0.8, 30.0)):
        clock.seconds += 1.0
        asked.sample()
    numbers, states = said(asked.tell(""))
    assert numbers == {GPU_USAGE: pytest.approx(0.5), WATTS: 30.0}
    assert states == {"gpu_usage": "", "power/gpu": "", "fan": "failed"}


def test_a_load_that_is_not_told_any_more_is_not_said_from_memory() -> None:
    card, clock = Card(), Clock()
    asked = meter(card, clock)
    asked.sample()
    card.reason = MISSING
    clock.seconds += 1.0
    asked.sample()
    numbers, states = said(asked.tell(""))
    assert (GPU_USAGE in numbers, states["gpu_usage"]) == (False, MISSING)


def test_before_the_first_look_after_the_last_and_while_it_hangs_there_is_a_reason_and_no_number() -> None:
    card, clock = Card(), Clock()
    asked = meter(card, clock)
    assert asked.tell("").sensors == [("nvml", WARMING_UP)]
    asked.sample()
    assert said(asked.tell(TIMED_OUT)) == ({}, {"gpu_usage": TIMED_OUT, "power/gpu": TIMED_OUT, "fan": "failed"})
    clock.seconds += 60.0
    assert said(asked.tell(""))[1]["gpu_usage"] == STALE


def test_a_source_that_throws_is_named_by_the_sampler() -> None:
    def broken() -> Report:
        raise SensorError(OUT_OF_RANGE)

    sampler = Sampler([Averaged(Source("nvml", broken), 5.0, Clock())])
    sampler.sample()
    assert sampler.sources()[0].look().sensors == [("nvml", OUT_OF_RANGE)]
