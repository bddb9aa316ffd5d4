"""``edgeshift exporter emulate``: writes the tree of a board that is not there, and keeps it moving until it is stopped."""

from __future__ import annotations

import argparse
import math
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from exporters.emulated.boards import Board, UnknownBoard, WrongBoardFile, load, names, to_move
from exporters.emulated.layout import UPTIME, Layout, layout_of
from exporters.emulated.model import Script, State, advance, at_rest, moment_of
from exporters.emulated.rendering import Clock, Frame, frame_of
from exporters.emulated.stories import STORIES
from exporters.emulated.writing import RootRefused, TreeWriter

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
STEP_SECONDS: Final = 0.25
"""Four steps a second: an exporter that looks once a second always finds counters that moved."""

_LONGEST_STEP_SECONDS: Final = 2.0
"""A machine that slept does not owe its board the time: a longer gap passes as if the board had been suspended."""
_FASTEST: Final = 1000.0
_USUAL_UPTIME_SECONDS: Final = 3600.0
_GAP: Final = 2
"""Blanks between the columns of --list."""

_EXAMPLES: Final = """examples:
  edgeshift exporter emulate --list
  edgeshift exporter emulate --board orin-nx --root /tmp/board
  edgeshift exporter --root /tmp/board --listen 127.0.0.1:9760      what a scrape of that board says
  edgeshift exporter emulate --board agx-orin --root /tmp/hot --story failing --speed 5 --seconds 60
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line asks for; ``seconds`` None: until stopped. ``speed`` is story seconds per second."""

    board: str
    root: Path
    script: Script
    seconds: float | None
    speed: float


@dataclass(slots=True)
class Emulation:
    """One board in motion: what moves on it, what is played, and where it stands. Times are seconds of ``now``, Unix time."""

    layout: Layout
    script: Script
    state: State
    boot: float
    at: float

    def go_on(self, now: float, speed: float) -> None:
        """Let the time until ``now`` pass, or as much of it as one step may."""
        seconds = min(now - self.at, _LONGEST_STEP_SECONDS)
        self.state = advance(self.layout.silicon, self.script, self.state, seconds, seconds * speed)
        self.at = now

    def frame(self) -> Frame:
        """The step to be written."""
        return frame_of(self.layout, moment_of(self.layout.silicon, self.script, self.state), Clock(self.at, self.boot))


def main(argv: list[str]) -> int:
    """Run with the words after ``edgeshift exporter emulate``; the answer is the exit code (1: failed, 2: usage)."""
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
        if arguments.list:
            return _list()
        if arguments.board is None or arguments.root is None:
            parser.error("--board and --root are needed, or --list")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_USAGE
    settings = Settings(
        arguments.board, arguments.root, Script(STORIES[arguments.story], arguments.seed), arguments.seconds, arguments.speed
    )
    try:
        return _emulate(settings, to_move(load(settings.board)))
    except (UnknownBoard, WrongBoardFile, RootRefused) as error:
        sys.stderr.write(f"edgeshift exporter emulate: {error}\n")
    except OSError as error:
        where = error.filename or settings.root
        sys.stderr.write(f"edgeshift exporter emulate: {where} cannot be written: {error.strerror or error}.\n")
    return EXIT_FAILED


def _emulate(settings: Settings, board: Board) -> int:
    writer = TreeWriter(settings.root, settings.board)
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    with ExitStack() as stack:
        stack.callback(writer.close)
        for number in (signal.SIGTERM, signal.SIGINT):
            stack.callback(signal.signal, number, signal.signal(number, stop))
        emulation = begin(settings, board, writer, time.time())
        if not writer.is_complete:
            writer.begin(board, emulation.frame(), emulation.state)
        sys.stderr.write(f"edgeshift exporter emulate: {board.title} moves under {settings.root} ({settings.script.story.meaning})\n")
        sys.stderr.flush()
        keep_moving(emulation, writer, settings, stopping.wait)
    return EXIT_OK


def begin(settings: Settings, board: Board, writer: TreeWriter, now: float) -> Emulation:
    """A board that starts, or one that goes on where an earlier emulator left it, as if it had been suspended since."""
    layout = layout_of(board.files)
    left = writer.last(layout.silicon) if writer.is_complete else None
    if left is not None:
        state, boot = left
        return Emulation(layout, settings.script, state, boot, now)
    words = board.files.get(UPTIME, "").split()
    uptime = float(words[0]) if words else _USUAL_UPTIME_SECONDS
    return Emulation(layout, settings.script, at_rest(layout.silicon), float(int(now - uptime)), now)


def keep_moving(emulation: Emulation, writer: TreeWriter, settings: Settings, wait: Callable[[float], bool]) -> None:
    """Step by step until ``wait`` says that it is over, or the seconds are."""
    began = time.monotonic()
    due, first = began, emulation.at
    while True:
        # Not the wall clock, which can be set back: no uptime ever falls.
        emulation.go_on(first + time.monotonic() - began, settings.speed)
        writer.step(emulation.frame(), emulation.state)
        due = max(due + STEP_SECONDS, time.monotonic())
        left = math.inf if settings.seconds is None else began + settings.seconds - time.monotonic()
        if left <= 0 or wait(min(due - time.monotonic(), left)):
            return


def _list() -> int:
    rows = [(name, load(name).title) for name in names()]
    rows += [(f"--story {name}", story.meaning) for name, story in STORIES.items()]
    width = max(len(name) for name, _ in rows) + _GAP
    sys.stdout.writelines(f"{name:<{width}}{meaning}\n" for name, meaning in rows)
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgeshift exporter emulate", description="Writes the tree of a board that is not there, and keeps it moving.",
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--board", metavar="NAME", help="which board; --list names them")
    parser.add_argument("--root", type=Path, metavar="DIR", help="an empty folder, or one that an emulator wrote before")
    parser.add_argument("--story", choices=tuple(STORIES), default="calm", help="what it lives through (default %(default)s)")
    parser.add_argument("--seconds", type=_number(0.0, math.inf), metavar="N", help="end by itself after N seconds (default: never)")
    speed = "story seconds in a second: loads and heat change faster, clocks and counters do not (default %(default)s)"
    parser.add_argument("--speed", type=_number(0.001, _FASTEST), default=1.0, metavar="X", help=speed)
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="another seed, another wobble of the loads (default %(default)s)")
    parser.add_argument("--list", action="store_true", help="name the boards and the stories")
    return parser


def _number(at_least: float, at_most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not at_least <= number <= at_most or math.isinf(number):
            raise argparse.ArgumentTypeError(f"{text} is not a number of at least {at_least:g}")
        return number

    return read
