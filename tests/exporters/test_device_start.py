"""What an exporter learns of a tree before it starts, which decides the sources that there are, and what it believes where that hangs."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporters.device.tree import Tree
from exporters.emulated.boards import load, write
from exporters.jetson.kind import Kind, kind_of
from tests.builders.boards import BoardsOnDisk
from tests.builders.exporters import write_tree
from tests.builders.hanging_tree import Hanging

SOON_SECONDS = 0.05


def test_a_question_that_hangs_is_answered_so_that_nothing_is_spared(boards_on_disk: BoardsOnDisk) -> None:
    tree = Hanging(boards_on_disk["orin-nx"], "")
    assert kind_of(tree, SOON_SECONDS) == Kind(is_machine=False, is_jetson=True, tells_gpu_load=True, has_lines=False)
    tree.over.set()


@pytest.mark.parametrize(
    ("board", "kind"),
    [("orin-nx", Kind(False, True, True, False)), ("thor", Kind(False, True, False, False)), (None, Kind(False, False, False, False))],
    ids=["orin-nx", "thor", "no-jetson"],
)
def test_what_a_tree_is(tmp_path: Path, board: str | None, kind: Kind) -> None:
    if board is None:
        write_tree(tmp_path)
    else:
        write(load(board), tmp_path)
    assert kind_of(Tree(tmp_path)) == kind
    (tmp_path / "tegrastats.txt").write_text("")
    assert kind_of(Tree(tmp_path)).has_lines
