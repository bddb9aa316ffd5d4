"""Lays the lab's screen out for the console that shows it: header, devices, moves under way, told lines, footer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from decision_engine.core.explain import duration
from decision_engine.lab.bars import ACCENT, BAD, DIM, GOOD, PLAIN, TONES, WARN, progress_bar
from decision_engine.lab.blindness import blind_words
from decision_engine.lab.fleet_table import columns_for, device_lines, device_state, heading
from decision_engine.lab.narrate import Line
from decision_engine.lab.tempo import LAB_LIMITS
from decision_engine.lab.tenants import short_names, tenants

TITLES: Final = {"prometheus": "Prometheus", "alertmanager": "Alertmanager"}
BACKFILLED: Final = "Two hours of virtual history were backfilled for the forecasts; all since the start is scraped live."
NO_CYCLE_SECONDS: Final = 5 * LAB_LIMITS.times.cycle_seconds
"""Five cycles without news: then the numbers on the screen are old, and the screen says so."""

MOVE_ROWS, TOLD_ROWS_LEAST, TOLD_ROWS_MOST = 2, 5, 12
REAL_ROWS: Final = 2
"""A real device has a second row, for its label."""
PROGRESS_CELLS: Final = 24
TONE_MARKS: Final = {"plain": "·", "good": "✓", "warn": "!", "bad": "✗", "dim": " "}
STEPS: Final = ("Ready", "first result", "old one stopped")
STEPS_PASSED: Final = {"starting": 0, "ready": 1, "first_result": 2, "stopping": 2, "done": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a screen shows. ``fleet`` is the body of the newest cycle; ``noted`` the devices worth a look, newest first."""

    addresses: Mapping[str, str]
    story_seconds: float
    duration_seconds: float
    real_devices: frozenset[str]
    fleet: Mapping[str, Any] | None
    now: float
    lines: tuple[Line, ...]
    noted: tuple[str, ...]
    horizon_seconds: float


@dataclass(frozen=True, slots=True)
class Screen:
    """A renderable of constant height: one line less than the console has, or as much as there is to say."""

    seen: Seen

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Fit everything to the console's width and height."""
        width, height = options.max_width, max((options.height or console.size.height) - 1, 1)
        for line in self._all(width, height):
            line.truncate(width, overflow="ellipsis")
            line.no_wrap = True
            yield line

    def _all(self, width: int, height: int) -> list[Text]:
        seen = self.seen
        above = [*header(seen, width), rule(width)]
        below_devices = [rule(width), *moves(seen), rule(width)]
        left = height - len(above) - len(below_devices) - 1
        devices = device_table(seen, width, max(left - TOLD_ROWS_LEAST, 2))
        told = told_rows(seen.lines, width, max(min(left - len(devices), TOLD_ROWS_MOST), 1))
        return [*above, *devices, *below_devices, *told, footer(seen, width)]


def rule(width: int) -> Text:
    """A quiet line between two parts."""
    return Text("─" * width, style=DIM)


def header(seen: Seen, width: int) -> list[Text]:
    """Story time and the state of the evidence; where everything listens; where the past comes from."""
    clock = f"{_clock(min(seen.story_seconds, seen.duration_seconds))} of {_clock(seen.duration_seconds)}"
    share = seen.story_seconds / seen.duration_seconds if seen.duration_seconds > 0 else 1.0
    first = Text.assemble(("edgeshift lab", "bold"), "  ", clock, "  ", progress_bar(min(share, 1.0), PROGRESS_CELLS))
    return [_ends(first, evidence(seen), width), _addresses(seen.addresses, width), Text(BACKFILLED, style=DIM)]


def _addresses(addresses: Mapping[str, str], width: int) -> Text:
    """Each a link; written with its scheme where that fits."""
    whole = "  ".join(f"{name} {url}" for name, url in addresses.items())
    line = Text()
    for name, url in addresses.items():
        line.append("  " if line.cell_len else "")
        line.append(f"{TITLES.get(name.lower(), name)} ", DIM)
        line.append(url if len(whole) <= width else url.partition("://")[2] or url, f"{ACCENT} link {url}")
    return line


def evidence(seen: Seen) -> Text:
    """Whether the engine sees: blind, without news, or how many devices answer."""
    if seen.fleet is None:
        return Text("waiting for the engine's first cycle", style=WARN)
    if seen.fleet["blind"]:
        return Text(f"BLIND, {blind_words(str(seen.fleet['blind']))}: nothing is decided", style=BAD)
    age = seen.now - seen.fleet["at"]
    if age > NO_CYCLE_SECONDS:
        return Text(f"no cycle for {duration(age)}: these numbers are old", style=BAD)
    devices = seen.fleet["devices"]
    unseen = sum(device_state(device, seen.horizon_seconds) == "unknown" for device in devices)
    if unseen:
        return Text(f"{unseen} of {len(devices)} devices say nothing fresh", style=WARN)
    return Text(f"all {len(devices)} devices are fresh", style=GOOD)


