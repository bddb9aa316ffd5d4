"""Answers signals from a Prometheus-compatible server, each value with the time of its raw sample."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Final

from decision_engine.observe.client import PrometheusClient
from decision_engine.observe.selector import NAME_LABEL
from decision_engine.observe.shared import Shared
from decision_engine.observe.signals import Key, Signal, at_window
from decision_engine.observe.source import PrometheusUnavailable, Samples

PIECE_STEPS: Final = 60
"""Steps of history asked at once: half an hour of ten thousand series is some 15 MiB, an answer the server need not fear."""
BEFORE_EDGE_SECONDS: Final = 0.001
"""A step is evaluated this much before its end, because a window includes both its ends and belongs to one grid cell."""
TOO_BIG: Final = "prometheus_too_big"
UNKNOWN: Final = float("nan")


class PrometheusSource:
    """A ``Source`` over one client. Signals asked at the same moment share the answers to the same texts: of freshness, and
    of the selector that asks several of them together."""

    def __init__(self, client: PrometheusClient) -> None:
        self._client = client
        self._freshness: Shared[tuple[Samples, ...]] = Shared()
        self._groups: Shared[dict[str, tuple[Samples, ...]]] = Shared()
        self._too_long_seconds: dict[str, float] = {}

    async def ask(self, signal: Signal, at: float, window_seconds: float) -> tuple[Samples, ...]:
        """One signal for the whole fleet, evaluated at ``at``.

        Raises:
            PrometheusUnavailable: no answer, or none that could be believed.
        """
        if signal.together:
            return await self._with_others(signal, at, window_seconds)
        question = self._client.instant(signal.at_window(window_seconds), at, matrix=signal.kind == "range")
        if signal.kind == "range":
            return await question
        if signal.value_is_time:
            return tuple(replace(series, times=series.values) for series in await question)
        if not signal.freshness:
            return tuple(replace(series, times=(UNKNOWN,)) for series in await question)
        freshness = self._freshness.answer(signal.freshness, at, lambda: self._client.instant(signal.freshness, at))
        values, times = await asyncio.gather(question, freshness)
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
        self._freshness.cancel()
        self._groups.cancel()
        await self._client.close()

    async def _with_others(self, signal: Signal, at: float, window_seconds: float) -> tuple[Samples, ...]:
        """Its part of the shared answer. After a gap that of a very large fleet is too big, and each is asked alone."""
        if window_seconds < self._too_long_seconds.get(signal.together, math.inf):
            text = signal.together_at_window(window_seconds)
            try:
                return (await self._groups.answer(text, at, lambda: self._by_metric(text, at))).get(signal.metric, ())
            except PrometheusUnavailable as trouble:
                if trouble.reason_code != TOO_BIG:
                    raise
                self._too_long_seconds[signal.together] = window_seconds
        return await self._client.instant(signal.at_window(window_seconds), at, matrix=True)

    async def _by_metric(self, promql: str, at: float) -> dict[str, tuple[Samples, ...]]:
        return by_metric(await self._client.instant(promql, at, matrix=True))


def by_metric(answer: tuple[Samples, ...]) -> dict[str, tuple[Samples, ...]]:
    """The series of each metric, without the name in their labels."""
    found: dict[str, list[Samples]] = {}
    for series in answer:
        found.setdefault(series.labels.pop(NAME_LABEL, ""), []).append(series)
    return {metric: tuple(those) for metric, those in found.items()}


def joined(values: tuple[Samples, ...], times: tuple[Samples, ...], key: Key) -> tuple[Samples, ...]:
    """Give each value the time that the freshness answer has for its key; NaN where it has none."""
    sampled_at = {series.labels.get(key, ""): series.values[-1] for series in times}
    return tuple(replace(series, times=(sampled_at.get(series.labels.get(key, ""), UNKNOWN),)) for series in values)
