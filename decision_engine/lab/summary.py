"""Says at the end what the lab's run showed: the JSON result as a small table of figures and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from decision_engine.lab.bars import BAD, DIM, GOOD, PLAIN, WARN

UNKNOWN: Final = "—"
GAP_OBJECTIVE_SECONDS: Final = 5.0
"""SC-1: a camera's results may pause for at most this long during a move."""

Row = tuple[str, str, str]
"""A figure, its sentence, and the style of the figure."""


def final_summary(result: Mapping[str, Any]) -> RenderableType:
    """The run as figures with sentences; a figure that is missing or None is shown as unknown, never as 0.

    Moves that are still under way or were undone get a line where there are any, since the figure after them counts them too.

    Keys: ``decisions``, ``moves``, ``moves_under_way``, ``moves_undone``, ``moves_before_overload``, ``lead_seconds_median``,
    ``overload_seconds``, ``overload_seconds_do_nothing``, ``camera_gap_seconds_max``, ``returned_home``,
    ``real_processes_started``, ``cycle_seconds_p95``, ``errors`` (a number, or the sentences themselves).
    """
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for figure, sentence, style in (*_moves(result), *_overload(result), *_homes(result), *_costs(result)):
        table.add_row(Text(figure, style=style or "bold"), Text(sentence))
    errors = result.get("errors")
    sentences = [Text(f"✗ {error}", style=BAD) for error in errors] if isinstance(errors, (list, tuple)) else []
    return Group(Text("What this run showed", style="bold"), Text(), table, *sentences)


def _moves(result: Mapping[str, Any]) -> list[Row]:
    moves, before = result.get("moves"), result.get("moves_before_overload")
    lead = result.get("lead_seconds_median")
    ahead = "" if lead is None else f", in the median {lead:.1f} s ahead of it"
    return [
        (
            _count(result.get("decisions")),
            _one_or_many(result.get("decisions"), "decision was", "decisions were")
            + " written down, each with its reason; holding still is one too",
            PLAIN,
        ),
        (_count(moves), _one_or_many(moves, "move was", "moves were") + " made, each new placement before the old one was stopped", PLAIN),
        *_unfinished(result),
        (
            _count(before),
            f"of {'all these' if _unfinished(result) else 'them'} {_one_or_many(before, 'was', 'were')} "
            f"begun before the overload that it was for{ahead}",
            _good_if(before, bool(before)),
        ),
    ]


def _unfinished(result: Mapping[str, Any]) -> list[Row]:
    """Moves that did not come to their end, where there are any."""
    under_way, undone = result.get("moves_under_way"), result.get("moves_undone")
    rows: list[Row] = []
    if under_way:
        rows.append((_count(under_way), _one_or_many(under_way, "more was", "more were") + " still under way when the lab ended", PLAIN))
    if undone:
        rows.append((_count(undone), _one_or_many(undone, "more was", "more were") + " undone, and the old placement went on", WARN))
    return rows


def _overload(result: Mapping[str, Any]) -> list[Row]:
    with_us, without = result.get("overload_seconds"), result.get("overload_seconds_do_nothing")
    beside = (
        "what it would have been with nothing done is not known"
        if without is None
        else f"with nothing done it would have been {without:.0f} s"
    )
    gap = result.get("camera_gap_seconds_max")
    return [
        (_seconds(with_us, 0), f"of overload, summed over the devices; {beside}", _good_if(with_us, _less(with_us, without))),
        (_seconds(gap, 1), f"was the longest time a camera went without a result (objective: at most {GAP_OBJECTIVE_SECONDS:.0f} s)",
         _good_if(gap, gap is not None and gap <= GAP_OBJECTIVE_SECONDS)),
    ]  # fmt: skip


def _homes(result: Mapping[str, Any]) -> list[Row]:
    home, started = result.get("returned_home"), result.get("real_processes_started")
    if isinstance(home, bool):
        figure, sentence = (
            ("yes", "every workload is back at home") if home else ("no", "not every workload was back at home when the story ended")
        )
    else:
        figure, sentence = _count(home), _one_or_many(home, "workload", "workloads") + " returned home once there was room again"
    return [
        (figure, sentence, _good_if(home, bool(home))),
        (
            _count(started),
            _one_or_many(started, "AI program was", "AI programs were") + " really started as a process on this machine",
            PLAIN,
        ),
    ]


def _costs(result: Mapping[str, Any]) -> list[Row]:
    cycle, errors = result.get("cycle_seconds_p95"), result.get("errors")
    number = len(errors) if isinstance(errors, (list, tuple)) else errors
    return [
        (UNKNOWN if cycle is None else f"{cycle * 1000:.0f} ms", "was enough for 19 of 20 cycles of the engine (p95)", PLAIN),
        (
            _count(number),
            _one_or_many(number, "error", "errors") if number else "errors: every part did its work",
            GOOD if number == 0 else DIM if number is None else BAD,
        ),
    ]


def _one_or_many(value: int | None, one: str, many: str) -> str:
    return one if value == 1 else many


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)


def _seconds(value: float | None, digits: int) -> str:
    return UNKNOWN if value is None else f"{value:.{digits}f} s"


def _less(value: float | None, than: float | None) -> bool:
    return value is not None and than is not None and value <= than


def _good_if(value: object, good: bool) -> str:
    return DIM if value is None else GOOD if good else WARN
