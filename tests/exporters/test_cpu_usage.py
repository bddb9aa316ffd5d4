"""CPU load over the trailing window: of the machine, and of AI programs against the lent cores."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.device.processes import CpuAccount, ProcessTable
from exporters.device.procfs import ProcessTimes
from exporters.device.sampler import Sampler
from exporters.device.source import Report
from exporters.device.tree import Tree
from exporters.device.usage import EARLIER_STAT, GpuLoad, HostLoad, LentLoad, Program, Witness
from tests.builders.exporters import Clock, process_line, stat, write_tree

TICKS = 100.0
WITHIN_SECONDS = 5.0


def alive(proc: Path, pid: int, line: str, children: str = "") -> None:
    """Let a process be seen with this stat line and these children of its main thread."""
    (proc / str(pid) / "task" / str(pid)).mkdir(parents=True, exist_ok=True)
    (proc / str(pid) / "stat").write_text(line)
    (proc / str(pid) / "task" / str(pid) / "children").write_text(children)


def tick(sampler: Sampler, clock: Clock, seconds: float = 1.0) -> None:
    """Let time pass and look again."""
    clock.seconds += seconds
    assert sampler.sample()


def said(sampler: Sampler) -> dict[str, float | str]:
    """What a page would say: numbers by their last label (or name), and reasons by their sensor."""
    answers: dict[str, float | str] = {}
    for source in sampler.sources():
        report = source.look()
        answers.update({state.sensor: state.reason for state in report.sensors if state.reason})
        answers.update(
            {(sample.labels or (sample.name,))[-1]: sample.value for sample in report.samples if sample.name != "edge_cpu_cores"}
        )
    return answers


def host(root: Path, clock: Clock) -> Sampler:
    return Sampler([HostLoad(Tree(root), 5.0, clock)], clock)


def lent(cores: float, window_seconds: float, clock: Clock, witness: Witness | None) -> Sampler:
    return Sampler([LentLoad(cores, window_seconds, clock, witness)], clock)


def test_host_load_is_busy_over_all_ticks_of_each_core_and_of_all_together(tmp_path: Path) -> None:
    clock = Clock()
    sampler = host(write_tree(tmp_path), clock)
    (tmp_path / "proc/stat").write_text(stat({0: (10, 100), 1: (40, 100)}))
    sampler.sample()
    assert said(sampler) == {"cpu_usage": "warming_up", "cpu_core_usage": "warming_up"}
    (tmp_path / "proc/stat").write_text(stat({0: (20, 190), 1: (90, 150)}))
    tick(sampler, clock)
    assert said(sampler) == pytest.approx({"host": 60 / 200, "0": 0.1, "1": 0.5})


def test_a_core_that_goes_offline_and_comes_back_is_named_and_makes_no_jump(tmp_path: Path) -> None:
    clock = Clock()
    sampler = host(write_tree(tmp_path), clock)
    for cores in ({0: (0, 0), 1: (0, 9000)}, {0: (50, 50), 1: (0, 9100)}):
        (tmp_path / "proc/stat").write_text(stat(cores))
        tick(sampler, clock)
    (tmp_path / "proc/stat").write_text(stat({0: (100, 100)}))  # the kernel's own sum falls by 9100 here
    tick(sampler, clock)
    assert said(sampler) == {"cpu_usage": "warming_up", "0": 0.5}
    (tmp_path / "proc/stat").write_text(stat({0: (100, 200), 1: (0, 50000)}))
    tick(sampler, clock)
    assert said(sampler) == {"cpu_usage": "warming_up", "0": pytest.approx(100 / 300), "cpu_core_usage/1": "warming_up"}
    (tmp_path / "proc/stat").write_text(stat({0: (200, 200), 1: (100, 50000)}))
    tick(sampler, clock)
    assert said(sampler) == pytest.approx({"host": 1.0, "0": 0.5, "1": 1.0})


def test_a_tree_that_does_not_move_says_so_unless_it_holds_an_earlier_look(tmp_path: Path) -> None:
    clock = Clock()
    write_tree(tmp_path)
    (tmp_path / "proc/stat").write_text(stat({0: (100, 300)}))
    sampler = host(tmp_path, clock)
    sampler.sample()
    tick(sampler, clock)
    assert said(sampler) == {"cpu_usage": "no_change", "cpu_core_usage": "no_change"}
    (tmp_path / EARLIER_STAT).parent.mkdir(parents=True)
    (tmp_path / EARLIER_STAT).write_text(stat({0: (40, 260)}))
    sampler = host(tmp_path, clock)
    sampler.sample()
    assert said(sampler) == pytest.approx({"host": 0.6, "0": 0.6})  # at once: nobody has to wait for a window


def test_a_sampler_says_why_it_has_nothing_and_recovers(tmp_path: Path) -> None:
    clock = Clock()
    sampler = host(tmp_path, clock)
    sampler.sample()
    assert said(sampler) == {"cpu_usage": "missing", "cpu_core_usage": "missing"}
    write_tree(tmp_path)
    for idle in (0, 100):
        (tmp_path / "proc/stat").write_text(stat({0: (5, idle)}))
        tick(sampler, clock)
    assert said(sampler) == {"host": 0.0, "0": 0.0}  # a hundred idle ticks: a true zero


def test_gpu_load_is_a_mean_and_what_it_cannot_be_is_not_said() -> None:
    clock, load = Clock(), [0.2]
    sampler = Sampler([GpuLoad(lambda: load[0], 5.0, clock)], clock)
    sampler.sample()
    load[0] = 0.8
    tick(sampler, clock)
    assert said(sampler) == {"edge_gpu_usage_ratio": pytest.approx(0.5)}
    load[0] = 1.01
    tick(sampler, clock)
    assert said(sampler) == {"gpu_usage": "out_of_range"}


def test_a_look_that_hangs_stops_no_other_and_is_taken_up_again(tmp_path: Path) -> None:
    clock, free, asked = Clock(), threading.Event(), threading.Event()

    def hang() -> float:
        asked.set()
        free.wait(WITHIN_SECONDS)
        return 0.7

    host_load = HostLoad(Tree(write_tree(tmp_path)), 5.0, clock)
    sampler = Sampler([GpuLoad(hang, 5.0, clock), host_load], clock)
    thread = threading.Thread(target=sampler.sample)
    thread.start()
    assert asked.wait(WITHIN_SECONDS)
    assert said(sampler)["gpu_usage"] == "warming_up"
    clock.seconds += 1.0
    assert said(sampler)["gpu_usage"] == "timed_out"
    for busy in (100, 200):
        (tmp_path / "proc/stat").write_text(stat({0: (busy, 0)}))
        tick(sampler, clock)
    assert said(sampler) == {"gpu_usage": "timed_out", "host": 1.0, "0": 1.0}
    free.set()
    thread.join(WITHIN_SECONDS)
    tick(sampler, clock)
    assert said(sampler)["edge_gpu_usage_ratio"] == 0.7


def test_the_thread_looks_at_once_and_outlives_what_breaks() -> None:
    class Broken:
        name = "procfs/broken"

        def sample(self) -> None:
            raise ZeroDivisionError

        def tell(self, problem: str) -> Report:
            report = Report()
            report.sensor(problem, lambda: ())
            return report

    sampler = Sampler([Broken()])
    assert sampler.sources()[0].look().sensors[0].sensor == "warming_up"
    sampler.start()
    assert sampler.sources()[0].look().sensors[0].sensor == "failed"
    assert not sampler.is_warming_up()
    sampler.stop()


def test_nobody_listens_so_nothing_is_known_of_the_lent_cores() -> None:
    sampler = lent(2.0, 5.0, Clock(), None)
    sampler.sample()
    assert said(sampler) == {"cpu_usage": "not_listening"}
    assert sampler.sources()[0].look().samples == [("edge_cpu_cores", ("lent",), 2.0)]


def test_lent_load_is_truly_zero_without_programs_and_counts_a_program_with_its_children(tmp_path: Path) -> None:
    clock, running = Clock(), list[Program]()
    sampler = lent(2.0, 2.0, clock, Witness(lambda: running, ProcessTable(tmp_path), TICKS))
    sampler.sample()
    tick(sampler, clock)
    assert said(sampler)["lent"] == 0.0
    alive(tmp_path, 40, process_line(1, own=50_000, waited=0, start=7), children="41 ")
    alive(tmp_path, 41, process_line(40, own=9_000, waited=0, start=8))
    running.append(Program("p", "s", (40, 7), 500.0))
    tick(sampler, clock)
    assert said(sampler)["lent"] == 0.0  # what it used before it was known belongs to no window
    alive(tmp_path, 40, process_line(1, own=50_100, waited=0, start=7), children="41 ")
    alive(tmp_path, 41, process_line(40, own=9_200, waited=0, start=8))
    tick(sampler, clock)
    tick(sampler, clock)
    assert said(sampler)["lent"] == pytest.approx(3.0 / (2 * 2.0))  # 3 CPU seconds in 2 s on 2 lent cores


def test_programs_may_take_more_than_was_lent(tmp_path: Path) -> None:
    clock = Clock()
    witness = Witness(lambda: [Program("p", "s", (40, 7), 0.0)], ProcessTable(tmp_path), TICKS)
    sampler = lent(0.5, 5.0, clock, witness)
    alive(tmp_path, 40, process_line(1, own=0, waited=0, start=7))
    sampler.sample()
    alive(tmp_path, 40, process_line(1, own=100, waited=0, start=7))
    tick(sampler, clock)
    assert said(sampler)["lent"] == pytest.approx(2.0)


def test_a_program_that_cannot_be_seen_counts_by_what_it_says(tmp_path: Path) -> None:
    clock, running = Clock(), [Program("p", "s", None, 100.0)]
    sampler = lent(1.0, 5.0, clock, Witness(lambda: running, ProcessTable(tmp_path), TICKS))
    sampler.sample()
    running[0] = Program("p", "s", None, 100.25)
    tick(sampler, clock)
    assert said(sampler)["lent"] == pytest.approx(0.25)
    running[0] = Program("p", "restarted", None, 3.0)
    tick(sampler, clock)
    assert said(sampler)["lent"] == pytest.approx(0.125)


def test_the_dead_the_reused_and_the_invisible_have_no_key(tmp_path: Path) -> None:
    table = ProcessTable(tmp_path)
    alive(tmp_path, 40, process_line(1, 1, 1, start=7))
    alive(tmp_path, 41, process_line(1, 1, 1, start=7, state="Z"))
    assert [table.key(pid) for pid in (40, 41, 42, 0, -1)] == [(40, 7), None, None, None, None]


@given(
    before=st.integers(0, 1000),
    tail=st.integers(0, 50),
    late=st.booleans(),
    waits=st.booleans(),
)
def test_a_child_that_ends_is_counted_once_whenever_its_parent_learns_of_it(before: int, tail: int, late: bool, waits: bool) -> None:
    account = CpuAccount()
    parent, child = (40, 7), (41, 8)

    def of(waited: int) -> ProcessTimes:
        return ProcessTimes(1, "S", 100, waited, 7)

    account.add({parent: of(0), child: ProcessTimes(40, "S", before, 0, 8)})
    account.add({parent: of(0), child: ProcessTimes(40, "S", before + 30, 0, 8)})
    assert account.ticks == 30
    if late:
        account.add({parent: of(0)})
    account.add({parent: of(before + 30 + tail if waits else 0)})
    account.add({parent: of(before + 30 + tail if waits else 0)})
    assert account.ticks == 30 + (tail if waits else 0)


def test_a_child_born_since_the_last_look_counts_whole() -> None:
    account = CpuAccount()
    account.add({(40, 7): ProcessTimes(1, "S", 100, 0, 7)})
    account.add({(40, 7): ProcessTimes(1, "S", 100, 0, 7), (41, 9): ProcessTimes(40, "S", 25, 5, 9)})
    assert account.ticks == 30


def test_a_debt_is_paid_once_and_what_later_children_use_counts() -> None:
    account = CpuAccount()
    parent = (40, 7)
    account.add({parent: ProcessTimes(1, "S", 100, 0, 7), (41, 8): ProcessTimes(40, "S", 500, 0, 8)})
    account.add({parent: ProcessTimes(1, "S", 100, 500, 7)})
    assert account.ticks == 0
    account.add({parent: ProcessTimes(1, "S", 100, 560, 7)})  # a child that lived and died between two looks
    assert account.ticks == 60
