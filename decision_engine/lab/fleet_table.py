"""One line per device, always in the same order: load with forecast and limit, what decides, head-room, and who runs there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.text import Text

from decision_engine.core.explain import duration, percent
from decision_engine.core.sentences import RESOURCE_NAMES
from decision_engine.lab.bars import ACCENT, BAD, DIM, GOOD, PLAIN, WARN, BarLoad, limit_alone, load_bar
from decision_engine.lab.tempo import LAB_LIMITS
from decision_engine.lab.tenants import Tenant, tenants_in

UNKNOWN: Final = "—"
REAL: Final = "this machine, real"
RUNTIME_SILENT: Final = "? runtime silent  "
WIDE_CELLS: Final = 140
"""From this width on, p90, memory and GPU have columns of their own and a guest's home is named."""
LIKELY: Final = LAB_LIMITS.foresight.probability
COOL_KELVIN: Final = LAB_LIMITS.overload.thermal_headroom_kelvin

RISK_CELLS, RULE_CELLS, HEAT_CELLS = 5, 12, 12
"""Beside the bar on a narrow screen: the chance to pass the limit, who decides, and how far from throttling."""

SKILLED_RULE_CELLS: Final = 17
"""On a wide one, who decides stands there with the forecast's skill."""

DEVICE_CELLS_MOST, BAR_CELLS_LEAST, BAR_CELLS_MOST, TENANT_CELLS_LEAST = 16, 8, 30, 35


@dataclass(frozen=True, slots=True)
class Columns:
    """How many cells each column has at this width; ``horizon_seconds`` is the horizon that decides."""

    wide: bool
    device: int
    bar: int
    tenants: int
    horizon_seconds: float

    @property
    def before_tenants(self) -> int:
        """Cells to the left of the last column."""
        fixed = 2 + self.device + 1 + 4 + 5 + 1 + self.bar + 1
        return fixed + (7 + 7 + 2 + SKILLED_RULE_CELLS + HEAT_CELLS + 6 + 6 if self.wide else RISK_CELLS + RULE_CELLS + HEAT_CELLS)


def columns_for(devices: Sequence[Mapping[str, Any]], width: int, horizon_seconds: float) -> Columns:
    """Share a screen's width: the bar takes what the names and the workloads leave."""
    wide = width >= WIDE_CELLS
    longest = max((len(device["id"]) for device in devices), default=0)
    device = min(max(longest, len("device")), DEVICE_CELLS_MOST)
    spare = width - Columns(wide, device, 0, 0, horizon_seconds).before_tenants
    bar = min(max(spare - TENANT_CELLS_LEAST, BAR_CELLS_LEAST), BAR_CELLS_MOST)
    return Columns(wide, device, bar, max(spare - bar, 1), horizon_seconds)


def heading(columns: Columns) -> Text:
    """Every number is named: the risk is the chance to be over the limit at the horizon of the broken line."""
    ahead = f"╌ in {duration(columns.horizon_seconds)}"
    whole = f"now ━  p90 in {duration(columns.horizon_seconds)} ╌"
    line = Text("  ", no_wrap=True)
    line.append_text(_cell("device", columns.device + 1)).append_text(_cell("load", 9, right=True)).append(" ")
    line.append_text(_cell(whole if len(whole) < columns.bar else ahead, columns.bar + 1))
    if columns.wide:
        line.append_text(_cell("p90", 7, right=True)).append_text(_cell("risk", 7, right=True)).append("  ").append_text(
            _cell("decides by, skill", SKILLED_RULE_CELLS)
        )
        line.append_text(_cell("to throttle", HEAT_CELLS, right=True)).append_text(_cell("mem", 6, right=True)).append_text(
            _cell("GPU", 6, right=True)
        )
    else:
        line.append_text(_cell("risk", RISK_CELLS, right=True)).append(" ").append_text(_cell("decides by", RULE_CELLS - 1))
        line.append_text(_cell("to throttle", HEAT_CELLS, right=True))
    line.append("  workloads and their confidence")
    line.stylize("bold")
    return line


def device_lines(device: Mapping[str, Any], found: Sequence[Tenant], columns: Columns, real: bool, at: float) -> list[Text]:
    """One device: one line, and a second one for the label of a real one. ``at`` is the cycle's time."""
    resource = shown_resource(device)
    load = device["load"].get(resource)
    state = device_state(device, columns.horizon_seconds)
    line = Text(no_wrap=True)
    line.append(*{"over": ("▲ ", BAD), "likely": ("△ ", WARN), "unknown": ("? ", WARN)}.get(state, ("  ", PLAIN)))
    name = Text(device["id"], style="bold" if real or state in ("over", "likely") else PLAIN)
    line.append_text(_cell(name, columns.device)).append(" ")
    line.append_text(_load_cells(load, resource, _ahead(device, resource, "p90", columns.horizon_seconds), columns, (state, at)))
    line.append_text(_forecast_cells(device, resource, columns)).append_text(_rest_cells(device, columns)).append("  ")
    if not device["runtime_answers"]:
        line.append(RUNTIME_SILENT, WARN)
    left = columns.tenants - 2 - (0 if device["runtime_answers"] else len(RUNTIME_SILENT))
    line.append_text(tenants_in(found, left, columns.wide))
    return [line, Text(f"  {REAL}", style=ACCENT, no_wrap=True)] if real else [line]


def shown_resource(device: Mapping[str, Any]) -> str:
    """CPU, unless another resource is the one over its limit or about to be: the eye should not have to search for it."""
    load = device["load"]
    for resource, reading in load.items():
        if is_over(reading) and not ("cpu" in load and is_over(load["cpu"])):
            return str(resource)
    return "cpu" if "cpu" in load else next(iter(load), "")


