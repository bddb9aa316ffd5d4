"""The constructed boards: each file loads, names its sources, gives nothing private away, and is laid out as it says."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from exporters.device.disk import DISK_FILE
from exporters.device.sensor import SensorError
from exporters.device.tree import Tree
from exporters.emulated.boards import UnknownBoard, WrongBoardFile, load, names, parse, write
from tests.builders.boards import BOARDS, DATA, BoardsOnDisk, MemoryTree, board

EIGHT = {"nano", "tx2", "xavier-nx", "agx-xavier", "orin-nano", "orin-nx", "agx-orin", "thor"}
EVERYWHERE = ("proc/stat", "edgeshift/earlier/proc/stat", "proc/meminfo", "proc/uptime", "etc/nv_tegra_release", "var/lib/dpkg/status")
PRIVATE = re.compile(r"serial|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|\b(?:\d{1,3}\.){3}\d{1,3}\b|/home/|@[a-z]+\.", re.IGNORECASE)
GOOD = """
schema = 1
board = "nano"
title = "a board"
[disk]
total_bytes = 3
free_bytes = 2
available_bytes = 1
[[group]]
source = "https://example.org"
note = "made up"
[group.files]
"a/b" = "c"
[group.links]
"d/e" = "../a/b"
"""


def test_there_are_eight_boards_at_least() -> None:
    assert set(names()) >= EIGHT
    assert list(names()) == sorted(names())


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_says_where_it_comes_from_and_what_it_is(name: str) -> None:
    it = board(name)
    assert it.title.startswith("Jetson ")
    assert " on L4T R" in it.title
    assert len(it.sources) >= 5
    assert set(EVERYWHERE) <= set(it.files)
    assert it.files["sys/firmware/devicetree/base/model"].endswith("\0")


@pytest.mark.parametrize("name", BOARDS)
def test_nothing_private_is_in_a_tree(name: str) -> None:
    for path, text in board(name).files.items():
        assert not PRIVATE.search(f"{path}\n{text}"), path


@pytest.mark.parametrize("name", BOARDS)
def test_a_tree_on_disk_and_in_memory_are_the_same(name: str, boards_on_disk: BoardsOnDisk) -> None:
    root = boards_on_disk[name]
    disk, memory = Tree(root), MemoryTree(board(name))
    found = files_in(root)
    assert set(memory.files) <= found
    for path in (*found, *board(name).links, "nothing/here"):
        folder = path.rpartition("/")[0]
        assert disk.has(path) == memory.has(path)
        assert disk.names(folder) == memory.names(folder)
        assert disk.names(path) == memory.names(path)
        assert text(disk, path) == text(memory, path)


def files_in(root: Path) -> set[str]:
    """Every file of a tree."""
    return {Path(folder, file).relative_to(root).as_posix() for folder, _, files in os.walk(root) for file in files}


def test_a_tree_that_is_there_is_written_again(tmp_path: Path, boards_on_disk: BoardsOnDisk) -> None:
    write(board("nano"), tmp_path)
    (tmp_path / "proc/uptime").write_text("another one")
    write(board("nano"), tmp_path)
    files = files_in(tmp_path)
    assert files == files_in(boards_on_disk["nano"])
    assert all(text(Tree(tmp_path), path) == text(Tree(boards_on_disk["nano"]), path) for path in files)


def text(tree: Tree, path: str) -> str:
    """A file's text, or how reading it ends."""
    try:
        return tree.text(path)
    except (OSError, SensorError) as error:
        return type(error).__name__


def test_the_disks_size_is_a_file_of_the_tree(tmp_path: Path) -> None:
    write(board("nano"), tmp_path)
    assert json.loads((tmp_path / DISK_FILE).read_text()) == dict(board("nano").disk)


def test_an_unknown_board_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownBoard, match=r"'orin'.*agx-orin, .*thor, tx2, xavier-nx"):
        load("orin")
    with pytest.raises(UnknownBoard):
        load("../constructed/nano")


def test_a_good_file_is_read_whole() -> None:
    it = parse("nano", GOOD)
    assert (it.files, it.links) == ({"a/b": "c"}, {"d/e": "../a/b"})
    assert it.sources == ("https://example.org",)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        pytest.param("schema = 1", "schema = 2", "schema", id="another-schema"),
        pytest.param('"nano"', '"tx2"', "board", id="another-board"),
        pytest.param('title = "a board"', "", "title", id="no-title"),
        pytest.param('title = "a board"', 'titel = "x"', "titel", id="a-typo"),
        pytest.param("total_bytes = 3", "total_bytes = 1", "disk", id="more-free-than-there-is"),
        pytest.param("total_bytes = 3", "total_bytes = true", "disk.total_bytes", id="no-size"),
        pytest.param("https://example.org", "a friend", "group 1.source", id="no-source"),
        pytest.param('"a/b" = "c"', '"a/b" = 7', "'a/b'", id="no-text"),
        pytest.param('"a/b" = "c"', '"/etc/passwd" = "c"', "'/etc/passwd'", id="from-the-root"),
        pytest.param('"a/b" = "c"', '"../b" = "c"', "'../b'", id="out-of-the-tree"),
        pytest.param('"a/b" = "c"', '"a//b" = "c"', "'a//b'", id="the-long-way"),
        pytest.param('"../a/b"', '"../../../etc"', "'d/e'", id="a-link-out-of-the-tree"),
        pytest.param('"d/e" =', '"a/b" =', "'a/b'", id="twice"),
        pytest.param("[[group]]", "[group]", "group", id="no-list-of-groups"),
        pytest.param("schema = 1", "schema =", "TOML", id="no-toml"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_key(old: str, new: str, key: str) -> None:
    with pytest.raises(WrongBoardFile) as refused:
        parse("nano", GOOD.replace(old, new, 1))
    assert str(refused.value).startswith("nano.toml")
    assert key in str(refused.value)
    assert "\n" not in str(refused.value)


def test_every_board_is_in_the_table_of_the_readme() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}.toml`" in readme for name in BOARDS)
