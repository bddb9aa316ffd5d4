"""Gathers a recording in memory: allowed files, scrubbed, with two looks at the CPU's counters and the size of the disk."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from exporters.device.disk import DISK_FILE
from exporters.jetson.packages import MOST_BYTES, PACKAGES
from exporters.recording.allowed import ALLOWED, OF_A_TREE, Allowed, reduced, wanted
from exporters.recording.reading import MAX_FILE_BYTES, NotTaken, Root
from exporters.recording.scrub import scrubbed

STAT: Final = "proc/stat"
EARLIER: Final = "edgeshift/earlier/proc/stat"
DISK: Final = DISK_FILE
LOOK_SECONDS: Final = 1.0
"""A file under /proc or /sys answers within a millisecond; between the two looks at the CPU lies as much."""

_MAX_FILES: Final = 4000
_MAX_BYTES: Final = 16 * 1024 * 1024
"""A Jetson has some 600 such files of a few bytes each."""
_MAX_HANGING: Final = 20
_LONGER: Final = {PACKAGES: MOST_BYTES, "proc/cpuinfo": 1024 * 1024}
"""Of these a few lines are kept, whatever their length: a list of packages is some MiB long, of a hundred processors some 100 KiB."""
_MACHINE: Final = Path("/")


@dataclass(slots=True)
class Recording:
    """What was gathered: contents by path, why something is not there, and what kinds of things were removed from which file."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    removed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def keep(self, path: str, content: bytes) -> None:
        """Take a file in, without what names the machine; latin-1 gives every byte back as it was."""
        text, kinds = scrubbed(reduced(path, content.decode("latin-1")))
        if kinds:
            self.removed[path] = kinds
        self.files[path] = text.encode("latin-1")


def gather(root: Path, pause: Callable[[float], None], limit_seconds: float = LOOK_SECONDS) -> Recording:
    """Everything that may be recorded below ``root``; ``pause`` waits for so many seconds."""
    reader, recording = Root(root, limit_seconds), Recording()
    _take(reader, recording, STAT)
    first = recording.files.get(STAT)
    pause(LOOK_SECONDS)
    for path in _paths(reader, recording, ALLOWED):
        if len(recording.files) >= _MAX_FILES or sum(map(len, recording.files.values())) >= _MAX_BYTES:
            recording.left_out[path] = f"it and what follows is beyond {_MAX_FILES} files or {_MAX_BYTES // 1024**2} MiB"
            break
        if sum(reason.startswith("no answer") for reason in recording.left_out.values()) >= _MAX_HANGING:
            recording.left_out[path] = f"it and what follows was not tried, because {_MAX_HANGING} files did not answer"
            break
        _take(reader, recording, path)
    if first is not None and recording.files.get(STAT) not in (None, first):
        recording.files[EARLIER] = first
    if root.resolve() != _MACHINE:
        for path in (DISK, *_paths(reader, recording, OF_A_TREE)):
            if path not in recording.files:
                _take(reader, recording, path)
    if DISK not in recording.files:
        recording.files[DISK] = _disk(root)
    return recording


def _paths(reader: Root, recording: Recording, table: tuple[Allowed, ...]) -> Iterator[str]:
    def names(folder: str) -> list[str]:
        try:
            return reader.names(folder)
        except NotTaken as reason:
            recording.left_out[folder] = str(reason)
            return []

    for allowed in table:
        yield from wanted(allowed, names)


def _take(reader: Root, recording: Recording, path: str) -> None:
    try:
        content = reader.read(path, _LONGER.get(path, MAX_FILE_BYTES))
    except NotTaken as reason:
        recording.left_out[path] = str(reason)
        return
    if content is not None:
        recording.keep(path, content)
        if not recording.files[path] and path in _LONGER:
            del recording.files[path]


def _disk(root: Path) -> bytes:
    """The root file system in bytes; what is free and what others than the administrator may have of it differ."""
    system = os.statvfs(root)
    told = {
        "total_bytes": system.f_blocks * system.f_frsize,
        "free_bytes": system.f_bfree * system.f_frsize,
        "available_bytes": system.f_bavail * system.f_frsize,
    }
    return (json.dumps(told, indent=2) + "\n").encode()
