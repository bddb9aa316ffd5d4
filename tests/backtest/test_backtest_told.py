"""What a backtest tells: figures as the engine acts, ratios, units, lead in seconds, and what warns of a source."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from decision_engine.backtest.table import print_tables
from decision_engine.cli import app
from decision_engine.core.limits import Foresight
from tests.builders.backtest import traces

HEAVY = {"numpy", "pandas", "sklearn", "scipy", "rich.progress"}
ACTING = ("f1_acting", "precision_acting", "recall_acting", "caught_acting", "false_per_day_acting", "gate_open")


def backtest(folder: Path, *words: str) -> str:
    """Standard output of a run over the few series of one file."""
    asked = ["backtest", "--traces", str(traces(folder)), "--dataset", "yard", "--max-points", "80", *words]
    done = CliRunner(env={"NO_COLOR": "1", "COLUMNS": "250"}).invoke(app, asked, prog_name="edgeshift")
    assert done.exit_code == 0, done.stderr
    return done.stdout


def told(folder: Path, *words: str) -> Any:
    """The same as JSON."""
    return json.loads(backtest(folder, *words, "--json"))


def test_the_command_line_loads_nothing_heavy() -> None:
    code = f"import sys, decision_engine.cli; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60.0, check=True)
    assert done.stdout.strip() == "[]"


def test_help_names_the_engines_own_probability_and_what_a_short_history_costs() -> None:
    words = " ".join(CliRunner(env={"NO_COLOR": "1", "COLUMNS": "250"}).invoke(app, ["backtest", "--help"]).stdout.replace("│", "").split())
    assert f"[default: {Foresight().probability}]" in words
    assert "240 columns of 30 s, and then knows nothing of yesterday" in words


def test_the_engines_own_probability_is_the_default_and_another_may_be_asked_for(tmp_path: Path) -> None:
    words = ("--method", "learned", "--horizons", "1,3")
    usual, always = told(tmp_path, *words), told(tmp_path, *words, "--probability", "0")
    assert (usual["probability"], always["probability"]) == (Foresight().probability, 0.0)
    for method, one in usual["means"].items():
        assert (one["gate_open"]["value"][0] is not None) == (method == "learned")
        assert all(len(one[figure]["value"]) == 2 for figure in ACTING)
    learned, margin = (always["sources"]["yard"]["methods"][name] for name in ("learned", "margin"))
    assert learned["gate_open"]["value"][0] >= 0.5
    assert learned["recall_acting"]["value"][0] == 1.0
    assert learned["false_per_day_acting"]["value"][0] > margin["false_per_day_acting"]["value"][0]


def test_a_closed_gate_acts_as_the_margin_rule(tmp_path: Path) -> None:
    methods = told(tmp_path, "--method", "learned", "--horizons", "1,3")["sources"]["yard"]["methods"]
    assert methods["learned"]["gate_open"]["value"][1] == 0.0
    for figure in ACTING[:-1]:
        assert methods["learned"][figure]["value"][1] == methods["margin"][figure]["value"][1]


def test_ratios_and_seconds_stand_beside_what_they_are_made_of(tmp_path: Path) -> None:
    report = told(tmp_path, "--method", "line", "--history", "50")
    assert report["history_columns"] == 50
    yard = report["sources"]["yard"]["methods"]
    for figure, rule in (("rmse", "last-value"), ("pinball", "margin")):
        expected = np.divide(yard["line"][figure]["value"], yard[rule][figure]["value"])
        np.testing.assert_allclose(yard["line"][f"{figure}_ratio"]["value"], expected, atol=2e-3)
        assert yard[rule][f"{figure}_ratio"]["value"] == [1.0] * 4
    assert yard["margin"]["brier_skill"]["value"] == [0.0] * 4
    gain = np.subtract(yard["line"]["f1_acting"]["value"], yard["margin"]["f1_acting"]["value"])
    np.testing.assert_allclose(yard["line"]["f1_acting_gain"]["value"], gain, atol=2e-5)
    leads, seconds = (yard["line"][name]["value"] for name in ("median_lead", "median_lead_seconds"))
    assert any(lead is not None for lead in leads)
    assert seconds == [None if lead is None else lead * 60.0 for lead in leads]
    assert report["means"]["line"]["median_lead_seconds"]["value"] == seconds


def test_a_table_says_units_and_what_intervals_are_over(tmp_path: Path) -> None:
    table = " ".join(backtest(tmp_path, "--method", "line", "--history", "50").split())
    for words in (
        "RMSE ÷ last value's", "pinball p90 ÷ margin's", "F1 as it acts", "lead, steps", "gate open", "handed the newest 50 columns",
        "µs: time per series and refresh", "per series and day", "alarm from P 0.3 on where the method's gate is open",
        "95 %, from weighing each source's machines anew", "of the scored run held fixed", "small ones pay more per series",
        "left out of its mean", f"traces of {tmp_path.name} · yard · at most 80 columns of all series", "history 50",
        "MAE skill · 1/3/6/12", "F1 · 6/12",
    ):  # fmt: skip
        assert words in table, words
    assert "−0.00" not in table


@pytest.mark.parametrize(
    ("limit", "remark", "figures"),
    [("0.8", "only 2 machines, only 1 event", True), ("2", "only 2 machines, no event", False)],
    ids=["few machines", "nothing to foresee"],
)
def test_a_source_that_tells_little_says_so_beside_its_figures(tmp_path: Path, limit: str, remark: str, figures: bool) -> None:
    words = ("--method", "smoothing", "--limit", limit)
    table = " ".join(backtest(tmp_path, *words).split())
    assert remark in table, "in the table of sources"
    assert table.count("(only 2 machines") == 2, "in each table by source"
    yard = told(tmp_path, *words)["sources"]["yard"]
    assert ", ".join(yard["warnings"]) == remark
    assert any(yard["events"]) == figures
    for name in ("f1", "precision", "f1_acting", "precision_acting", "recall"):
        assert figures or yard["methods"]["margin"][name] == {"value": [None] * 4}, name


def test_a_narrow_console_cuts_no_figure(tmp_path: Path) -> None:
    report = told(tmp_path, "--method", "line", "--method", "learned")
    pages = {}
    for width in (80, 300):
        page = io.StringIO()
        print_tables(report, Console(file=page, width=width))
        pages[width] = page.getvalue()
    figures = {width: Counter(re.findall(r"−?\d[\d.,]*", page)) for width, page in pages.items()}
    assert figures[80] == figures[300]
    assert "0.…" not in pages[80]
    assert max(len(line) for line in pages[80].splitlines() if "Origins from" in line) <= 80, "words keep to the console's width"


def test_sources_come_first_with_what_they_are(tmp_path: Path) -> None:
    lines = backtest(tmp_path, "--method", "smoothing").splitlines()
    assert lines[0].startswith("edgeshift ")
    row = next(line for line in lines if "yard" in line and "machines" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")][:6] == ["yard", "4", "2", "320", "60", "98.1 %"]


def test_a_mean_of_fewer_sources_is_marked(tmp_path: Path) -> None:
    report = told(tmp_path, "--method", "smoothing")
    assert report["means"]["smoothing"]["skill"]["sources"] == [1] * 4
    report["means"]["smoothing"]["skill"] |= {"value": [0.11, 0.22, 0.33, None], "sources": [2, 1, 2, 0]}
    page = io.StringIO()
    print_tables(report, Console(file=page, width=200))
    assert " 0.11 0.22* 0.33 – " in page.getvalue()
