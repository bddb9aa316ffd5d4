"""Looks once a second, in a thread, at whatever can only be told over a time; one look that hangs stops no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from exporters.device.sensor import TIMED_OUT, WARMING_UP, reason_of
from exporters.device.source import USUAL_LIMIT_SECONDS, Report, Source
from exporters.device.usage import Meter
from exporters.device.window import SAMPLING_SECONDS


class Sampler:
    """Keeps the windows of all ``meters`` filled; ``sample`` is one look at all, ``start`` looks each second until ``stop``.

    Unlike a relay's, these looks have nobody who waits for them, and to wake a second thread each second only to watch the
    first would cost more than the looks. So whoever asks for a load looks whether the thread still moves: a meter that is
    over its limit keeps the thread, and a fresh one goes on with the others until that has come back.
    """

    def __init__(self, meters: Sequence[Meter], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._meters = tuple(meters)
        self._monotonic = monotonic
        self._stopping = False
        self._over = threading.Lock()  # free once it is: to wait for that costs a fraction of what waiting for an event does
        self._over.acquire()
        self._first = threading.Event()
        self._guard = threading.Lock()  # of all that follows
        self._problems = [WARMING_UP for _ in meters]
        self._stuck: set[int] = set()
        self._asked: tuple[int, float] | None = None
        self._thread: threading.Thread | None = None

    def sources(self) -> tuple[Source, ...]:
        """What a page asks for the loads: nothing is looked at then."""
        return tuple(Source(meter.name, partial(self._tell, index)) for index, meter in enumerate(self._meters))

    def sample(self) -> bool:
        """Look once; what went wrong is kept as the reason until a look succeeds. False: it took so long that another thread goes on."""
        return all(self._look(index) for index in range(len(self._meters)) if index not in self._stuck)

    def is_warming_up(self) -> bool:
        """Whether something has no load yet only because it was not looked at for long enough."""
        reasons = (state.reason for source in self.sources() for state in source.look().sensors)
        return any(reason == WARMING_UP for reason in reasons)

    def start(self) -> None:
        """Look in a thread, now and each second; the answer comes after the first look, or a second if that hangs."""
        with self._guard:
            self._begin()
        self._first.wait(USUAL_LIMIT_SECONDS)

    def is_alive(self) -> bool:
        """Whether somebody looks each second; where one look hangs, whoever asks for a load next begins another thread."""
        with self._guard:
            return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Let the thread end; it waits for nothing but the next second."""
        with self._guard:
            if not self._stopping:
                self._stopping = True
                self._over.release()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self.sample():
            self._first.set()
            if self._over.acquire(timeout=SAMPLING_SECONDS):
                self._over.release()  # another thread may have been left behind, and wait as well
                return

    def _look(self, index: int) -> bool:
        with self._guard:
            self._asked = (index, self._monotonic())
        reason = ""
        try:
            self._meters[index].sample()
        except Exception as error:  # the thread must outlive whatever a sensor does
            reason = reason_of(error)
        with self._guard:
            self._problems[index] = reason
            if index in self._stuck:
                self._stuck.discard(index)
                return False
            self._asked = None
            return True

    def _tell(self, index: int) -> Report:
        with self._guard:
            self._outlive()
            problem = self._problems[index]
        return self._meters[index].tell(problem)

    def _outlive(self) -> None:
        """Leave a thread behind whose look is over its limit, and begin another."""
        if self._asked is None or self._monotonic() - self._asked[1] < USUAL_LIMIT_SECONDS:
            return
        index, _ = self._asked
        self._stuck.add(index)
        self._problems[index], self._asked = TIMED_OUT, None
        if self._thread is not None and not self._stopping:
            self._begin()
