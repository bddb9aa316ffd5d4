"""The page of each constructed board, and of each of its tegrastats lines, is what somebody has read and found right.

After a change that is meant: ``EDGESHIFT_GOLDEN=write pytest tests/exporters/test_board_golden.py``, then read what changed.
"""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters.contract import BY_NAME
from tests.builders.board_looks import look, sources
from tests.builders.board_pages import LINE_MARK, golden, page_of_line, page_of_tree, pages_in
from tests.builders.boards import BOARDS, DATA, BoardsOnDisk, MemoryTree, board
from tests.builders.tegrastats import LINES

LINED = sorted({line.board for line in LINES})


def numbers(page: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Samples of a page by name and label values in the contract's order."""
    found = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name, tuple(sample.labels[label] for label in BY_NAME[sample.name].labels)] = sample.value
    return found


@pytest.mark.parametrize("name", BOARDS)
def test_the_page_of_a_tree_is_the_golden_one(name: str, boards_on_disk: BoardsOnDisk) -> None:
    page = page_of_tree(boards_on_disk[name])
    assert page == golden(f"{name}.prom", page)


@pytest.mark.parametrize("name", BOARDS)
def test_what_the_damage_is_held_against_is_that_page(name: str) -> None:
    said = look(sources(MemoryTree(board(name))))
    page = numbers((DATA / f"{name}.prom").read_text(encoding="utf-8"))
    assert said.samples == {key: value for key, value in page.items() if key[0] != "edge_sensor_up"}
    ups = {
        (sensor, source): reason
        for (_, labels) in [key for key in page if key[0] == "edge_sensor_up"]
        for sensor, source, reason in [labels]
    }
    assert said.states == {key: reason for key, reason in ups.items() if key[1] != "exporter"}


@pytest.mark.parametrize("name", LINED)
def test_the_pages_of_a_boards_lines_are_the_golden_ones(name: str) -> None:
    lines = [line for line in LINES if line.board == name]
    now = "".join(f"{LINE_MARK}{line.release}: {line.text.strip()}\n{page_of_line(line.text)}" for line in lines)
    kept = golden(f"{name}.tegrastats.prom", now)
    assert now == kept
    assert len(pages_in(kept)) == len(lines)


def test_there_is_no_golden_page_of_nothing() -> None:
    pages = {path.name for path in DATA.glob("*.prom")}
    assert pages == {f"{name}.prom" for name in BOARDS} | {f"{name}.tegrastats.prom" for name in LINED}
