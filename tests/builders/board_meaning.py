"""What the number in a board's file means, and with which other files together: computed here once more, not by the exporter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import product

from tests.builders.board_looks import Key

Content = Callable[[str], str]
"""What a file of the board holds at this moment; a file that is gone or cannot be read raises or holds nothing."""

_SAYS_ALONE: tuple[tuple[re.Pattern[str], float], ...] = tuple(
    (re.compile(path), per)
    for path, per in (
        (r"sys/class/thermal/thermal_zone\d+/temp|.*/temp\d_input", 1e3),
        (r".*/in_power\d_input", 1e3),
        (r".*/power1_input", 1e6),
        (r".*/(?:pwm1|target_pwm|cur_pwm)", 255.0),
        (r".*/(?:rpm|rpm_measured)", 1.0),
        (r".*/oc\d_(?:event|irq)_cnt", 1.0),
        (r"sys/devices/.*/load", 1e3),
    )
)
"""By which number a file's own is divided."""

_TRIP = re.compile(r"(.*/trip_point_\d+)_temp")
_ACTIVITY = "sys/kernel/actmon_avg_activity/mc_all"
_ROOM_CELSIUS = 20.0


def meant(path: str, key: Key, files: Iterable[str], content: Content) -> list[float]:
    """All values that a sample may have, given that this file holds what ``content`` says; none where it may have none."""
    try:
        return list(_meant(path, key, sorted(files), content))
    except (ValueError, OSError, ZeroDivisionError):
        return []  # what it must be multiplied with is no number


def _meant(path: str, key: Key, files: list[str], content: Content) -> Iterator[float]:
    folder, _, name = path.rpartition("/")
    for pattern, per in _SAYS_ALONE:
        if pattern.fullmatch(path):
            yield int(content(path)) / per
            return
    if _TRIP.fullmatch(path):
        yield _lowest_trip([file for file in files if file.startswith(f"{folder}/")], content)
    elif match := re.fullmatch(r"(?:in|curr)([1-3])_input", name):
        yield int(content(f"{folder}/in{match[1]}_input")) * int(content(f"{folder}/curr{match[1]}_input")) / 1e6
    elif name in ("cur_state", "max_state"):
        now = int(content(f"{folder}/cur_state"))
        yield now / int(content(f"{folder}/max_state")) if now else 0.0
    elif path.startswith("sys/devices/system/cpu/"):
        yield from (0.0, 1.0)
    else:
        yield from _clocks(path, key, files, content)


def _lowest_trip(files: list[str], content: Content) -> float:
    trips = [match[1] for file in files if (match := _TRIP.fullmatch(file))]
    passive = [int(content(f"{trip}_temp")) / 1e3 for trip in trips if content(f"{trip}_type").strip() == "passive"]
    return min(celsius for celsius in passive if celsius >= _ROOM_CELSIUS)


def _clocks(path: str, key: Key, files: list[str], content: Content) -> Iterator[float]:
    """A clock is its own number; a share of the memory's bandwidth is busy kHz over one of the clocks that there are."""
    if key[0] != "edge_emc_usage_ratio":
        if path != _ACTIVITY:
            yield float(int(content(path)))
        return
    clocks = [file for file in files if re.fullmatch(r"sys/kernel/debug/.*/(?:rate|clk_rate)|sys/class/devfreq/.*/cur_freq", file)]
    activities = [file for file in files if file == _ACTIVITY]
    for activity, clock in product(activities, clocks):
        yield int(content(activity)) * 1000 / int(content(clock))