def is_over(reading: Mapping[str, Any]) -> bool:
    """Known to be at or over its limit; a reading that is not fresh is not known to be anything."""
    return reading["quality"] == "fresh" and reading["ratio"] is not None and reading["ratio"] >= reading["limit_ratio"]


def device_state(device: Mapping[str, Any], horizon_seconds: float) -> str:
    """``over``, ``likely`` (to be over), ``unknown`` or ``calm``, by the resource that is shown."""
    resource = shown_resource(device)
    load = device["load"].get(resource)
    if load is None or load["quality"] != "fresh" or load["ratio"] is None:
        return "unknown"
    if is_over(load):
        return "over"
    probability = _ahead(device, resource, "p_over", horizon_seconds)
    return "likely" if probability is not None and probability >= LIKELY else "calm"


def _ahead(device: Mapping[str, Any], resource: str, what: str, horizon_seconds: float) -> float | None:
    """A forecast number at the deciding horizon: the first step that is long enough, else the last; None where unknown."""
    forecast = (device["forecast"] or {}).get(resource)
    if forecast is None or not forecast["horizon_seconds"]:
        return None
    steps = [step for step, seconds in enumerate(forecast["horizon_seconds"]) if seconds is not None and seconds >= horizon_seconds]
    found: float | None = forecast[what][steps[0] if steps else -1]
    return found


def _load_cells(load: Mapping[str, Any] | None, resource: str, p90: float | None, columns: Columns, state_at: tuple[str, float]) -> Text:
    state, at = state_at
    cells = Text(no_wrap=True)
    label = {"memory": "mem"}.get(resource, RESOURCE_NAMES["en"].get(resource, resource))
    cells.append_text(_cell(Text(label, style=DIM), 4))
    style = {"over": BAD, "likely": WARN}.get(state, GOOD)
    known = load is not None and load["quality"] == "fresh" and load["ratio"] is not None
    if load is None or not known:
        words = "not measured" if load is None else _why_unknown(load, at)
        cells.append_text(_cell(Text(UNKNOWN, style=WARN), 5, right=True)).append(" ")
        # Words may use the gap behind the bar as well: what follows is set to the right and leaves room.
        cells.append_text(limit_alone(1.0 if load is None else load["limit_ratio"], columns.bar + 1, words))
        return _cell(cells, 4 + 5 + 1 + columns.bar + 1)
    else:
        cells.append_text(_cell(Text(percent(load["ratio"]), style=style), 5, right=True)).append(" ")
        bar = load_bar(BarLoad(load["ratio"], p90, load["limit_ratio"]), columns.bar, style)
    return cells.append_text(_cell(bar, columns.bar)).append(" ")


def _why_unknown(load: Mapping[str, Any], at: float) -> str:
    """«stale 62 s», «absent», «not a number»."""
    quality = str(load["quality"]).replace("_", " ")
    return f"{quality} {duration(at - load['at'])}" if quality == "stale" and load["at"] is not None else quality


def _forecast_cells(device: Mapping[str, Any], resource: str, columns: Columns) -> Text:
    probability = _ahead(device, resource, "p_over", columns.horizon_seconds)
    p90 = _ahead(device, resource, "p90", columns.horizon_seconds)
    forecast = (device["forecast"] or {}).get(resource)
    skill = UNKNOWN if forecast is None or forecast["skill"] is None else f"{forecast['skill']:.2f}".replace("-", "−")
    gate_open = forecast is not None and forecast["gate_open"]
    style = WARN if probability is not None and probability >= LIKELY else DIM
    likely = Text(_percent(probability), style=style)
    rule = Text(UNKNOWN if forecast is None else "forecast" if gate_open else "margin rule", style=PLAIN if gate_open else DIM)
    if not columns.wide:
        return Text.assemble(_cell(likely, RISK_CELLS, right=True), " ", _cell(rule, RULE_CELLS - 1))
    by = Text.assemble(_cell(rule, 12), skill) if forecast is not None else rule
    return Text.assemble(_cell(_percent(p90), 7, right=True), _cell(likely, 7, right=True), "  ", _cell(by, SKILLED_RULE_CELLS))


def _rest_cells(device: Mapping[str, Any], columns: Columns) -> Text:
    kelvin = device["thermal_headroom_kelvin"]
    hot = kelvin is not None and kelvin < COOL_KELVIN
    warmth = Text(UNKNOWN if kelvin is None else f"{kelvin:.0f} K" + (" !" if hot else ""), style=WARN if hot else PLAIN)
    if not columns.wide:
        return _cell(warmth, HEAT_CELLS, right=True)
    return Text.assemble(
        _cell(warmth, HEAT_CELLS, right=True), *(_cell(_other(device["load"].get(name)), 6, right=True) for name in ("memory", "gpu"))
    )


def _other(load: Mapping[str, Any] | None) -> Text:
    """A resource beside the bar: blank where the device has none, a dash where it is not known now."""
    if load is None:
        return Text()
    known = load["quality"] == "fresh" and load["ratio"] is not None
    return Text(percent(load["ratio"]) if known else UNKNOWN, style=BAD if is_over(load) else PLAIN if known else WARN)


def _percent(ratio: float | None) -> str:
    return UNKNOWN if ratio is None else percent(ratio)


def _cell(content: Text | str, width: int, right: bool = False) -> Text:
    """Cut or filled to exactly ``width`` cells."""
    text = content.copy() if isinstance(content, Text) else Text(content)
    text.truncate(width, overflow="ellipsis")
    padding = " " * (width - text.cell_len)
    return Text(padding).append_text(text) if right else text.append(padding)
