"""Settings are read whole, or every mistake in them is told at once with its path and a hint."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from decision_engine.config import ConfigError, load_settings
from decision_engine.config.limits import RULES
from decision_engine.core.limits import Limits
from tests.builders.configuration import MINIMAL, settings_with, write_private, write_settings


def errors_of(directory: Path, document: dict[str, Any] | str) -> list[str]:
    """Every mistake in a document."""
    try:
        load_settings(write_settings(directory, document))
    except ConfigError as error:
        return list(error.errors)
    return []


def test_what_is_left_out_has_the_house_defaults(tmp_path: Path) -> None:
    settings = load_settings(write_settings(tmp_path))
    assert settings.limits == Limits()
    assert (settings.service.host, settings.service.port) == ("127.0.0.1", 8780)
    assert settings.prometheus.bearer_token is None
    assert settings.journal_url == f"sqlite:///{tmp_path}/state/journal.db"
    assert settings.recorder.directory == tmp_path / "state/recorder"
    assert settings.actuators.simulated is None
    assert settings.signals.overrides == {}


def test_numbers_reach_the_limits(tmp_path: Path) -> None:
    document = {**MINIMAL, "times": {"grid_steps": [1, 2], "scrape_seconds": 15}, "autonomy": {"SC-1": "off", "SC-12": "observe"}}
    limits = load_settings(write_settings(tmp_path, document)).limits
    assert limits.times.grid_steps == (1, 2)
    assert limits.times.fresh_seconds == 45.0
    assert limits.autonomy == {"SC-1": "off", "SC-12": "observe"}


def test_off_needs_no_quotes(tmp_path: Path) -> None:
    right = "schema: 1\nprometheus: {url: 'http://h:1/p/'}\ncatalog: /f.yaml\nstate_directory: s\n"
    text = right + "autonomy:\n  SC-1: off\n  # SC-2: auto\ntimes:\n"
    settings = load_settings(write_settings(tmp_path, text))
    assert settings.limits.autonomy == {"SC-1": "off"}
    assert settings.prometheus.url == "http://h:1/p"
    assert settings.catalog == Path("/f.yaml")


def test_relative_paths_are_meant_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    write_private(folder / "token", "t" * 16)
    document = {
        **MINIMAL,
        "prometheus": {"url": "http://127.0.0.1:9090", "bearer_token_file": "token"},
        "journal_url": "sqlite:///j.db",
        "service": {"tokens_file": "tokens"},
        "actuators": {"process": {"state_directory": "p", "commands": {"detector": ["/bin/detector", "{camera}"]}}},
        "recorder": {"directory": "r"},
    }
    write_settings(folder, document)
    monkeypatch.chdir(tmp_path)
    settings = load_settings(Path("etc/edgeshift.yaml"))
    assert settings.actuators.process is not None
    assert [settings.catalog, settings.state_directory, settings.service.tokens_file, settings.recorder.directory] == [
        folder / name for name in ("fleet.yaml", "state", "tokens", "r")
    ]
    assert settings.actuators.process.state_directory == folder / "p"
    assert settings.actuators.process.commands == {"detector": ("/bin/detector", "{camera}")}
    assert settings.journal_url == f"sqlite:///{folder}/j.db"
    assert settings.prometheus.bearer_token is not None
    assert settings.prometheus.bearer_token.matches("t" * 16)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        pytest.param("schema", 2, "schema: must be 1, not 2", id="schema"),
        pytest.param("prometheus", ..., "prometheus: is missing", id="missing"),
        pytest.param("catalogue", "f", 'catalogue: is not known; did you mean "catalog"?', id="near-miss"),
        pytest.param("time", {}, 'time: is not known; did you mean "times"?', id="near-miss-section"),
        pytest.param("times.scrape_secods", 1, 'times.scrape_secods: is not known; did you mean "scrape_seconds"?', id="near-miss-limit"),
        pytest.param("service.tokens", "x", 'did you mean "tokens_file"?', id="near-miss-service"),
        pytest.param("actuators.simulted", {}, 'did you mean "simulated"?', id="near-miss-actuator"),
        pytest.param("service", 5, "service: must be a mapping of keys to values, not 5", id="no-mapping"),
        pytest.param("times.grid_seconds", "5", 'times.grid_seconds: must be a number, not "5"', id="number-as-text"),
        pytest.param("times.grid_seconds", True, "times.grid_seconds: must be a number, not true", id="flag-as-number"),
        pytest.param("times.grid_seconds", float("nan"), "times.grid_seconds: must be a finite number", id="nan"),
        pytest.param("times.cycle_seconds", 0, "times.cycle_seconds: must be at least 0.1 s, not 0", id="no-rhythm"),
        pytest.param("times.fresh_scrapes", 0.5, "times.fresh_scrapes: must be at least 1, not 0.5", id="fresh"),
        pytest.param("times.grid_steps", [1, 1], "times.grid_steps: must rise", id="steps-not-rising"),
        pytest.param("times.grid_steps", [0, 1], "times.grid_steps: must rise from at least 1", id="step-zero"),
        pytest.param("times.grid_steps", [], "times.grid_steps: must rise", id="no-steps"),
        pytest.param("times.grid_steps", [1, 2.5], "times.grid_steps[1]: must be a whole number, not 2.5", id="half-step"),
        pytest.param("overload.cpu_ratio", 85, "must be a ratio from 0 to 1, not 85; percent are not meant", id="percent"),
        pytest.param("overload.cpu_ratio", 0, "overload.cpu_ratio: must be above 0", id="always-overloaded"),
        pytest.param("foresight.probability", -0.1, "must be a ratio from 0 to 1, not -0.1", id="probability"),
        pytest.param("moving.unmeasured_cost_factor", 0.5, "must be at least 1, not 0.5", id="cost-factor"),
        pytest.param("budget.in_flight", 1.5, "budget.in_flight: must be a whole number, not 1.5", id="half-a-move"),
        pytest.param("budget.in_flight", 0, "budget.in_flight: must be at least 1, not 0", id="no-budget"),
        pytest.param("autonomy.SC1", "auto", 'autonomy.SC1: is not a scenario; did you mean "SC-1', id="scenario"),
        pytest.param("autonomy.SC-18", "auto", "autonomy.SC-18: is not a scenario", id="scenario-18"),
        pytest.param("autonomy.SC-1", "approve", "approval by a person is not available yet; use observe or auto", id="approve"),
        pytest.param("autonomy.SC-1", False, "must be one of off, observe, auto, not false", id="false"),
        pytest.param("signals.preset", "edgshift", 'did you mean "edgeshift"?', id="preset"),
        pytest.param("signals.overrides", {"cpu": "up"}, "signals.overrides.cpu: must be a mapping", id="override"),
        pytest.param("forecasting.method", "regresion", 'did you mean "regression"?', id="method"),
        pytest.param("forecasting.window_points", 2, "forecasting.window_points: must be at least 4, not 2", id="window"),
        pytest.param("recorder.cycles", 0, "recorder.cycles: must be above 0, not 0", id="cycles"),
        pytest.param("service.max_body_bytes", -1, "service.max_body_bytes: must be above 0, not -1", id="body"),
        pytest.param("service.listen", "8780", "is not host:port", id="no-host"),
        pytest.param("prometheus.timeout_seconds", 0, "prometheus.timeout_seconds: must be above 0, not 0", id="timeout"),
        pytest.param("actuators.process", {"state_directory": "p", "commands": {"detector": []}}, "must name a program", id="no-program"),
        pytest.param("actuators.process", {"state_directory": "p", "commands": {"De": ["x"]}}, "is not an id", id="no-package"),
        pytest.param("actuators.process", {"state_directory": "p", "environment": {"A": 1}}, "write it in quotes", id="environment"),
        pytest.param("prometheus.bearer_token", "hunter2", "must not stand in this file", id="token-in-the-file"),
        pytest.param("journal_url", "journal.db", "must be a database URL such as sqlite:///journal.db", id="journal"),
    ],
)
def test_one_mistake_is_told_with_its_path(tmp_path: Path, path: str, value: Any, said: str) -> None:
    errors = errors_of(tmp_path, settings_with(path, value))
    assert any(said in line for line in errors), errors
    assert all("\n" not in line for line in errors)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("prometheus.url", "http://admin:hunter2@127.0.0.1:9090", id="url"),
        pytest.param("prometheus.url", "hunter2", id="no-url"),
        pytest.param("prometheus.url", "http://127.0.0.1:9090/?token=hunter2", id="query"),
        pytest.param("prometheus.url", ["hunter2"], id="list"),
        pytest.param("journal_url", "postgresql://edge:hunter2@db/edge", id="journal"),
        pytest.param("journal_url", "postgresql://db/edge?password=hunter2", id="journal-query"),
        pytest.param("prometheus.bearer_token", "hunter2", id="token"),
        pytest.param("prometheus.bearer_token", 5, id="token-number"),
    ],
)
def test_credentials_in_the_file_are_refused_and_never_repeated(tmp_path: Path, path: str, value: Any) -> None:
    errors = errors_of(tmp_path, settings_with(path, value))
    assert [line.partition(":")[0] for line in errors] == [path]
    assert "hunter2" not in "".join(errors)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    document = {
        "schema": 1,
        "prometheus": {"ur": "x"},
        "catalog": 5,
        "times": {"scrape_seconds": -1, "grid_seconds": "x"},
        "autonomy": {"SC-1": "approve"},
        "service": {"listen": "0.0.0.0:1"},
    }
    assert [line.partition(": ")[0] for line in errors_of(tmp_path, document)] == [
        "prometheus.url",
        "prometheus.ur",
        "catalog",
        "state_directory",
        "times.grid_seconds",
        "times.scrape_seconds",
        "autonomy.SC-1",
        "service.listen",
    ]


@pytest.mark.parametrize(
    ("listen", "loopback"),
    [
        pytest.param("127.0.0.1:8780", True, id="v4"),
        pytest.param("127.9.9.9:8780", True, id="whole-net"),
        pytest.param("[::1]:8780", True, id="v6"),
        pytest.param("localhost:8780", True, id="name"),
        pytest.param("0.0.0.0:8780", False, id="every-address"),
        pytest.param("[::]:8780", False, id="every-v6"),
        pytest.param("10.0.0.7:8780", False, id="lan"),
        pytest.param("edge.example:8780", False, id="other-name"),
    ],
)
def test_beyond_this_machine_a_tokens_file_is_needed(tmp_path: Path, listen: str, loopback: bool) -> None:
    errors = errors_of(tmp_path, settings_with("service.listen", listen))
    assert (errors == []) is loopback
    assert all("service.tokens_file must name who may ask" in line for line in errors)
    named = {**MINIMAL, "service": {"listen": listen, "tokens_file": "tokens"}}
    assert errors_of(tmp_path, named) == []


def test_every_number_of_the_limits_has_a_range() -> None:
    numbers = {
        f"{section.name}.{field.name}"
        for section in dataclasses.fields(Limits)
        if section.name != "autonomy"
        for field in dataclasses.fields(getattr(Limits(), section.name))
        if field.name != "grid_steps"
    }
    assert {f"{section}.{name}" for section, rules in RULES.items() for name in rules} == numbers


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"edgeshift\.yaml cannot be read: No such file"):
        load_settings(tmp_path / "edgeshift.yaml")


def test_settings_do_not_show_the_token(tmp_path: Path) -> None:
    write_private(tmp_path / "token", "hunter2hunter2hunter2")
    settings = load_settings(write_settings(tmp_path, settings_with("prometheus.bearer_token_file", "token")))
    assert settings.prometheus.bearer_token is not None
    assert "hunter2" not in repr(settings) + str(settings.prometheus.model_dump())
