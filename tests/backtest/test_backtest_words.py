"""`edgeshift backtest` as a person meets it: tables, JSON, a figure, and one sentence for what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from decision_engine.backtest.reading import Extent
from decision_engine.backtest.request import BacktestRequest, PrometheusRange
from decision_engine.backtest.run import print_backtest
from decision_engine.cli import app
from decision_engine.core.limits import Foresight
from forecasting.methods import FOR_LOADS, METHODS
from tests.builders.backtest import traces

FAILED, INTERRUPTED = 1, 130
RANGE = ("--query", "up", "--from", "0", "--to", "3600", "--step", "30")


def backtest(*words: str, named: str = "") -> tuple[int, str, str]:
    """Code, standard output and standard error of the command, run in this process; ``named`` is the folder that the environment names."""
    done = CliRunner(env={"NO_COLOR": "1", "COLUMNS": "200", "EDGESHIFT_TRACES": named}).invoke(
        app, ["backtest", *words], prog_name="edgeshift"
    )
    return done.exit_code, done.stdout, done.stderr


def test_a_folder_gives_json_a_table_and_a_figure(tmp_path: Path) -> None:
    folder = str(traces(tmp_path))
    code, out, err = backtest("--traces", folder, "--json", "--figure", str(tmp_path / "figure.svg"))
    assert code == 0
    assert "days" in err
    told = json.loads(out)
    assert list(told["sources"]) == ["shop", "yard"]
    assert (told["interrupted"], told["unfinished"]) == (False, [])
    assert told["version"]
    assert told["asked"]["traces"] == tmp_path.name
    shop = told["sources"]["shop"]
    assert (shop["series"], shop["machines"], shop["points"], shop["grid_seconds"]) == (6, 3, 540, 60.0)
    assert list(shop["methods"]) == list(told["means"]) == list(FOR_LOADS)
    learned = shop["methods"]["learned"]
    assert len(learned["skill"]["value"]) == 4
    assert all(low <= high for low, high in zip(learned["skill"]["low"], learned["skill"]["high"], strict=True))
    assert learned["refresh_us"] > 0.0
    assert told["means"]["last-value"]["skill"]["value"] == [0.0] * 4
    assert set(told["reliability"]) == {"line", "learned"}
    words = "".join(ElementTree.parse(tmp_path / "figure.svg").getroot().itertext())
    assert all(method in words for method in FOR_LOADS)
    assert "Limit 0.8" in words


def test_the_table_shows_sources_and_methods_and_their_choice(tmp_path: Path) -> None:
    out_file = tmp_path / "table.txt"
    words = ("--method", "rolling-mean", "--limit", "p95", "--horizons", "1,4", "--max-series", "3", "--max-points", "80")
    code, out, _ = backtest("--traces", str(traces(tmp_path)), "--dataset", "yard", *words, "--out", str(out_file))
    assert (code, out) == (0, "")
    table = out_file.read_text(encoding="utf-8")
    assert set(re.findall(r"[a-z]+-[a-z]+", table)) >= {"last-value", "rolling-mean"}
    assert "predict-linear" not in table and "shop" not in table
    assert "horizons 1/4 steps" in table
    assert "p95" in table


def test_the_same_folder_gives_the_same_figures(tmp_path: Path) -> None:
    words = ("--traces", str(traces(tmp_path)), "--method", "smoothing", "--max-series", "2", "--json")
    once, again = (json.loads(backtest(*words)[1])["sources"] for _ in range(2))
    for told in (once, again):
        for source in told.values():
            assert source["series"] == 2
            for method in source["methods"].values():
                del method["refresh_us"]
    assert once == again


def rules(folder: Path) -> tuple[str, ...]:
    """Words that ask for methods without a probability."""
    return ("--traces", str(traces(folder)), "--method", "smoothing")


Arranged = Callable[[Path], tuple[str, ...]]
MISTAKES: dict[str, tuple[Arranged, str]] = {
    "nothing named": (lambda _: (), "name a folder of traces"),
    "no folder": (lambda path: ("--traces", str(path / "nowhere")), "is no folder"),
    "empty folder": (lambda path: ("--traces", str(path)), "holds no .parquet and no .csv file"),
    "unknown dataset": (lambda path: ("--traces", str(traces(path)), "--dataset", "mars"), "there are days, shop, yard"),
    "wrong columns": (lambda path: ("--traces", str(traces(path)), "--dataset", "days"), "days.csv has the columns day, vm;"),
    "unknown method": (lambda path: ("--traces", str(traces(path)), "--method", "oracle"), f"there are {', '.join(METHODS)}"),
    "no limit": (lambda path: ("--traces", str(traces(path)), "--limit", "high"), "--limit high is neither"),
    "no horizons": (lambda path: ("--traces", str(traces(path)), "--horizons", "3,1"), "--horizons 3,1 must be rising"),
    "too short": (lambda path: ("--traces", str(traces(path)), "--max-points", "70"), "has 70 steps of 60 s and 73 are needed"),
    "damaged": (lambda path: ("--traces", str(damaged(path))), "bad.parquet cannot be read: "),
    "no place to write": (lambda path: ("--traces", str(path), "--out", str(path / "no" / "x")), "there is no folder"),
    "half a range": (lambda _: ("--prometheus", "http://127.0.0.1:1", "--query", "up"), "needs --from, --to, --step as well"),
    "no time": (lambda _: ("--prometheus", "http://127.0.0.1:1", *RANGE[:3], "noon", *RANGE[4:]), "--from noon is neither"),
    "no step": (lambda _: ("--prometheus", "http://127.0.0.1:1", *RANGE[:7], "often"), "--step often is no whole number"),
    "empty range": (lambda _: ("--prometheus", "http://127.0.0.1:1", *RANGE[:5], "10", *RANGE[6:]), "there is not one step of 30 s"),
    "a range of nothing": (
        lambda path: ("--traces", str(path), *RANGE[:4]),
        "--query, --from says what to read",
    ),
    "two places": (lambda path: ("--traces", str(path), "--prometheus", "http://127.0.0.1:1", *RANGE), "are two places to read from"),
    "a file of a range": (lambda _: ("--prometheus", "http://127.0.0.1:1", *RANGE, "--dataset", "a"), "--dataset names files of --traces"),
    "no probability": (
        lambda path: (*rules(path), "--probability", "0.5"),
        "no method asked for says any",
    ),
    "loads as classes": (
        lambda path: ("--traces", str(traces(path)), "--method", "persistence"),
        "--method persistence forecasts classes, 0 or 1, and 100 % of the values of shop lie between them",
    ),
    "nothing to draw": (lambda path: (*rules(path), "--figure", str(path / "x.svg")), "add --method line or learned"),
    "no history": (lambda path: (*rules(path), "--history", "12"), "a horizon of 12 steps needs 13 columns"),
    "a moment of no server": (
        lambda _: ("--prometheus", "http://127.0.0.1:1", "--query", "up", "--from", "1e19", "--to", "2e19", "--step", "30"),
        "--from 1e19 is no moment",
    ),
    "nobody there, and a password": (
        lambda _: ("--prometheus", "http://me:secret@127.0.0.1:1", *RANGE),
        "http://127.0.0.1:1 cannot be reached",
    ),
    "nobody there": (lambda _: ("--prometheus", "http://127.0.0.1:1", *RANGE), "http://127.0.0.1:1 cannot be reached"),
    "no address": (lambda _: ("--prometheus", "server", *RANGE), "server is no address of a Prometheus"),
}


def damaged(folder: Path) -> Path:
    (folder / "bad.parquet").write_bytes(b"PAR1 is not all it takes")
    return folder


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_one_sentence(tmp_path: Path, case: str) -> None:
    arranged, sentence = MISTAKES[case]
    code, out, err = backtest(*arranged(tmp_path))
    assert (code, out) == (FAILED, "")
    said = [line for line in err.splitlines() if sentence in line]
    assert len(said) == 1, err
    assert "Traceback" not in err and "secret" not in err
    assert len(err.splitlines()) <= 2, "no progress is left behind"


def test_a_folder_that_the_environment_names_is_no_second_place(tmp_path: Path) -> None:
    code, _, err = backtest("--prometheus", "http://127.0.0.1:1", *RANGE, named=str(tmp_path))
    assert code == FAILED
    assert "http://127.0.0.1:1 cannot be reached" in err


def impatient() -> Callable[[], float]:
    """A clock that is interrupted in the middle of the second source: two methods, two readings each, ninety columns."""
    asked = count()

    def clock() -> float:
        if next(asked) > 2 * 2 * 90 + 10:
            raise KeyboardInterrupt
        return 0.0

    return clock


def test_ctrl_c_prints_what_is_finished_and_says_what_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request = BacktestRequest(traces=traces(tmp_path), methods=("last-value",), json=True)
    assert print_backtest(request, impatient()) == INTERRUPTED
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert list(told["sources"]) == ["shop"]
    assert (told["interrupted"], told["unfinished"]) == (True, ["yard"])
    assert "interrupted; finished: shop" in said.err
    assert print_backtest(replace(request, json=False, out=tmp_path / "table.txt"), impatient()) == INTERRUPTED
    first = (tmp_path / "table.txt").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("PARTIAL: interrupted before these sources were scored: yard")


OF_A_RANGE = PrometheusRange("https://me:secret@there:9090/prom?token=secret", "up", "0", "3600", "30s")
READ: dict[str, tuple[BacktestRequest, dict[str, object]]] = {
    "a folder": (BacktestRequest(traces=Path("/some/where/loads")), {"traces": "loads", "datasets": []}),
    "two files of it": (BacktestRequest(traces=Path("loads"), datasets=("a", "b")), {"traces": "loads", "datasets": ["a", "b"]}),
    "a range": (
        BacktestRequest(prometheus=OF_A_RANGE),
        {"prometheus": "https://there:9090/prom", "query": "up", "from": 0, "to": 3600, "step": 30},
    ),
}


@pytest.mark.parametrize("case", READ)
def test_a_report_says_what_it_is_of_and_no_secrets(case: str) -> None:
    request, read = READ[case]
    told = replace(request, methods=("line",), extent=Extent(5, 900), history_columns=240).told()
    assert told == read | {
        "max_points": 900,
        "max_series": 5,
        "limit": "0.8",
        "horizons": [1, 3, 6, 12],
        "history": 240,
        "probability": Foresight().probability,
        "methods": ["last-value", "margin", "line"],
    }
