"""What a state file may say: which rows and entries can be true, and which of their times can be the past."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from exporters.contract import BRIDGE_LABELS, BY_NAME, CONFIDENCE_BUCKETS_RATIO

_MOST: Final = 2**53
"""Above this not every whole number is a number of Prometheus."""
_ROUNDING: Final = 1e-9
_JUMP_SECONDS: Final = 1.0
"""Clocks of one machine that is kept in step differ by less."""
_CLOCK_IS_SET_SECONDS: Final = 1_704_067_200.0
"""2024: a board without a battery begins in 1970 until the network tells it the time; nothing is in the future of such a clock."""

COUNTERS: Final = ("assumed", "last_seen", "posts", "refused", "forwarded")
_METRICS_OF_TABLES: Final = {
    "results": "ai_results_total",
    "events": "ai_events_total",
    "assumed": "edge_bridge_assumed_classes_total",
    "last_seen": "edge_bridge_last_seen_timestamp_seconds",
    "posts": "edge_bridge_posts_total",
    "refused": "edge_bridge_refused_total",
    "forwarded": "edge_bridge_forwarded_total",
}
_LABELS: Final = {
    table: len(BY_NAME[name].labels) + (len(BRIDGE_LABELS) if name.startswith("ai_") else 0) for table, name in _METRICS_OF_TABLES.items()
}
"""How many labels the keys of each table have, by the contract."""
_OWN: Final = ("posts", "refused", "forwarded")
"""These are the bridge's own, without cluster, device and trust."""
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
UNKNOWN: Final = 0.0
"""A time that nobody knows any longer."""


def fits(row: Any) -> bool:
    """Whether a row of a state file can be true: labels as the contract has them, whole counts, finite times, ratios from 0 to 1."""
    match row:
        case ["results", labels, results, ambiguous, list(counts), total, last]:
            sums = len(counts) == len(CONFIDENCE_BUCKETS_RATIO) + 1 and all(_is_count(count) for count in (results, ambiguous, *counts))
            fits = sums and sum(counts) == results >= ambiguous and _is_number(total) and total <= results * (1 + _ROUNDING)
            return fits and _is_number(last) and _are_labels("results", labels)
        case ["events", labels, total, last, confidence]:
            return _is_count(total) and _is_number(last) and _is_number(confidence) and confidence <= 1 and _are_labels("events", labels)
        case ["last_seen", labels, at]:
            return _is_number(at) and _are_labels("last_seen", labels)
        case [str(name), labels, number] if name in COUNTERS:
            return _is_count(number) and _are_labels(name, labels)
    return False


def entry_fits(entry: dict[str, Any]) -> bool:
    """Whether an entry of the log can be true: a result with its event, how sure it was, and when it came."""
    confidence: Any = entry.get("p")
    times = [entry.get("at"), entry.get("seen", UNKNOWN)]
    numbers = _is_number(confidence) and confidence <= 1 and all(_is_number(time) for time in times)
    return numbers and _are_labels("results", entry.get("r")) and _are_labels("events", entry.get("e"))


def past(row: list[Any], now: float) -> list[Any] | None:
    """A fitting row without times that lie in the future of now; None where nothing is left of it."""
    if row[0] == "last_seen":
        return None if _is_future(row[2], now) else row
    place = {"results": 6, "events": 3}.get(row[0])
    if place is None or not _is_future(row[place], now):
        return row
    return [*row[:place], UNKNOWN, *row[place + 1 :]]


def past_entry(entry: dict[str, Any], now: float) -> dict[str, Any]:
    """A fitting entry whose times are no later than now."""
    return {key: now if key in ("at", "seen") and _is_future(value, now) else value for key, value in entry.items()}


def _is_future(at: float, now: float) -> bool:
    return now > _CLOCK_IS_SET_SECONDS and at > now + _JUMP_SECONDS


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= _MOST and math.isfinite(value)


def _are_labels(table: str, labels: object) -> bool:
    """As many texts as the contract says, which can be written in UTF-8, and a trust that exists."""
    if not isinstance(labels, (list, tuple)) or len(labels) != _LABELS[table]:
        return False
    if not all(isinstance(label, str) and not _SURROGATES.search(label) for label in labels):
        return False
    return table in _OWN or labels[BRIDGE_LABELS.index("trust")] in ("high", "low")
