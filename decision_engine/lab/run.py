"""`edgeshift lab`: one request in, one story lived through, one result out; live with real parts, or in virtual time."""

from __future__ import annotations

import asyncio
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from decision_engine.lab.children import LabError, in_one_sentence
from decision_engine.lab.folders import lab_folder


@dataclass(frozen=True, slots=True)
class LabRequest:
    """What was asked for on the command line. ``breaks`` name parts to be killed: ``prometheus:AT:SECONDS``, ``engine:move:SECONDS``.

    ``emulated`` boards take part beside the simulated ``devices``, each with a real exporter. ``story`` names one of
    ``exporters.simulated.tales`` with a fleet and a length of its own; "" is the story of one overload.
    """

    devices: int
    duration_seconds: float
    seed: int
    headless: bool = False
    virtual: bool = False
    keep: Path | None = None
    json: bool = False
    breaks: tuple[str, ...] = ()
    emulated: int = 0
    story: str = ""


def run_lab(request: LabRequest) -> int:
    """Run it to its end or to Ctrl-C; 1 with one sentence when it could not run or ended with errors."""
    try:
        with lab_folder(request.keep) as directory, in_one_sentence("the lab cannot go on"):
            result = _lived_through(request, directory)
    except LabError as error:
        print(f"edgeshift lab: {error}", file=sys.stderr)
        return 1
    if request.json:
        print(msgspec.json.encode(result).decode())
    return 1 if result["errors"] else 0


def _lived_through(request: LabRequest, directory: Path) -> dict[str, Any]:
    """The result; a mistake of the lab's own becomes one sentence, and its traceback goes to the logs."""
    try:
        return asyncio.run(_live_or_virtual(request, directory))
    except (LabError, OSError):
        raise
    except Exception as error:
        with suppress(OSError):
            log = directory / "logs" / "lab.log"
            log.parent.mkdir(exist_ok=True)
            log.write_text(traceback.format_exc(), encoding="utf-8")
        hint = f"see {log}" if request.keep else "run it with --keep DIR and see DIR/logs"
        raise LabError(f"a part of the lab itself failed ({type(error).__name__}: {error}); {hint}") from error


async def _live_or_virtual(request: LabRequest, directory: Path) -> dict[str, Any]:
    if request.virtual:
        from decision_engine.lab.virtual import run_virtual

        return await run_virtual(request, directory)
    from decision_engine.lab.live import run_live

    return await run_live(request, directory)
