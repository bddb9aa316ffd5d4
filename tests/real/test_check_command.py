"""`edgeshift check` against a real Prometheus that scrapes real pages, and against addresses where none is."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from decision_engine.catalog.store import YamlCatalogStore
from decision_engine.catalog.targets import write_targets
from decision_engine.check import CheckLine, run_checks
from tests.builders.catalogue import device, write_fleet
from tests.builders.configuration import MINIMAL, write_private, write_settings
from tests.builders.prometheus_process import Page, PrometheusProcess, free_port, running_prometheus, served_page, within

PLACEMENT = 'workload="detector/cam-01/main",placement="detector/cam-01/main@edge-01#1",class="01",version="1"'
DEVICE_PAGE = 'edge_cpu_usage_ratio{scope="host"} 0.4\nedge_memory_usage_ratio 0.5\n'
WORKLOAD_PAGE = f"ai_last_result_timestamp_seconds{{{PLACEMENT}}} 1\nai_process_cpu_seconds_total{{{PLACEMENT}}} 7\n"
PROMETHEUS = """
global: {scrape_interval: 500ms, scrape_timeout: 400ms}
scrape_configs:
  - job_name: edge
    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
"""


@dataclass
class Field:
    """Two devices that are scraped by a real Prometheus, and the settings that lead there."""

    prometheus: PrometheusProcess
    pages: tuple[Page, Page]
    directory: Path
    config: Path

    def lines(self) -> dict[str, CheckLine]:
        """The findings by subject; of several the last."""
        return {line.subject: line for line in run_checks(self.config)}


def settings_for(url: str, **more: Any) -> dict[str, Any]:
    """Settings whose rhythm is that of the test's Prometheus."""
    prometheus = {"url": url, "timeout_seconds": 2.0, **more}
    return {
        **MINIMAL,
        "prometheus": prometheus,
        "times": {"scrape_seconds": 0.5},
        "actuators": {"simulated": {"url": "http://127.0.0.1:9"}},
    }


def fleet_at(pages: tuple[Page, Page]) -> dict[str, Any]:
    """Two devices, one workload."""
    devices = [device(f"edge-0{number}", number, address=page.address) for number, page in enumerate(pages, start=1)]
    return {
        "schema": 1,
        "clusters": [{"id": "edges", "actuator": "simulated"}],
        "devices": devices,
        "cameras": [{"id": "cam-01", "home": "edge-01"}],
        "packages": [{"id": "detector"}],
        "versions": [{"package": "detector", "environment_class": "01", "version": "1", "artefact": "x"}],
        "workloads": [{"package": "detector", "camera": "cam-01", "home": "edge-01"}],
    }


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """The field, scraped at least once; one Prometheus for all, since file_sd takes it 5 s to begin."""
    directory = tmp_path_factory.mktemp("field")
    with ExitStack() as stack:
        pages = (stack.enter_context(served_page(DEVICE_PAGE + WORKLOAD_PAGE)), stack.enter_context(served_page(DEVICE_PAGE)))
        catalog, _ = YamlCatalogStore(write_fleet(directory, fleet_at(pages))).load()
        write_targets(catalog, directory / "targets.json")
        prometheus = stack.enter_context(running_prometheus(directory, PROMETHEUS))
        prometheus.wait_for("edge_memory_usage_ratio", count=2)
        prometheus.wait_for("ai_process_cpu_seconds_total")
        yield Field(prometheus, pages, directory, directory / "edgeshift.yaml")


@pytest.fixture
def place(scraped: Field) -> Iterator[Field]:
    """The field in order, before and after each test."""
    write_fleet(scraped.directory, fleet_at(scraped.pages))
    write_settings(scraped.directory, settings_for(scraped.prometheus.url))
    yield scraped
    scraped.pages[1].status = 200
    scraped.prometheus.wait_for("up == 1", count=2)


def test_a_fleet_that_is_in_order_has_no_failure(place: Field) -> None:
    lines = place.lines()
    assert [line for line in lines.values() if not line.ok] == []
    assert lines["targets"].sentence == "all 2 devices of the catalogue are scraped and answer"
    assert lines["signal cpu"].sentence.startswith("present for 2 of 2 devices, newest sample ")
    assert lines["signal last_result"].sentence.startswith("present for 1 of 1 workloads, newest sample ")
    assert lines["signal thermal_headroom"].sentence == "present for 0 of 2 devices"
    assert lines["signal thermal_headroom"].state == "note"
    assert "Prometheus has no metric of" in lines["signal thermal_headroom"].advice
    assert "exporter" not in lines["signal thermal_headroom"].advice


