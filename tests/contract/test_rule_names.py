"""Rules ask only for metrics that somebody promises, and every alert can be understood and looked up."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from decision_engine.service.metrics import ENGINE_METRICS
from exporters.contract import METRICS
from tests.builders.contract import ROOT
from tests.builders.tables import in_one_test

FROM_OTHERS = {
    "up", "kube_node_status_allocatable",
    "fps_metrics", "latency_metrics",
    "frigate_camera_fps", "frigate_process_fps", "frigate_detector_inference_speed_seconds",
    "nv_inference_request_success", "nv_inference_request_duration_us",
}  # fmt: skip
"""Made by Prometheus itself, by kube-state-metrics 2, DeepStream 9, Frigate and Triton."""

NOT_METRICS = {"and", "or", "unless", "bool", "offset", "inf", "nan", "start", "end"}
SEVERITIES = {"critical", "warning", "info", "none"}
WITHOUT_FOR = {"Watchdog", "EdgeshiftAsksForAPerson"}
"""One never rests, the other counts what has happened already."""


def rules() -> list[dict[str, Any]]:
    """Read every rule of every group of every file."""
    files = sorted((ROOT / "prometheus/rules").glob("*.yml"))
    return [rule for path in files for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


RULES = rules()
ALERTS = [pytest.param(rule, id=rule["alert"]) for rule in RULES if "alert" in rule]
RECORDS = [pytest.param(rule, id=rule["record"]) for rule in RULES if "record" in rule]


def metrics_in(expression: str) -> set[str]:
    """Name the metrics that a PromQL expression asks for: identifiers that are no label, function, number or keyword."""
    bare = re.sub(r"\"[^\"]*\"|'[^']*'", " ", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\b", " ", bare)
    names = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?![\w:]|\s*\()", bare)
    return {name for name in names if name.lower() not in NOT_METRICS}


def promised() -> set[str]:
    """Name every series that somebody promises, a histogram's three and recorded ones too."""
    names = FROM_OTHERS | {rule["record"] for rule in RULES if "record" in rule}
    for metric in (*METRICS, *ENGINE_METRICS):
        names |= {metric.name + suffix for suffix in ("_bucket", "_sum", "_count")} if metric.kind == "histogram" else {metric.name}
    return names


def sections() -> set[str]:
    """Name the sections of the operations page as a link does."""
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    return {heading.strip().lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", page, flags=re.MULTILINE)}


@in_one_test("rule", [*ALERTS, *RECORDS])
def test_rules_ask_for_promised_metrics_only(rule: dict[str, Any]) -> None:
    asked = metrics_in(rule["expr"])
    assert asked or "vector(" in rule["expr"]
    assert asked - promised() == set()


@in_one_test("rule", ALERTS)
def test_an_alert_says_how_bad_what_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in SEVERITIES
    assert ("for" in rule) != (rule["alert"] in WITHOUT_FOR)
    assert {"summary", "description", "runbook"} <= set(rule["annotations"])


@in_one_test("rule", ALERTS)
def test_an_alert_has_a_section_in_the_runbook(rule: dict[str, Any]) -> None:
    document, _, section = rule["annotations"]["runbook"].partition("#")
    assert document == "docs/operations.md"
    assert section == rule["alert"].lower()
    assert section in sections()


@in_one_test("rule", RECORDS)
def test_a_record_is_named_by_level_and_operation_or_keeps_an_old_name(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+|kube_[a-z_]+", rule["record"])


@pytest.mark.parametrize(
    ("expression", "asked"),
    [
        ("up == 0", {"up"}),
        ('max by (cluster, device) (max_over_time(edge_x_ratio{scope="lent"}[5m])) > 0.85', {"edge_x_ratio"}),
        ('label_replace(a_b, "resource", "cpu", "", "") or on (device) c_d', {"a_b", "c_d"}),
        ("sum(rate(x_total[1m])) / ignoring(le) group_left y:z:mean5m", {"x_total", "y:z:mean5m"}),
        ("vector(1)", set()),
        ("x > 1e3 and x offset 5m", {"x"}),
    ],
)
def test_the_search_finds_the_metrics_of_an_expression(expression: str, asked: set[str]) -> None:
    assert metrics_in(expression) - {"5m"} == asked
