"""A program's own page says what the device exporter's page says of it: the same families, labels and numbers."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters.contract import BY_NAME
from exporters.workload.publish import Publisher
from tests.builders.exporters import Page, World
from tests.builders.workload import Outlet

MEASURED_NOW = {"ai_process_cpu_seconds_total", "ai_process_resident_memory_bytes"}
"""These move on between two looks."""
OF_THE_EXPORTER = "ai_observations_refused_total"


def numbers(families: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], Any]:
    """Every sample but the exporter's own, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): None if sample.name in MEASURED_NOW else pytest.approx(sample.value)
        for family in families
        for sample in family.samples
        if sample.name != OF_THE_EXPORTER
    }


def says_nothing(publisher: Publisher) -> None:
    """A program that has just begun."""


def says_everything(publisher: Publisher) -> None:
    publisher.frame(stream="gate")
    publisher.frame()
    publisher.result(0.04, 0.45, stream="gate")
    publisher.result(9.0, None, stream='a "quoted\\ one')
    publisher.batch((0.4, 0.61, float("nan")), 0.2)
    publisher.event("fire", 0.9)
    publisher.event("불이야", float("nan"))
    publisher.environment("02", 0.7)


def has_too_many_streams(publisher: Publisher) -> None:
    for number in range(40):
        publisher.result(0.1, 0.5, stream=f"{number}")


def sees_an_unknown_environment(publisher: Publisher) -> None:
    publisher.environment("night", 0.7)


def counts_no_frames(publisher: Publisher) -> None:
    with publisher.inference() as inference:
        inference.found(1.0)


@pytest.mark.parametrize("life", [says_nothing, says_everything, has_too_many_streams, sees_an_unknown_environment, counts_no_frames])
@pytest.mark.parametrize("seconds_later", [0.0, 61.0], ids=["now", "a-minute-later"])
def test_both_pages_are_equal(life: Any, seconds_later: float) -> None:
    outlet, world = Outlet(), World()
    collector = world.collector()
    publisher = outlet.publisher()
    life(publisher)
    outlet.now += seconds_later
    world.pass_seconds(seconds_later)
    publisher.flush()
    for data in outlet.sent:
        collector.accept(data, 0)
    own, exporters = list(text_string_to_metric_families(publisher._text())), Page(collector).families
    assert numbers(own) == numbers(exporters)
    described = {(family.name, family.type, family.documentation) for family in exporters if family.name != "ai_observations_refused"}
    assert {(family.name, family.type, family.documentation) for family in own} == described


def test_every_family_of_the_contract_is_on_it_in_the_same_order() -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    says_everything(publisher)
    families = [line.split()[2] for line in publisher._text().splitlines() if line.startswith("# TYPE")]
    assert families == [name for name in BY_NAME if name.startswith("ai_") and name != OF_THE_EXPORTER]


def test_an_environment_not_said_again_is_said_no_longer() -> None:
    outlet = Outlet()
    publisher = outlet.publisher()
    publisher.environment("01", 0.9)
    assert 'ai_environment_state{camera="cam-07",environment="01"} 1.0' in publisher._text()
    outlet.now += 61
    assert "ai_environment" not in publisher._text()


@pytest.mark.parametrize("where", ["nowhere", "127.0.0.1:", "70000", "-1", "256.0.0.1:0"])
def test_a_page_that_cannot_be_served_is_said_and_harms_nobody(where: str) -> None:
    outlet = Outlet()
    with pytest.warns(UserWarning, match="cannot serve /metrics"):
        publisher = outlet.publisher(metrics_port=where)
    publisher.frame()
    publisher.flush()
    assert outlet.last.totals.frames == 1
