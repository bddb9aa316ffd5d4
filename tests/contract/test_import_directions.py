"""Who may import whom: the contracts of pyproject.toml hold, and are about rooms that exist."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.builders.contract import ROOT, named, sources, tree

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS: list[dict[str, Any]] = PYPROJECT["tool"]["importlinter"]["contracts"]
PURE = next(contract for contract in CONTRACTS if contract["id"] == "purity")
CONFIG_MAY_IMPORT = ("decision_engine.core.limits", "decision_engine.catalog")


def imported(path: Path) -> set[str]:
    """Name the modules that a file imports, at any depth of it."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_every_contract_is_kept() -> None:
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("contract", ["leaves", "floors", "purity", "device", "bridge", "door-in", "door-out"])
def test_no_contract_has_been_taken_away(contract: str) -> None:
    assert contract in {known["id"] for known in CONTRACTS}


def test_config_knows_limits_and_catalogue_only() -> None:
    places = [path for path in (ROOT / "decision_engine/config.py", ROOT / "decision_engine/config") if path.exists()]
    assert places, "decision_engine/config.py is missing"
    for path in sources(*(named(place) for place in places)):
        engine = {name for name in imported(path) if name.startswith("decision_engine") and not name.startswith("decision_engine.config")}
        assert {name for name in engine if not name.startswith(CONFIG_MAY_IMPORT)} == set(), named(path)


def test_pure_rooms_may_not_import_what_reads_clocks_or_the_world() -> None:
    assert {"asyncio", "logging", "os", "pathlib", "random", "socket", "subprocess", "threading", "time"} <= set(PURE["forbidden_modules"])
