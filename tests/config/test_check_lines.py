"""`edgeshift check` says what is right, what is not, and what to do, without asking a real Prometheus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from decision_engine.catalog.reading import catalog_from
from decision_engine.check import print_checks, run_checks
from decision_engine.check.line import CheckLine, few
from decision_engine.check.local import check_catalog, check_state_directory, check_tokens
from decision_engine.check.presence import NEEDED, WITHOUT, check_signals
from decision_engine.check.scraping import UP, QueryRefused, check_scraping
from decision_engine.config import ConfigError, load_settings
from decision_engine.observe.presets import PRESETS
from decision_engine.observe.signals import Signal
from decision_engine.wiring import actuators_of
from tests.builders.catalogue import changed_fleet, fleet, write_fleet
from tests.builders.configuration import MINIMAL, settings_with, write_private, write_settings

NOW = 1_700_000_000.0
CATALOG = catalog_from(fleet(), "fleet.yaml")
CPU = Signal("cpu", "edge_cpu_usage_ratio", "ratio", "range", "device")
MEMORY = Signal("memory", "edge_memory_usage_ratio", "ratio", "range", "device")
THERMAL = Signal("thermal_headroom", "trip - degrees", "kelvin", "instant", "device", freshness="timestamp(degrees)")
GPU = Signal("gpu", "edge_gpu_usage_ratio", "ratio", "range", "device")
CORES = Signal("workload_cpu_cores", "rate(ai_cpu[20s])", "cores", "instant", "placement", freshness="timestamp(ai_cpu)")
TARGETS_URL = "http://127.0.0.1:8780/api/v1/targets"


@dataclass
class FakePrometheus:
    """Answers that a test wrote down; a query that it does not know is refused."""

    answers: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    now: float = NOW

    def metric_names(self) -> frozenset[str]:
        return self.names

    def ask(self, promql: str) -> Sequence[Mapping[str, Any]]:
        if promql not in self.answers:
            raise QueryRefused("parse error")
        return self.answers[promql]


def up(device: str, value: int = 1, cluster: str = "edges") -> dict[str, Any]:
    """One target's ``up``."""
    return {"metric": {"device": device, "cluster": cluster}, "value": [NOW, str(value)]}


def ranged(label: str, name: str, *ages: float, value: str = "0.5") -> dict[str, Any]:
    """A series with samples of these ages."""
    return {"metric": {label: name}, "values": [[NOW - age, value] for age in ages]}


def cpu_line(*series: dict[str, Any], names: frozenset[str] = frozenset()) -> CheckLine:
    """The line about the CPU signal."""
    return check_signals((CPU,), CATALOG, FakePrometheus({"edge_cpu_usage_ratio[60000ms]": series}, names), 15.0)[0]


EVERYWHERE = [ranged("device", name, 10.0, 2.0) for name in ("edge-01", "edge-02", "edge-03")]


@pytest.mark.parametrize(
    ("results", "sentences"),
    [
        pytest.param([up("edge-01"), up("edge-02"), up("edge-03")], ["all 3 devices of the catalogue are scraped and answer"], id="all"),
        pytest.param(
            [up("edge-01"), up("edge-02")], ["1 devices are in the catalogue, but Prometheus does not scrape them: edge-03"], id="one"
        ),
        pytest.param(
            [up("edge-01", 0), up("edge-02"), up("edge-03")], ["1 devices do not answer Prometheus (up is 0): edge-01"], id="down"
        ),
        pytest.param(
            [*map(up, ("edge-01", "edge-02", "edge-03", "x"))], ["1 devices are scraped, but not in the catalogue: x"], id="stranger"
        ),
        pytest.param(
            [up("edge-01", cluster="other"), up("edge-02"), up("edge-03")],
            ["1 devices are scraped under another cluster than the catalogue's: edge-01"],
            id="other-cluster",
        ),
        pytest.param(
            [up("edge-01", 0), up("x")],
            [
                "2 devices are in the catalogue, but Prometheus does not scrape them: edge-02, edge-03",
                "1 devices do not answer Prometheus (up is 0): edge-01",
                "1 devices are scraped, but not in the catalogue: x",
            ],
            id="several",
        ),
    ],
)
def test_targets_are_held_against_the_catalogue(results: list[dict[str, Any]], sentences: list[str]) -> None:
    lines = check_scraping(CATALOG, FakePrometheus({UP: results}), TARGETS_URL)
    assert [line.sentence for line in lines] == sentences
    assert all(line.ok == (not line.advice) for line in lines)


