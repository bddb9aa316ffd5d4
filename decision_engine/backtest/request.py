"""What a backtest is asked to do, and what is wrong with it, in one sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from decision_engine.backtest.reading import BacktestError, Extent
from decision_engine.observe.range_frames import RangeQuery
from forecasting.backtest import with_rules_to_beat
from forecasting.methods import METHODS

SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
DURATION: Final = re.compile(r"(\d+)([smhd]?)")
LONGEST_HORIZON: Final = 1_000
"""Steps; a method keeps what it said for as many."""


@dataclass(frozen=True, slots=True)
class PrometheusRange:
    """The words that name a range: moments as Unix seconds or ISO 8601 (UTC where no zone is said), the step as 30 or 5m."""

    url: str = ""
    query: str = ""
    start: str = ""
    end: str = ""
    step: str = ""

    def asked(self) -> RangeQuery:
        """The range to read.

        Raises:
            BacktestError: a word is missing or not understood, or nothing lies between the moments.
        """
        words = {"--query": self.query, "--from": self.start, "--to": self.end, "--step": self.step}
        missing = [option for option, word in words.items() if not word]
        if missing:
            raise BacktestError(f"--prometheus needs {', '.join(missing)} as well")
        found = DURATION.fullmatch(self.step)
        step = int(found[1]) * SECONDS[found[2]] if found else 0
        if step < 1:
            raise BacktestError(f"--step {self.step} is no whole number of seconds such as 30 or 5m")
        start, end = _moment("--from", self.start), _moment("--to", self.end)
        if end - start < step:
            raise BacktestError(f"between --from {self.start} and --to {self.end} there is not one step of {step} s")
        return RangeQuery(self.url, self.query, start, end, step)


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """All options of the command."""

    traces: Path | None = None
    prometheus: PrometheusRange = field(default_factory=PrometheusRange)
    datasets: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    limit: str = "0.8"
    horizons: str = "1,3,6,12"
    extent: Extent = field(default_factory=Extent)
    json: bool = False
    out: Path | None = None
    figure: Path | None = None

    def horizon_steps(self) -> tuple[int, ...]:
        """The horizons in steps.

        Raises:
            BacktestError: they are no rising whole numbers.
        """
        try:
            steps = tuple(int(word) for word in self.horizons.split(","))
        except ValueError:
            steps = ()
        if not steps or steps[0] < 1 or steps[-1] > LONGEST_HORIZON or any(later <= earlier for earlier, later in pairwise(steps)):
            raise BacktestError(f"--horizons {self.horizons} must be rising whole steps from 1 to {LONGEST_HORIZON}, such as 1,3,6,12")
        return steps

    def method_names(self) -> tuple[str, ...]:
        """The methods to run, always with the two rules to beat.

        Raises:
            BacktestError: there is no such method.
        """
        for name in self.methods:
            if name not in METHODS:
                raise BacktestError(f"there is no method {name}; there are {', '.join(METHODS)}")
        return with_rules_to_beat(self.methods or tuple(METHODS))


def _moment(option: str, word: str) -> int:
    """Unix seconds of a word.

    Raises:
        BacktestError: it is neither Unix seconds nor a time.
    """
    try:
        return round(float(word))
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(word)
    except ValueError as error:
        raise BacktestError(f"{option} {word} is neither Unix seconds nor a time such as 2030-05-01T06:00") from error
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
