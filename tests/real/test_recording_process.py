"""This very machine recorded by a real process, checked, and read by the exporter as it would be at our desk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters.emulated.boards import load, write

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
RUN = "import sys; from exporters.cli import main; sys.exit(main(sys.argv[1:]))"


def edgeshift(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, "exporter", *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_this_machine_is_recorded_found_clean_and_read_again(tmp_path: Path) -> None:
    recorded = edgeshift("record", str(tmp_path / "here"), "--tegrastats", "off")
    assert recorded.returncode == 0, recorded.stderr
    assert f"edgeshift exporter --root {tmp_path / 'here'} --once" in recorded.stdout
    assert edgeshift("record", str(tmp_path / "here")).returncode == 1
    checked = edgeshift("record", "--check", str(tmp_path / "here"))
    assert checked.returncode == 0, checked.stdout
    values = page(tmp_path / "here")
    assert 0.0 <= values["edge_cpu_usage_ratio"] <= 1.0
    assert values["edge_memory_total_bytes"] > 2**20 and values["edge_disk_total_bytes"] > 2**20


def test_a_recorded_board_gives_the_page_of_the_board(tmp_path: Path) -> None:
    write(load("orin-nx"), tmp_path / "board")
    assert edgeshift("record", str(tmp_path / "copy"), "--root", str(tmp_path / "board")).returncode == 0
    board, copy = page(tmp_path / "board"), page(tmp_path / "copy")
    assert board == copy and len(board) > 15


def page(tree: Path) -> dict[str, float]:
    """The first sample of each family that the exporter says of a tree, but what it says of itself."""
    told = edgeshift("--root", str(tree), "--once")
    assert told.returncode == 0, told.stderr
    families = text_string_to_metric_families(told.stdout)
    return {one.name: one.samples[0].value for one in families if not one.name.startswith("edge_exporter")}
