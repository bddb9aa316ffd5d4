"""Where samples come from: the interface that Prometheus and the virtual lab both answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from decision_engine.core.snapshot import Floats
from decision_engine.observe.signals import Signal


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one series: its labels, the Unix time at which each value was true, and the values.

    Both sequences are equally long, oldest first. A time is NaN where nobody knows when the value was true; a value is
    NaN where the series says so itself.
    """

    labels: dict[str, str]
    times: Sequence[float] | Floats
    values: Sequence[float] | Floats


class PrometheusUnavailable(Exception):
    """There is no answer that could be believed: a reason code, and one sentence for the person on call."""

    def __init__(self, reason_code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason_code = reason_code
        self.sentence = sentence


class Source(Protocol):
    """Answers signals for the whole fleet at once."""

    async def ask(self, signal: Signal, at: float, window_seconds: float) -> tuple[Samples, ...]:
        """The samples of the last ``window_seconds`` before ``at`` (kind range), or the newest value (kind instant).

        Times are those of the raw samples, not of the evaluation.

        Raises:
            PrometheusUnavailable: there is no answer, or none that could be believed.
        """
        ...

    async def past(self, signal: Signal, start: float, end: float, step_seconds: float) -> tuple[Samples, ...]:
        """The past of a signal with ``history``, one mean for each ``step_seconds``, each time inside the step it speaks of.

        A signal by placement may come summed by ``device``.

        Raises:
            PrometheusUnavailable: there is no answer, or none that could be believed.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
