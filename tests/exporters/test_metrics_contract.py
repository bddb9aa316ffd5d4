"""What exporters say and what the contract promises are the same, in both directions."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporters.contract import BY_NAME, METRICS, WORKLOAD_LABELS
from exporters.device.collector import DeviceCollector
from exporters.device.families import Families
from exporters.device.usage import HostLoad, UsageSampler
from tests.builders.exporters import NOW, Page, World, datagram, write_tree

GPU = "edge_gpu_usage_ratio"
"""No generic reader of a GPU's load exists; a board's own reader will say it."""


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """A device with a full CPU window, and one AI program that has said everything."""
    clock = iter((0.0, 1.0, 1.0))
    sampler = UsageSampler(HostLoad(write_tree(tmp_path)), 5.0, lambda: next(clock))
    sampler.sample()
    (tmp_path / "proc/stat").write_text("cpu  9984 10 3571 347017 354 3 42 20 7 0\ncpu0 1 0 0 0\nbtime 1794990000\n")
    sampler.sample()
    workloads = World().collector()
    events = {"fire": {"total": 1, "at": NOW, "confidence": 0.9}}
    workloads.accept(datagram(events=events, environment={"class": "01", "confidence": 0.9, "at": NOW}), 0)
    return Page(DeviceCollector(tmp_path, sampler, lambda: NOW, 100.0), workloads)


def promised_name(family_name: str, kind: str) -> str:
    """The parser takes ``_total`` off a counter's name."""
    return f"{family_name}_total" if kind == "counter" else family_name


def test_every_family_is_promised_with_its_kind_labels_and_buckets(page: Page) -> None:
    for family in page.families:
        metric = BY_NAME[promised_name(family.name, family.type)]
        assert family.type == metric.kind
        assert family.documentation == metric.meaning
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), sample
        bounds = {sample.labels["le"] for sample in family.samples if "le" in sample.labels} - {"+Inf"}
        assert {float(bound) for bound in bounds} == set(metric.buckets)


def test_every_promise_but_the_gpus_is_kept(page: Page) -> None:
    said = {promised_name(family.name, family.type) for family in page.families}
    assert said == {metric.name for metric in METRICS} - {GPU}


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
