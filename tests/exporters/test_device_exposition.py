"""The page as text: the same as prometheus_client would write, in both formats, whatever is said."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain
from prometheus_client.registry import Collector

from exporters.contract import DEVICE_METRICS
from exporters.device.collector import DeviceCollector, Numbers
from exporters.device.exposition import OPENMETRICS, PLAIN_TEXT, Writer
from exporters.device.families import Families
from exporters.device.page import DevicePage
from tests.builders.exporters import NOW, World, datagram, saying

Parse = Callable[[str], Iterator[Metric]]
FORMATS = pytest.mark.parametrize(("openmetrics", "parse"), [(False, parse_plain), (True, parse_openmetrics)], ids=["plain", "openmetrics"])
PROMETHEUS_ACCEPT = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

values = st.floats(allow_nan=False) | st.integers(-(2**60), 2**60)
numbers = st.dictionaries(st.sampled_from([metric.name for metric in DEVICE_METRICS]), st.tuples(st.text(max_size=8), values), max_size=8)


def labels_of(name: str, text: str) -> tuple[str, ...]:
    return tuple(text for _ in next(metric for metric in DEVICE_METRICS if metric.name == name).labels)


def read(parse: Parse, page: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value for family in parse(page.decode()) for sample in family.samples
    }


@FORMATS
@given(said=numbers)
def test_every_number_is_read_back_as_it_was_said(openmetrics: bool, parse: Parse, said: dict[str, tuple[str, float]]) -> None:
    page: Numbers = {}
    families = Families()
    for name, (text, value) in said.items():
        # A counter below zero is no OpenMetrics, and we promise none.
        page[name] = {labels_of(name, text): abs(value)}
        families.add(name, labels_of(name, text), abs(value))
    expected = {
        (sample.name, tuple(sorted(sample.labels.items()))): float(sample.value)
        for family in families.families()
        for sample in family.samples
    }
    writer = Writer(openmetrics)
    assert read(parse, writer.page(page, ())) == expected
    assert writer.page(page, ()) == writer.page(page, ())  # what is remembered is the same as what is written first


@FORMATS
def test_histograms_and_counters_of_programs_are_written_too(openmetrics: bool, parse: Parse) -> None:
    workloads = World().collector()
    workloads.accept(datagram(events={"fire": {"total": 1, "at": NOW, "confidence": 0.9}}), 0)
    expected = {
        (sample.name, tuple(sorted(sample.labels.items()))): float(sample.value)
        for family in workloads.collect()
        for sample in family.samples
    }
    families = list(workloads.collect())
    assert read(parse, Writer(openmetrics).page({}, families)) == expected
    kinds = {family.name: family.type for family in parse(Writer(openmetrics).page({}, families).decode())}
    assert kinds["ai_inference_latency_seconds"] == "histogram"
    assert kinds["ai_frames"] == "counter"


def test_odd_numbers_have_their_own_words() -> None:
    text = Writer(openmetrics=False).page({"edge_cpu_cores": {("a",): math.inf, ("b",): -math.inf, ("c",): math.nan, ("d",): 1e300}}, ())
    assert [line.rpartition(b" ")[2] for line in text.splitlines()[2:]] == [b"+Inf", b"-Inf", b"NaN", b"1e+300"]


def test_labels_that_come_and_go_do_not_fill_the_memory() -> None:
    writer = Writer(openmetrics=False)
    for number in range(10_000):
        writer.page({"edge_cpu_cores": {(str(number),): 1.0}}, ())
    assert len(writer._series) <= 4096


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [("", PLAIN_TEXT), ("text/plain;version=0.0.4", PLAIN_TEXT), (PROMETHEUS_ACCEPT, OPENMETRICS)],
    ids=["browser", "old", "prometheus"],
)
def test_the_format_is_the_scrapers_choice(accept: str, content_type: str) -> None:
    device = DeviceCollector([saying("x", ("edge_cpu_cores", ("host",), 2.0))])
    said, page = DevicePage(device)(accept)
    device.close()
    assert said == content_type
    assert page.endswith(b"# EOF\n") == (content_type == OPENMETRICS)


def test_programs_that_cannot_be_told_cost_the_device_nothing() -> None:
    class Broken(Collector):
        def collect(self) -> Iterator[Metric]:
            raise ZeroDivisionError

    device = DeviceCollector([saying("x", ("edge_cpu_cores", ("host",), 2.0))])
    _, page = DevicePage(device, Broken())()
    device.close()
    assert b'edge_cpu_cores{scope="host"} 2.0\n' in page
    assert b'edge_sensor_up{sensor="workloads",source="socket",reason="failed"} 0.0\n' in page
