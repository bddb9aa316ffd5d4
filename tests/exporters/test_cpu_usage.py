"""CPU load over the trailing window: of the machine, and of AI programs against the lent cores."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.device.processes import CpuAccount, ProcessTable
from exporters.device.procfs import ProcessTimes
from exporters.device.sensor import SensorError
from exporters.device.usage import HostLoad, LentLoad, Program, UsageSampler, Witness
from exporters.device.window import RatioWindow
from tests.builders.exporters import process_line, write_tree

TICKS = 100.0


class Clock:
    """Seconds that a test turns by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def alive(proc: Path, pid: int, line: str, children: str = "") -> None:
    """Let a process be seen with this stat line and these children of its main thread."""
    (proc / str(pid) / "task" / str(pid)).mkdir(parents=True, exist_ok=True)
    (proc / str(pid) / "stat").write_text(line)
    (proc / str(pid) / "task" / str(pid) / "children").write_text(children)


def tick(sampler: UsageSampler, clock: Clock, seconds: float = 1.0) -> None:
    """Let time pass and look again."""
    clock.seconds += seconds
    sampler.sample()


@pytest.mark.parametrize(
    ("samples", "now", "ratio"),
    [
        pytest.param([], 0.0, None, id="nothing-yet"),
        pytest.param([(0, 0, 0)], 0.0, None, id="one-sample-is-no-window"),
        pytest.param([(0, 0, 0), (0.9, 1, 2)], 0.9, None, id="under-a-second"),
        pytest.param([(0, 0, 0), (1, 1, 2)], 1.0, 0.5, id="one-second"),
        pytest.param([(0, 0, 0), (1, 9, 9), (6.2, 10, 19)], 6.2, 0.1, id="the-oldest-has-left-the-window"),
        pytest.param([(0, 0, 0), (5.3, 4, 8)], 5.3, 0.5, id="a-late-sample-keeps-its-companion"),
        pytest.param([(0, 0, 0), (1, 1, 2)], 9.0, None, id="sampling-has-stopped"),
        pytest.param([(0, 3, 8), (1, 1, 2)], 1.0, None, id="the-counter-began-again"),
        pytest.param([(0, 3, 8), (1, 3, 8)], 1.0, None, id="the-counter-stands-still"),
        pytest.param([(0, 0, 0), (1, 6, 2)], 1.0, 3.0, id="more-than-was-lent"),
    ],
)
def test_window(samples: list[tuple[float, float, float]], now: float, ratio: float | None) -> None:
    window = RatioWindow(5.0)
    for sample in samples:
        window.add(*sample)
    assert window.ratio(now) == (ratio if ratio is None else pytest.approx(ratio))


def test_host_load_is_busy_over_all_ticks_of_the_window(tmp_path: Path) -> None:
    clock = Clock()
    sampler = UsageSampler(HostLoad(write_tree(tmp_path)), 5.0, clock)
    sampler.sample()
    with pytest.raises(SensorError, match="warming_up"):
        sampler.ratio()
    (tmp_path / "proc/stat").write_text("cpu  9984 10 3571 347017 354 3 42 20 7 0\ncpu0 1 0 0 0\n")
    tick(sampler, clock)
    assert sampler.ratio() == pytest.approx(50 / 200)


def test_a_sampler_says_why_it_has_nothing_and_recovers(tmp_path: Path) -> None:
    clock = Clock()
    sampler = UsageSampler(HostLoad(tmp_path), 5.0, clock)
    sampler.sample()
    with pytest.raises(SensorError, match="missing"):
        sampler.ratio()
    write_tree(tmp_path)
    tick(sampler, clock)
    (tmp_path / "proc/stat").write_text("cpu  9934 10 3571 346967 354 3 42 20 7 0\ncpu0 1 0 0 0\n")
    tick(sampler, clock)
    assert sampler.ratio() == 0.0  # a hundred idle ticks: a true zero


def test_nobody_listens_so_nothing_is_known_of_the_lent_cores() -> None:
    sampler = UsageSampler(LentLoad(2.0, witness=None), 5.0, Clock())
    sampler.sample()
    with pytest.raises(SensorError, match="not_listening"):
        sampler.ratio()
    assert sampler.load.cores() == 2.0


def test_lent_load_is_truly_zero_without_programs_and_counts_a_program_with_its_children(tmp_path: Path) -> None:
    clock, running = Clock(), list[Program]()
    sampler = UsageSampler(LentLoad(2.0, Witness(lambda: running, ProcessTable(tmp_path), TICKS)), 2.0, clock)
    sampler.sample()
    tick(sampler, clock)
    assert sampler.ratio() == 0.0
    alive(tmp_path, 40, process_line(1, own=50_000, waited=0, start=7), children="41 ")
    alive(tmp_path, 41, process_line(40, own=9_000, waited=0, start=8))
    running.append(Program("p", "s", (40, 7), 500.0))
    tick(sampler, clock)
    assert sampler.ratio() == 0.0  # what it used before it was known belongs to no window
    alive(tmp_path, 40, process_line(1, own=50_100, waited=0, start=7), children="41 ")
    alive(tmp_path, 41, process_line(40, own=9_200, waited=0, start=8))
    tick(sampler, clock)
    tick(sampler, clock)
    assert sampler.ratio() == pytest.approx(3.0 / (2 * 2.0))  # 3 CPU seconds in 2 s on 2 lent cores


def test_programs_may_take_more_than_was_lent(tmp_path: Path) -> None:
    clock = Clock()
    witness = Witness(lambda: [Program("p", "s", (40, 7), 0.0)], ProcessTable(tmp_path), TICKS)
    sampler = UsageSampler(LentLoad(0.5, witness), 5.0, clock)
    alive(tmp_path, 40, process_line(1, own=0, waited=0, start=7))
    sampler.sample()
    alive(tmp_path, 40, process_line(1, own=100, waited=0, start=7))
    tick(sampler, clock)
    assert sampler.ratio() == pytest.approx(2.0)


def test_a_program_that_cannot_be_seen_counts_by_what_it_says(tmp_path: Path) -> None:
    clock, running = Clock(), [Program("p", "s", None, 100.0)]
    sampler = UsageSampler(LentLoad(1.0, Witness(lambda: running, ProcessTable(tmp_path), TICKS)), 5.0, clock)
    sampler.sample()
    running[0] = Program("p", "s", None, 100.25)
    tick(sampler, clock)
    assert sampler.ratio() == pytest.approx(0.25)
    running[0] = Program("p", "restarted", None, 3.0)
    tick(sampler, clock)
    assert sampler.ratio() == pytest.approx(0.125)


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
