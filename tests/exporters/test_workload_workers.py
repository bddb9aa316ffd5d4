"""Several processes of one placement: who publishes now, and sums that neither fall nor count twice."""

from __future__ import annotations

import pytest

from exporters.workload.collector import Bounds
from tests.builders.exporters import LABELS, PLACEMENT, Page, World, datagram
from tests.builders.workload import Worker, refused


def test_two_live_workers_add_up_and_are_no_restart() -> None:
    collector, one, two = World().collector(), Worker(1), Worker(2)
    for data in (one.say(10), two.say(5), one.say(1), two.say(1)):
        collector.accept(data, 0)
    page = Page(collector)
    assert page.value("ai_frames_total", **LABELS) == 17
    assert page.value("ai_results_empty_total", **LABELS) == 17
    assert page.value("ai_inference_latency_seconds_count", **LABELS) == 17
    assert page.value("ai_workers", **LABELS) == 2
    assert page.value("ai_process_resident_memory_bytes", **LABELS) == 2000
    assert refused(page) == {}


@pytest.mark.parametrize("how", ["goodbye", "gone", "silent"])
def test_a_worker_that_ends_keeps_its_totals_in_the_sum(how: str) -> None:
    world, one, two = World(), Worker(1), Worker(2)
    world.processes = {40: (40, 1), 41: (41, 1)}
    collector = world.collector()
    collector.accept(one.say(10), 40)
    collector.accept(two.say(5), 41)
    if how == "goodbye":
        collector.accept(one.say(1, end=True), 40)
    elif how == "gone":
        collector.accept(one.say(1), 40)
        del world.processes[40]
    else:
        collector.accept(one.say(1), 40)
        world.pass_seconds(50)
        collector.accept(two.say(), 41)
        world.pass_seconds(20)
    page = Page(collector)
    assert page.value("ai_frames_total", **LABELS) == 16
    assert page.value("ai_workers", **LABELS) == 1
    assert [program.process for program in collector.programs()] == [(41, 1)]


def test_a_worker_that_was_silent_comes_back_and_is_not_counted_twice() -> None:
    world, one, two = World(), Worker(1), Worker(2)
    collector = world.collector()
    collector.accept(one.say(10), 0)
    collector.accept(two.say(5), 0)
    for _ in range(3):
        world.pass_seconds(40)
        collector.accept(two.say(), 0)
    assert Page(collector).value("ai_workers", **LABELS) == 1
    collector.accept(one.say(1), 0)
    page = Page(collector)
    assert (page.value("ai_workers", **LABELS), page.value("ai_frames_total", **LABELS)) == (2, 16)


def test_the_last_words_of_a_killed_worker_count_and_do_not_bring_it_back() -> None:
    world, one, two = World(), Worker(1), Worker(2)
    world.processes = {40: (40, 1), 41: (41, 1)}
    collector = world.collector()
    collector.accept(one.say(10), 40)
    collector.accept(two.say(5), 41)
    del world.processes[40]
    assert Page(collector).value("ai_workers", **LABELS) == 1
    collector.accept(one.say(3), 40)  # it lay in the socket
    page = Page(collector)
    assert (page.value("ai_workers", **LABELS), page.value("ai_frames_total", **LABELS)) == (1, 18)


def test_a_program_whose_workers_all_ended_is_gone_and_goes_on_where_it_was() -> None:
    world = World()
    collector, one, two = world.collector(), Worker(1), Worker(2)
    collector.accept(one.say(10), 0)
    collector.accept(one.say(end=True), 0)
    assert Page(collector).value("ai_workers", **LABELS) == 0
    world.pass_seconds(60.1)
    assert Page(collector).value("ai_frames_total") is None
    collector.accept(two.say(5), 0)
    page = Page(collector)
    assert (page.value("ai_frames_total", **LABELS), page.value("ai_workers", **LABELS)) == (15, 1)


def test_a_second_session_of_one_process_counts_its_cpu_time_once() -> None:
    collector, one = World().collector(), Worker(1)
    collector.accept(one.say(1, cpu_seconds=30.0), 0)
    collector.accept(one.say(end=True, cpu_seconds=31.0), 0)
    one.restart()
    collector.accept(one.say(1, cpu_seconds=33.0), 0)
    page = Page(collector)
    assert page.value("ai_process_cpu_seconds_total", **LABELS) == 33.0
    assert page.value("ai_frames_total", **LABELS) == 2


