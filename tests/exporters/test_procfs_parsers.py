"""What /proc texts mean, and that garbage never becomes a number."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.device.procfs import parse_boot_time, parse_cpu, parse_memory, parse_process, parse_swap, parse_uptime
from exporters.device.sensor import MISSING, OUT_OF_RANGE, UNPARSABLE, SensorError, reason_of
from tests.builders.exporters import MEMINFO, STAT, process_line
from tests.builders.tables import in_one_test


def test_cpu_times_count_guests_once_and_idle_waits_as_idle() -> None:
    times = parse_cpu(STAT)
    assert {core: (core_times.busy, core_times.total) for core, core_times in times.cores.items()} == {
        0: (1764 + 10 + 1251 + 6 + 10, 1764 + 10 + 1251 + 6 + 10 + 177272 + 16),
        1: (8170 + 2320 + 3 + 36 + 10, 8170 + 2320 + 3 + 36 + 10 + 169595 + 338),
    }
    assert dict(times.ticks) == {
        "user": 9934, "nice": 10, "system": 3571, "idle": 346867, "iowait": 354, "irq": 3, "softirq": 42, "steal": 20,
    }  # fmt: skip


def test_memory_is_in_bytes() -> None:
    memory = parse_memory(MEMINFO)
    assert (memory.total_bytes, memory.available_bytes) == (16_384_000_000, 4_096_000_000)
    assert parse_swap(MEMINFO) == (2_048_000_000, 512_000_000)
    assert parse_swap("SwapTotal: 0 kB\nSwapFree: 0 kB\n") == (0, 0)  # a true zero


def test_boot_time_and_uptime() -> None:
    assert parse_boot_time(STAT) == 1_794_990_000.0
    assert parse_uptime("10000.50 19000.00\n") == 10000.5


def test_a_process_with_brackets_in_its_name_is_read_after_the_last_one() -> None:
    times = parse_process(process_line(parent=5, own=70, waited=30, start=900))
    assert (times.parent, times.state, times.own_ticks, times.waited_ticks, times.start_ticks) == (5, "S", 70, 30, 900)


@in_one_test(
    ("parse", "text", "reason"),
    [
        pytest.param(parse_cpu, "", MISSING, id="cpu-empty"),
        pytest.param(parse_cpu, "cpu  1 2 3\ncpu0 1 2 3\nbtime 1\n", UNPARSABLE, id="cpu-three-columns"),
        pytest.param(parse_cpu, "cpu  1 2 x 4\ncpu0 1 2 3 4\nbtime 1\n", UNPARSABLE, id="cpu-word"),
        pytest.param(parse_cpu, "cpu  1 -2 3 4\ncpu0 1 2 3 4\nbtime 1\n", UNPARSABLE, id="cpu-negative"),
        pytest.param(parse_cpu, "cpu  0 0 0 0\ncpu0 0 0 0 0\nbtime 1\n", OUT_OF_RANGE, id="cpu-hidden-by-a-sandbox"),
        pytest.param(parse_cpu, "cpu  1 2 3 4\nbtime 1\n", OUT_OF_RANGE, id="cpu-no-cores"),
        pytest.param(parse_memory, "MemTotal: 5 kB\n", MISSING, id="memory-no-available"),
        pytest.param(parse_memory, "MemTotal: 0 kB\nMemAvailable: 0 kB\n", OUT_OF_RANGE, id="memory-none"),
        pytest.param(parse_memory, "MemTotal: 5 kB\nMemAvailable: 6 kB\n", OUT_OF_RANGE, id="memory-more-than-all"),
        pytest.param(parse_memory, "MemTotal: 5 MB\nMemAvailable: 1 MB\n", UNPARSABLE, id="memory-other-unit"),
        pytest.param(parse_memory, "MemTotal:\nMemAvailable: 1 kB\n", UNPARSABLE, id="memory-no-number"),
        pytest.param(parse_cpu, "cpu  1 2 3 4\ncpu0 1 2 3 4\ncpu0 1 2 3 4\nbtime 1\n", UNPARSABLE, id="cpu-core-twice"),
        pytest.param(parse_cpu, "cpu  1 2 3 4\ncpux 1 2 3 4\nbtime 1\n", UNPARSABLE, id="cpu-core-without-number"),
        pytest.param(parse_memory, "MemTotal: 5 kB\nMemTotal: 6 kB\nMemAvailable: 1 kB\n", UNPARSABLE, id="memory-twice"),
        pytest.param(parse_swap, "SwapTotal: 5 kB\nSwapFree: 6 kB\n", OUT_OF_RANGE, id="swap-more-free-than-all"),
        pytest.param(parse_swap, "SwapTotal: 5 kB\n", MISSING, id="swap-no-free"),
        pytest.param(parse_boot_time, "btime 40\n", OUT_OF_RANGE, id="boot-before-the-clock-was-set"),
        pytest.param(parse_boot_time, "btime 0\n", OUT_OF_RANGE, id="boot-hidden"),
        pytest.param(parse_boot_time, "cpu 1\n", MISSING, id="boot-missing"),
        pytest.param(parse_uptime, "", MISSING, id="uptime-empty"),
        pytest.param(parse_uptime, "nan 1\n", OUT_OF_RANGE, id="uptime-nan"),
        pytest.param(parse_uptime, "up 1\n", UNPARSABLE, id="uptime-word"),
        pytest.param(parse_uptime, "0.00 0.00\n", OUT_OF_RANGE, id="uptime-zero"),
        pytest.param(parse_process, "7 (x) S 1 2 3", UNPARSABLE, id="process-short"),
    ],
)
def test_what_cannot_be_believed_is_an_error_with_its_reason(parse: Callable[[str], object], text: str, reason: str) -> None:
    with pytest.raises(SensorError) as caught:
        parse(text)
    assert caught.value.reason == reason


@given(st.text(max_size=200) | st.from_regex(r"(cpu[0-9]? |MemTotal: |MemAvailable: |btime )[-0-9a-z. ]{0,40}\n", fullmatch=True))
def test_garbage_is_an_error_or_a_possible_number(text: str) -> None:
    for parse in (parse_cpu, parse_memory, parse_swap, parse_boot_time, parse_uptime, parse_process):
        try:
            parse(text)
        except SensorError:
            continue
    try:
        cpu = parse_cpu(text)
    except SensorError:
        return
    assert cpu.cores
    assert all(0 <= times.busy <= times.total for times in cpu.cores.values())


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(FileNotFoundError(), "missing", id="no-file"),
        pytest.param(PermissionError(), "not_permitted", id="may-not"),
        pytest.param(OSError(5, "input/output error"), "unreadable", id="broken-bus"),
        pytest.param(UnicodeDecodeError("ascii", b"\xff", 0, 1, ""), "unparsable", id="not-ascii"),
        pytest.param(ZeroDivisionError(), "failed", id="our-own-mistake"),
    ],
)
def test_every_error_has_a_reason(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason
