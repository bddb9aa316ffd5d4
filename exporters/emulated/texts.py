"""Writes the kernel's texts anew with other numbers: /proc/stat, /proc/meminfo and lists of cores; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

TICKS_PER_SECOND: Final = 100
"""USER_HZ of Linux on ARM: what /proc/stat counts in, see https://docs.kernel.org/filesystems/proc.html."""

_BYTES_PER_KIB: Final = 1024
_SYSTEM_SHARE: Final = 0.2
"""Of the busy time so much is the kernel's, as with a program that reads frames from a network."""

_COLUMNS: Final = 10
_USER, _SYSTEM, _IDLE = 0, 2, 3
_FREE_SHARE: Final = 0.3
"""Of the memory that is available so much is unused; the rest is cache that can be given up."""


def cores_in(text: str) -> tuple[int, ...]:
    """Cores of a kernel list such as ``0-3,5``; () where it is none."""
    found: list[int] = []
    for part in text.strip().split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            return ()
        found += range(int(first), int(last if dash else first) + 1)
    return tuple(found)


def core_list(cores: Iterable[int]) -> str:
    """The kernel's own way to write a list of cores: ``0-3,5``."""
    spans: list[tuple[int, int]] = []
    for core in sorted(cores):
        if spans and spans[-1][1] == core - 1:
            spans[-1] = (spans[-1][0], core)
        else:
            spans.append((core, core))
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans) + "\n"


def stat_text(before: str, busy: Mapping[int, float], idle: Mapping[int, float], online: Iterable[int], boot: float) -> str:
    """``/proc/stat`` as ``before`` with CPU seconds added per core; cores that are not ``online`` lose their line, not their share.

    The kernel sums over all cores in the first line, also over those that are switched off, so that no counter ever falls:
    https://github.com/torvalds/linux/blob/v5.10/fs/proc/stat.c (``show_stat``). ``boot`` is Unix time.
    """
    shown = set(online)
    added = {core: _added(busy[core], idle[core]) for core in busy}
    lines: list[str] = []
    for line in before.splitlines():
        name, *rest = line.split()
        if name == "cpu":
            lines.append(f"cpu  {_sum(rest, added.values())}")
        elif name.startswith("cpu") and name[3:].isdecimal():
            core = int(name[3:])
            if core in shown:
                lines.append(f"{name} {_sum(rest, (added[core],))}")
        elif name == "btime":
            lines.append(f"btime {int(boot)}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _added(busy_seconds: float, idle_seconds: float) -> dict[int, int]:
    busy, system = int(busy_seconds * TICKS_PER_SECOND), int(busy_seconds * TICKS_PER_SECOND * _SYSTEM_SHARE)
    return {_USER: busy - system, _SYSTEM: system, _IDLE: int(idle_seconds * TICKS_PER_SECOND)}


def _sum(columns: list[str], added: Iterable[Mapping[int, int]]) -> str:
    counts = [int(column) for column in columns] + [0] * max(_COLUMNS - len(columns), 0)
    for more in added:
        for column, ticks in more.items():
            counts[column] += ticks
    return " ".join(str(count) for count in counts[: max(len(columns), _IDLE + 1)])


def memory_total_bytes(text: str) -> int:
    """``MemTotal`` of ``/proc/meminfo`` in bytes; 0 where it does not say."""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["MemTotal:"]:
            return int(words[1]) * _BYTES_PER_KIB
    return 0


def available_kib(total_bytes: int, used_ratio: float) -> int:
    """Memory that is available, in whole KiB as the kernel says it."""
    return round(total_bytes * (1.0 - used_ratio)) // _BYTES_PER_KIB


def meminfo_text(before: str, used_ratio: float) -> str:
    """``/proc/meminfo`` as ``before`` with so much of all memory in use."""
    available = available_kib(memory_total_bytes(before), used_ratio)
    changed = {"MemAvailable:": available, "MemFree:": int(available * _FREE_SHARE)}
    lines = []
    for line in before.splitlines():
        name = line.split(maxsplit=1)[0] if line.strip() else ""
        lines.append(f"{name:<16}{changed[name]:>8} kB" if name in changed else line)
    return "\n".join(lines) + "\n"
