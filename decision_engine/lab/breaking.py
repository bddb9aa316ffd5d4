"""Breaks the lab on purpose: kills Prometheus or the engine at a given moment and starts it again later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

from decision_engine.lab.children import Child, LabError

DURING_A_MOVE = "move"
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Break:
    """Kill ``part`` at story second ``at_seconds``, or in the middle of the first move (None), for ``seconds``."""

    part: str
    at_seconds: float | None
    seconds: float


def parse_breaks(texts: tuple[str, ...]) -> tuple[Break, ...]:
    """Read ``prometheus:40:30`` and ``engine:move:2``.

    Raises:
        LabError: a text that is neither.
    """
    return tuple(_parse(text) for text in texts)


def _parse(text: str) -> Break:
    part, _, rest = text.partition(":")
    when, _, seconds = rest.partition(":")
    try:
        at = None if when == DURING_A_MOVE else float(when)
        broken = Break(part, at, float(seconds))
    except ValueError:
        broken = None
    if broken is None or part not in ("prometheus", "engine") or not _sensible(broken):
        raise LabError(
            f"--break {text!r} is not understood: write prometheus:AT:SECONDS or engine:move:SECONDS, for example prometheus:40:30"
        )
    return broken


def _sensible(one: Break) -> bool:
    """Whether its moment and its length are numbers that a lab can wait for."""
    return isfinite(one.seconds) and one.seconds >= 0 and (one.at_seconds is None or (isfinite(one.at_seconds) and one.at_seconds >= 0))


class Breaker:
    """Carries out breaks; ``broken`` names the parts that are down on purpose."""

    def __init__(self, children: dict[str, Child], note: Callable[[str], None]) -> None:
        self._children = children
        self._note = note
        self.broken: set[str] = set()

    async def carry_out(self, one: Break, story_seconds: Callable[[], float], moving: Callable[[], bool]) -> None:
        """Wait for its moment, kill, wait, start again."""
        while story_seconds() < one.at_seconds if one.at_seconds is not None else not moving():  # noqa: ASYNC110  a clock tells no event
            await asyncio.sleep(POLL_SECONDS)
        child = self._children[one.part]
        self.broken.add(one.part)
        self._note(f"{one.part} is killed on purpose and stays down for {one.seconds:g} s")
        await child.kill()
        await asyncio.sleep(one.seconds)
        await child.start()
        self._note(f"{one.part} is started again")
        self.broken.discard(one.part)
