"""A file that never answers costs its own source, with a reason for each sensor, and no other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.builders.board_hangs import problems_while_hanging

ONE_OF_A_KIND = (
    "proc/meminfo",
    "sys/class/thermal/thermal_zone0/temp",
    "sys/class/hwmon/hwmon3/curr1_input",
    "sys/devices/platform/17000000.ga10b/load",
)
"""The others, of all boards, hang in tests/real/test_board_corruption_all.py."""


def test_a_file_that_hangs_takes_its_own_source_and_names_it() -> None:
    with ThreadPoolExecutor() as boards:  # each hangs on a board of its own, all of them at the same time
        found = boards.map(partial(problems_while_hanging, "orin-nx"), ONE_OF_A_KIND)
    assert [problem for problems in found for problem in problems] == []
