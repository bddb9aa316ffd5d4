"""The emulated tree on disk and its command line: only its own folder, one owner, whole files, and going on after a kill."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from exporters.emulated.boards import load, names
from exporters.emulated.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, Settings, begin, main
from exporters.emulated.layout import STAT, layout_of
from exporters.emulated.model import Script
from exporters.emulated.stories import STORIES
from exporters.emulated.writing import MARKER, TRUTH, RootRefused, TreeWriter

NOW = 1_795_000_000.0
BOARD = "nano"
"""The one with the fewest files."""


def emulate(root: Path, *words: str) -> int:
    """One step of a board under ``root``."""
    return main(["--board", BOARD, "--root", str(root), "--seconds", "0", *words])


def truth(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / TRUTH).read_text(encoding="utf-8"))
    return found


def test_one_step_writes_the_whole_tree_with_its_truth(tmp_path: Path) -> None:
    root = tmp_path / "board"
    assert emulate(root) == EXIT_OK
    board = load(BOARD)
    assert all((root / path).exists() for path in board.files if not path.startswith("edgeshift/earlier"))
    assert all((root / path).is_symlink() for path in board.links)
    assert truth(root)["board"] == BOARD
    assert not (root / "edgeshift/earlier").exists(), "an earlier look at counters is not true of a board that moves"
    assert (root / STAT).read_text(encoding="ascii") != board.files[STAT]


def test_what_did_not_change_is_not_written(tmp_path: Path) -> None:
    root = tmp_path / "board"
    assert emulate(root) == EXIT_OK
    writer, board = TreeWriter(root, BOARD), load(BOARD)
    running = begin(Settings(BOARD, root, Script(STORIES["calm"], 1), None, 1.0), board, writer, NOW)
    writer.step(running.frame(), running.state)
    before = {path: os.stat(root / path).st_mtime_ns for path in board.files if not path.startswith("edgeshift/")}
    running.go_on(NOW + 1.0, 1.0)
    writer.step(running.frame(), running.state)
    writer.close()
    changed = {path for path, at in before.items() if os.stat(root / path).st_mtime_ns != at}
    assert STAT in changed and "proc/uptime" in changed
    assert changed.isdisjoint({"sys/devices/system/cpu/online", "sys/class/thermal/thermal_zone0/type"})
    assert len(changed) < 40


def test_it_goes_on_where_it_was_and_no_counter_falls(tmp_path: Path) -> None:
    root = tmp_path / "board"
    settings, board = Settings(BOARD, root, Script(STORIES["hot"], 1), None, 1.0), load(BOARD)
    writer = TreeWriter(root, BOARD)
    running = begin(settings, board, writer, NOW)
    writer.begin(board, running.frame(), running.state)
    for second in range(1, 40):
        running.go_on(NOW + second, 1.0)
    writer.step(running.frame(), running.state)
    writer.close()
    again = TreeWriter(root, BOARD)
    left = begin(settings, board, again, NOW + 500.0)
    again.close()
    assert left.state == running.state and left.boot == running.boot
    assert left.frame().files[STAT] == running.frame().files[STAT], "while nobody emulated, the board was suspended"
    assert left.frame().truth["temperature_celsius"]["CPU-therm"] > 60


def test_a_long_gap_is_one_short_step(tmp_path: Path) -> None:
    writer, board = TreeWriter(tmp_path, BOARD), load(BOARD)
    running = begin(Settings(BOARD, tmp_path, Script(STORIES["hot"], 1), None, 1.0), board, writer, NOW)
    running.go_on(NOW + 10_000.0, 1.0)
    writer.close()
    assert sum(running.state.busy_seconds) + sum(running.state.idle_seconds) == pytest.approx(
        2.0 * len(layout_of(board.files).silicon.cores)
    )


def test_a_foreign_folder_is_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/stat").write_text("cpu  1 2 3 4\n", encoding="ascii")
    assert emulate(tmp_path) == EXIT_FAILED
    told = capsys.readouterr().err
    assert "did not write" in told and told.count("\n") == 1
    assert (tmp_path / "proc/stat").read_text(encoding="ascii") == "cpu  1 2 3 4\n"
    assert not (tmp_path / MARKER).exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--board", BOARD, "--root", "/"], "this machine itself"),
        (["--board", BOARD, "--root", "//../"], "this machine itself"),
        (["--board", BOARD, "--root", "/proc/version"], "not a folder"),
        (["--board", "pentium", "--root", "unused"], "no constructed board"),
    ],
    ids=["the machine", "the machine by another name", "a file", "an unknown board"],
)
def test_what_cannot_be_emulated_is_refused(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == EXIT_FAILED
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_another_boards_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert emulate(tmp_path) == EXIT_OK
    assert main(["--board", "tx2", "--root", str(tmp_path), "--seconds", "0"]) == EXIT_FAILED
    assert f"is an emulated {BOARD}, not tx2" in capsys.readouterr().err


def test_two_emulators_do_not_share_a_folder(tmp_path: Path) -> None:
    first = TreeWriter(tmp_path, BOARD)
    with pytest.raises(RootRefused, match="Another emulator"):
        TreeWriter(tmp_path, BOARD)
    first.close()
    TreeWriter(tmp_path, BOARD).close()


def test_a_start_that_was_killed_half_way_is_begun_again(tmp_path: Path) -> None:
    TreeWriter(tmp_path, BOARD).close()
    assert not (tmp_path / STAT).exists()
    assert emulate(tmp_path) == EXIT_OK
    assert (tmp_path / STAT).exists()


def test_one_that_was_killed_before_it_wrote_its_marker_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / MARKER).parent.mkdir()
    (tmp_path / MARKER).touch()
    assert emulate(tmp_path) == EXIT_OK
    assert truth(tmp_path)["board"] == BOARD


def test_an_empty_marker_beside_other_files_is_a_foreign_folder(tmp_path: Path) -> None:
    (tmp_path / MARKER).parent.mkdir()
    (tmp_path / MARKER).touch()
    (tmp_path / "letter").write_text("mine", encoding="ascii")
    assert emulate(tmp_path) == EXIT_FAILED
    assert (tmp_path / "letter").read_text(encoding="ascii") == "mine"


def seen_in(place: Path) -> dict[Path, tuple[int, int]]:
    """When each file was last changed, and its size."""
    return {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in (place, *place.rglob("*"))}


@pytest.mark.parametrize("place", ["proc", "edgeshift", "proc/stat", "sys/class/thermal/thermal_zone0/temp", MARKER, TRUTH])
def test_a_link_out_of_the_tree_is_refused_and_nothing_is_written_through_it(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root, elsewhere = tmp_path / "board", tmp_path / "elsewhere"
    assert emulate(root) == EXIT_OK
    (root / place).rename(elsewhere)
    (root / place).symlink_to(elsewhere)
    before = seen_in(elsewhere)
    assert emulate(root) == EXIT_FAILED
    told = capsys.readouterr().err
    assert "leads out of" in told and told.count("\n") == 2, "the first run says that it moves, the second one sentence"
    assert before == seen_in(elsewhere)


@pytest.mark.parametrize("place", ["edgeshift/.next", "proc"])
def test_a_link_that_is_put_into_a_tree_that_moves_is_not_followed(tmp_path: Path, place: str) -> None:
    root, elsewhere = tmp_path / "board", tmp_path / "elsewhere"
    assert emulate(root) == EXIT_OK
    elsewhere.mkdir() if place == "proc" else elsewhere.write_text("precious", encoding="ascii")
    writer, board = TreeWriter(root, BOARD), load(BOARD)
    running = begin(Settings(BOARD, root, Script(STORIES["calm"], 1), None, 1.0), board, writer, NOW)
    if place == "proc":
        (root / place).rename(tmp_path / "away")
    (root / place).symlink_to(elsewhere)
    with pytest.raises(RootRefused, match="leads out of") if place == "proc" else nullcontext():
        writer.step(running.frame(), running.state)
    writer.close()
    assert list(elsewhere.iterdir()) == [] if place == "proc" else elsewhere.read_text(encoding="ascii") == "precious"


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree that an emulator left; whoever damages its truth has it begun anew."""
    root = tmp_path_factory.mktemp("left")
    assert emulate(root) == EXIT_OK
    return root


