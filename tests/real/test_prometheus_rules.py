"""Prometheus's and Alertmanager's own tools read our configuration, and every rule passes its tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "prometheus/rules").glob("*.yml"))
TESTS = sorted((ROOT / "prometheus/tests").glob("*.yml"))
ALERT_NAMES = [
    rule["alert"]
    for path in RULES
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
    if "alert" in rule
]
RECORD_NAMES = [
    rule["record"]
    for path in RULES
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
    if "record" in rule
]
ALWAYS_FIRING = {"Watchdog"}


def promtool() -> str:
    """Find promtool as the set-up does: named by the environment, or on PATH."""
    program = os.environ.get("EDGESHIFT_PROMTOOL") or shutil.which("promtool")
    assert program, "promtool is missing: make test installs it, or EDGESHIFT_PROMTOOL names it"
    return program


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a tool in the repository and keep what it says."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def cases(kind: str) -> list[dict[str, Any]]:
    """List the single expectations of all test files, of alerts or of expressions."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in TESTS]
    return [case for file in files for test in file["tests"] for case in test.get(kind, [])]


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_pass_their_tests(path: Path) -> None:
    done = run(promtool(), "test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_reads_its_configuration() -> None:
    done = run(promtool(), "check", "config", "prometheus/prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rule files found" in done.stdout + done.stderr


def test_alertmanager_reads_its_configuration() -> None:
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("amtool is not on PATH (Debian's prometheus-alertmanager brings it)")
    done = run(amtool, "check-config", "prometheus/alertmanager.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERT_NAMES)
def test_every_alert_is_seen_firing_and_seen_silent(alert: str) -> None:
    expectations = [bool(case["exp_alerts"]) for case in cases("alert_rule_test") if case["alertname"] == alert]
    assert True in expectations
    assert False in expectations or alert in ALWAYS_FIRING


@pytest.mark.parametrize("record", RECORD_NAMES)
def test_every_record_is_seen_with_a_value_and_without_one(record: str) -> None:
    expectations = [bool(case["exp_samples"]) for case in cases("promql_expr_test") if record in case["expr"]]
    assert set(expectations) == {True, False}


@pytest.mark.parametrize(
    ("tests", "was", "becomes"),
    [
        pytest.param("devices", "> 0.85", "> 0.95", id="limit"),
        pytest.param("devices", "for: 30s", "for: 5s", id="sooner"),
        pytest.param("devices", "for: 1m", "for: 5m", id="later"),
        pytest.param("devices", 'up{device!=""} == 0', "up == 0", id="other targets"),
        pytest.param("devices", 'switched_off"}) == 0', 'switched_off"}) >= 0', id="every sensor"),
        pytest.param("devices", '{scope="lent",', '{scope="nobody",', id="lent cores"),
        pytest.param("devices", '|switched_off"}', '"}', id="gated sensors"),
        pytest.param("devices", "|not_permitted", "", id="the administrator's files"),
        pytest.param("devices", "|no_sensor", "", id="parts without a sensor"),
        pytest.param("devices", "elsewhere|", "", id="what is told elsewhere"),
        pytest.param("devices", ',trust!="low"', "", id="unsure senders"),
        pytest.param("engine", "edgeshift_engine_blind == 1", "edgeshift_engine_blind >= 0", id="always blind"),
        pytest.param("engine", ' or absent(up{job="edgeshift"})', "", id="missing engine"),
        pytest.param("forecast", "> 0.5", "> 0.8", id="share of gates"),
    ],
)
def test_the_rules_tests_notice_a_changed_rule(tmp_path: Path, tests: str, was: str, becomes: str) -> None:
    alerts = (ROOT / "prometheus/rules/alerts.yml").read_text(encoding="utf-8")
    assert was in alerts
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules/alerts.yml").write_text(alerts.replace(was, becomes), encoding="utf-8")
    copy = shutil.copy(ROOT / f"prometheus/tests/{tests}.yml", tmp_path / "tests")
    done = run(promtool(), "test", "rules", str(copy))
    assert done.returncode != 0
    assert "FAILED" in done.stdout + done.stderr
