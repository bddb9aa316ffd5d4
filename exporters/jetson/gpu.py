"""Load, clock and shared memory of a Jetson's integrated GPU.

``load`` is in tenths of a percent, and 0 while the GPU has no power: NVIDIA's driver nvgpu (``gk20a_load_show``). Clocks are
devfreq's, whose folder is the GPU or, on Thor, ``gpu-gpc-0``, where there is no ``load``. Guides:
https://docs.nvidia.com/jetson/archives/r35.6.0/DeveloperGuide/SD/PlatformPowerAndPerformance/JetsonOrinNanoSeriesJetsonOrinNxSeriesAndJetsonAgxOrinSeries.html
https://docs.nvidia.com/jetson/archives/r38.2.1/DeveloperGuide/SD/PlatformPowerAndPerformance.html
Runtime power states: https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-devices-power
The table of ``nvmap/iovmm/clients``: NVIDIA's driver nvmap (``nvmap_debug_clients_show``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from exporters.device.number import BLANKS, parse_hertz, whole
from exporters.device.part import Reading
from exporters.device.sensor import ELSEWHERE, MISSING, SWITCHED_OFF, UNPARSABLE, SensorError
from exporters.device.source import Sample, one
from exporters.device.tree import Tree

DEVFREQ: Final = "sys/class/devfreq"
NVMAP: Final = "sys/kernel/debug/nvmap/iovmm"

_GPU = re.compile(r"(?:[0-9a-f]+\.)?(?:gpu|g[a-z][0-9]{2}[a-z])(?:\.[0-9]+)?")
"""17000000.gpu, gpu.0, 57000000.gpu, and by the chip's own name 17000000.gp10b, .gv11b, .ga10b."""

_CLUSTER = re.compile(r"gpu-gpc-[0-9]+")
_BUS = re.compile(r"bus@.*|soc.*|axi.*|.*host1x")
_KNOWN_LOADS: Final = ("sys/devices/gpu.0/load", "sys/devices/platform/gpu.0/load")
_FULL_LOAD: Final = 1000
_POWER_STATES: Final = frozenset({"active", "suspended", "suspending", "resuming", "unsupported", "error"})
_ASLEEP: Final = frozenset({"suspended", "suspending"})
_TOTAL = re.compile(r"total +([0-9]{1,12})K")
_BYTES_PER_K: Final = 1024


def parse_load(text: str) -> float:
    """Read a ``load`` file, 0 to 1000 tenths of a percent, as a ratio.

    Raises:
        SensorError: it is no whole number from 0 to 1000.
    """
    return whole(text, 0, _FULL_LOAD) / _FULL_LOAD


def parse_asleep(text: str) -> bool:
    """Read a ``power/runtime_status`` file: whether the device has no power now.

    Raises:
        SensorError: it is none of the kernel's words.
    """
    word = text.strip(BLANKS)
    if word not in _POWER_STATES:
        raise SensorError(UNPARSABLE if word else MISSING)
    return word in _ASLEEP


def parse_nvmap_total(text: str) -> float:
    """Read ``nvmap/iovmm/clients``: bytes of all clients together, from the line that ends the table.

    Raises:
        SensorError: the file does not end with its total.
    """
    lines = text.strip(BLANKS).splitlines()
    if not lines:
        raise SensorError(MISSING)
    total = _TOTAL.fullmatch(lines[-1].strip(BLANKS))
    if total is None:
        raise SensorError(UNPARSABLE)
    return float(int(total[1]) * _BYTES_PER_K)


def gpu_usage(tree: Tree) -> float:
    """GPU load at this moment, as a ratio; a GPU that sleeps has a load of 0 and says so itself.

    Raises:
        SensorError: there is no load file, or it holds no load; on a Thor, whose graphics clusters have none, it is elsewhere.
        OSError: it may not be read.
    """
    for path in _load_paths(tree):
        try:
            text = tree.text(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        return parse_load(text)
    raise SensorError(ELSEWHERE if _tells_nvml_only(tree) else MISSING)


def gpu_readings(tree: Tree) -> list[Reading]:
    """The clock of the GPU, and its share of the memory where debugfs is there."""
    found = []
    clock = _clock_folder(tree)
    if clock:
        found.append(Reading("gpu_frequency", partial(_frequency, tree, clock)))
    if tree.has(NVMAP):
        found.append(Reading("gpu_memory", partial(_memory, tree)))
    return found


def _tells_nvml_only(tree: Tree) -> bool:
    """Whether the GPU is one whose driver says its load to NVML, and never to sysfs: it has clusters and no folder of its own."""
    names = tree.names(DEVFREQ)
    return any(_CLUSTER.fullmatch(name) for name in names) and not any(_GPU.fullmatch(name) for name in names)


def _frequency(tree: Tree, folder: str) -> Iterable[Sample]:
    if _asleep(tree, f"{folder}/device/power"):
        raise SensorError(SWITCHED_OFF)
    text = tree.text(f"{folder}/cur_freq")
    # Drivers that do not tell their power state give a clock of 0 while it is off.
    if text.strip(BLANKS) == "0":
        raise SensorError(SWITCHED_OFF)
    return one("edge_gpu_frequency_hertz", parse_hertz(text))


def _asleep(tree: Tree, folder: str) -> bool:
    try:
        return parse_asleep(tree.text(f"{folder}/runtime_status"))
    except (FileNotFoundError, NotADirectoryError):
        # Every kernel with runtime power management has the file; a folder that lost it leaves the state unknown.
        if tree.has(folder):
            raise
        return False


def _memory(tree: Tree) -> Iterable[Sample]:
    return one("edge_gpu_memory_used_bytes", parse_nvmap_total(tree.text(f"{NVMAP}/clients")))


def _clock_folder(tree: Tree) -> str:
    """The devfreq folder of the GPU, or of its first graphics cluster; "" where there is none."""
    names = tree.names(DEVFREQ)
    for pattern in (_GPU, _CLUSTER):
        for name in names:
            if pattern.fullmatch(name):
                return f"{DEVFREQ}/{name}"
    for device in _device_folders(tree):
        for name in tree.names(f"{device}/devfreq"):
            return f"{device}/devfreq/{name}"
    return ""


def _load_paths(tree: Tree) -> Iterator[str]:
    yield from _KNOWN_LOADS
    for name in tree.names(DEVFREQ):
        if _GPU.fullmatch(name):
            yield f"{DEVFREQ}/{name}/device/load"
    for device in _device_folders(tree):
        yield f"{device}/load"


def _device_folders(tree: Tree) -> Iterator[str]:
    platform = "sys/devices/platform"
    buses = (f"{platform}/{name}" for name in tree.names(platform) if _BUS.fullmatch(name))
    for parent in ("sys/devices", platform, *buses):
        for name in tree.names(parent):
            if _GPU.fullmatch(name):
                yield f"{parent}/{name}"
