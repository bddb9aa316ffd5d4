"""The whole lab with real parts: the story, a blind engine, and an engine killed in the middle of a move."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from decision_engine.config import load_settings
from decision_engine.core.memory import CycleRecord
from decision_engine.core.move import MoveState
from decision_engine.execute.journal import Journal
from tests.builders.lab_process import LabOutcome, lab_command, lab_environment, processes_of, run_lab

STORY_SECONDS = 100.0
ADDRESS = re.compile(r"on (http://127\.0\.0\.1:\d+)")
LIVE_STATES = {MoveState.DONE, MoveState.UNDONE}


@pytest.fixture(scope="module")
def told_story(tmp_path_factory: pytest.TempPathFactory) -> tuple[LabOutcome, Path]:
    directory = tmp_path_factory.mktemp("lab") / "kept"
    return run_lab(
        "--devices", "8", "--duration", str(STORY_SECONDS), "--seed", "1", "--keep", str(directory), seconds=STORY_SECONDS
    ), directory


def test_the_story_is_told_whole(told_story: tuple[LabOutcome, Path]) -> None:
    outcome, _ = told_story
    result = outcome.result
    assert outcome.code == 0, outcome.told
    assert result["errors"] == []
    assert result["moves_before_overload"] >= 1
    assert result["overload_seconds"] < result["overload_seconds_do_nothing"] * 0.5
    assert result["returned_home"] >= 1
    assert result["real_processes_started"] >= 1
    assert result["real_processes_stopped"] >= 1
    assert result["camera_gap_seconds_max"] <= 5.0
    assert result["cycle_seconds_p95"] < 0.1
    assert result["queries_per_cycle_max"] <= 10
    first = result["acted"][0]
    assert (first["scenario"], first["source"]) == ("SC-12", "edge-03")
    assert first["at_seconds"] < 90.0


def test_every_stop_came_after_ready_and_a_first_result(told_story: tuple[LabOutcome, Path]) -> None:
    """Make before break, as the journal says it."""
    _, directory = told_story
    states: dict[str, list[str]] = {}
    with Journal.open(load_settings(directory / "edgeshift.yaml").journal_url, read_only=True) as journal:
        for record in journal.records():
            if isinstance(record, CycleRecord):
                for transition in record.transitions:
                    states.setdefault(transition.move.id, []).append(transition.move.state.value)
    assert states
    for seen in states.values():
        if seen[-1] == "done":
            assert seen.index("starting") < seen.index("ready") < seen.index("first_result")


def test_nothing_is_left_behind(told_story: tuple[LabOutcome, Path]) -> None:
    _, directory = told_story
    assert processes_of(directory) == []


def test_blind_while_prometheus_is_dead_and_at_work_again_afterwards() -> None:
    """Killed at 15 s for 30 s: no decision on stale data, «engine_blind» said, and the story goes on by itself."""
    outcome = run_lab("--devices", "4", "--duration", "100", "--seed", "2", "--break", "prometheus:15:30", seconds=100.0)
    assert outcome.code == 0, outcome.told
    assert outcome.result["errors"] == []
    assert outcome.result["decisions_engine_blind"] >= 1
    assert all(not 16.0 <= act["at_seconds"] <= 45.0 for act in outcome.result["acted"]), outcome.result["acted"]
    assert outcome.result["acted"], outcome.told
    assert "cannot be believed" in outcome.told
    assert "can be believed again" in outcome.told


def test_a_move_survives_the_death_of_the_engine(tmp_path: Path) -> None:
    """kill -9 in the middle of the first move: it is finished or undone, and no camera is left with none or with two."""
    directory = tmp_path / "kept"
    outcome = run_lab(
        "--devices", "4", "--duration", "75", "--seed", "1", "--break", "engine:move:3", "--keep", str(directory), seconds=75.0
    )
    assert outcome.code == 0, outcome.told
    assert "engine is killed on purpose" in outcome.told
    assert outcome.result["acted"], outcome.told
    assert outcome.result["acted"][0]["state"] in ("done", "undone")
    assert outcome.result["camera_gap_seconds_max"] <= 5.0
    assert outcome.result["cameras_analysed_once"] is True
    with Journal.open(load_settings(directory / "edgeshift.yaml").journal_url, read_only=True) as journal:
        assert len(journal.starts(10)) == 2


def alerts_seen(directory: Path, within_seconds: float) -> set[str]:
    """Names of the alerts that the lab's Alertmanager holds, once it holds any: rules, Prometheus and Alertmanager are one path."""
    settings = yaml.safe_load((directory / "prometheus.yml").read_text(encoding="utf-8"))
    (address,) = settings["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/api/v2/alerts", timeout=2.0) as answer:
            names = {alert["labels"]["alertname"] for alert in json.load(answer)}
            if names:
                return names
        time.sleep(0.5)
    return set()


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    directory = tmp_path / "kept"
    command = lab_command("--devices", "3", "--duration", "120", "--keep", str(directory))
    lab = subprocess.Popen(
        command, env=lab_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 40.0
        while not (directory / "state" / "journal.db").exists():
            assert time.monotonic() < deadline, "the engine did not start"
            assert lab.poll() is None, lab.communicate()[1]
            time.sleep(0.2)
        assert "Watchdog" in alerts_seen(directory, within_seconds=30.0)
        lab.send_signal(signal.SIGINT)
        output, told = lab.communicate(timeout=30.0)
    finally:
        if lab.poll() is None:
            os.killpg(lab.pid, signal.SIGKILL)
    assert lab.returncode == 0, told
    assert json.loads(output.strip().splitlines()[-1])["errors"] == []
    assert processes_of(directory) == []


def test_two_labs_started_together_do_not_meet() -> None:
    """Each takes ports of its own, and neither takes the other's Prometheus for its own."""
    command = lab_command("--devices", "3", "--duration", "20")
    labs = [subprocess.Popen(command, env=lab_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        ends = [lab.communicate(timeout=100.0) for lab in labs]
    finally:
        for lab in labs:
            lab.kill()
    for lab, (output, told) in zip(labs, ends, strict=True):
        assert lab.returncode == 0, told
        assert json.loads(output.strip().splitlines()[-1])["errors"] == [], told
    pages = [{url for url in ADDRESS.findall(told) if url} for _, told in ends]
    assert all(len(urls) == 3 for urls in pages), ends
    assert pages[0].isdisjoint(pages[1])


def test_killing_the_lab_leaves_no_process(tmp_path: Path) -> None:
    directory = tmp_path / "kept"
    lab = subprocess.Popen(
        lab_command("--devices", "3", "--duration", "120", "--keep", str(directory)), env=lab_environment(), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 40.0
        while not (directory / "state" / "journal.db").exists():
            assert time.monotonic() < deadline, "the engine did not start"
            time.sleep(0.2)
        assert processes_of(directory)
    finally:
        lab.kill()
        lab.wait()
    deadline = time.monotonic() + 15.0
    while processes_of(directory) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(directory) == []
