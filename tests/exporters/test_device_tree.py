"""A folder's version moves when its names do, not when a file is replaced; files are read whole; no link leads out of the root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from exporters.device.tree import Tree

ZONE = "sys/zone"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / ZONE
    place.mkdir(parents=True)
    (place / "temp").write_text("1000\n")
    (place / "type").write_text("cpu\n")
    return place


def put(folder: Path, name: str, text: str, at_nanoseconds: int) -> None:
    """As a program does that wants no reader to see half a file; the folder's time is told, since two writes may share a tick."""
    (folder.parent / "next").write_text(text)
    os.replace(folder.parent / "next", folder / name)
    os.utime(folder, ns=(at_nanoseconds, at_nanoseconds))


def test_a_replaced_file_leaves_the_version_as_it_is(tmp_path: Path, folder: Path) -> None:
    tree = Tree(tmp_path)
    before = tree.changed(ZONE)
    for step in range(1, 4):
        put(folder, "temp", f"{step}\n", step)
        assert tree.changed(ZONE) == before
    assert tree.text(f"{ZONE}/temp") == "3\n"


def test_a_name_that_comes_goes_or_comes_back_is_another_version_each_time(tmp_path: Path, folder: Path) -> None:
    tree = Tree(tmp_path)
    seen = [tree.changed(ZONE)]
    put(folder, "trip", "1\n", 1)
    seen.append(tree.changed(ZONE))
    (folder / "trip").unlink()
    os.utime(folder, ns=(2, 2))
    seen.append(tree.changed(ZONE))
    put(folder, "trip", "1\n", 3)
    seen.append(tree.changed(ZONE))
    assert len(set(seen)) == len(seen)
    assert 0 not in seen


def test_another_folder_of_the_same_name_and_the_same_names_is_another_version(tmp_path: Path, folder: Path) -> None:
    tree = Tree(tmp_path)
    before = tree.changed(ZONE)
    folder.rename(folder.with_name("gone"))
    assert tree.changed(ZONE) == 0
    folder.mkdir()
    (folder / "temp").write_text("1000\n")
    (folder / "type").write_text("gpu\n")
    assert tree.changed(ZONE) not in (0, before)


@pytest.mark.parametrize("length", [0, 1, 8191, 8192, 8193, 16384, 20000])
def test_a_file_of_any_length_is_read_to_its_end(tmp_path: Path, length: int) -> None:
    (tmp_path / "file").write_text("x" * length)
    assert Tree(tmp_path).text("file") == "x" * length


def test_a_file_that_does_not_know_its_length_is_read_to_its_end() -> None:
    assert Tree(Path("/")).text("proc/self/maps").endswith("\n")
    assert len(Tree(Path("/")).text("proc/self/maps")) > os.stat("/proc/self/maps").st_size


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host's files under a root, with the absolute links that a host has, and beside it what they must not lead to."""
    (tmp_path / "outside/base").mkdir(parents=True)
    (tmp_path / "outside/base/model").write_text("the container's")
    root = tmp_path / "host"
    inside = root / str(tmp_path).lstrip("/") / "outside/base"
    inside.mkdir(parents=True)
    (inside / "model").write_text("the host's")
    (root / "proc").mkdir()
    (root / "proc/device-tree").symlink_to(tmp_path / "outside/base")
    (root / "model").symlink_to(tmp_path / "outside/base/model")
    (root / "proc/climbs").symlink_to("../../outside/base")
    (root / "circle").symlink_to("/circle")
    return root


@pytest.mark.parametrize("path", ["proc/device-tree/model", "model"], ids=["a-folder-that-is-a-link", "a-file-that-is-a-link"])
def test_an_absolute_link_leads_to_the_root_that_is_read(host: Path, path: str) -> None:
    tree = Tree(host)
    assert [tree.text(path) for _ in range(2)] == ["the host's"] * 2
    assert b"".join(tree.pieces(path, 100)) == b"the host's"
    assert tree.has(path)


def test_folders_behind_links_are_listed_and_their_changes_seen(host: Path, tmp_path: Path) -> None:
    tree = Tree(host)
    assert tree.names("proc/device-tree") == ["model"]
    before = tree.changed("proc/device-tree")
    (host / str(tmp_path).lstrip("/") / "outside/base/serial").write_text("")
    assert tree.changed("proc/device-tree") not in (0, before)


def test_a_link_that_climbs_ends_at_the_root(host: Path) -> None:
    tree = Tree(host)
    assert not tree.has("proc/climbs/model")
    (host / "outside").mkdir()
    (host / "outside/base").mkdir()
    (host / "outside/base/model").write_text("inside")
    assert tree.text("proc/climbs/model") == "inside"


def test_a_link_to_itself_is_no_file_and_a_plain_root_follows_the_kernel(host: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="symbolic links"):
        Tree(host).text("circle/file")
    assert not Tree(host).has("circle") and Tree(host).changed("circle") == 0
    assert Tree(Path("/")).text(str(host / "model").lstrip("/")) == "the container's"


def test_what_a_folder_leads_to_is_found_once_and_again_when_it_was_not_there(host: Path) -> None:
    tree = Tree(host)
    with pytest.raises(FileNotFoundError):
        tree.text("late/model")
    (host / "late").symlink_to("/proc/device-tree")
    assert tree.text("late/model") == "the host's"
