"""What a backtest is asked to do, and what is wrong with it, in one sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from decision_engine.backtest.reading import BacktestError, Extent
from decision_engine.core.limits import Foresight
from decision_engine.observe.range_frames import RangeQuery, without_credentials
from forecasting.backtest import Question, with_rules_to_beat
from forecasting.methods import FOR_LOADS, METHODS, says_probability

SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
DURATION: Final = re.compile(r"(\d+)([smhd]?)")
LATEST_SECONDS: Final = 253_402_300_799
"""The end of the year 9999."""
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

    def words(self) -> dict[str, str]:
        """What was said beside the address, by option."""
        return {"--query": self.query, "--from": self.start, "--to": self.end, "--step": self.step}

    def asked(self) -> RangeQuery:
        """The range to read.

        Raises:
            BacktestError: a word is missing or not understood, or nothing lies between the moments.
        """
        missing = [option for option, word in self.words().items() if not word]
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

    def address(self) -> str:
        """Where it is, without what lets one in."""
        return without_credentials(self.url).partition("?")[0]


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """All options of the command; ``probability`` None: the engine's own default."""

    traces: Path | None = None
    prometheus: PrometheusRange = field(default_factory=PrometheusRange)
    datasets: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    limit: str = "0.8"
    horizons: str = "1,3,6,12"
    probability: float | None = None
    history_columns: int = 0
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

    def question(self) -> Question:
        """What is asked of every method.

        Raises:
            BacktestError: the horizons are no rising whole numbers, or too little history is kept to see one of them come true.
        """
        steps = self.horizon_steps()
        if 0 < self.history_columns <= steps[-1]:
            raise BacktestError(
                f"--history {self.history_columns} is too short: a horizon of {steps[-1]} steps needs {steps[-1] + 1} columns"
            )
        return Question(steps, Foresight().probability if self.probability is None else self.probability, self.history_columns)

    def told(self) -> dict[str, Any]:
        """What was asked, for who reads the report and did not ask.

        Raises:
            BacktestError: something asked for is not understood.
        """
        read: dict[str, Any] = {"traces": self.traces.resolve().name, "datasets": list(self.datasets)} if self.traces else {}
        if self.prometheus.url:
            query = self.prometheus.asked()
            read = {"prometheus": self.prometheus.address(), "query": query.promql}
            read |= {"from": query.start, "to": query.end, "step": query.step_seconds}
        question = self.question()
        return read | {
            "max_points": self.extent.max_points,
            "max_series": self.extent.max_series,
            "limit": self.limit,
            "horizons": list(question.horizon_steps),
            "history": question.history_columns,
            "probability": question.probability,
            "methods": list(self.method_names()),
        }

    def refuse_what_would_be_ignored(self) -> None:
        """An option without effect is a misunderstanding.

        Raises:
            BacktestError: there is one, or the method that it needs is not asked for.
        """
        of_range = [option for option, word in self.prometheus.words().items() if word]
        if of_range and not self.prometheus.url:
            raise BacktestError(f"{', '.join(of_range)} says what to read from a Prometheus; name it with --prometheus")
        if self.prometheus.url and self.traces is not None:
            raise BacktestError("--traces and --prometheus are two places to read from; name one")
        if self.prometheus.url and self.datasets:
            raise BacktestError("--dataset names files of --traces; with --prometheus there are none")
        if any(says_probability(name) for name in self.method_names()):
            return
        saying = " or ".join(name for name in METHODS if says_probability(name))
        for option, there in (("--figure", self.figure is not None), ("--probability", self.probability is not None)):
            if there:
                raise BacktestError(f"{option} is about probabilities, and no method asked for says any; add --method {saying}")

    def method_names(self) -> tuple[str, ...]:
        """The methods to run, always with the two rules to beat.

        Raises:
            BacktestError: there is no such method.
        """
        for name in self.methods:
            if name not in METHODS:
                raise BacktestError(f"there is no method {name}; there are {', '.join(METHODS)}")
        return with_rules_to_beat(self.methods or FOR_LOADS)


def _moment(option: str, word: str) -> int:
    """Unix seconds of a word.

    Raises:
        BacktestError: it is neither Unix seconds nor a time.
    """
    try:
        seconds = float(word)
    except ValueError:
        pass
    else:
        if not 0.0 <= seconds <= LATEST_SECONDS:
            raise BacktestError(f"{option} {word} is no moment that a server has lived through")
        return round(seconds)
    try:
        moment = datetime.fromisoformat(word)
    except ValueError as error:
        raise BacktestError(f"{option} {word} is neither Unix seconds nor a time such as 2030-05-01T06:00") from error
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