@pytest.mark.parametrize(
    ("series", "ok", "said"),
    [
        pytest.param(EVERYWHERE, True, "present for 3 of 3 devices, newest sample 2.0 s old", id="all"),
        pytest.param(EVERYWHERE[:2], False, "present for 2 of 3 devices", id="one-absent"),
        pytest.param([*EVERYWHERE[:2], ranged("device", "edge-03", 40.0)], False, "1 older than 15 s (edge-03)", id="one-stale"),
        pytest.param([*EVERYWHERE[:2], ranged("device", "edge-03", 1.0, value="NaN")], False, "present for 2 of 3", id="not-a-number"),
        pytest.param([*EVERYWHERE, ranged("device", "x", 1.0)], True, "present for 3 of 3", id="stranger"),
        pytest.param([], False, "present for 0 of 3 devices", id="none"),
    ],
)
def test_a_needed_signal_must_be_fresh_for_every_device(series: list[dict[str, Any]], ok: bool, said: str) -> None:
    line = cpu_line(*series)
    assert line.ok is ok
    assert said in line.sentence
    assert bool(line.advice) is not ok


def test_the_advice_tells_a_missing_metric_from_missing_labels() -> None:
    assert "start `edgeshift exporter`" in cpu_line().advice
    assert "with no known label device" in cpu_line(names=frozenset({"edge_cpu_usage_ratio"})).advice
    assert "absent for edge-03: see there whether `edgeshift exporter` runs" in cpu_line(*EVERYWHERE[:2]).advice


def test_nobody_is_told_to_start_what_can_be_seen_to_run() -> None:
    prometheus = FakePrometheus({"edge_cpu_usage_ratio[60000ms]": EVERYWHERE[:2], "edge_memory_usage_ratio[60000ms]": EVERYWHERE})
    line = check_signals((CPU, MEMORY), CATALOG, prometheus, 15.0)[0]
    assert not line.ok
    assert line.advice == "absent for edge-03: other signals of edge-03 are there, so look at edge_sensor_up for the reason"
    assert line.state == "FAIL"


def test_what_some_devices_do_without_is_a_note() -> None:
    prometheus = FakePrometheus({"trip - degrees": [{"metric": {"device": "edge-01"}, "value": [NOW, "30"]}], "timestamp(degrees)": []})
    line = check_signals((THERMAL,), CATALOG, prometheus, 15.0)[0]
    assert (line.ok, line.state) == (True, "note")
    assert line.advice.startswith("absent for edge-02, edge-03: nothing is wrong where a board has no throttle trip")


def test_every_signal_that_one_can_do_without_says_what_that_means() -> None:
    assert {name for rows in PRESETS.values() for name in rows} == NEEDED | set(WITHOUT)


def test_a_signal_that_no_device_should_have_is_no_failure() -> None:
    line = check_signals((GPU,), CATALOG, FakePrometheus({"edge_gpu_usage_ratio[60000ms]": []}), 15.0)[0]
    assert line == CheckLine(True, "signal gpu", "no devices of the catalogue should have it")


def test_a_signal_that_one_can_do_without_is_told_and_no_failure() -> None:
    line = check_signals((CORES,), CATALOG, FakePrometheus({CORES.promql: [], CORES.freshness: []}), 15.0)[0]
    assert line.ok
    assert line.sentence == "present for 0 of 2 workloads"
    assert line.advice


def test_placements_count_for_their_workload_and_freshness_gives_the_age() -> None:
    name = "detector/cam-01/main@edge-01#1"
    answers: dict[str, Sequence[Mapping[str, Any]]] = {
        CORES.promql: [{"metric": {"placement": name}, "value": [NOW, "0.4"]}],
        CORES.freshness: [{"metric": {"placement": name}, "value": [NOW, str(NOW - 3)]}],
    }
    line = check_signals((CORES,), CATALOG, FakePrometheus(answers), 15.0)[0]
    assert line.sentence == "present for 1 of 2 workloads, newest sample 3.0 s old"


def test_a_query_that_is_refused_is_one_line() -> None:
    line = check_signals((CPU,), CATALOG, FakePrometheus(), 15.0)[0]
    assert not line.ok
    assert line.sentence == "Prometheus refuses edge_cpu_usage_ratio: parse error"


