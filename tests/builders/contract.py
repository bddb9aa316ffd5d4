"""What the contract tests look at: the repository's source files as syntax trees, and its documents."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("exporters", "forecasting", "actuators", "decision_engine")


def sources(*rooms: str) -> list[Path]:
    """Every Python file under these places of the repository (a file or a folder each), sorted."""
    found: list[Path] = []
    for room in rooms:
        place = ROOT / room
        found += [place] if place.is_file() else sorted(path for path in place.rglob("*.py") if "__pycache__" not in path.parts)
    return found


def named(path: Path) -> str:
    """Name a file by its place in the repository, for test ids."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """Parse a file once for all tests."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def functions(module: ast.Module) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]:
    """Every function and method of a module, nested ones too."""
    return tuple(node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def dotted(node: ast.expr) -> str:
    """Write a chain of attributes as it stands in the source (``np.random.rand``); "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""
