"""Examples of docs/publishing.md are programs that run, and what they say arrives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exporters.workload import publish
from exporters.workload.collector import Surroundings, WorkloadCollector
from exporters.workload.listener import Listener
from exporters.workload.wire import Observation, parse

pytestmark = pytest.mark.real

SOURCE = Path(publish.__file__)
DOCUMENT = SOURCE.parents[2] / "docs" / "publishing.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize(("example", "results"), [(0, {3}), (1, {1})], ids=["one-process", "forked"])
def test_an_example_runs_and_is_heard(example: int, results: set[int], tmp_path: Path) -> None:
    heard: list[Observation] = []
    collector = WorkloadCollector(Surroundings(time.time, time.monotonic, lambda pid: None))

    def accept(data: bytes, pid: int) -> None:
        heard.append(parse(data, time.time()))
        collector.accept(data, pid)

    (tmp_path / "program.py").write_text(EXAMPLES[example], encoding="utf-8")
    (tmp_path / "publish.py").write_bytes(SOURCE.read_bytes())
    listener = Listener(tmp_path / "s", accept)
    listener.start()
    try:
        environment = {**os.environ, "EDGESHIFT_SOCKET": str(tmp_path / "s")}
        subprocess.run([sys.executable, "program.py"], cwd=tmp_path, env=environment, timeout=20, check=True)
        deadline = time.monotonic() + 10
        while sum(one.end for one in heard) < example + 1 and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        listener.stop()
    assert {one.totals.results for one in heard if one.end} == results
    assert len({one.worker for one in heard}) == example + 1


def test_every_setting_and_every_call_is_explained() -> None:
    page, source = DOCUMENT.read_text(encoding="utf-8"), SOURCE.read_text(encoding="utf-8")
    assert [name for name in set(re.findall(r"EDGESHIFT_[A-Z_]+[A-Z]", source)) if name not in page] == []
    calls = [name for name in vars(publish.Publisher) if not name.startswith("_")]
    assert [name for name in calls if f"{name}" not in page] == []
