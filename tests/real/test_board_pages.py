"""The page of each board, kept or as the real process prints it, leaves promtool nothing to complain about."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from exporters.emulated.boards import write
from tests.builders.board_pages import pages_in, without_own_cost
from tests.builders.boards import BOARDS, DATA, board

pytestmark = [pytest.mark.real, pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")]

ROOT = Path(__file__).resolve().parents[2]
EXPORTER = "import sys; from exporters.cli import main; sys.exit(main(sys.argv[1:]))"
PATIENCE_SECONDS = 30


def complaints(page: str) -> str:
    """What promtool says of a page."""
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=page.encode(), capture_output=True, timeout=PATIENCE_SECONDS, check=False
    )
    return (checked.stdout + checked.stderr).decode() or ("" if checked.returncode == 0 else f"exit code {checked.returncode}")


@pytest.mark.parametrize("name", BOARDS)
def test_the_golden_page_and_the_one_of_the_process_are_the_same_and_clean(name: str, tmp_path: Path) -> None:
    write(board(name), tmp_path)
    process = subprocess.run(
        [sys.executable, "-c", EXPORTER, "exporter", "--once", "--root", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    page = process.stdout.decode()
    assert (process.returncode, process.stderr) == (0, b"")
    assert complaints(page) == ""
    assert "edge_exporter_resident_memory_bytes" in page
    assert without_own_cost(page) == (DATA / f"{name}.prom").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(DATA.glob("*.tegrastats.prom")), ids=lambda path: path.name)
def test_the_page_of_each_line_is_clean(path: Path) -> None:
    pages = pages_in(path.read_text(encoding="utf-8"))
    assert pages
    assert [complaints(page) for page in pages] == [""] * len(pages)