def test_two_publishers_of_one_process_are_one_worker() -> None:
    collector, one, same = World().collector(), Worker(1), Worker(1, life=9)
    collector.accept(one.say(3, cpu_seconds=30.0), 0)
    collector.accept(same.say(4, cpu_seconds=31.0), 0)
    page = Page(collector)
    assert (page.value("ai_workers", **LABELS), page.value("ai_frames_total", **LABELS)) == (1, 7)
    assert page.value("ai_process_cpu_seconds_total", **LABELS) == 31.0
    assert page.value("ai_process_resident_memory_bytes", **LABELS) == 1000


def test_children_that_publish_are_not_counted_again_when_their_parent_has_waited_for_them() -> None:
    collector, parent, child = World().collector(), Worker(1), Worker(2)
    collector.accept(parent.say(cpu_seconds=10.0, waited_cpu_seconds=4.0), 0)  # 4 s of children that do not publish
    collector.accept(child.say(cpu_seconds=20.0), 0)
    collector.accept(child.say(cpu_seconds=21.0, end=True), 0)
    collector.accept(parent.say(cpu_seconds=32.0, waited_cpu_seconds=25.0), 0)
    assert Page(collector).value("ai_process_cpu_seconds_total", **LABELS) == 10.0 + 21.0 + 1.0
    assert [program.cpu_seconds for program in collector.programs()] == [11.0]


def test_a_restarted_worker_is_alone_again() -> None:
    collector, one, two = World().collector(), Worker(1), Worker(2)
    collector.accept(one.say(cpu_seconds=5.0, end=True), 0)
    collector.accept(two.say(cpu_seconds=3.0, waited_cpu_seconds=2.0), 0)
    assert Page(collector).value("ai_process_cpu_seconds_total", **LABELS) == 8.0


def test_what_one_of_several_does_not_say_is_not_summed_up() -> None:
    collector, one = World().collector(), Worker(1)
    collector.accept(one.say(10), 0)
    collector.accept(datagram(frames=3), 0)  # a sender from before there were workers
    page = Page(collector)
    assert page.value("ai_frames_total", **LABELS) == 13
    assert page.value("ai_results_empty_total") is None
    assert page.value("ai_results_ambiguous_total") is None
    assert page.value("ai_workers", **LABELS) == 2


def test_a_program_that_counts_no_frames_has_not_received_none() -> None:
    collector, one = World().collector(), Worker(1)
    collector.accept(one.say(), 0)
    assert Page(collector).value("ai_frames_total", **LABELS) == 0
    collector.accept(one.say(5, frames=0), 0)
    assert Page(collector).value("ai_frames_total") is None


def test_workers_of_two_versions_have_series_of_their_own() -> None:
    collector, one, two = World().collector(), Worker(1), Worker(2)
    collector.accept(one.say(10), 0)
    collector.accept(two.say(5, version="2"), 0)
    page = Page(collector)
    assert page.value("ai_frames_total", **LABELS) == 10
    assert page.value("ai_frames_total", **{**LABELS, "version": "2"}) == 5


def test_the_number_of_workers_is_bounded() -> None:
    collector = World().collector(Bounds(max_workers=3))
    for number in range(5):
        collector.accept(Worker(number).say(1), 0)
    page = Page(collector)
    assert page.value("ai_workers", **LABELS) == 3
    assert refused(page) == {"too_many_workers": 2}


def test_one_process_cannot_pose_as_many_workers() -> None:
    world = World()
    world.processes = {40: (40, 1), 41: (41, 1)}
    collector = world.collector(Bounds(max_of_one_sender=2))
    for number in range(4):
        collector.accept(Worker(number).say(1), 40)
    collector.accept(Worker(9).say(1), 41)
    page = Page(collector)
    assert page.value("ai_workers", **LABELS) == 3
    assert refused(page) == {"too_many_of_one_sender": 2}


def test_thousands_of_restarts_leave_no_memory_but_their_sum() -> None:
    world = World()
    collector = world.collector()
    for number in range(3000):
        world.processes = {number + 1: (number + 1, 1)}
        collector.accept(Worker(number).say(1), number + 1)
    page = Page(collector)
    assert (page.value("ai_frames_total", **LABELS), page.value("ai_workers", **LABELS)) == (3000, 1)
    assert len(collector._register._homes) < 100
    assert refused(page) == {}


def test_a_session_may_not_change_its_process() -> None:
    collector, one = World().collector(), Worker(1)
    collector.accept(one.say(10), 0)
    collector.accept(one.say(1, worker="f" * 32), 0)
    assert refused(Page(collector)) == {"identity_changed": 1}
    assert [program.placement for program in collector.programs()] == [PLACEMENT]
