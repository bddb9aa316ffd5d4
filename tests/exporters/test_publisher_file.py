"""The publisher is one file that works alone, for every Python that AI programs bring."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from exporters.workload import publish

SOURCE = Path(publish.__file__)


def test_it_is_one_file_for_python_3_8_with_the_standard_library_only() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
