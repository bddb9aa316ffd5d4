"""The command line: help, refusals in one sentence, and nothing heavy behind it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from exporters import cli
from exporters.cli import main
from exporters.device.server import Endpoint
from exporters.workload import listener, publish

ROOT = Path(cli.__file__).parents[1]


def test_help_has_examples_and_no_bridge(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exporter", "--help"]) == 0
    said = capsys.readouterr().out
    assert "examples:" in said
    assert "--lent-cores" in said
    assert "bridge" not in said


@pytest.mark.parametrize("argv", [[], ["bridge"], ["exporter", "--nonsense"]], ids=["nothing", "no-bridge-yet", "unknown-option"])
def test_wrong_usage_is_two(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert "Traceback" not in capsys.readouterr().err


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
    assert cli._settings(cli._parser().parse_args(["exporter", *options])).device == device


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
    assert "exporters.simulated" not in done.stdout.split()
