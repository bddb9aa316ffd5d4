"""One sender neither takes the places of others nor speaks for other devices."""

from __future__ import annotations

import pytest

from exporters.workload.collector import REFUSALS, Bounds, Surroundings, WorkloadCollector
from tests.builders.exporters import Page, World, datagram


def say(collector: WorkloadCollector, number: int, pid: int, session: int | None = None) -> None:
    placement = f"yolo/cam-07/main@edge-07#{number}"
    collector.accept(datagram(placement=placement, session=f"{number if session is None else session:032x}"), pid)


def kept(collector: WorkloadCollector) -> list[int]:
    return sorted(int(program.placement.partition("#")[2]) for program in collector.programs())


def refused(collector: WorkloadCollector) -> dict[str, float]:
    page = Page(collector)
    counts = {reason: page.value("ai_observations_refused_total", reason=reason) for reason in REFUSALS}
    return {reason: count for reason, count in counts.items() if count}


def living(*pids: int) -> World:
    world = World()
    world.processes = {pid: (pid, 1) for pid in pids}
    return world


def test_one_sender_speaks_for_a_few_placements_and_leaves_the_others_their_places() -> None:
    collector = living(40, 41).collector()
    for number in range(1, 101):
        say(collector, number, 40)
    say(collector, 200, 41)
    assert kept(collector) == [*range(1, Bounds().max_of_one_sender + 1), 200]
    assert refused(collector) == {"too_many_of_one_sender": 100 - Bounds().max_of_one_sender}


def test_nor_does_it_take_over_more_from_others() -> None:
    collector = living(40, 41).collector(Bounds(max_of_one_sender=1))
    say(collector, 1, 40)
    say(collector, 2, 41)
    say(collector, 2, 40, session=99)
    assert refused(collector) == {"too_many_of_one_sender": 1}
    assert [program.process for program in collector.programs()] == [(40, 1), (41, 1)]


def test_senders_that_cannot_be_seen_are_no_single_one() -> None:
    collector = World().collector(Bounds(max_placements=5, max_of_one_sender=2))
    for number in range(1, 7):
        say(collector, number, 0)
    assert kept(collector) == [1, 2, 3, 4, 5]
    assert refused(collector) == {"too_many_placements": 1}


def test_a_sender_that_ended_one_may_begin_another() -> None:
    collector = living(40).collector(Bounds(max_of_one_sender=1))
    say(collector, 1, 40)
    collector.accept(datagram(placement="yolo/cam-07/main@edge-07#1", session=f"{1:032x}", seq=2, end=True), 40)
    say(collector, 2, 40)
    assert kept(collector) == [2]
    assert refused(collector) == {}


def test_when_it_is_full_the_longest_silent_of_the_dead_goes_first() -> None:
    world = living(40)
    collector = world.collector(Bounds(max_placements=3))
    say(collector, 1, 40)
    for number, pid in ((2, 900), (3, 901)):  # gone before anybody could look
        world.pass_seconds(1)
        say(collector, number, pid)
    assert kept(collector) == [1, 2, 3]
    say(collector, 4, 40)
    assert kept(collector) == [1, 3, 4]
    say(collector, 5, 40)
    assert kept(collector) == [1, 4, 5]
    say(collector, 6, 40)
    assert refused(collector) == {"too_many_placements": 1}


def test_a_placement_swept_away_while_its_next_sender_is_judged_begins_anew() -> None:
    world = living(40, 41)
    collector = world.collector(Bounds(max_placements=2, max_of_one_sender=3))
    say(collector, 1, 40)
    world.pass_seconds(61)
    say(collector, 1, 41, session=7)
    assert kept(collector) == [1]
    say(collector, 2, 41)
    say(collector, 3, 41)
    assert kept(collector) == [1, 2]


@pytest.mark.parametrize(
    ("workload", "device", "camera", "reason"),
    [
        ("yolo/cam-07/main", "edge-07", "cam-07", None),
        ("yolo/cam-07/main", "edge-08", "cam-07", "other_device"),
        ("yolo/cam-07/main", "edge-070", "cam-07", "other_device"),
        ('yo"lo/cam-07/main', "edge-07", "cam-07", "odd_id"),
        ("yolo/../main", "edge-07", "cam-07", "odd_id"),
        ("yolo/cam-07/main", "edge-07", "카메라", "odd_id"),
        ("yolo/cam-07/main", "Edge-07", "cam-07", "odd_id"),
    ],
)
@pytest.mark.parametrize("told", [True, False], ids=["told", "not-told"])
def test_only_its_own_devices_placements_where_it_is_known(workload: str, device: str, camera: str, reason: str | None, told: bool) -> None:
    world = World()
    here = "edge-07" if told else None
    collector = WorkloadCollector(Surroundings(lambda: world.now, lambda: world.elapsed, world.process), device=here)
    collector.accept(datagram(workload=workload, placement=f"{workload}@{device}#1", camera=camera), 0)
    assert refused(collector) == ({reason: 1} if reason and told else {})
    assert len(collector.programs()) == (0 if reason and told else 1)


def test_a_fault_of_ours_is_counted_and_costs_that_observation_only() -> None:
    world = World()
    faults = [ZeroDivisionError()]

    def unix_time() -> float:
        if faults:
            raise faults.pop()
        return world.now

    collector = WorkloadCollector(Surroundings(unix_time, lambda: world.elapsed, world.process))
    say(collector, 1, 0)
    say(collector, 2, 0)
    assert kept(collector) == [2]
    assert refused(collector) == {"failed": 1}