def test_a_device_that_stops_answering_is_named(place: Field) -> None:
    place.pages[1].status = 500
    place.prometheus.wait_for('up{device="edge-02"} == 0')
    assert within(10.0, lambda: "older than 1.5 s (edge-02)" in place.lines()["signal cpu"].sentence)
    lines = place.lines()
    assert lines["targets"].sentence == "1 devices do not answer Prometheus (up is 0): edge-02"
    assert not lines["signal cpu"].ok
    assert "edge-02" in lines["signal cpu"].advice


def test_a_device_that_is_catalogued_but_not_scraped_is_named(place: Field) -> None:
    document = fleet_at(place.pages)
    document["devices"].append(device("edge-03", 3, address="127.0.0.1:9"))
    write_fleet(place.directory, document)
    lines = place.lines()
    assert lines["targets"].sentence == "1 devices are in the catalogue, but Prometheus does not scrape them: edge-03"
    assert "edgeshift catalog targets" in lines["targets"].advice
    assert lines["signal memory"].sentence.startswith("present for 2 of 3 devices")


def test_wrong_promql_is_one_line_and_the_others_go_on(place: Field) -> None:
    overrides = {"cpu": {"promql": "edge_cpu_usage_ratio{"}}
    write_settings(place.directory, {**settings_for(place.prometheus.url), "signals": {"overrides": overrides}})
    lines = place.lines()
    assert lines["signal cpu"].sentence.startswith("Prometheus refuses edge_cpu_usage_ratio{: ")
    assert lines["signal memory"].ok


def test_an_unknown_signal_is_one_line(place: Field) -> None:
    write_settings(place.directory, {**settings_for(place.prometheus.url), "signals": {"overrides": {"cqu": {"promql": "up"}}}})
    assert "'cqu' is not known" in place.lines()["signals"].sentence


def test_the_command_prints_json_and_its_exit_code_tells(place: Field) -> None:
    command = (sys.executable, "-m", "decision_engine.entry", "check", "--config", str(place.config), "--json")
    right = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert right.returncode == 0, right.stdout + right.stderr
    assert json.loads(right.stdout)["ok"] is True
    write_settings(place.directory, settings_for(f"http://127.0.0.1:{free_port()}"))
    wrong = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert wrong.returncode == 1
    assert [line["subject"] for line in json.loads(wrong.stdout)["checks"] if not line["ok"]] == ["Prometheus"]
    assert "Traceback" not in wrong.stderr


def prometheus_lines(directory: Path, url: str, **more: Any) -> list[CheckLine]:
    """What is said about a Prometheus at this address."""
    write_fleet(directory)
    return [line for line in run_checks(write_settings(directory, settings_for(url, **more))) if line.subject == "Prometheus"]


def test_nobody_there_is_one_line_at_once(tmp_path: Path) -> None:
    begun = time.monotonic()
    url = f"http://127.0.0.1:{free_port()}"
    lines = prometheus_lines(tmp_path, url)
    assert [replace(line, advice="") for line in lines] == [CheckLine(False, "Prometheus", f"{url} cannot be reached")]
    assert lines[0].advice
    assert time.monotonic() - begun < 5.0


def test_somebody_who_never_answers_is_one_line_after_the_timeout(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        begun = time.monotonic()
        lines = prometheus_lines(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=0.5)
        assert time.monotonic() - begun < 5.0
    assert ["did not answer within 0.5 s" in line.sentence for line in lines] == [True]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param(200, "does not answer as Prometheus does", id="other-service"),
        pytest.param(401, "refuses the token (HTTP 401)", id="token"),
        pytest.param(503, "answers HTTP 503", id="starting"),
        pytest.param(302, "answers HTTP 302", id="redirect-to-nowhere"),
    ],
)
def test_somebody_else_is_one_line(tmp_path: Path, status: int, said: str) -> None:
    write_private(tmp_path / "token", "hunter2hunter2hunter2")
    with served_page("hello") as page:
        page.status = status
        lines = prometheus_lines(tmp_path, f"http://{page.address}", bearer_token_file="token")
    assert [said in line.sentence for line in lines] == [True], lines
    assert "hunter2" not in str(lines)
