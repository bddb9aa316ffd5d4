"""Writes a recording to disk with a note about itself, and checks whether a tree holds anything that names its machine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from exporters.device.recorded import NOTE
from exporters.recording.gathering import DISK, Recording
from exporters.recording.reading import MAX_FILE_BYTES
from exporters.recording.scrub import findings, is_telling_name

SCHEMA: Final = 1
_NUMBERS_OF_BYTES: Final = frozenset({DISK})
"""A disk of a terabyte has 13 digits, as a serial number has."""


class TargetRefused(Exception):
    """The folder cannot take a recording; the text is a sentence for the person who named it."""


class Told(NamedTuple):
    """Something in a tree that names its machine: where (``file`` or ``file:line``), and what kind of thing it is."""

    where: str
    kind: str


def refuse_unless_empty(target: Path) -> None:
    """A recording is never mixed with anything.

    Raises:
        TargetRefused: the folder is a file, or holds something.
    """
    if target.exists() and not target.is_dir():
        raise TargetRefused(f"{target} is not a folder: name an empty one, or one that is not there yet.")
    if target.exists() and any(target.iterdir()):
        raise TargetRefused(f"{target} is not empty: name an empty folder, or one that is not there yet.")


def save(recording: Recording, target: Path, day: str, version: str) -> None:
    """Write everything below ``target``; ``day`` is all that is said of the time.

    Raises:
        OSError: it cannot be written.
    """
    note = {
        "schema": SCHEMA,
        "recorded_on": day,
        "exporter_version": version,
        "files": len(recording.files),
        "left_out": recording.left_out,
        "removed": {path: list(kinds) for path, kinds in recording.removed.items()},
    }
    files = {**recording.files, NOTE: (json.dumps(note, indent=2, sort_keys=True) + "\n").encode()}
    for path, content in files.items():
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def told_by(tree: Path) -> Iterator[Told]:
    """Everything below a folder that looks as if it named a machine or a network, in order of the paths.

    Raises:
        OSError: something cannot be read.
    """
    for folder, folders, names in os.walk(tree):
        folders.sort()
        for name in sorted(names):
            place = Path(folder, name)
            path = str(place.relative_to(tree))
            if place.is_symlink() or not place.is_file():
                yield Told(path, "link or device, which no recording holds")
                continue
            if is_telling_name(name):
                yield Told(path, "file of a name that holds serial numbers or addresses")
            with place.open("rb") as file:
                text = file.read(MAX_FILE_BYTES + 1).decode("latin-1")
            if len(text) > MAX_FILE_BYTES:
                yield Told(path, f"file of more than {MAX_FILE_BYTES // 1024} KiB, which no recording holds")
            for found in findings(text):
                if not (path in _NUMBERS_OF_BYTES and found.kind == "serial number"):
                    yield Told(f"{path}:{found.line}", found.kind)
