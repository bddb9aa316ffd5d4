"""Runs a backtest: every method lives through recorded loads, strictly causally, and is held against what came."""

from __future__ import annotations

import json as json_format
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from decision_engine.backtest.figure import draw
from decision_engine.backtest.reading import BacktestError, Extent, limits_of, on_grid, read_trace, refuse_loads, trace_folder
from decision_engine.backtest.remarks import Recorded
from decision_engine.backtest.report import SourceScores, report, scores_of
from decision_engine.backtest.request import BacktestRequest
from decision_engine.backtest.table import WIDTH, print_tables
from decision_engine.execute.sealed import write_whole
from decision_engine.observe.range_frames import RangeError, RangeQuery, read_range
from forecasting.backtest import WARM_UP_COLUMNS, Came, Fleet, roll
from forecasting.methods import MARGIN, PERSISTENCE
from forecasting.scores import score

INTERRUPTED: Final = 130
FAILED: Final = 1
OF_PROMETHEUS: Final = "prometheus"


def print_backtest(request: BacktestRequest, clock: Callable[[], float] = time.perf_counter) -> int:
    """Run it and print table or JSON; progress and mistakes go to standard error. 1: could not be run, 130: interrupted."""
    finished: list[SourceScores] = []
    unfinished: list[str] = []
    code = 0
    try:
        request.refuse_what_would_be_ignored()
        _refuse_unwritable(request)
        with _progress() as progress:
            _run(request, _Through(finished, unfinished), progress, clock)
    except (BacktestError, RangeError) as error:
        typer.echo(str(error), err=True)
        return FAILED
    except KeyboardInterrupt:
        code = INTERRUPTED
        names = ", ".join(source.name for source in finished) or "nothing"
        typer.echo(f"interrupted; finished: {names}", err=True)
        if not finished:
            return code
    told = report(finished, request, unfinished)
    try:
        _write(request, told)
    except OSError as error:
        typer.echo(f"{request.out or request.figure} cannot be written: {error.strerror or error}; what was there is still there", err=True)
        return FAILED
    return code


@dataclass(frozen=True, slots=True)
class _Through:
    """How far a run is."""

    finished: list[SourceScores]
    unfinished: list[str]


def _run(request: BacktestRequest, through: _Through, progress: Progress, clock: Callable[[], float]) -> None:
    """Read and score source by source; ``through`` has what is finished and what is not.

    Raises:
        BacktestError: something asked for is not there, or cannot be read.
        RangeError: Prometheus did not give the range.
    """
    names, asked = request.method_names(), request.question()
    steps = asked.horizon_steps
    limits_of(_no_fleet(), request.limit)  # a wrong word is told before anything is read
    bar = progress.add_task("reading", total=None)
    fleets = list(_fleets(request, lambda done: progress.update(bar, total=1.0, completed=done)))
    cells = sum(fleet.values.size for fleet in fleets) * len(names)
    progress.reset(bar, total=cells, description="living through")
    through.unfinished.extend(fleet.name for fleet in fleets)
    for fleet in fleets:
        progress.update(bar, description=fleet.name)
        said = roll(fleet, names, asked, clock, _advance(progress, bar))
        came = Came.of(fleet, steps, WARM_UP_COLUMNS)
        scored = {name: score(fleet, one, said[MARGIN], came, steps) for name, one in said.items()}
        through.finished.append(scores_of(fleet, scored))
        through.unfinished.remove(fleet.name)


def _advance(progress: Progress, bar: TaskID) -> Callable[[int], None]:
    return lambda cells: progress.advance(bar, cells)


def _fleets(request: BacktestRequest, done: Callable[[float], None]) -> Iterator[Recorded]:
    """The sources with their limits, each long enough to be scored.

    Raises:
        BacktestError, RangeError: something cannot be read, is too short, or is of no use to a method that was asked for.
    """
    shortest = WARM_UP_COLUMNS + request.horizon_steps()[-1] + 1
    for fleet in _read(request, done):
        if fleet.values.shape[1] < shortest:
            raise BacktestError(
                f"{fleet.name} has {fleet.values.shape[1]} steps of {fleet.grid_seconds:g} s and {shortest} are needed: "
                f"{WARM_UP_COLUMNS} to begin with and the longest horizon"
            )
        if PERSISTENCE in request.methods:
            refuse_loads(fleet)
        yield replace(fleet, limits=limits_of(fleet, request.limit))


def _read(request: BacktestRequest, done: Callable[[float], None]) -> Iterator[Recorded]:
    if request.prometheus.url:
        yield from_prometheus(request.prometheus.asked(), request.extent, done)
        return
    if request.traces is None:
        raise BacktestError("name a folder of traces (--traces or EDGESHIFT_TRACES), or a Prometheus (--prometheus)")
    folder = trace_folder(request.traces, request.datasets)
    if folder.others:
        typer.echo(f"left out, as their columns are others: {', '.join(folder.others)}", err=True)
    for number, (name, path) in enumerate(folder.files.items(), 1):
        yield read_trace(name, path, request.extent)
        done(number / len(folder.files))


def from_prometheus(query: RangeQuery, extent: Extent, done: Callable[[float], None]) -> Recorded:
    """A range as a fleet without limits yet.

    Raises:
        RangeError: Prometheus did not give it.
        BacktestError: it is larger than memory should hold.
    """
    if extent.max_points:
        query = replace(query, end=min(query.end, query.start + (extent.max_points - 1) * query.step_seconds))
    frame = read_range(query, done)
    machines = frame["series_id"].str.partition("/")[0]
    return on_grid(OF_PROMETHEUS, frame.assign(machine=machines), extent, (float(query.start), float(query.step_seconds)))


def _write(request: BacktestRequest, told: dict[str, Any]) -> None:
    """Table or JSON to standard output or the file, and the figure.

    Raises:
        OSError: a file cannot be written.
    """
    if request.figure is not None:
        write_whole(request.figure, draw(told).encode(), durable=False)
    if request.json:
        text = json_format.dumps(told, indent=2, ensure_ascii=False)
        if request.out is None:
            typer.echo(text)
        else:
            write_whole(request.out, (text + "\n").encode(errors="backslashreplace"), durable=False)
    elif request.out is None:
        print_tables(told, Console() if Console().is_terminal else Console(width=WIDTH))
    else:
        printed = StringIO()
        print_tables(told, Console(file=printed, width=WIDTH))
        write_whole(request.out, printed.getvalue().encode(errors="backslashreplace"), durable=False)


def _refuse_unwritable(request: BacktestRequest) -> None:
    """Minutes of work are not begun for a file that cannot be written.

    Raises:
        BacktestError: its folder is not there, it is a folder itself or may not be written, or both are one file.
    """
    for path in (request.out, request.figure):
        if path is None:
            continue
        if not path.absolute().parent.is_dir():
            raise BacktestError(f"{path} cannot be written: there is no folder {path.parent}")
        if path.is_dir() or (path.exists() and not os.access(path, os.W_OK)):
            raise BacktestError(f"{path} cannot be written: it is {'a folder' if path.is_dir() else 'read-only'}; name another file")
    if request.out is not None and request.figure is not None and request.out.absolute() == request.figure.absolute():
        raise BacktestError(f"--out and --figure both name {request.out}; name two files")


def _no_fleet() -> Fleet:
    import numpy as np

    empty = np.empty(0)
    return Fleet("", (), empty.reshape(0, 0), 1.0, empty, np.empty(0, dtype=np.int64))


def _progress() -> Progress:
    """A bar on a terminal that goes when the run ends, so that none is left before a mistake."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
