"""The publisher runs under every Python on this machine, from 3.8 on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from exporters.workload import publish
from exporters.workload.wire import parse
from tests.builders.exporters import NOW, PLACEMENT, WORKLOAD

pytestmark = pytest.mark.real

SOURCE = Path(publish.__file__)
PROGRAM = f"""
import json, sys
sys.path.insert(0, {str(SOURCE.parent)!r})
from publish import Options, Publisher
sent = []
publisher = Publisher({WORKLOAD!r}, {PLACEMENT!r}, "01", "1.2", events=("fire",), options=Options(heartbeat=False, send=sent.append))
publisher.frame(stream="a"); publisher.result(0.03, 0.45); publisher.event("fire", 0.9); publisher.environment("01", 0.9)
with publisher.inference(stream="a") as inference: inference.found(0.5)
page = publisher._text()
assert 'ai_stream_results_total' in page and 'le="+Inf"' in page, page
publisher.close()
sys.stdout.write(sent[-1].decode())
"""


def pythons() -> list[str]:
    """Other interpreters on the PATH that can be started."""
    found = []
    for minor in range(8, 14):
        path = shutil.which(f"python3.{minor}")
        if path and subprocess.run([path, "-c", ""], capture_output=True, timeout=20, check=False).returncode == 0:
            found.append(path)
    return found


def test_it_runs_under_every_python_here() -> None:
    for python in [sys.executable, *pythons()]:
        done = subprocess.run([python, "-W", "error", "-c", PROGRAM], capture_output=True, timeout=20, check=False)
        assert done.returncode == 0, (python, done.stderr)
        told = parse(done.stdout, NOW * 2)
        assert (told.totals.frames, told.totals.results, told.totals.events["fire"], told.end) == (1, 2, 1, True)
