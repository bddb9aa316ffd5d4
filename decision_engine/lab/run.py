"""`edgeshift lab`: one request in, one story lived through, one result out; live with real parts, or in virtual time."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from decision_engine.lab.children import LabError


@dataclass(frozen=True, slots=True)
class LabRequest:
    """What was asked for on the command line. ``breaks`` name parts to be killed: ``prometheus:AT:SECONDS``, ``engine:move:SECONDS``."""

    devices: int
    duration_seconds: float
    seed: int
    headless: bool = False
    virtual: bool = False
    keep: Path | None = None
    json: bool = False
    breaks: tuple[str, ...] = ()


def run_lab(request: LabRequest) -> int:
    """Run it to its end or to Ctrl-C; 1 with one sentence when it could not run or ended with errors."""
    try:
        with _directory(request.keep) as directory:
            result = asyncio.run(_live_or_virtual(request, directory))
    except LabError as error:
        print(f"edgeshift lab: {error}", file=sys.stderr)
        return 1
    if request.json:
        print(msgspec.json.encode(result).decode())
    return 1 if result["errors"] else 0


async def _live_or_virtual(request: LabRequest, directory: Path) -> dict[str, Any]:
    if request.virtual:
        from decision_engine.lab.virtual import run_virtual

        return await run_virtual(request, directory)
    from decision_engine.lab.live import run_live

    return await run_live(request, directory)


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    """The lab's folder: a new one that is removed afterwards, or an empty one that the user wants to keep."""
    if keep is not None:
        try:
            keep.mkdir(parents=True, exist_ok=True)
            if any(keep.iterdir()):
                raise LabError(f"{keep} is not empty: name a new folder, or empty it first")
        except OSError as error:
            raise LabError(f"{keep} cannot be used: {error.strerror}") from error
        yield keep.resolve()
        return
    directory = Path(tempfile.mkdtemp(prefix="edgeshift-lab-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
