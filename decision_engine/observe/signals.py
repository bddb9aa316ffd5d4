"""What the engine asks Prometheus each cycle: a few signals, each one query for the whole fleet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final, Literal, get_args

from decision_engine.core.limits import Times
from decision_engine.observe.presets import PRESETS
from decision_engine.observe.selector import Selector, together

QUERY_LIMIT: Final = 10
"""Instant queries a cycle may cost, whatever the fleet's size: more would make watching the fleet its own load."""
RATE_WINDOW_SCRAPES: Final = 4.0
"""A rate needs two samples; four scrapes survive two missed ones, and more would only blur."""
PLACEHOLDERS: Final = frozenset({"window", "rate_window"})
PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
FIXED: Final = frozenset({"name", "key", "metric", "together"})
"""What the engine does with a signal hangs on the first two, and the others are found here; an override must not change them."""

Kind = Literal["range", "instant"]
Key = Literal["device", "placement", "camera"]


class SignalError(ValueError):
    """The configured signals cannot be asked; the message is one sentence for the person who configured them."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One question.

    ``kind`` range: ``promql`` is a selector asked over the read window, so that values come with their own sample
    times. ``kind`` instant: ``promql`` is any expression, and ``freshness`` another that gives, per ``key``, the Unix
    time of the raw sample behind it, unless ``value_is_time`` says that the value itself is that time; with neither the
    value is never fresh. ``allowed_age_seconds`` None means the rhythm's ``fresh_seconds``. ``history`` says whether its
    past is kept, ``history_promql`` how it is read again. ``together`` is the selector that asks it along with others,
    in whose answer it is what is named ``metric``; "" where it is asked alone.
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
    value_is_time: bool = False
    together: str = ""
    metric: str = ""

    def at_window(self, window_seconds: float) -> str:
        """The query text for a read window in seconds, where it is asked alone."""
        return at_window(self.promql, self.kind, window_seconds)

    def together_at_window(self, window_seconds: float) -> str:
        """The query text for a read window in seconds, where it is asked with others."""
        return at_window(self.together, self.kind, window_seconds)


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
    signals = grouped(tuple(signal for signal in made if signal.promql))
    check_query_count(signals)
    return signals


def grouped(signals: tuple[Signal, ...]) -> tuple[Signal, ...]:
    """Have range signals asked together whose plain selectors differ by their names alone and which may be equally old."""
    selectors = {signal.name: Selector.of(signal.promql) for signal in signals if signal.kind == "range"}
    members: dict[tuple[tuple[str, ...], float | None], list[str]] = {}
    for signal in signals:
        if (selector := selectors.get(signal.name)) is not None:
            members.setdefault((selector.matchers, signal.allowed_age_seconds), []).append(selector.metric)
    return tuple(_in_group(signal, selectors.get(signal.name), members) for signal in signals)


def _in_group(signal: Signal, selector: Selector | None, members: dict[tuple[tuple[str, ...], float | None], list[str]]) -> Signal:
    metrics = [] if selector is None else members[selector.matchers, signal.allowed_age_seconds]
    if selector is None or len(metrics) < 2:
        return replace(signal, together="", metric="")
    return replace(signal, together=together(dict.fromkeys(metrics), selector.matchers), metric=selector.metric)


def asked_with(signal: Signal, signals: tuple[Signal, ...]) -> tuple[str, ...]:
    """The names of the signals that share a signal's question, its own among them."""
    return tuple(other.name for other in signals if other.name == signal.name or (signal.together and other.together == signal.together))


def query_count(signals: tuple[Signal, ...]) -> int:
    """Queries that one cycle costs: signals that are asked together are one, and so is a freshness text for all who share it."""
    groups = {signal.together for signal in signals if signal.together}
    freshness = {signal.freshness for signal in signals if signal.kind == "instant" and signal.freshness}
    return sum(not signal.together for signal in signals) + len(groups) + len(freshness)


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
            f"the signals cost {count} queries a cycle and {QUERY_LIMIT} are allowed; let some share one freshness expression, "
            "or the matchers of plain range selectors, which are then asked together"
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
    if "value_is_time" not in override:
        merged["value_is_time"] = False
    if not ranged and "freshness" not in override and not override.get("value_is_time"):
        raise SignalError(f"signal {name}: a new instant promql needs its own freshness, the query that gives the time of its raw samples")
    if "history_promql" not in override:
        merged["history_promql"] = f"avg_over_time({override['promql']}[{{window}}])" if ranged else override["promql"]
    return merged


def _signal(name: str, row: Mapping[str, object], rate_window: str) -> Signal:
    kind, key = _text(name, row, "kind"), _text(name, row, "key")
    if kind not in ("range", "instant"):
        raise SignalError(f"signal {name}: kind {kind!r} is neither range nor instant")
    history, value_is_time = (_switch(name, row, switch) for switch in ("history", "value_is_time"))
    freshness = _promql(name, row, "freshness", rate_window)
    if value_is_time and (kind == "range" or freshness):
        raise SignalError(f"signal {name}: value_is_time is for an instant promql without freshness")
    return Signal(
        name=name,
        promql=_promql(name, row, "promql", rate_window),
        unit=_text(name, row, "unit"),
        kind="range" if kind == "range" else "instant",
        key=_key(key),
        allowed_age_seconds=_age(name, row.get("allowed_age_seconds")),
        freshness=freshness,
        history=history,
        history_promql=_promql(name, row, "history_promql", rate_window),
        value_is_time=value_is_time,
    )


def _key(text: str) -> Key:
    keys: tuple[Key, ...] = get_args(Key)
    return next(key for key in keys if key == text)


def _switch(name: str, row: Mapping[str, object], key: str) -> bool:
    value = row.get(key, False)
    if not isinstance(value, bool):
        raise SignalError(f"signal {name}: {key} must be true or false, not {value!r}")
    return value


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
