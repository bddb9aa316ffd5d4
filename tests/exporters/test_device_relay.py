"""One look at many sources: in turn, in one thread; whoever hangs is named, left behind, and not asked again before it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest

from exporters.device.relay import Answer, Patience, Relay
from exporters.device.sensor import FAILED, MISSING, TIMED_OUT
from exporters.device.source import Report, SensorState, Source

SOON_SECONDS = 0.02
WITHIN_SECONDS = 5.0
EACH_LOOK_ITS_OWN = Patience(shared_seconds=0.0)


class Hanging:
    """A source that answers, until it is told to hang."""

    def __init__(self, name: str, hangs: bool = True) -> None:
        self.free = threading.Event()
        if not hangs:
            self.free.set()
        self.asked = 0
        self.source = Source(name, self._look, SOON_SECONDS)

    def _look(self) -> Report:
        self.asked += 1
        self.free.wait(WITHIN_SECONDS)
        return said(f"{self.source.name}/part")


def said(*sensors: str) -> Report:
    return Report(sensors=[SensorState(sensor, "") for sensor in sensors])


def answering(name: str) -> Source:
    return Source(name, lambda: said(name))


@contextmanager
def relay(*sources: Source, patience: Patience = EACH_LOOK_ITS_OWN) -> Generator[Relay, None, None]:
    opened = Relay(sources, patience=patience)
    yield opened
    opened.close()


def reasons(answers: tuple[Answer, ...]) -> dict[str, str]:
    return {state.sensor: state.reason for answer in answers for state in answer.report.sensors}


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def readers() -> int:
    return sum(thread.name == "reader" for thread in threading.enumerate())


def test_all_sources_answer_in_their_order_from_one_thread() -> None:
    threads = set()

    def look() -> Report:
        threads.add(threading.current_thread().name)
        return said("x")

    with relay(Source("a", look), Source("b", look)) as asked:
        asked.look()
        answers = asked.look()
    assert [answer.source.name for answer in answers] == ["a", "b"]
    assert all(answer.seconds is not None and answer.seconds >= 0 for answer in answers)
    assert threads == {"reader"}


def test_without_sources_there_is_nothing_to_wait_for() -> None:
    with relay() as asked:
        assert asked.look() == ()


@pytest.mark.parametrize(("error", "reason"), [(FileNotFoundError(), MISSING), (ZeroDivisionError(), FAILED)], ids=["no-file", "mistake"])
def test_a_source_that_throws_is_named_and_the_others_answer(error: Exception, reason: str) -> None:
    def look() -> Report:
        raise error

    with relay(answering("a"), Source("broken", look), answering("b")) as asked:
        assert reasons(asked.look()) == {"a": "", "broken": reason, "b": ""}


def test_a_source_that_hangs_from_the_start_is_named_by_its_own_name_and_the_others_answer() -> None:
    hanging = Hanging("power")
    with relay(answering("a"), hanging.source, answering("b")) as asked:
        answers = asked.look()
        hanging.free.set()
    assert reasons(answers) == {"a": "", "power": TIMED_OUT, "b": ""}
    assert answers[1].seconds is None


def test_a_source_that_answered_once_is_named_by_its_sensors_and_asked_again_when_it_is_back() -> None:
    hanging = Hanging("power", hangs=False)
    with relay(hanging.source, answering("b")) as asked:
        until(lambda: reasons(asked.look()) == {"power/part": "", "b": ""})
        answered = hanging.asked
        hanging.free.clear()
        for _ in range(3):
            assert reasons(asked.look()) == {"power/part": TIMED_OUT, "b": ""}
        assert hanging.asked == answered + 1
        hanging.free.set()
        until(lambda: reasons(asked.look()) == {"power/part": "", "b": ""})


def test_there_are_never_more_threads_than_sources_and_one() -> None:
    before = readers()
    hanging = [Hanging(f"h{number}") for number in range(5)]
    with relay(*(each.source for each in hanging), answering("b")) as asked:
        for _ in range(4):
            assert reasons(asked.look())["b"] == ""
            assert readers() - before <= len(hanging) + 1
        assert [each.asked for each in hanging] == [1] * 5
        for each in hanging:
            each.free.set()
    until(lambda: readers() <= before)


def test_all_that_hang_together_cost_no_more_than_the_whole_patience() -> None:
    hanging = [Hanging(f"h{number}") for number in range(4)]
    patient = [Source(each.source.name, each.source.look, WITHIN_SECONDS) for each in hanging]
    with relay(*patient, answering("b"), patience=Patience(total_seconds=0.05, shared_seconds=0.0, least_seconds=WITHIN_SECONDS)) as asked:
        began = time.monotonic()
        assert set(reasons(asked.look()).values()) == {TIMED_OUT}
        assert time.monotonic() - began < WITHIN_SECONDS / 2
        assert [each.asked for each in hanging] == [1, 0, 0, 0]
        for each in hanging:
            each.free.set()


def test_each_that_hangs_leaves_less_time_to_the_next() -> None:
    asked = Relay([Source("a", said, 1.0)], patience=Patience(least_seconds=0.2))
    assert [asked._limit(0, hung) for hung in range(5)] == [1.0, 0.5, 0.25, 0.2, 0.2]


def test_two_that_look_at_once_share_one_look() -> None:
    hanging = Hanging("slow")
    slow = Source("slow", hanging.source.look, WITHIN_SECONDS)
    with relay(slow, patience=Patience(shared_seconds=0.0)) as asked:
        found: list[tuple[Answer, ...]] = []
        threads = [threading.Thread(target=lambda: found.append(asked.look())) for _ in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: hanging.asked == 1)
        hanging.free.set()
        for thread in threads:
            thread.join(WITHIN_SECONDS)
    assert len(found) == 3
    assert hanging.asked <= 2  # one that had not even begun to ask before the first was answered looks for itself


def test_a_look_is_shared_for_a_moment_and_no_longer() -> None:
    hanging, now = Hanging("a", hangs=False), [1000.0]
    asked = Relay([hanging.source], lambda: now[0], Patience(shared_seconds=0.1))
    counts = []
    for seconds in (0.0, 0.05, 0.1):
        now[0] += seconds
        asked.look()
        counts.append(hanging.asked)
    asked.close()
    assert counts == [1, 1, 2]
