"""A file that never answers costs its own source, with a reason for each sensor, and no other."""

from __future__ import annotations

import pytest

from tests.builders.board_hangs import problems_while_hanging

ONE_OF_A_KIND = (
    "proc/meminfo",
    "sys/class/thermal/thermal_zone0/temp",
    "sys/class/hwmon/hwmon3/curr1_input",
    "sys/devices/platform/17000000.ga10b/load",
)
"""The others, of all boards, hang in tests/real/test_board_corruption_all.py."""


@pytest.mark.parametrize("path", ONE_OF_A_KIND)
def test_a_file_that_hangs_takes_its_own_source_and_names_it(path: str) -> None:
    assert problems_while_hanging("orin-nx", path) == []
