"""Keeps a page below its number of series: where there are too many, trust low goes first, then the biggest, and known events never."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from exporters.bridge.identity import HIGH, LOW
from exporters.bridge.totals import Totals
from exporters.contract import CONFIDENCE_BUCKETS_RATIO, LATENCY_BUCKETS_SECONDS

Labels = tuple[str, ...]

OBSERVED: Final = "observed"
RESULTS: Final = "results"
REST: Final = "rest"
EVENTS: Final = "events"

SAMPLES_OF_EVENT: Final = 3
"""How often, when last and how surely."""
SAMPLES_OF_RESULTS: Final = 3 + len(CONFIDENCE_BUCKETS_RATIO) + len(("+Inf", "count", "sum"))
"""How many, how many of them ambiguous, when last, and a histogram."""

_PART_OF_NAME: Final = {
    **dict.fromkeys(("ai_results_total", "ai_results_ambiguous_total", "ai_last_result_timestamp_seconds", "ai_confidence_ratio"), RESULTS),
    **dict.fromkeys(("ai_events_total", "ai_event_last_timestamp_seconds", "ai_event_confidence_ratio"), EVENTS),
}

_ORDER: Final = ((LOW, OBSERVED), (LOW, RESULTS), (LOW, REST), (LOW, EVENTS), (HIGH, OBSERVED), (HIGH, RESULTS), (HIGH, REST))
"""What goes first. Events of trust high are not in it: the configuration sees to it that there is room for them."""

Part = tuple[str, Labels]
"""A part of what is said of one (cluster, device, trust)."""


def part_of(name: str) -> str:
    """The part to which the bridge's own samples of a metric belong."""
    return _PART_OF_NAME.get(name, REST)


def own(totals: Totals) -> int:
    """How many samples the bridge makes of itself, its seconds by path included."""
    paths = len({labels[0] for labels in totals.posts})
    seconds = paths * (len(LATENCY_BUCKETS_SECONDS) + len(("+Inf", "count", "sum")))
    return len(totals.posts) + len(totals.refused) + len(totals.forwarded) + seconds + len((HIGH, LOW)) + 1


def at_most(totals: Totals, cells: Iterable[Collection[Labels]], observed: Mapping[Labels, int]) -> int:
    """The sum of ``sizes``, at once."""
    counted = SAMPLES_OF_RESULTS * len(totals.results) + SAMPLES_OF_EVENT * len(totals.events)
    return counted + len(totals.last_seen) + len(totals.assumed) + sum(map(len, cells)) + sum(observed.values())


def sizes(totals: Totals, cells: Iterable[Iterable[Labels]], observed: Mapping[Labels, int]) -> Counter[Part]:
    """How many samples each part has at most; ``cells`` are the labels of readings, ``observed`` counts what publishers say."""
    found: Counter[Part] = Counter()
    for bridge, count in observed.items():
        found[(OBSERVED, bridge)] = count
    for labels in totals.results:
        found[(RESULTS, labels[:3])] += SAMPLES_OF_RESULTS
    for labels in totals.events:
        found[(EVENTS, labels[:3])] += SAMPLES_OF_EVENT
    tables: list[Iterable[Labels]] = [totals.last_seen, totals.assumed, *cells]
    for table in tables:
        for labels in table:
            found[(REST, labels[:3])] += 1
    return found


def left_out(found: Mapping[Part, int], most: int) -> frozenset[Part]:
    """The parts for which there is no room among ``most`` samples."""
    over = sum(found.values()) - most
    if over <= 0:
        return frozenset()
    places: dict[tuple[str, str], int] = {place: number for number, place in enumerate(_ORDER)}
    may_go = [(part, bridge) for part, bridge in found if (bridge[2], part) in places]
    may_go.sort(key=lambda one: (places[one[1][2], one[0]], -found[one], one[1]))
    gone: set[Part] = set()
    for part in may_go:
        if over <= 0:
            break
        over -= found[part]
        gone.add(part)
    return frozenset(gone)