def test_a_wrong_configuration_is_told_line_by_line(tmp_path: Path) -> None:
    lines = run_checks(write_settings(tmp_path, settings_with("times.cycle_seconds", -1) | {"catalog": 5}))
    assert [(line.ok, line.subject) for line in lines] == [(False, "configuration")] * 2


def test_a_catalogue_is_told_with_its_mistakes_actuators_and_versions(tmp_path: Path) -> None:
    settings = load_settings(write_settings(tmp_path, settings_with("actuators.simulated", {"url": "http://127.0.0.1:1"})))
    write_fleet(tmp_path)
    assert [line.ok for line in check_catalog(settings)[1]] == [True]
    write_fleet(tmp_path, changed_fleet("clusters", 0, actuator="process"))
    assert "actuator process, which the settings do not have" in check_catalog(settings)[1][1].sentence
    write_fleet(tmp_path, changed_fleet("versions", 0, state="retired"))
    assert "1 workloads have no active version: detector/cam-01/main" in check_catalog(settings)[1][1].sentence
    write_fleet(tmp_path, changed_fleet("devices", 0, cluster="x"))
    catalog, lines = check_catalog(settings)
    assert catalog is None
    assert [line.sentence for line in lines] == ['devices[0].cluster: "x" is not a cluster']


@pytest.mark.parametrize("actuator", ["process", "kubernetes"])
def test_a_cluster_that_no_engine_would_start_with_fails(tmp_path: Path, actuator: str) -> None:
    path = write_settings(tmp_path, settings_with("actuators.simulated", {"url": "http://127.0.0.1:1"}))
    write_fleet(tmp_path, changed_fleet("clusters", 0, actuator=actuator))
    settings = load_settings(path)
    catalog, lines = check_catalog(settings)
    assert catalog is not None
    with pytest.raises(ConfigError):
        actuators_of(settings, catalog)
    assert any(f"the actuator {actuator}" in line.sentence for line in lines if not line.ok)
    assert print_checks(path, json=True) == 1


@pytest.mark.parametrize(("settings_there", "example"), [(False, "edgeshift.example.yaml"), (True, "fleet.example.yaml")])
def test_a_file_that_is_not_there_is_not_to_be_mended_but_to_be_had(tmp_path: Path, settings_there: bool, example: str) -> None:
    path = write_settings(tmp_path) if settings_there else tmp_path / "nope.yaml"
    advice = [line.advice for line in run_checks(path) if line.subject in ("configuration", "catalogue") and not line.ok]
    assert len(advice) == 1
    assert advice[0].startswith(f"copy docs/examples/{example} ")
    assert (Path(__file__).parents[2] / "docs/examples" / example).is_file()
    assert "mend" not in advice[0]


def test_tokens_are_told_by_name_and_role(tmp_path: Path) -> None:
    settings = load_settings(write_settings(tmp_path, settings_with("service.tokens_file", "tokens")))
    assert [line.ok for line in check_tokens(settings)] == [False]
    write_private(tmp_path / "tokens", "kim operator hunter2hunter2hunter2\n")
    assert check_tokens(settings) == [CheckLine(True, "tokens", "kim (operator)")]
    write_private(tmp_path / "tokens", "kim boss hunter2\n")
    assert [line.ok for line in check_tokens(settings)] == [False, False]


def test_the_state_directory_must_be_a_folder_that_can_be_written(tmp_path: Path) -> None:
    settings = load_settings(write_settings(tmp_path, {**MINIMAL, "state_directory": "a/b"}))
    assert check_state_directory(settings)[0].sentence.endswith("will be made at the first start")
    assert not (tmp_path / "a").exists()
    settings.state_directory.mkdir(parents=True)
    assert check_state_directory(settings)[0].sentence.endswith("can be written")
    assert list(settings.state_directory.iterdir()) == []
    settings.state_directory.rmdir()
    settings.state_directory.write_text("")
    assert not check_state_directory(settings)[0].ok


def test_the_exit_code_and_json_tell_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_settings(tmp_path, settings_with("schema", 2))
    assert print_checks(path, json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert told["checks"][0]["sentence"] == "schema: must be 1, not 2"
    assert print_checks(path, json=False) == 1
    assert capsys.readouterr().out.startswith("FAIL  configuration: schema: must be 1, not 2\n      → mend ")


def test_many_names_are_told_by_a_few() -> None:
    assert few({"b", "a"}) == "a, b"
    assert few([f"edge-{number}" for number in range(8)]) == "edge-0, edge-1, edge-2, edge-3, edge-4 and 3 more"
