"""What the engine asks Prometheus each cycle: a few signals, each one query for the whole fleet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, Literal

from decision_engine.core.limits import Times
from decision_engine.observe.presets import PRESETS

QUERY_LIMIT: Final = 10
"""Instant queries a cycle may cost, whatever the fleet's size: more would make watching the fleet its own load."""
RATE_WINDOW_SCRAPES: Final = 4.0
"""A rate needs two samples; four scrapes survive two missed ones, and more would only blur."""
PLACEHOLDERS: Final = frozenset({"window", "rate_window"})
PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
FIXED: Final = frozenset({"name", "key"})
"""What the engine does with a signal hangs on these two; an override must not change them."""

Kind = Literal["range", "instant"]
Key = Literal["device", "placement"]


class SignalError(ValueError):
    """The configured signals cannot be asked; the message is one sentence for the person who configured them."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One question.

    ``kind`` range: ``promql`` is a selector asked over the read window, so that values come with their own sample
    times. ``kind`` instant: ``promql`` is any expression, and ``freshness`` another that gives, per ``key``, the Unix
    time of the raw sample behind it; without one the value is never fresh. ``allowed_age_seconds`` None means the
    rhythm's ``fresh_seconds``. ``history`` says whether its past is kept, ``history_promql`` how it is read again.
    """

    name: str
    promql: str
    unit: str
    kind: Kind
    key: Key
    allowed_age_seconds: float | None = None
    freshness: str = ""
    history: bool = False
    history_promql: str = ""

    def at_window(self, window_seconds: float) -> str:
        """The query text for a read window in seconds."""
        return at_window(self.promql, self.kind, window_seconds)


def at_window(promql: str, kind: Kind, window_seconds: float) -> str:
    """Fill in ``{window}``; a range selector that does not use it gets it appended."""
    window = duration(window_seconds)
    if "{window}" in promql:
        return promql.replace("{window}", window)
    return f"{promql}[{window}]" if kind == "range" else promql


def duration(seconds: float) -> str:
    """A Prometheus duration, exact to the millisecond."""
    return f"{max(round(seconds * 1000), 1)}ms"


def signals_from(preset: str, overrides: Mapping[str, Mapping[str, object]], times: Times) -> tuple[Signal, ...]:
    """The signals of a preset with overrides by name; an empty ``promql`` turns a signal off.

    Raises:
        SignalError: unknown preset, signal or key, a value of the wrong kind, an unknown placeholder, or too many queries.
    """
    if preset not in PRESETS:
        raise SignalError(f"signal preset {preset!r} is not known; choose one of {_names(PRESETS)}")
    rows = PRESETS[preset]
    unknown = sorted(set(overrides) - set(rows))
    if unknown:
        raise SignalError(f"signal {unknown[0]!r} is not known; the {preset} preset has {_names(rows)}")
    rate_window = duration(RATE_WINDOW_SCRAPES * times.scrape_seconds)
    made = [_signal(name, _merged(name, row, _checked(name, overrides.get(name, {}))), rate_window) for name, row in rows.items()]
    signals = tuple(signal for signal in made if signal.promql)
    check_query_count(signals)
    return signals


def query_count(signals: tuple[Signal, ...]) -> int:
    """Queries that one cycle costs; the same freshness text is asked once for all who share it."""
    return len(signals) + len({signal.freshness for signal in signals if signal.kind == "instant" and signal.freshness})


def check_query_count(signals: tuple[Signal, ...]) -> None:
    """Hold the limit of queries a cycle.

    Raises:
        SignalError: there are more, or a name appears twice.
    """
    if len({signal.name for signal in signals}) < len(signals):
        raise SignalError("a signal is named twice; each name may be asked once")
    count = query_count(signals)
    if count > QUERY_LIMIT:
        raise SignalError(
            f"the signals cost {count} queries a cycle and {QUERY_LIMIT} are allowed; let some share one freshness expression"
        )


def _checked(name: str, override: Mapping[str, object]) -> Mapping[str, object]:
    allowed = {field.name for field in fields(Signal)} - FIXED
    unknown = sorted(set(override) - allowed)
    if unknown:
        raise SignalError(f"signal {name}: {unknown[0]!r} cannot be set; {_names(allowed)} can")
    return override


def _merged(name: str, row: Mapping[str, object], override: Mapping[str, object]) -> dict[str, object]:
    """The row with its override; a new ``promql`` takes nothing over that spoke of the old one."""
    merged = {**row, **override}
    if not override.get("promql"):
        return merged
    ranged = merged.get("kind") == "range"
    if not ranged and "freshness" not in override:
        raise SignalError(f"signal {name}: a new instant promql needs its own freshness, the query that gives the time of its raw samples")
    if "history_promql" not in override:
        merged["history_promql"] = f"avg_over_time({override['promql']}[{{window}}])" if ranged else override["promql"]
    return merged


def _signal(name: str, row: Mapping[str, object], rate_window: str) -> Signal:
    kind, key = _text(name, row, "kind"), _text(name, row, "key")
    if kind not in ("range", "instant"):
        raise SignalError(f"signal {name}: kind {kind!r} is neither range nor instant")
    history = row.get("history", False)
    if not isinstance(history, bool):
        raise SignalError(f"signal {name}: history must be true or false, not {history!r}")
    return Signal(
        name=name,
        promql=_promql(name, row, "promql", rate_window),
        unit=_text(name, row, "unit"),
        kind="range" if kind == "range" else "instant",
        key="placement" if key == "placement" else "device",
        allowed_age_seconds=_age(name, row.get("allowed_age_seconds")),
        freshness=_promql(name, row, "freshness", rate_window),
        history=history,
        history_promql=_promql(name, row, "history_promql", rate_window),
    )


def _text(name: str, row: Mapping[str, object], key: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str):
        raise SignalError(f"signal {name}: {key} must be text, not {value!r}")
    return value.strip()


def _promql(name: str, row: Mapping[str, object], key: str, rate_window: str) -> str:
    text = _text(name, row, key)
    for found in PLACEHOLDER.findall(text):
        if found not in PLACEHOLDERS:
            raise SignalError(f"signal {name}: {key} uses {{{found}}}, but only {{window}} and {{rate_window}} can be filled in")
    return text.replace("{rate_window}", rate_window)


def _age(name: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise SignalError(f"signal {name}: allowed_age_seconds must be a number of seconds above 0, not {value!r}")
    return float(value)


def _names(names: object) -> str:
    return ", ".join(sorted(names)) if isinstance(names, set | dict | frozenset) else str(names)
