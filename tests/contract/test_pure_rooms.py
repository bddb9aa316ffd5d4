"""Calls that would read a clock, chance or the disk in rooms that must be pure, found in the syntax tree."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from tests.builders.contract import ROOT, dotted, named, sources, tree
from tests.builders.tables import in_one_test

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
PURE_MODULES: list[str] = next(contract["source_modules"] for contract in CONTRACTS if contract["id"] == "purity")

CLOCKS = {"now", "utcnow", "today"}
"""Of datetime, date and pandas.Timestamp: what the wall clock says."""

SEEDED_WITH_AN_ARGUMENT = {"default_rng", "RandomState", "SeedSequence", "PCG64", "Philox", "MT19937", "SFC64"}
"""Of numpy.random: fine with a seed, chance without one."""

VALUE_TYPES = {"Generator", "BitGenerator"}
BUILT_IN = {"open", "print", "input", "exec", "eval", "__import__"}


def place_of(module: str) -> str:
    """Find the file or the folder of a module named in pyproject.toml."""
    folder = module.replace(".", "/")
    return folder if (ROOT / folder).is_dir() else f"{folder}.py"


def is_there(place: str) -> bool:
    """Whether the repository has this file or folder."""
    return (ROOT / place).exists()


def impurities(module: ast.Module) -> list[str]:
    """List the calls that make a module impure, each as ``line: call``."""
    return [f"{node.lineno}: {dotted(node.func)}" for node in ast.walk(module) if isinstance(node, ast.Call) and is_impure(node)]


def is_impure(call: ast.Call) -> bool:
    """Judge one call by its written name and whether it was given arguments."""
    *owner, name = dotted(call.func).split(".")
    if not owner:
        return name in BUILT_IN or (name in SEEDED_WITH_AN_ARGUMENT and not (call.args or call.keywords))
    if name in CLOCKS and owner[-1] in {"datetime", "date", "Timestamp"}:
        return True
    if owner[-1] == "time":
        return True
    if owner[-1] == "random" and name not in VALUE_TYPES:
        seeded = bool(call.args or call.keywords) and not (call.args and is_none(call.args[0]))
        return not (name in SEEDED_WITH_AN_ARGUMENT and seeded)
    return False


def is_none(node: ast.expr) -> bool:
    """Whether an argument is the literal None, which numpy takes for «seed yourself»."""
    return isinstance(node, ast.Constant) and node.value is None


@in_one_test("path", [pytest.param(path, id=named(path)) for path in sources(*filter(is_there, map(place_of, PURE_MODULES)))])
def test_pure_rooms_call_neither_clock_nor_chance_nor_disk(path: Path) -> None:
    assert impurities(tree(path)) == []


@in_one_test("module", PURE_MODULES)
def test_every_pure_room_exists(module: str) -> None:
    assert is_there(place_of(module))


@in_one_test(
    ("source", "found"),
    [
        ("import time\ntime.time()", ["2: time.time"]),
        ("time.monotonic()", ["1: time.monotonic"]),
        ("datetime.now()", ["1: datetime.now"]),
        ("datetime.datetime.now(tz=datetime.UTC)", ["1: datetime.datetime.now"]),
        ("pd.Timestamp.now()", ["1: pd.Timestamp.now"]),
        ("np.random.default_rng()", ["1: np.random.default_rng"]),
        ("np.random.default_rng(None)", ["1: np.random.default_rng"]),
        ("default_rng()", ["1: default_rng"]),
        ("np.random.rand(3)", ["1: np.random.rand"]),
        ("open('x')", ["1: open"]),
        ("np.random.default_rng(7)", []),
        ("np.random.default_rng(seed=7)", []),
        ("rng.random(3)", []),
        ("snapshot.now", []),
        ("self.time(3)", []),
    ],
)
def test_the_search_finds_what_it_should(source: str, found: list[str]) -> None:
    assert impurities(ast.parse(source)) == found
