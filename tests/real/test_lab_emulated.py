"""A lab with emulated boards: scraped by the real Prometheus through real exporters, seen by the engine, and gone at the end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders.lab_process import lab_command, lab_environment, processes_of

pytestmark = pytest.mark.real

EMULATED = {"emu-01", "emu-02"}
PATIENCE_SECONDS = 60.0


def fleet(directory: Path) -> dict[str, dict[str, Any]]:
    """Devices by id, as the engine sees them now; nothing while it does not answer."""
    with contextlib.suppress(OSError, KeyError, TypeError, ValueError):
        settings = yaml.safe_load((directory / "edgeshift.yaml").read_text(encoding="utf-8"))
        with urllib.request.urlopen(f"http://{settings['service']['listen']}/api/v1/fleet", timeout=2.0) as answer:
            return {device["id"]: device for device in json.load(answer)["devices"]}
    return {}


def is_known(device: dict[str, Any]) -> bool:
    """Whether load of all three kinds and the distance to throttling are fresh."""
    load = device["load"]
    return {"cpu", "memory", "gpu"} <= {name for name, one in load.items() if one["quality"] == "fresh"} and (
        device["thermal_headroom_kelvin"] is not None
    )


def test_emulated_boards_are_edges_like_any(tmp_path: Path) -> None:
    directory = tmp_path / "kept"
    command = lab_command("--devices", "3", "--duration", "120", "--emulated", "2", "--keep", str(directory))
    lab = subprocess.Popen(
        command, env=lab_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        seen: dict[str, dict[str, Any]] = {}
        while not (seen.keys() >= EMULATED and all(is_known(seen[id_]) for id_ in EMULATED)):
            assert lab.poll() is None, lab.communicate()[1]
            assert time.monotonic() < deadline, {id_: seen.get(id_) for id_ in EMULATED}
            time.sleep(0.5)
            seen = fleet(directory)
        lab.send_signal(signal.SIGINT)
        output, told = lab.communicate(timeout=30.0)
    finally:
        if lab.poll() is None:
            os.killpg(lab.pid, signal.SIGKILL)
    assert lab.returncode == 0, told
    assert json.loads(output.strip().splitlines()[-1])["errors"] == []
    for id_ in EMULATED:
        truth = json.loads((directory / "emulated" / id_ / "edgeshift/truth.json").read_text(encoding="utf-8"))
        load = {name: one["ratio"] for name, one in seen[id_]["load"].items()}
        # Calm boards change by some percent within the seconds between the two looks.
        assert load["cpu"] == pytest.approx(truth["cpu_usage_ratio"], abs=0.06)
        assert load["gpu"] == pytest.approx(truth["gpu_usage_ratio"], abs=0.06)
        assert load["memory"] == pytest.approx(1 - truth["memory_available_bytes"] / truth["memory_total_bytes"], abs=0.02)
    assert processes_of(directory) == []
