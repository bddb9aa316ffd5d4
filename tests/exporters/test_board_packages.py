"""Release and JetPack out of a package list of real length with people's names: read, seldom, in pieces, and kept by a recording."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from exporters.device.sensor import SensorError
from exporters.device.tree import MAX_FILE_BYTES, Tree
from exporters.emulated.boards import Board, write
from exporters.jetson.packages import CORE, JETPACK, PACKAGES, READ, stanzas, version
from exporters.jetson.sources import jetson_sources
from exporters.recording.gathering import gather
from exporters.recording.saving import save
from tests.builders.board_looks import look, sources
from tests.builders.board_packages import packages, with_many_packages
from tests.builders.boards import UNALIKE, MemoryTree, board

LIST = (
    "Package: bash\nStatus: install ok installed\nMaintainer: Jörg\nVersion: 5.1-6\n\n"
    "Package: nvidia-jetpack\nStatus: install ok installed\nDescription: all\n of it\nVersion: 6.2.1+b38\n\n"
    "Package: nvidia-jetpack-dev\nStatus: install ok installed\nVersion: 9.9\n\n"
    "Package: nvidia-l4t-core\nStatus: install ok installed\nVersion: 36.4.4-20250616085344\n"
).encode()


def board_info(tree: Tree) -> list[tuple[str, ...]]:
    """Labels of ``edge_board_info``."""
    return [labels for name, labels in look(sources(tree)).samples if name == "edge_board_info"]


def without_release(of: Board) -> Board:
    """A board whose release is told by its packages alone, and whose JetPack no table would give."""
    files = {path: text for path, text in of.files.items() if path != "etc/nv_tegra_release"}
    return replace(of, files=files)


@pytest.mark.parametrize("name", UNALIKE)
def test_a_list_of_real_length_tells_release_and_jetpack(name: str, tmp_path: Path) -> None:
    grown = with_many_packages(without_release(board(name)))
    write(grown, tmp_path)
    size = (tmp_path / PACKAGES).stat().st_size
    assert 2 * MAX_FILE_BYTES < size < 8 * MAX_FILE_BYTES
    small = MemoryTree(without_release(board(name)))
    told = board_info(Tree(tmp_path))
    assert told == board_info(small)
    assert all(told[0][2:4])


def test_a_recording_of_it_says_the_same_and_holds_no_names(tmp_path: Path) -> None:
    write(with_many_packages(without_release(board("orin-nx"))), tmp_path / "board")
    save(gather(tmp_path / "board", lambda _: None), tmp_path / "kept", "2026-07-05", "0")
    assert look(sources(Tree(tmp_path / "kept"))) == look(sources(Tree(tmp_path / "board")))
    kept = (tmp_path / "kept" / PACKAGES).read_text(encoding="utf-8")
    assert kept.count("Package: ") == len(READ) and "Jörg" not in kept and "Maintainer" not in kept


def test_it_is_read_once_and_not_at_each_look() -> None:
    tree = MemoryTree(with_many_packages(board("nano"), 20))
    (identity,) = [source for source in jetson_sources(tree) if source.name == "identity"]
    identity.look()
    assert PACKAGES in tree.read
    tree.read.clear()
    for _ in range(30):
        identity.look()
    assert PACKAGES not in tree.read


def test_it_is_never_held_as_a_whole(tmp_path: Path) -> None:
    place = tmp_path / PACKAGES
    place.parent.mkdir(parents=True)
    place.write_text("".join(packages(0, 2600)), encoding="utf-8")
    tracemalloc.start()
    assert stanzas(Tree(tmp_path).pieces(PACKAGES, 32 << 20), READ) == {}
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1.5 * MAX_FILE_BYTES < place.stat().st_size


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
def test_where_the_pieces_end_does_not_matter(size: int) -> None:
    found = stanzas((LIST[at : at + size] for at in range(0, len(LIST), size)), READ)
    assert {name: version(stanza) for name, stanza in found.items()} == {JETPACK: "6.2.1", CORE: "36.4.4"}


def test_a_list_that_was_cut_anywhere_tells_no_other_version() -> None:
    for end in range(len(LIST)):
        said = {name: version(stanza) for name, stanza in stanzas([LIST[:end]], READ).items()}
        assert said.get(JETPACK, "") in ("", "6.2.1") and said.get(CORE, "") in ("", "36.4.4"), end


@pytest.mark.parametrize(
    ("stanza", "expected"),
    [
        ("Package: a\nStatus: install ok installed\nVersion: 6.2+b77\n", "6.2"),
        ("Package: a\nVersion: 36.4.3-20250107\n", "36.4.3"),
        ("Package: a\nStatus: deinstall ok config-files\nVersion: 5.1\n", ""),
        ("Package: a\nStatus: install ok half-installed\nVersion: 5.1\n", ""),
        ("Package: a\nStatus: install ok installed\n", ""),
        ("Package: a\nVersion: 6\n", ""),
        ("Package: a\nVersion: 6.2garbage\n", ""),
    ],
)
def test_what_a_stanza_says(stanza: str, expected: str) -> None:
    assert version(stanza) == expected


def test_garbage_without_end_is_given_up() -> None:
    asked = iter([b"x" * MAX_FILE_BYTES] * 30 + [b"\n\n" + LIST])
    assert stanzas(asked, READ) == {}
    assert len(list(asked)) > 20


def test_no_more_than_the_limit_is_read_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"12345678")
    assert b"".join(Tree(tmp_path).pieces("long", 5)) == b"12345"
    with pytest.raises(SensorError):
        next(Tree(tmp_path).pieces("", 5))
