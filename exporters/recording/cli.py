"""``edgeshift exporter record``: makes a tree that can be sent to us, from the machine or board it runs on."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from exporters.device.recorded import NOT_PERMITTED
from exporters.recording.gathering import Recording, gather
from exporters.recording.saving import TargetRefused, refuse_unless_empty, save, told_by
from exporters.recording.tegrastats import tegrastats_lines

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
TEGRASTATS: Final = "tegrastats"
TEGRASTATS_FILE: Final = "tegrastats.txt"
_OFF: Final = "off"
_MACHINE: Final = Path("/")
_MOST_SHOWN: Final = 20

_EXAMPLES: Final = """examples:
  sudo edgeshift exporter record /tmp/my-board       record this board; without sudo some files cannot be read
  edgeshift exporter record --check /tmp/my-board    look once more for serial numbers and addresses before you send it
  edgeshift exporter --root /tmp/my-board --once     see what the exporter makes of it
"""


def main(argv: list[str]) -> int:
    """Run with the words after ``edgeshift exporter record``; the answer is the exit code (1: failed or something found, 2: usage)."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_USAGE
    try:
        return _check(arguments.target) if arguments.check else _record(arguments)
    except TargetRefused as error:
        sys.stderr.write(f"edgeshift exporter record: {error}\n")
    except OSError as error:
        where = error.filename or arguments.target
        sys.stderr.write(f"edgeshift exporter record: {where}: {error.strerror or error}; choose another folder.\n")
    return EXIT_FAILED


def _record(arguments: argparse.Namespace) -> int:
    target: Path = arguments.target
    if not arguments.root.is_dir():
        raise TargetRefused(f"--root {arguments.root} is not a folder; name the one that holds proc and sys.")
    refuse_unless_empty(target)
    recording = gather(arguments.root, time.sleep)
    _add_tegrastats(recording, arguments.tegrastats, arguments.root)
    save(recording, target, time.strftime("%Y-%m-%d", time.gmtime()), _version())
    sys.stdout.write(summary(recording, target))
    return EXIT_OK


def summary(recording: Recording, target: Path) -> str:
    """What was recorded, what was not and why, and how to look at it; a few lines for a person."""
    why = Counter(recording.left_out.values())
    left = ", ".join(f"{count} ({reason})" for reason, count in why.most_common()) or "nothing"
    removed = sorted({kind for kinds in recording.removed.values() for kind in kinds})
    lines = [f"{len(recording.files)} files were recorded into {target}; left out: {left}."]
    if NOT_PERMITTED in why:
        lines.append("Run it with sudo to record what only the administrator may read.")
    if removed:
        lines.append(f"Removed from {len(recording.removed)} files: {', '.join(removed)}.")
    lines.append(f"Look at it with: edgeshift exporter --root {target} --once")
    return "\n".join(lines) + "\n"


def _add_tegrastats(recording: Recording, asked: str | None, root: Path) -> None:
    """What this machine's tegrastats says is true of this machine only: of another root's tree it must be asked for by name."""
    program = shutil.which(asked or TEGRASTATS) if asked != _OFF and (asked or root.resolve() == _MACHINE) else None
    if program is None:
        if asked not in (None, _OFF):
            recording.left_out[TEGRASTATS_FILE] = "no such program"
        return
    try:
        lines = tegrastats_lines(program)
    except OSError as error:
        recording.left_out[TEGRASTATS_FILE] = (error.strerror or "cannot be started").lower()
        return
    if lines:
        recording.keep(TEGRASTATS_FILE, lines.encode("latin-1"))
    else:
        recording.left_out[TEGRASTATS_FILE] = "no line in time"


def _check(tree: Path) -> int:
    if not tree.is_dir():
        raise TargetRefused(f"{tree} is not a folder; name the one that was recorded.")
    found = list(told_by(tree))
    for told in found[:_MOST_SHOWN]:
        sys.stdout.write(f"{told.where}: {told.kind}\n")
    if len(found) > _MOST_SHOWN:
        sys.stdout.write(f"and {len(found) - _MOST_SHOWN} more\n")
    if found:
        sys.stdout.write(f"{tree} holds {len(found)} things that may name its machine or network: remove them before you send it.\n")
        return EXIT_FAILED
    sys.stdout.write(f"{tree} holds nothing that looks like a serial number, an address or a UUID.\n")
    return EXIT_OK


def _version() -> str:
    try:
        return version("edgeshift")
    except PackageNotFoundError:
        return "unknown"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgeshift exporter record",
        description="Copies the files that the exporter reads into a folder, without serial numbers and addresses.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", type=Path, metavar="DIR", help="an empty folder, or one that is not there yet")
    parser.add_argument("--root", type=Path, default=_MACHINE, metavar="ROOT", help="where the machine's proc and sys are (default /)")
    told = "program whose lines are kept too, or off (default: tegrastats where there is one, of this machine only)"
    parser.add_argument("--tegrastats", metavar="PROGRAM", help=told)
    parser.add_argument("--check", action="store_true", help="record nothing: say whether DIR holds what looks like an address or a serial")
    return parser
