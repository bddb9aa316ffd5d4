"""How full the root file system is: asked of the kernel, or read from a recorded tree's own note, never of another machine's disk."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from exporters.device.sensor import MISSING, OUT_OF_RANGE, UNPARSABLE, SensorError
from exporters.device.source import Report, Sample, Source
from exporters.device.tree import Tree

DISK_FILE: Final = "edgeshift/disk.json"
"""``{"total_bytes": …, "free_bytes": …, "available_bytes": …}`` of the recorded machine's root file system."""

ROOT_MOUNTPOINT: Final = "/"


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system: its size, what nobody uses, and what others than the administrator may have of that."""

    total_bytes: int
    free_bytes: int
    available_bytes: int


def disk_source(tree: Tree) -> Source:
    """The root file system of a tree. A network file system can hang, so it is a source of its own."""
    return Source("disk", partial(_look, tree, partial(ask_kernel, str(tree.root)) if is_machine(tree) else None))


def is_machine(tree: Tree) -> bool:
    """Whether the tree is a machine that runs, this one or one that is mounted here, and no copy of files."""
    return str(tree.root) == "/" or (os.path.ismount(tree.root) and not tree.has(DISK_FILE))


def ask_kernel(folder: str) -> Disk:
    """The file system that holds ``folder``; raises OSError."""
    system = os.statvfs(folder)
    return Disk(system.f_blocks * system.f_frsize, system.f_bfree * system.f_frsize, system.f_bavail * system.f_frsize)


def parse_disk(text: str) -> Disk:
    """Read a recorded tree's note.

    Raises:
        SensorError: it is empty, no such note, or a size is no whole number.
    """
    if not text.strip():
        raise SensorError(MISSING)
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SensorError(UNPARSABLE) from error
    sizes = [said.get(key) for key in ("total_bytes", "free_bytes", "available_bytes")] if isinstance(said, dict) else [None]
    if not all(type(size) is int for size in sizes):
        raise SensorError(UNPARSABLE)
    return Disk(*sizes)


def _look(tree: Tree, ask: Callable[[], Disk] | None) -> Report:
    report = Report()
    report.sensor("disk", lambda: _samples(ask() if ask else parse_disk(tree.text(DISK_FILE))))
    return report


def _samples(disk: Disk) -> tuple[Sample, ...]:
    used = disk.total_bytes - disk.free_bytes
    # What is kept for the administrator counts neither as used nor as room, as in df(1).
    if not 0 <= disk.available_bytes <= disk.free_bytes <= disk.total_bytes or used + disk.available_bytes == 0:
        raise SensorError(OUT_OF_RANGE)
    where = (ROOT_MOUNTPOINT,)
    return (
        Sample("edge_disk_usage_ratio", where, used / (used + disk.available_bytes)),
        Sample("edge_disk_total_bytes", where, disk.total_bytes),
        Sample("edge_disk_available_bytes", where, disk.available_bytes),
    )
