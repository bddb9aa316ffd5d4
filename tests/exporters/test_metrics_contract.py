"""What exporters say and what the contract promises are the same, in both directions."""

from __future__ import annotations

import math

import pytest

from exporters.contract import BY_NAME, DEVICE_METRICS, WORKLOAD_LABELS, WORKLOAD_METRICS, Metric
from exporters.device.families import Families
from exporters.device.sensor import SensorError
from exporters.device.source import Sample, Source, check
from exporters.emulated.boards import names
from exporters.wiring import Device, Watch
from tests.builders.boards import BoardsOnDisk
from tests.builders.exporters import NOW, Page, World, datagram, page_of
from tests.builders.tables import in_one_test
from tests.exporters.test_nvml import Gpu as GraphicsCard
from tests.exporters.test_nvml import World as Graphics

STREAMS = {"front": [1, 1, NOW - 0.1]}


@pytest.fixture(scope="module")
def boards(boards_on_disk: BoardsOnDisk) -> dict[str, Page]:
    """The page of each constructed board, as it is joined for a real one, with tegrastats off."""
    pages = {}
    for name in names():
        device = Device(Watch(boards_on_disk[name], 5.0))
        device.sampler.sample()
        pages[name] = Page(device.collector)
        device.stop()
    return pages


@pytest.fixture(scope="module")
def programs() -> Page:
    """An AI program that has said everything, of a single stream."""
    workloads = World().collector()
    events = {"fire": {"total": 1, "at": NOW, "confidence": 0.9}}
    everything = {"events": events, "environment": {"class": "01", "confidence": 0.9, "at": NOW}, "streams": STREAMS}
    workloads.accept(datagram(**everything, streams_over_limit=0, worker="b" * 32, empty=1, ambiguous=1), 0)
    return Page(workloads)


def hold_against_the_contract(page: Page) -> None:
    for family in page.families:
        metric = BY_NAME[f"{family.name}_total" if family.type == "counter" else family.name]
        assert family.type == metric.kind
        assert family.documentation == metric.meaning
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), sample
            assert metric.lowest <= sample.value <= metric.highest, sample
        bounds = {sample.labels["le"] for sample in family.samples if "le" in sample.labels} - {"+Inf"}
        assert {float(bound) for bound in bounds} == set(metric.buckets)


@pytest.mark.parametrize("name", names())
def test_every_family_of_a_board_is_promised_with_its_kind_and_labels(name: str, boards: dict[str, Page]) -> None:
    hold_against_the_contract(boards[name])


def test_every_family_of_a_program_is_promised_with_its_kind_labels_and_buckets(programs: Page) -> None:
    hold_against_the_contract(programs)


def test_every_promise_of_a_device_is_kept_by_some_board_or_by_a_graphics_card(boards: dict[str, Page]) -> None:
    card = page_of(Source("nvml", Graphics(GraphicsCard()).look))
    hold_against_the_contract(card)
    said = set().union(card.names(), *(page.names() for page in boards.values()))
    assert said == {metric.name for metric in DEVICE_METRICS}


def test_every_promise_of_a_program_is_kept(programs: Page) -> None:
    assert programs.names() == {metric.name for metric in WORKLOAD_METRICS}


@in_one_test("metric", [pytest.param(metric, id=metric.name) for metric in DEVICE_METRICS])
def test_no_number_outside_what_can_be_true_passes(metric: Metric) -> None:
    labels = tuple("x" for _ in metric.labels)
    for value in (math.nan, math.nextafter(metric.lowest, -math.inf), -math.inf, math.nextafter(metric.highest, math.inf)):
        if not metric.lowest <= value <= metric.highest:
            with pytest.raises(SensorError, match="out_of_range"):
                check(Sample(metric.name, labels, value))
    check(Sample(metric.name, labels, metric.lowest))


@pytest.mark.parametrize(
    ("name", "labels", "error"),
    [
        pytest.param("edge_unheard_of", (), KeyError, id="not-promised"),
        pytest.param("edge_cpu_cores", (), ValueError, id="labels-missing"),
        pytest.param("ai_confidence_ratio", WORKLOAD_LABELS, TypeError, id="a-histogram-is-not-one-number"),
    ],
)
def test_a_sample_outside_the_contract_cannot_be_said(name: str, labels: tuple[str, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        Families().add(name, labels, 1.0)
    if error is not TypeError:
        with pytest.raises(error):
            check(Sample(name, labels, 1.0))
