"""Writes /metrics piece by piece, so that a page of a thousand devices never holds up a post."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import accumulate
from typing import Final

from prometheus_client.core import Metric as Family

from exporters.bridge.desk import Desk
from exporters.bridge.meter import Meter
from exporters.bridge.room import OBSERVED, Part, part_of
from exporters.contract import BRIDGE_LABELS, BRIDGE_METRICS, BY_NAME, METRICS, Metric

Labels = tuple[str, ...]
Sample = tuple[Labels, float]
Histogram = tuple[Labels, list[int], float]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PIECE_LETTERS: Final = 65_536
"""So many take about a millisecond; between two pieces posts are answered."""

_OWN: Final = frozenset(metric.name for metric in BRIDGE_METRICS)


def labels_of(metric: Metric) -> Labels:
    """The labels that a metric has on the bridge's page: what it passes on has BRIDGE_LABELS before its own."""
    return metric.labels if metric.name in _OWN else (*BRIDGE_LABELS, *metric.labels)


class Page:
    """One page of all metrics. What AI programs said through our own publisher comes first, and no series is said twice."""

    def __init__(self, desk: Desk, meter: Meter, monotonic: float) -> None:
        self._desk = desk
        self._meter = meter
        self._monotonic = monotonic
        self._observed: dict[Labels, list[tuple[str, Labels, str]]] = {}
        self._lines_of: dict[str, list[str]] = {}
        self._said: set[tuple[str, Labels]] = set()
        self._left_out: frozenset[Part] = frozenset()

    def pieces(self) -> Iterator[bytes]:
        """The page in the text format 0.0.4, in pieces; some are empty, for a chance to do something else."""
        for bridge, families in self._desk.observations.families():
            for family in families:
                self._observe(bridge, family)
            yield b""
        yield from self._make_room()
        waiting: list[str] = []
        letters = 0
        for metric in METRICS:
            heading = f"# HELP {metric.name} {_help(metric.meaning)}\n# TYPE {metric.name} {metric.kind}\n"
            for line in self._lines(metric):
                waiting.append(heading + line)
                letters += len(line)
                heading = ""
                if letters >= PIECE_LETTERS:
                    yield "".join(waiting).encode()
                    waiting.clear()
                    letters = 0
        yield "".join(waiting).encode()

    def _observe(self, bridge: Labels, family: Family) -> None:
        """Write what a collector says, with the bridge's labels before its own."""
        for sample in family.samples:
            promised = sample.name if sample.name in BY_NAME else family.name
            if promised not in BY_NAME:
                continue
            labels = (*bridge, *(sample.labels[name] for name in BY_NAME[promised].labels))
            bound = {"le": sample.labels["le"]} if "le" in sample.labels else {}
            names = (*labels_of(BY_NAME[promised]), *bound)
            line = _line(sample.name, names, (*labels, *bound.values()), sample.value)
            self._observed.setdefault(bridge, []).append((promised, labels, line))

    def _make_room(self) -> Iterator[bytes]:
        """Leave out what would be too much for Prometheus, which takes a page as a whole or not at all; in empty pieces."""
        self._left_out = self._desk.left_out({bridge: len(lines) for bridge, lines in self._observed.items()})
        for bridge, lines in self._observed.items():
            if (OBSERVED, bridge) in self._left_out:
                continue
            for promised, labels, line in lines:
                self._said.add((promised, labels))
                self._lines_of.setdefault(promised, []).append(line)
            yield b""

    def _lines(self, metric: Metric) -> Iterator[str]:
        names, said, part = labels_of(metric), self._said, part_of(metric.name)
        bridged = bool(self._left_out) and names[: len(BRIDGE_LABELS)] == BRIDGE_LABELS
        yield from self._lines_of.get(metric.name, ())
        if metric.kind == "histogram":
            for labels, counts, total in self._histograms(metric.name):
                if (metric.name, labels) not in said and not (bridged and (part, labels[:3]) in self._left_out):
                    yield _histogram(metric, names, (labels, counts, total))
            return
        for labels, value in self._samples(metric.name):
            if bridged and (part, labels[:3]) in self._left_out:
                continue
            if not said or (metric.name, labels) not in said:
                yield _line(metric.name, names, labels, value)

    def _samples(self, name: str) -> Iterable[Sample]:
        """What the bridge itself knows of one counter or gauge; lists, since it may learn more while a page is written."""
        totals = self._desk.totals
        match name:
            case "ai_results_total":
                return [(labels, tally.results) for labels, tally in totals.results.items()]
            case "ai_results_ambiguous_total":
                return [(labels, tally.ambiguous) for labels, tally in totals.results.items()]
            case "ai_last_result_timestamp_seconds":
                return [(labels, tally.last) for labels, tally in totals.results.items() if tally.results]
            case "ai_events_total":
                return [(labels, event.total) for labels, event in totals.events.items()]
            case "ai_event_last_timestamp_seconds":
                return [(labels, event.last) for labels, event in totals.events.items() if event.total]
            case "ai_event_confidence_ratio":
                return [(labels, event.confidence) for labels, event in totals.events.items() if event.total]
            case "edge_bridge_sources":
                return [((trust,), count) for trust, count in self._desk.senders.heard_now(self._monotonic).items()]
        counters: dict[str, Mapping[Labels, float]] = {
            "edge_bridge_posts_total": totals.posts,
            "edge_bridge_refused_total": totals.refused,
            "edge_bridge_assumed_classes_total": totals.assumed,
            "edge_bridge_forwarded_total": totals.forwarded,
            "edge_bridge_last_seen_timestamp_seconds": totals.last_seen,
        }
        return list(counters[name].items()) if name in counters else self._desk.readings.believed(name, self._monotonic)

    def _histograms(self, name: str) -> Iterable[Histogram]:
        if name == "edge_bridge_post_seconds":
            return [((path,), counts, self._meter.sums[path]) for path, counts in self._meter.counts.items()]
        if name == "ai_confidence_ratio":
            return [(labels, tally.counts, tally.sum) for labels, tally in self._desk.totals.results.items()]
        return ()


def _line(name: str, names: Labels, labels: Labels, value: float) -> str:
    return f"{name}{{{_labels(names, labels)}}} {value!r}\n"


def _histogram(metric: Metric, names: Labels, histogram: Histogram) -> str:
    """All lines of one series at once, so that they agree with each other."""
    labels, counts, total = histogram
    inside = _labels(names, labels)
    bounds = (*(str(bound) for bound in metric.buckets), "+Inf")
    running = list(accumulate(counts))
    lines = [f'{metric.name}_bucket{{{inside},le="{bound}"}} {count}\n' for bound, count in zip(bounds, running, strict=True)]
    return f"{''.join(lines)}{metric.name}_count{{{inside}}} {running[-1]}\n{metric.name}_sum{{{inside}}} {total!r}\n"


def _labels(names: Labels, values: Labels) -> str:
    return ",".join([f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)])


@lru_cache(maxsize=16_384)
def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _help(meaning: str) -> str:
    return meaning.replace("\\", "\\\\").replace("\n", "\\n")