def device_table(seen: Seen, width: int, rows: int) -> list[Text]:
    """The heading and at most ``rows`` − 1 lines of devices in catalogue order; where not all fit, the last says what is left out."""
    fleet = seen.fleet
    if fleet is None:
        return [heading(columns_for((), width, seen.horizon_seconds)), Text("  no device has been seen yet", style=DIM)]
    columns = columns_for(fleet["devices"], width, seen.horizon_seconds)
    found = tenants(fleet)
    shown = shown_devices(seen, rows - 1)
    lines = [heading(columns)]
    for device in fleet["devices"]:
        if device["id"] in shown:
            lines += device_lines(device, found[device["id"]], columns, device["id"] in seen.real_devices, fleet["at"])
    hidden = [device_state(device, seen.horizon_seconds) for device in fleet["devices"] if device["id"] not in shown]
    if hidden:
        states = ", ".join(f"{count} {state}" for state, count in sorted(Counter(hidden).items()))
        lines.append(Text(f"  … and {len(hidden)} more devices: {states}", style=DIM))
    return lines


def shown_devices(seen: Seen, rows: int) -> frozenset[str]:
    """The devices that get a line: all when they fit; else the real ones, those worth a look, then the first of the catalogue."""
    ids = [] if seen.fleet is None else [device["id"] for device in seen.fleet["devices"]]
    cost = {id_: REAL_ROWS if id_ in seen.real_devices else 1 for id_ in ids}
    if sum(cost.values()) <= rows:
        return frozenset(ids)
    chosen: dict[str, int] = {}
    for id_ in [*sorted(seen.real_devices), *seen.noted, *ids]:
        if id_ in cost and id_ not in chosen and sum(chosen.values()) + cost[id_] <= rows - 1:
            chosen[id_] = cost[id_]
    return frozenset(chosen)


def moves(seen: Seen) -> list[Text]:
    """Moves under way with their steps; always the same number of rows, so that nothing below jumps."""
    under_way = [] if seen.fleet is None else list(seen.fleet["moves"])
    rows = [_move(move, seen.now) for move in under_way[:MOVE_ROWS]]
    if len(under_way) > MOVE_ROWS:
        rows[-1].append(f"   +{len(under_way) - MOVE_ROWS} more", DIM)
    if not rows:
        rows.append(Text("no move under way", style=DIM))
    if len(rows) < MOVE_ROWS:
        rows.append(_away(seen.fleet))
    return rows


def _move(move: Mapping[str, Any], now: float) -> Text:
    line = Text.assemble((f"{move['workload']}  ", "bold"), f"{move['source']} → {move['target']}   ")
    passed = STEPS_PASSED.get(move["state"])
    if passed is None:
        line.append(f"✗ {move['state']}: the old placement stays", WARN)
    else:
        for number, step in enumerate(STEPS):
            mark, style = ("✓", GOOD) if number < passed else ("●", f"bold {ACCENT}") if number == passed else ("○", DIM)
            line.append(" ─ " if number else "", DIM).append(f"{mark} {step}", style)
    return line.append(f"   {max(now - move['begun_at'], 0.0):.0f} s", DIM)


def _away(fleet: Mapping[str, Any] | None) -> Text:
    """Who is a guest somewhere: what a return home is still owed for."""
    if fleet is None:
        return Text()
    names = short_names([workload["id"] for workload in fleet["workloads"]])
    guests = [
        f"{names[workload['id']]} on {placement['device']} (home {workload['home']})"
        for workload in fleet["workloads"]
        for placement in workload["placements"]
        if placement["device"] != workload["home"] and placement["phase"] == "ready"
    ]
    return Text("away from home: " + ", ".join(guests), style=ACCENT) if guests else Text("every workload is at home", style=DIM)


def told_rows(lines: Iterable[Line], width: int, rows: int) -> list[Text]:
    """The newest lines that fit into ``rows``, oldest on top, long ones wrapped under their text; filled up with empty rows."""
    shown: list[Text] = []
    for line in reversed(tuple(lines)):
        block = _told(line, width)
        if shown and len(shown) + len(block) > rows:
            break
        shown = [*block, *shown]
    shown = shown[:rows]
    return [*shown, *(Text() for _ in range(rows - len(shown)))]


def _told(line: Line, width: int) -> list[Text]:
    style = TONES[line.tone]
    first = Text.assemble((line.stamp, DIM), (f" {TONE_MARKS[line.tone]} ", style))
    # A number stays with its percent sign: textwrap breaks at a plain space only.
    parts = wrap(line.text.replace(" %", "\u00a0%"), max(width - first.cell_len, 1), break_on_hyphens=False) or [""]
    texts = [Text(part.replace("\u00a0", " "), style=style) for part in parts]
    indent = " " * first.cell_len
    return [first.append_text(text) if number == 0 else Text(indent).append_text(text) for number, text in enumerate(texts)]


def footer(seen: Seen, width: int) -> Text:
    """What the marks mean, and what a cycle costs."""
    legend = Text("▲ over  △ likely  ? unknown   ● ready  ◌ starting  ○ stopping  ✗ failed", style=DIM)
    if seen.fleet is None:
        return legend
    costs = Text(f"cycle {seen.fleet['seconds'] * 1000:.0f} ms, {seen.fleet['queries']} queries", style=PLAIN)
    return _ends(legend, costs, width)


def _ends(left: Text, right: Text, width: int) -> Text:
    """One at each end of the line; where both do not fit, the left one is cut."""
    room = max(width - right.cell_len - 2, 0)
    left.truncate(room, overflow="ellipsis")
    return Text.assemble(left, " " * max(width - left.cell_len - right.cell_len, 0), right)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