NESTED = "[" * 100_000


@pytest.mark.parametrize("damage", ["", "{}", '{"state": 1}', '{"state": {"cpu": 1}, "boot_timestamp_seconds": 1}', "[1]", NESTED])
def test_a_truth_that_cannot_be_read_starts_the_board_anew(left: Path, damage: str) -> None:
    (left / TRUTH).write_text(damage, encoding="utf-8")
    assert emulate(left) == EXIT_OK
    assert truth(left)["board"] == BOARD


@pytest.mark.parametrize("number", ["NaN", "1e999", "-500", "1e300"])
@pytest.mark.parametrize("key", ["story_seconds", "busy_seconds", "idle_seconds", "cpu_celsius", "board_celsius"])
def test_a_state_that_no_board_can_be_in_starts_it_anew(left: Path, key: str, number: str) -> None:
    found = truth(left)
    value = found["state"][key]
    found["state"][key] = [float(number)] * len(value) if isinstance(value, list) else float(number)
    (left / TRUTH).write_text(json.dumps(found), encoding="utf-8")
    assert emulate(left) == EXIT_OK
    assert truth(left)["story_seconds"] < 1


@pytest.mark.parametrize(
    "words",
    [[], ["--board", BOARD], ["--board", BOARD, "--root", "x", "--speed", "0"], ["--board", BOARD, "--root", "x", "--seconds", "nan"]],
    ids=["nothing", "no root", "no speed", "no number"],
)
def test_wrong_words_are_usage_errors(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == EXIT_USAGE
    assert "usage:" in capsys.readouterr().err


def test_boards_and_stories_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == EXIT_OK
    told = capsys.readouterr().out
    assert BOARD in told and all(f"--story {story}" in told for story in STORIES)
    for name in names():
        line = next(line for line in told.splitlines() if line.startswith(f"{name} "))
        assert line.removeprefix(name).startswith("  ") and line.endswith(load(name).title)
