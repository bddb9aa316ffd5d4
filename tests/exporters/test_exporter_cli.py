"""The command line: help, refusals in one sentence, and nothing heavy behind it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from exporters import cli
from exporters.cli import main
from exporters.device.server import Endpoint
from exporters.options import parser, settings
from exporters.workload import listener, publish
from tests.builders.boards import BoardsOnDisk

ROOT = Path(cli.__file__).parents[1]


def test_help_has_examples_and_names_the_commands_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exporter", "--help"]) == 0
    said = capsys.readouterr().out
    for word in ("examples:", "--lent-cores", "--tegrastats", "exporter record", "exporter emulate", "edgeshift bridge"):
        assert word in said


def test_the_first_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"edgeshift {' '.join(words)} --help" in said for words in (("exporter",), *cli._ROOMS))


@pytest.mark.parametrize("argv", [[], ["serve"], ["exporter", "--nonsense"]], ids=["nothing", "another-room", "unknown-option"])
def test_wrong_usage_is_two(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "handed_over"),
    [
        (["exporter", "record", "there", "--x"], ("record", ["there", "--x"])),
        (["exporter", "emulate"], ("emulate", [])),
        (["bridge", "--help"], ("bridge", ["--help"])),
    ],
    ids=["record", "emulate", "bridge"],
)
def test_commands_with_their_own_room_get_the_words_behind_theirs(
    argv: list[str], handed_over: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []

    def run(name: str, argv: list[str]) -> int:
        heard.append((name, argv))
        return 7

    for words in cli._ROOMS:
        room = ModuleType(f"room_of_{words[-1]}")
        room.main = partial(run, words[-1])  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, room.__name__, room)
    monkeypatch.setattr(cli, "_ROOMS", {words: f"room_of_{words[-1]}" for words in cli._ROOMS})
    assert main(argv) == 7
    assert heard == [handed_over]


def test_every_room_has_a_command_line() -> None:
    for module in cli._ROOMS.values():
        assert callable(importlib.import_module(module).main)


def test_what_is_not_installed_is_said_in_one_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_ROOMS", {("bridge",): "room_that_is_nowhere"})
    assert main(["bridge"]) == 1
    said = capsys.readouterr().err
    assert "extra «bridge»" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "word"),
    [
        pytest.param(["--listen", "9750"], "HOST:PORT", id="no-host"),
        pytest.param(["--listen", "localhost:99999"], "65535", id="port-too-high"),
        pytest.param(["--lent-cores", "0"], "above 0", id="nothing-lent"),
        pytest.param(["--lent-cores", "nan"], "above 0", id="nan-lent"),
        pytest.param(["--lent-cores", "inf"], "above 0", id="everything-lent"),
        pytest.param(["--window-seconds", "0.5"], "at least 1 and at most 300", id="window-too-short"),
        pytest.param(["--window-seconds", "soon"], "at least 1", id="window-is-a-word"),
        pytest.param(["--root", "/nonexistent/tree"], "not a folder", id="no-root"),
        pytest.param(["--device", "Edge 07"], "catalogue", id="odd-device"),
        pytest.param(["--device", ""], "catalogue", id="empty-device"),
        pytest.param(["--tegrastats", "/nonexistent/tegrastats"], "neither auto, off, nor a file", id="no-such-program"),
        pytest.param(["--socket-mode", "999"], "octal", id="not-octal"),
    ],
)
def test_a_bad_value_is_one_sentence_and_one(options: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exporter", *options]) == 1
    said = capsys.readouterr().err
    assert word in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("environment", "options", "device"),
    [("", [], None), ("edge-07", [], "edge-07"), ("edge-07", ["--device", "edge-08"], "edge-08")],
    ids=["not-told", "by-environment", "the-option-wins"],
)
def test_the_device_is_told_by_option_or_environment(
    environment: str, options: list[str], device: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGESHIFT_DEVICE", environment)
    assert settings(parser().parse_args(options)).device == device


def test_endpoints_of_both_kinds_are_written_as_in_an_address() -> None:
    assert (str(Endpoint("127.0.0.1", 1)), str(Endpoint("::1", 2))) == ("127.0.0.1:1", "[::1]:2")


def test_publisher_and_exporter_meet_at_the_same_socket() -> None:
    assert publish.DEFAULT_SOCKET == listener.DEFAULT_SOCKET


def test_nothing_heavier_than_the_standard_library_and_prometheus_client_is_imported() -> None:
    program = "import sys; before = set(sys.modules); import exporters.cli; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    rooms = {name.partition(".")[0] for name in done.stdout.split()}
    assert "exporters" in rooms
    assert rooms - sys.stdlib_module_names <= {"exporters", "prometheus_client"}
    strangers = ("exporters.simulated", "exporters.emulated", "exporters.recording", "exporters.bridge", "exporters.device.nvml", "ctypes")
    assert not [name for name in done.stdout.split() if name.startswith(strangers)]


@pytest.fixture
def orin(boards_on_disk: BoardsOnDisk) -> Path:
    return boards_on_disk["orin-nx"]


def test_once_prints_the_page_of_a_recorded_tree_with_the_load_of_that_time(orin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exporter", "--once", "--root", str(orin)]) == 0
    page = capsys.readouterr().out
    for line in (
        'edge_cpu_usage_ratio{scope="host"} 0.',
        "edge_gpu_usage_ratio 0.",
        'edge_board_info{board="orin-nx",',
        "edge_disk_total_bytes",
    ):
        assert line in page
