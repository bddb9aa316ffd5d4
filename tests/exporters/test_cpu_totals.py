"""CPU time is summed up by what each core adds: cores that go, idle time that jumps and iowait that falls make no fall and no load."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.device.cores import MOST_BACK_TICKS, CoreGrowth, CpuTotals
from exporters.device.machine import Surroundings, machine_source
from exporters.device.procfs import CPU_MODES, CoreTimes, parse_cpu
from exporters.device.sampler import Sampler
from exporters.device.tree import Tree
from exporters.device.usage import EARLIER_STAT, HostLoad
from tests.builders.exporters import Clock, page_of, write_tree

Core = tuple[int, int, int]
"""User, idle and iowait ticks."""


def stat(cores: dict[int, Core], all_together: Core | None = None) -> str:
    """A /proc/stat whose first line is the kernel's own sum, or this one."""
    first = all_together or tuple(sum(core[column] for core in cores.values()) for column in range(3))
    rows = {"cpu ": first, **{f"cpu{core}": ticks for core, ticks in cores.items()}}
    lines = [f"{name} {user} 0 0 {idle} {iowait} 0 0 0 0 0\n" for name, (user, idle, iowait) in rows.items()]
    return "".join([*lines, "intr 0\nbtime 1794990000\n"])


def load_after(tmp_path: Path, *looks: dict[int, Core]) -> dict[str, float]:
    """The load of all cores and of each after looks a second apart."""
    clock = Clock()
    sampler = Sampler([HostLoad(Tree(write_tree(tmp_path)), 5.0, clock)], clock)
    for cores in looks:
        (tmp_path / "proc/stat").write_text(stat(cores))
        sampler.sample()
        clock.seconds += 1.0
    report = sampler.sources()[0].look()
    return {sample.labels[0]: sample.value for sample in report.samples} | {s.sensor: -1.0 for s in report.sensors if s.reason}


def test_iowait_that_falls_makes_no_load(tmp_path: Path) -> None:
    said = load_after(tmp_path, {0: (0, 0, 90)}, {0: (50, 50, 50)})
    assert said == {"host": 0.5, "0": 0.5}


def test_what_is_made_up_for_is_not_counted_twice(tmp_path: Path) -> None:
    said = load_after(tmp_path, {0: (0, 0, 90)}, {0: (50, 50, 50)}, {0: (50, 150, 90)})
    assert said == {"host": 0.25, "0": 0.25}


def test_a_core_whose_idle_time_began_again_has_no_load_until_there_is_a_window(tmp_path: Path) -> None:
    said = load_after(tmp_path, {0: (0, 9000, 0), 1: (0, 0, 0)}, {0: (50, 10, 0), 1: (50, 50, 0)})
    assert said == {"cpu_usage": -1.0, "cpu_core_usage/0": -1.0, "1": 0.5}


def test_between_two_recorded_looks_it_is_the_same(tmp_path: Path) -> None:
    (tmp_path / EARLIER_STAT).parent.mkdir(parents=True)
    (tmp_path / EARLIER_STAT).write_text(stat({0: (0, 0, 90)}))
    assert load_after(tmp_path, {0: (50, 50, 50)}) == {"host": 0.5, "0": 0.5}
    (tmp_path / EARLIER_STAT).write_text(stat({0: (0, 9000, 0)}))
    assert load_after(tmp_path, {0: (50, 50, 50)}) == {"cpu_usage": -1.0, "cpu_core_usage": -1.0}


def test_the_seconds_of_all_cores_never_fall(tmp_path: Path) -> None:
    """The kernel's sum loses a core's idle time when that goes offline; a rate over that fall was thousands of cores."""
    tree = Tree(write_tree(tmp_path))
    source = machine_source(tree, Surroundings(lambda: 1_795_000_000.0, 100.0, is_live=False))
    idle = []
    for cores, kernel in (
        ({0: (10, 1000, 5), 1: (10, 1000, 5)}, (20, 2000, 10)),
        ({0: (10, 1100, 5)}, (20, 1100, 5)),  # core 1 is offline, its idle time out of the sum
        ({0: (10, 1200, 3), 1: (10, 400, 5)}, (20, 1600, 8)),  # it is back, and its idle time began again
        ({0: (10, 1300, 5), 1: (10, 500, 5)}, (20, 1800, 10)),
    ):
        (tmp_path / "proc/stat").write_text(stat(cores, kernel))
        page = page_of(source)
        idle.append(page.value("edge_cpu_seconds_total", mode="idle"))
        assert page.value("edge_cpu_seconds_total", mode="iowait") == 0.1
        assert page.value("edge_cpu_seconds_total", mode="user") == 0.2
    assert idle == [20.0, 21.0, 22.0, 24.0]


def test_another_start_of_the_machine_begins_again() -> None:
    totals = CpuTotals()
    assert totals.add(parse_cpu(stat({0: (5000, 100, 0)})))["user"] == 5000
    assert totals.add(parse_cpu(stat({0: (40, 60, 0)}))) == dict.fromkeys(CPU_MODES, 0) | {"user": 40, "idle": 60}
    assert totals.add(parse_cpu(stat({0: (50, 60, 0)})))["user"] == 50


@given(st.lists(st.dictionaries(st.integers(0, 3), st.tuples(*[st.integers(0, 2000)] * 3), min_size=1), min_size=1, max_size=8))
def test_no_sum_falls_whatever_the_kernel_says_of_its_cores(looks: list[dict[int, Core]]) -> None:
    totals, last = CpuTotals(), dict.fromkeys(CPU_MODES, 0)
    for cores in looks:
        now = totals.add(parse_cpu(stat(cores, (1, 1, 1))))
        assert all(now[mode] >= last[mode] for mode in CPU_MODES)
        last = now


@pytest.mark.parametrize(("back", "again"), [(MOST_BACK_TICKS, False), (MOST_BACK_TICKS + 1, True)], ids=["inaccuracy", "began-again"])
def test_a_small_fall_is_waited_for_and_a_large_one_begins_again(back: int, again: bool) -> None:
    growth = CoreGrowth()
    growth.add({0: CoreTimes((0, 0, 0, 1000))})
    assert (0 in growth.add({0: CoreTimes((0, 0, 0, 1000 - back))})) is again
    growth.add({0: CoreTimes((0, 0, 0, 1010))})
    assert growth.of(0).total == (10 + back if again else 10)
