"""What may be broken on purpose, and what is not understood."""

from __future__ import annotations

import asyncio

import pytest

from decision_engine.lab.beginning import unless_stopped
from decision_engine.lab.breaking import Break, parse_breaks
from decision_engine.lab.children import LabError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prometheus:40:30", Break("prometheus", 40.0, 30.0)),
        ("engine:move:2", Break("engine", None, 2.0)),
        ("engine:0:0", Break("engine", 0.0, 0.0)),
    ],
)
def test_a_break_is_read(text: str, expected: Break) -> None:
    assert parse_breaks((text,)) == (expected,)


@pytest.mark.parametrize(
    "text", ["", "engine", "grafana:1:1", "prometheus:nan:3", "prometheus:20:inf", "engine:move:nan", "engine:-1:3", "engine:1:-3"]
)
def test_nonsense_is_one_sentence(text: str) -> None:
    with pytest.raises(LabError, match="is not understood"):
        parse_breaks((text,))


def test_whoever_stops_the_lab_while_it_starts_is_heard() -> None:
    ended = []

    async def hanging() -> None:
        try:
            await asyncio.sleep(60.0)
        finally:
            ended.append(True)

    async def scenario() -> None:
        stopped = asyncio.Event()
        asyncio.get_running_loop().call_soon(stopped.set)
        await unless_stopped(hanging(), stopped)

    with pytest.raises(LabError, match="stopped by hand"):
        asyncio.run(scenario())
    assert ended == [True]
