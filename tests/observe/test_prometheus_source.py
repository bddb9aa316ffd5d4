"""What is asked together costs one question a moment, and everyone gets exactly its own part of the answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from decision_engine.observe.client import Endpoint, PrometheusClient
from decision_engine.observe.prometheus_source import PrometheusSource
from decision_engine.observe.signals import Signal, grouped
from decision_engine.observe.source import PrometheusUnavailable, Samples

NOW = 1_700_000_000.0
A, B, C, D = grouped(
    (
        Signal("a", 'x{k="1"}', "", "range", "device"),
        Signal("b", 'y{k="1"}', "", "range", "device"),
        Signal("c", 'z{k="1"}', "", "range", "placement"),
        Signal("d", 'y{k="1"}', "", "range", "device"),
    )
)
ALL = '{__name__=~"x|y|z",k="1"}[10000ms]'


def series(metric: str, device: str, value: float) -> Samples:
    return Samples({"__name__": metric, "device": device}, [NOW], [value])


@dataclass
class Trouble:
    """Which texts are refused, and how."""

    texts: frozenset[str] = frozenset()
    reason_code: str = "prometheus_error"


class Scripted(PrometheusClient):
    """Answers every selector with some series, and remembers what it was asked."""

    def __init__(self, trouble: Trouble | None = None) -> None:
        super().__init__(Endpoint("http://127.0.0.1:1"))
        self.trouble = trouble or Trouble()
        self.texts: list[str] = []

    async def instant(self, promql: str, at: float, matrix: bool = False) -> tuple[Samples, ...]:
        self.texts.append(promql)
        await asyncio.sleep(0)
        if promql in self.trouble.texts:
            raise PrometheusUnavailable(self.trouble.reason_code, "no")
        if promql.startswith("timestamp"):
            return (Samples({"camera": "cam-01", "environment": "02"}, (at,), (NOW - 3.0,)),)
        found = (series("y", "edge-01", 1.0), series("x", "edge-01", 2.0), series("y", "edge-02", 3.0))
        return found if promql.startswith("{") else tuple(one for one in found if promql.startswith(one.labels["__name__"]))


@dataclass
class Asked:
    """A source over a scripted client."""

    client: Scripted = field(default_factory=Scripted)

    def __post_init__(self) -> None:
        self.source = PrometheusSource(self.client)

    def ask(self, *signals: Signal, at: float = NOW, window_seconds: float = 10.0) -> list[tuple[Samples, ...] | BaseException]:
        async def all_at_once() -> list[tuple[Samples, ...] | BaseException]:
            questions = [self.source.ask(signal, at, window_seconds) for signal in signals]
            return await asyncio.gather(*questions, return_exceptions=True)

        return asyncio.run(all_at_once())


def test_one_question_is_answered_to_each_by_its_metric() -> None:
    asked = Asked()
    a, b, c, d = asked.ask(A, B, C, D)
    assert asked.client.texts == [ALL]
    assert a == (Samples({"device": "edge-01"}, [NOW], [2.0]),)
    assert b == d == (Samples({"device": "edge-01"}, [NOW], [1.0]), Samples({"device": "edge-02"}, [NOW], [3.0]))
    assert c == ()


def test_the_next_moment_is_asked_anew() -> None:
    asked = Asked()
    asked.ask(A, B)
    asked.ask(A, B, at=NOW + 5.0)
    assert asked.client.texts == [ALL, ALL]


def test_all_who_asked_together_fail_together() -> None:
    asked = Asked(Scripted(Trouble(frozenset({ALL}))))
    answers = asked.ask(A, B, C)
    assert [type(answer) for answer in answers] == [PrometheusUnavailable] * 3
    assert asked.client.texts == [ALL]


def test_an_answer_that_is_too_big_is_asked_for_in_parts_and_so_are_longer_ones() -> None:
    asked = Asked(Scripted(Trouble(frozenset({ALL}), "prometheus_too_big")))
    alone = ['x{k="1"}[10000ms]', 'y{k="1"}[10000ms]', 'z{k="1"}[10000ms]']
    a, b, c = asked.ask(A, B, C)
    assert asked.client.texts == [ALL, *alone]
    assert [answer if isinstance(answer, BaseException) else len(answer) for answer in (a, b, c)] == [1, 2, 0]
    asked.client.texts.clear()
    asked.ask(A, B, C, at=NOW + 5.0)
    assert asked.client.texts == alone
    asked.client.texts.clear()
    asked.ask(A, B, C, at=NOW + 10.0, window_seconds=5.0)
    assert asked.client.texts == [ALL.replace("10000", "5000")]


@pytest.mark.parametrize(("value_is_time", "expected"), [(True, NOW - 3.0), (False, float("nan"))], ids=["is-time", "is-none"])
def test_a_value_that_is_a_time_is_its_own_freshness(value_is_time: bool, expected: float) -> None:
    asked = Asked()
    signal = Signal("environment", "timestamp(x) and x == 1", "", "instant", "camera", value_is_time=value_is_time)
    (answer,) = asked.ask(signal)
    assert isinstance(answer, tuple)
    assert list(answer[0].times) == pytest.approx([expected], nan_ok=True)
    assert asked.client.texts == ["timestamp(x) and x == 1"]
