"""Writes numbers as Prometheus text or OpenMetrics, several times cheaper than prometheus_client: what stands before a number is kept.

Formats: https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://prometheus.io/docs/specs/om/open_metrics_spec/. Tests hold every page against prometheus_client's own writer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client.core import Metric as Family

from exporters.contract import BY_NAME, Metric
from exporters.device.collector import Numbers

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"

_MOST_REMEMBERED: Final = 4096
"""Names with their labels that are kept written; a device has some hundred, and where labels come and go all are forgotten."""

_NOTHING: Final[Mapping[tuple[str, ...], str]] = {}
_NO_NUMBER: Final = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}
_TOTAL: Final = "_total"
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_ESCAPES_OF_PLAIN_HELP: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})


class Writer:
    """Writes pages of one format: OpenMetrics, or the plain text format. One thread at a time writes a page, others another."""

    def __init__(self, openmetrics: bool) -> None:
        self._openmetrics = openmetrics
        self._heads: dict[str, str] = {}
        self._series: dict[str, dict[tuple[str, ...], str]] = {}
        self._remembered = 0

    def page(self, numbers: Numbers, families: Iterable[Family]) -> bytes:
        """A whole page: the device's own numbers, and families that come through prometheus_client."""
        parts: list[str] = []
        for name, samples in numbers.items():
            parts.append(self._heads.get(name) or self._head(BY_NAME[name]))
            written = self._series.get(name, _NOTHING)
            for labels, value in samples.items():
                number = repr(float(value))
                before = written.get(labels) or self._written(name, labels, BY_NAME[name].labels)
                parts.append(f"{before}{_NO_NUMBER.get(number, number)}\n")
        for family in families:
            name = f"{family.name}{_TOTAL}" if family.type == "counter" else family.name
            parts.append(self._heads.get(name) or self._head(BY_NAME[name]))
            for sample in family.samples:
                values, number = tuple(sample.labels.values()), repr(float(sample.value))
                before = self._series.get(sample.name, _NOTHING).get(values) or self._written(sample.name, values, sample.labels)
                parts.append(f"{before}{_NO_NUMBER.get(number, number)}\n")
        if self._openmetrics:
            parts.append("# EOF\n")
        return "".join(parts).encode("utf-8", "backslashreplace")

    def _head(self, metric: Metric) -> str:
        name = metric.name.removesuffix(_TOTAL) if self._openmetrics and metric.kind == "counter" else metric.name
        meaning = metric.meaning.translate(_ESCAPES if self._openmetrics else _ESCAPES_OF_PLAIN_HELP)
        head = f"# HELP {name} {meaning}\n# TYPE {name} {metric.kind}\n"
        self._heads[metric.name] = head
        return head

    def _written(self, name: str, values: tuple[str, ...], labels: Iterable[str] | Mapping[str, str]) -> str:
        if self._remembered >= _MOST_REMEMBERED:
            self._series, self._remembered = {}, 0
        pairs = ",".join(f'{label}="{value.translate(_ESCAPES)}"' for label, value in zip(labels, values, strict=True))
        written = f"{name}{{{pairs}}} " if pairs else f"{name} "
        self._series.setdefault(name, {})[values] = written
        self._remembered += 1
        return written


def wants_openmetrics(accept: str) -> bool:
    """Whether a scraper with this Accept header understands OpenMetrics."""
    return "application/openmetrics-text" in accept
