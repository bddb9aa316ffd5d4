"""Answers signals from a Prometheus-compatible server, each value with the time of its raw sample."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from decision_engine.observe.client import PrometheusClient
from decision_engine.observe.signals import Key, Signal, at_window
from decision_engine.observe.source import Samples

PIECE_STEPS: Final = 60
"""Steps of history asked at once: half an hour of ten thousand series is some 15 MiB, an answer the server need not fear."""
BEFORE_EDGE_SECONDS: Final = 0.001
"""A step is evaluated this much before its end, because a window includes both its ends and belongs to one grid cell."""
UNKNOWN: Final = float("nan")


class PrometheusSource:
    """A ``Source`` over one client. Signals asked at the same moment share the answers to the same freshness text."""

    def __init__(self, client: PrometheusClient) -> None:
        self._client = client
        self._at = UNKNOWN
        self._freshness: dict[str, asyncio.Task[tuple[Samples, ...]]] = {}

    async def ask(self, signal: Signal, at: float, window_seconds: float) -> tuple[Samples, ...]:
        """One signal for the whole fleet, evaluated at ``at``.

        Raises:
            PrometheusUnavailable: no answer, or none that could be believed.
        """
        question = self._client.instant(signal.at_window(window_seconds), at, matrix=signal.kind == "range")
        if signal.kind == "range":
            return await question
        if not signal.freshness:
            return tuple(replace(series, times=(UNKNOWN,)) for series in await question)
        values, times = await asyncio.gather(question, self._freshness_at(signal.freshness, at))
        return joined(values, times, signal.key)

    async def past(self, signal: Signal, start: float, end: float, step_seconds: float) -> tuple[Samples, ...]:
        """Means of a signal on the grid of ``step_seconds``, for the whole cells from that of ``start`` to before ``end``.

        Raises:
            PrometheusUnavailable: no answer, or none that could be believed.
        """
        promql = at_window(signal.history_promql, "instant", step_seconds)
        pieces: list[Samples] = []
        first, last = int(start // step_seconds), int(end // step_seconds)
        for cell in range(first, last, PIECE_STEPS):
            begin = (cell + 1) * step_seconds - BEFORE_EDGE_SECONDS
            finish = min(cell + PIECE_STEPS, last) * step_seconds - BEFORE_EDGE_SECONDS
            pieces.extend(await self._client.range(promql, begin, finish, step_seconds))
        return tuple(pieces)

    async def close(self) -> None:
        """Give back the client's connections."""
        for task in self._freshness.values():
            task.cancel()
        self._freshness.clear()
        await self._client.close()

    async def _freshness_at(self, promql: str, at: float) -> tuple[Samples, ...]:
        if at != self._at:
            self._at = at
            self._freshness = {}
        if promql not in self._freshness:
            task = asyncio.ensure_future(self._client.instant(promql, at))
            task.add_done_callback(_seen)
            self._freshness[promql] = task
        return await asyncio.shield(self._freshness[promql])


def _seen(task: asyncio.Task[tuple[Samples, ...]]) -> None:
    """Look at a failure once, so that asyncio does not report it again when nobody was left to wait for it."""
    if not task.cancelled():
        task.exception()


def joined(values: tuple[Samples, ...], times: tuple[Samples, ...], key: Key) -> tuple[Samples, ...]:
    """Give each value the time that the freshness answer has for its key; NaN where it has none."""
    sampled_at = {series.labels.get(key, ""): series.values[-1] for series in times}
    return tuple(replace(series, times=(sampled_at.get(series.labels.get(key, ""), UNKNOWN),)) for series in values)
