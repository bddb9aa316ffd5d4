"""Reads the whole fleet once a cycle and says what the answers are worth."""

from __future__ import annotations

import asyncio
from typing import Final

import numpy as np

from decision_engine.core.limits import Times
from decision_engine.core.snapshot import Bools, Ints
from decision_engine.observe.cameras import ENVIRONMENT, Hearing
from decision_engine.observe.columns import ELSEWHERE, Column, Judge, Known, RawSamples, flatten, no_samples
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.readings import PlacementColumn, Readings
from decision_engine.observe.signals import Signal, asked_with, check_query_count, query_count
from decision_engine.observe.source import PrometheusUnavailable, Samples, Source
from decision_engine.observe.vanishing import VanishWatch, too_many

OVERLAP_SCRAPES: Final = 1.5
"""Read windows overlap so that a late scrape falls into one of them; what comes twice is counted once."""
WINDOW_LIMIT_SECONDS: Final = 300.0
"""After a longer silence history is filled by range queries; a window of hours would cost what it was made to avoid."""
PLACEMENT: Final = "placement"
Answers = dict[str, tuple[Samples, ...]]


class FleetReader:
    """Asks every signal once for the whole fleet. Keeps the last known values; one reader per engine."""

    def __init__(self, source: Source, signals: tuple[Signal, ...], times: Times, first_window_seconds: float = 0.0) -> None:
        """Take over the signals; the first read looks back ``first_window_seconds`` at least.

        Raises:
            SignalError: they cost more queries a cycle than allowed, or one is named twice.
        """
        check_query_count(signals)
        self._source = source
        self._signals = signals
        self._times = times
        self._first_window_seconds = first_window_seconds
        self._device_signals = tuple(signal for signal in signals if signal.key == "device")
        self._placement_signals = tuple(signal for signal in signals if signal.key == "placement")
        self._camera_signals = tuple(signal for signal in signals if signal.key == "camera")
        self._device_ids: tuple[str, ...] = ()
        self._camera_ids: tuple[str, ...] = ()
        self._known = {signal.name: Known.nothing(0) for signal in signals}
        self._placement_row: dict[str, dict[str, int]] = {signal.name: {} for signal in self._placement_signals}
        self._vanish = VanishWatch(len(self._device_signals))
        self._now = float("nan")
        self._last_good_at = float("nan")

    async def read(self, now: float, index: FleetIndex) -> Readings:
        """Read all signals at Unix time ``now``. Trouble with Prometheus is never raised but said in ``blind``."""
        self._follow(index)
        last_good_at, window_seconds = self._last_good_at, self._window_seconds(now)
        backwards, self._now = now < self._now, now
        if backwards:
            self._rewind(now)
            sentence = "The clock of this machine has gone backwards; nothing is decided in this cycle"
            return self._readings(now, ("clock_backwards", sentence), {}, (0, 0.0, last_good_at))
        try:
            answers = await self._ask_all(now, window_seconds)
        except PrometheusUnavailable as trouble:
            return self._readings(
                now, (trouble.reason_code, trouble.sentence), {}, (query_count(self._signals), window_seconds, last_good_at)
            )
        samples, present = self._take(answers, index, now)
        gone, of = self._vanish.vanished(present, now, self._times.fresh_seconds)
        blind = ("", "")
        if too_many(gone, of):
            blind = (
                "series_vanished",
                f"{gone} of {of} series vanished within {self._times.fresh_seconds:g} s; this is held for a fault of the watching",
            )
        self._last_good_at = now
        return self._readings(now, blind, samples, (query_count(self._signals), window_seconds, last_good_at))

    def _window_seconds(self, now: float) -> float:
        overlap = OVERLAP_SCRAPES * self._times.scrape_seconds
        silence = now - self._last_good_at
        if not silence >= 0:  # also before the first read
            silence = max(self._times.fresh_seconds, self._first_window_seconds)
        return min(silence + overlap, WINDOW_LIMIT_SECONDS)

    async def _ask_all(self, now: float, window_seconds: float) -> Answers:
        """All signals at once; the first trouble in the order of signals, after every question has ended."""
        questions = [self._source.ask(signal, now, window_seconds) for signal in self._signals]
        answers = await asyncio.gather(*questions, return_exceptions=True)
        believed: Answers = {}
        for signal, answer in zip(self._signals, answers, strict=True):
            if isinstance(answer, PrometheusUnavailable):
                names = ", ".join(asked_with(signal, self._signals))
                raise PrometheusUnavailable(answer.reason_code, f"{answer.sentence} (asked for {names})") from answer
            if isinstance(answer, BaseException):
                raise answer
            believed[signal.name] = answer
        return believed

    def _take(self, answers: Answers, index: FleetIndex, now: float) -> tuple[dict[str, RawSamples], Bools]:
        """Keep what was answered; raw samples by device, and which device series were there (D × S)."""
        samples: dict[str, RawSamples] = {}
        present = np.zeros((len(index.device_ids), len(self._device_signals)), dtype=bool)
        for number, signal in enumerate(self._device_signals):
            flat = flatten(answers[signal.name], lambda labels: device_row_of(labels, index))
            # After a gap the window reaches back beyond it; what was there before the gap is not there now.
            present[flat.row[flat.at >= now - self._times.fresh_seconds], number] = True
            self._known[signal.name] = self._known[signal.name].with_samples(flat, now + self._times.scrape_seconds)
            if signal.history:
                samples[signal.name] = flat
        for signal in self._placement_signals:
            self._take_placements(signal.name, answers[signal.name], now)
        ceiling = now + self._times.scrape_seconds
        for signal in self._camera_signals:
            hearing = Hearing(index, now - self._allowed_age(signal), ceiling)
            heard = (hearing.classes if signal.name == ENVIRONMENT else hearing.least)(answers[signal.name])
            self._known[signal.name] = self._known[signal.name].with_samples(heard, ceiling)
        return samples, present

    def _take_placements(self, name: str, answer: tuple[Samples, ...], now: float) -> None:
        """Rows for the placements answered, and for those whose last word is not older than the longest window."""
        known, row = self._known[name], self._placement_row[name]
        with np.errstate(invalid="ignore"):
            recent = now - known.at <= WINDOW_LIMIT_SECONDS
        answered = {series.labels[PLACEMENT] for series in answer if series.labels.get(PLACEMENT)}
        ids = sorted(answered | {id_ for id_, old in row.items() if recent[old]})
        self._placement_row[name] = new_row = {id_: number for number, id_ in enumerate(ids)}
        known = known.realigned(np.array([row.get(id_, ELSEWHERE) for id_ in ids], dtype=np.int64))
        flat = flatten(answer, lambda labels: new_row.get(labels.get(PLACEMENT, ""), ELSEWHERE))
        self._known[name] = known.with_samples(flat, now + self._times.scrape_seconds)

    def _readings(self, now: float, blind: tuple[str, str], samples: dict[str, RawSamples], asked: tuple[int, float, float]) -> Readings:
        queries, window_seconds, last_good_at = asked
        return Readings(
            now=now,
            blind=blind[0],
            sentence=blind[1],
            devices={signal.name: self._column(signal, now, bool(blind[0])) for signal in self._device_signals},
            placements={
                signal.name: PlacementColumn(dict(self._placement_row[signal.name]), self._column(signal, now, bool(blind[0])))
                for signal in self._placement_signals
            },
            cameras={signal.name: self._column(signal, now, bool(blind[0])) for signal in self._camera_signals},
            samples={signal.name: samples.get(signal.name, no_samples()) for signal in self._device_signals if signal.history},
            queries=queries,
            window_seconds=window_seconds,
            last_good_at=last_good_at,
        )

    def _column(self, signal: Signal, now: float, blind: bool) -> Column:
        return Judge(now, self._times.scrape_seconds, blind, self._allowed_age(signal)).column(self._known[signal.name])

    def _allowed_age(self, signal: Signal) -> float:
        return signal.allowed_age_seconds or self._times.fresh_seconds

    def _follow(self, index: FleetIndex) -> None:
        """Follow the devices and cameras of the catalogue to their rows."""
        if index.device_ids != self._device_ids:
            rows = source_rows(self._device_ids, index.device_ids)
            self._realign(self._device_signals, rows)
            self._vanish.realign(rows)
            self._device_ids = index.device_ids
        if index.camera_ids != self._camera_ids:
            self._realign(self._camera_signals, source_rows(self._camera_ids, index.camera_ids))
            self._camera_ids = index.camera_ids

    def _realign(self, signals: tuple[Signal, ...], rows: Ints) -> None:
        for signal in signals:
            self._known[signal.name] = self._known[signal.name].realigned(rows)

    def _rewind(self, now: float) -> None:
        self._vanish.rewind(now)
        self._last_good_at = min(self._last_good_at, now)


def source_rows(before: tuple[str, ...], after: tuple[str, ...]) -> Ints:
    """For each id of ``after`` its row in ``before``, −1 where it is new."""
    row = {id_: number for number, id_ in enumerate(before)}
    return np.array([row.get(id_, ELSEWHERE) for id_ in after], dtype=np.int64)


def device_row_of(labels: dict[str, str], index: FleetIndex) -> int:
    """The row of a device's series; a load measured against other cores than those the device lends is not its load."""
    row = index.device_row.get(labels.get("device", ""), ELSEWHERE)
    scope = labels.get("scope")
    return ELSEWHERE if row != ELSEWHERE and scope is not None and scope != index.scope[row] else row
