"""Clock and bandwidth in use of the memory controller (EMC).

The clock is devfreq's where there is one (``bwmgr`` on Thor), else the clock framework's in debugfs, which only the
administrator may read. Guide:
https://docs.nvidia.com/jetson/archives/r35.6.0/DeveloperGuide/SD/PlatformPowerAndPerformance/JetsonOrinNanoSeriesJetsonOrinNxSeriesAndJetsonAgxOrinSeries.html

Activity: NVIDIA's driver ``tegra_central_actmon`` (L4T R32 and R35; drivers/platform/tegra/actmon_common.c of the published
kernel sources) writes the mean count of busy cycles per millisecond, that is kHz, and holds it itself against the current
clock in kHz to decide when to raise it. Orin's ``debug/cactmon/mc_all`` is a count of the same kind whose weight is set by
firmware and written nowhere, so nothing is said from it; tegrastats says that percentage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from exporters.device.number import FASTEST_HERTZ, parse_hertz, whole
from exporters.device.part import Reading
from exporters.device.sensor import MISSING, SensorError
from exporters.device.source import Sample, one
from exporters.device.tree import Tree
from exporters.jetson.gpu import DEVFREQ
from exporters.jetson.identity import is_jetson

ACTIVITY: Final = "sys/kernel/actmon_avg_activity"
DEBUG_CLOCKS: Final = (
    "sys/kernel/debug/bpmp/debug/clk/emc/rate",
    "sys/kernel/debug/clk/emc/clk_rate",
    "sys/kernel/debug/clk/emc/rate",
)
_EMC = re.compile(r"(?:[0-9a-f]+\.)?(?:emc|external-memory-controller)|bwmgr")
_HERTZ_PER_KILOHERTZ: Final = 1000


def parse_activity_hertz(text: str) -> float:
    """Read an ``actmon_avg_activity`` file, in kHz, as busy cycles per second.

    Raises:
        SensorError: it is no whole number, or faster than any memory.
    """
    return float(whole(text, 0, FASTEST_HERTZ // _HERTZ_PER_KILOHERTZ) * _HERTZ_PER_KILOHERTZ)


def emc_frequency_hertz(tree: Tree, paths: Sequence[str]) -> float:
    """The clock of the memory controller now, from the first of ``paths`` that there is.

    Raises:
        SensorError: none of them is there, or what is there is no clock.
        OSError: it may not be read.
    """
    refused: OSError | None = None
    for path in paths:
        try:
            return parse_hertz(tree.text(path))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            # Debugfs is closed to all but the administrator: what it holds cannot even be seen.
            refused = refused or error
    if refused is not None:
        raise refused
    raise SensorError(MISSING)


def clock_paths(tree: Tree) -> list[str]:
    """Where the clock may stand, the best place first."""
    return [*(f"{DEVFREQ}/{name}/cur_freq" for name in tree.names(DEVFREQ) if _EMC.fullmatch(name)), *DEBUG_CLOCKS]


def emc_readings(tree: Tree) -> list[Reading]:
    """The clock on every Jetson and wherever its folder is, and the activity where the driver is."""
    paths = clock_paths(tree)
    found = []
    if len(paths) > len(DEBUG_CLOCKS) or any(tree.has(path.rsplit("/", 1)[0]) for path in paths) or is_jetson(tree):
        found.append(Reading("emc_frequency", partial(_frequency, tree, paths)))
    if tree.has(ACTIVITY):
        found.append(Reading("emc_usage", partial(_usage, tree, paths)))
    return found


def _frequency(tree: Tree, paths: Sequence[str]) -> Iterable[Sample]:
    return one("edge_emc_frequency_hertz", emc_frequency_hertz(tree, paths))


def _usage(tree: Tree, paths: Sequence[str]) -> Iterable[Sample]:
    # Used share = busy cycles per second / cycles per second.
    return one("edge_emc_usage_ratio", parse_activity_hertz(tree.text(f"{ACTIVITY}/mc_all")) / emc_frequency_hertz(tree, paths))
