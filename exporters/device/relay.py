"""Asks all sources of one look in turn in a thread of its own, and gives up the one that hangs; whoever asked never hangs with it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import NamedTuple

from exporters.device.sensor import TIMED_OUT, reason_of
from exporters.device.source import Report, SensorState, Source


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a look may take.

    ``total_seconds`` ends a look whatever hangs: Prometheus gives up after 4 s, and writing takes its time too. Whoever asks
    within ``shared_seconds`` after a look gets that one. Each hang halves what the next sources of the same look are given,
    down to ``least_seconds``, so that many that hang at once do not cost those their turn that would answer.
    """

    total_seconds: float = 3.0
    shared_seconds: float = 0.1
    least_seconds: float = 0.05


class Answer(NamedTuple):
    """What a source said, and how long that took; None where it did not answer."""

    source: Source
    report: Report
    seconds: float | None


class _Round:
    """One look: which sources wait, which one is asked and since when, and what the others have said."""

    def __init__(self, indices: Iterable[int]) -> None:
        self.waiting = deque(indices)
        self.current = -1
        self.began = 0.0
        self.answers: dict[int, tuple[Report | str, float]] = {}  # or the reason why there is no report
        self.over = threading.Lock()  # as an event that happens once, at half the cost of one
        self.over.acquire()

    def proceed(self, now: float) -> bool:
        """Go on to the next source; False after the last."""
        if not self.waiting:
            return False
        self.current, self.began = self.waiting.popleft(), now
        return True


class _Reader:
    """One thread and the rounds that it is given; None ends it."""

    def __init__(self, work: Callable[[_Reader], None]) -> None:
        self.rounds: SimpleQueue[_Round | None] = SimpleQueue()
        threading.Thread(target=work, args=(self,), name="reader", daemon=True).start()


class Relay:
    """All sources of one page. Any thread may look; two that look at once share one look.

    A source that does not answer within its limit keeps its thread, which is left behind, and is not asked again before that
    thread has come back: there are never more threads than sources, and one. What it says then is too old and is dropped.
    """

    def __init__(
        self, sources: Sequence[Source], monotonic: Callable[[], float] = time.monotonic, patience: Patience | None = None
    ) -> None:
        self._sources = tuple(sources)
        self._monotonic = monotonic
        self._patience = patience or Patience()
        self._flight = threading.Lock()
        self._answers: tuple[Answer, ...] = ()
        self._finished = -float("inf")
        self._guard = threading.Lock()  # of what follows, and of rounds
        self._stuck: set[int] = set()
        self._reader: _Reader | None = None
        self._states: dict[int, list[SensorState]] = {}  # what each source said last
        self._shortest_seconds = min((source.limit_seconds for source in self._sources), default=0.0)

    def look(self) -> tuple[Answer, ...]:
        """Every source's answer, in their order; a source that did not answer names its sensors with the reason why."""
        asked = self._monotonic()
        with self._flight:
            # A look that went on while we waited for it is as good as one of our own.
            if self._finished < asked - self._patience.shared_seconds:
                with self._guard:
                    look = _Round(index for index in range(len(self._sources)) if index not in self._stuck)
                self._oversee(look)
                self._answers = tuple(self._answer(index, look.answers.get(index)) for index in range(len(self._sources)))
                self._finished = self._monotonic()
            return self._answers

    def close(self) -> None:
        """Let the idle thread end; those that hang are left behind. A later look begins a new one."""
        with self._guard:
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.rounds.put(None)

    def _oversee(self, look: _Round) -> None:
        """Have the round run, in the thread of the last one where that has come back; give up whoever is over its limit."""
        now = self._monotonic()
        end, hung = now + self._patience.total_seconds, 0
        if not look.proceed(now):
            return
        self._hand_over(look)
        while True:
            with self._guard:  # a source that waits may have a shorter limit, and its turn may come before we look again
                soonest = now + self._shortened(self._shortest_seconds, hung)
                until = min(end, soonest, look.began + self._limit(look.current, hung))
            if look.over.acquire(timeout=max(0.0, until - now)):
                return
            with self._guard:
                now = self._monotonic()
                if not look.waiting and look.current in look.answers:
                    return
                if now < min(end, look.began + self._limit(look.current, hung)):
                    continue
                hung += 1
                self._stuck.add(look.current)
                self._reader = None
                if now >= end or not look.proceed(now):
                    return
            self._hand_over(look)

    def _limit(self, index: int, hung: int) -> float:
        return self._shortened(self._sources[index].limit_seconds, hung)

    def _shortened(self, limit: float, hung: int) -> float:
        return max(limit * 0.5**hung, min(limit, self._patience.least_seconds))

    def _hand_over(self, look: _Round) -> None:
        if self._reader is None:
            self._reader = _Reader(self._work)
        self._reader.rounds.put(look)

    def _work(self, me: _Reader) -> None:
        """What a reader's thread does until it is told to end, or is left behind."""
        while (look := me.rounds.get()) is not None:
            more = True
            while more:
                index = look.current
                report = _ask(self._sources[index])
                now = self._monotonic()
                with self._guard:
                    if index in self._stuck:
                        self._stuck.discard(index)
                        return
                    look.answers[index] = (report, now - look.began)
                    more = look.proceed(now)
            look.over.release()

    def _answer(self, index: int, said: tuple[Report | str, float] | None) -> Answer:
        source = self._sources[index]
        report, seconds = said or (TIMED_OUT, None)
        if isinstance(report, str):
            return Answer(source, _silence(self._states.get(index) or [SensorState(source.name, "")], report), seconds)
        self._states[index] = report.sensors
        return Answer(source, report, seconds)


def _ask(source: Source) -> Report | str:
    try:
        return source.look()
    except Exception as error:  # a source that breaks as a whole must not take the others with it
        return reason_of(error)


def _silence(states: Iterable[SensorState], reason: str) -> Report:
    return Report(sensors=[SensorState(state.sensor, reason) for state in states])
