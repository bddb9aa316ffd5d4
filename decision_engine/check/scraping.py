"""Holds the devices of the catalogue against what Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from decision_engine.catalog.model import Catalog
from decision_engine.check.line import CheckLine, few

UP: Final = 'up{device!=""}'


class QueryRefused(Exception):
    """Prometheus answered, but not to this query; the message says what it said."""


class Asking(Protocol):
    """A Prometheus that can be asked, always at the same moment ``now`` (Unix seconds)."""

    @property
    def now(self) -> float: ...

    def metric_names(self) -> frozenset[str]:
        """Every metric name it knows.

        Raises:
            PrometheusSilent: no answer.
        """
        ...

    def ask(self, promql: str) -> Sequence[Mapping[str, Any]]:
        """The results of one instant query, as the HTTP API gives them.

        Raises:
            PrometheusSilent: no answer.
            QueryRefused: the query is not understood.
        """
        ...


class PrometheusSilent(Exception):
    """Prometheus cannot be asked; ``advice`` says what to do."""

    def __init__(self, sentence: str, advice: str) -> None:
        """Keep both."""
        super().__init__(sentence)
        self.advice = advice


def check_scraping(catalog: Catalog, prometheus: Asking, targets_url: str) -> list[CheckLine]:
    """A line for each way in which targets differ from the catalogue; one line when they do not."""
    seen: dict[str, list[Mapping[str, Any]]] = {}
    for result in prometheus.ask(UP):
        seen.setdefault(result["metric"]["device"], []).append(result)
    missing = set(catalog.devices) - set(seen)
    strangers = set(seen) - set(catalog.devices)
    known = {device: results for device, results in seen.items() if device in catalog.devices}
    down = {device for device, results in known.items() if not any(float(result["value"][1]) == 1 for result in results)}
    misplaced = {
        device
        for device, results in known.items()
        if any(result["metric"].get("cluster") != catalog.devices[device].cluster for result in results)
    }
    read_targets = f"let Prometheus read its targets from {targets_url} or from the file of `edgeshift catalog targets --output FILE`"
    found = (
        (missing, "are in the catalogue, but Prometheus does not scrape them", read_targets),
        (down, "do not answer Prometheus (up is 0)", "start `edgeshift exporter` there; Prometheus' page /targets tells the error"),
        (strangers, "are scraped, but not in the catalogue", "add them to it, or take them out of Prometheus' targets"),
        (misplaced, "are scraped under another cluster than the catalogue's", read_targets),
    )
    lines = [CheckLine(False, "targets", f"{len(names)} devices {what}: {few(names)}", advice) for names, what, advice in found if names]
    return lines or [CheckLine(True, "targets", f"all {len(catalog.devices)} devices of the catalogue are scraped and answer")]
