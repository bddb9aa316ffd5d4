"""A recording made without the administrator's rights gives the same page as the board gave to whoever recorded it."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest

from exporters.device.recorded import NOT_PERMITTED, NOTE, RecordedTree, tree_at
from exporters.device.sensor import NOT_PERMITTED as REASON
from exporters.device.tree import Tree
from exporters.recording.gathering import Recording, gather
from exporters.recording.reading import NotTaken, Root
from exporters.recording.saving import save
from tests.builders.board_looks import look, sources
from tests.builders.boards import BoardsOnDisk, MemoryTree, board, unreadable

FILES = (
    "sys/class/hwmon/hwmon3/curr1_input",
    pytest.param("sys/class/hwmon/hwmon3/in1_label", marks=pytest.mark.thorough),
    "sys/class/thermal/thermal_zone1/temp",
    pytest.param("sys/class/thermal/thermal_zone1/type", marks=pytest.mark.thorough),
    "sys/devices/platform/17000000.ga10b/load",
    "sys/kernel/debug/bpmp/debug/clk/emc/rate",
    "var/lib/nvpmodel/status",
    "var/lib/dpkg/status",
    "proc/meminfo",
)


@cache
def gathered(root: Path) -> Recording:
    """What is taken of a tree that nobody changes."""
    return gather(root, lambda _: None)


def recorded(root: Path, target: Path, refused: dict[str, str]) -> Path:
    """Record a tree of which these paths were refused: the administrator, who runs tests too, is refused nothing by a file's mode."""
    recording = deepcopy(gathered(root))
    tree = MemoryTree(board("orin-nx"))
    for path, reason in refused.items():
        for other in [other for other in recording.files if tree.real(other) == tree.real(path) != other]:
            del recording.files[other]  # links to it, which a recording holds as files of their own
            recording.left_out[other] = reason
        recording.files = {kept: text for kept, text in recording.files.items() if kept != path and not kept.startswith(f"{path}/")}
        recording.left_out[path] = reason
    save(recording, target, "2026-07-05", "0")
    return target


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_was_refused_is_still_refused(path: str, tmp_path: Path, boards_on_disk: BoardsOnDisk) -> None:
    tree = MemoryTree(board("orin-nx"))
    with tree.damaged(path, unreadable):
        before = look(sources(tree))
    after = look(sources(tree_at(recorded(boards_on_disk["orin-nx"], tmp_path / "kept", {path: NOT_PERMITTED}))))
    assert after == before


def test_all_of_a_folder_is_refused_with_it(tmp_path: Path, boards_on_disk: BoardsOnDisk) -> None:
    kept = tree_at(recorded(boards_on_disk["orin-nx"], tmp_path / "kept", {"sys/kernel/debug": NOT_PERMITTED}))
    said = look(sources(kept))
    assert said.states["emc_frequency", "sysfs/emc"] == REASON
    with pytest.raises(PermissionError):
        kept.names("sys/kernel/debug/clk")


def test_other_reasons_and_no_recording_change_nothing(tmp_path: Path, boards_on_disk: BoardsOnDisk) -> None:
    assert type(tree_at(boards_on_disk["nano"])) is Tree
    kept = recorded(boards_on_disk["nano"], tmp_path / "kept", {"proc/meminfo": "no plain file"})
    assert type(tree_at(kept)) is Tree
    for text in ("", "[]", "{}", '{"left_out": []}', "\x00", "[" * 100_000):
        (kept / NOTE).write_text(text, encoding="utf-8")
        assert type(tree_at(kept)) is Tree


def test_the_recorder_calls_each_refusal_the_same(tmp_path: Path) -> None:
    class Refusing(Root):
        def _place(self, path: str) -> Path:
            raise PermissionError(1, "Operation not permitted", path)

    with pytest.raises(NotTaken, match=NOT_PERMITTED):
        Refusing(tmp_path, 5.0).read("proc/stat")
    with pytest.raises(NotTaken, match=NOT_PERMITTED):
        Refusing(tmp_path, 5.0).names("proc")


def test_a_refused_file_can_be_seen(tmp_path: Path) -> None:
    tree = RecordedTree(tmp_path, frozenset({"a/b"}))
    assert tree.names("a") == ["b"] and tree.has("a/b") and not tree.has("a/c")
