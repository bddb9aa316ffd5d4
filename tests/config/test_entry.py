"""The console script hands device commands over before the engine is imported, and says in one sentence what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from decision_engine.entry import ENGINE_MODULES, main, why_no_engine

HEAVY = ("numpy", "pandas", "pydantic", "sqlalchemy", "sklearn", "aiohttp", "prometheus_api_client", "yaml")


def loaded_after(*words: str) -> tuple[int, set[str]]:
    """Exit code of ``edgeshift`` with these words, and the modules that were loaded by then."""
    program = f"""
import sys
from decision_engine.entry import main
try:
    code = main({list(words)!r})
except SystemExit as end:
    code = end.code
print("loaded:", *sys.modules, file=sys.stderr)
sys.exit(code)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, set(done.stderr.rpartition("loaded:")[2].split())


def test_help_loads_nothing_heavy() -> None:
    code, modules = loaded_after("--help")
    assert code == 0
    assert modules & set(HEAVY) == set()
    assert "typer" in modules


def test_the_exporter_loads_nothing_of_the_engine() -> None:
    code, modules = loaded_after("exporter", "--help")
    assert code == 0
    assert {name for name in modules if name.startswith("decision_engine")} == {"decision_engine", "decision_engine.entry"}
    assert modules & {*ENGINE_MODULES} == set()


def test_an_exporter_that_cannot_start_gives_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exporter", "--listen", "nowhere"]) == 1
    assert "--listen nowhere" in capsys.readouterr().err


def test_without_the_engine_one_sentence_says_what_to_install() -> None:
    said = why_no_engine(lambda name: name not in ("typer", "pydantic"))
    assert "pydantic, typer" in said
    assert "extra «engine»" in said
    assert "\n" not in said
    assert why_no_engine(lambda name: True) == ""


def test_every_module_that_is_asked_for_can_be_had() -> None:
    assert why_no_engine(lambda name: __import__(name) is not None) == ""
