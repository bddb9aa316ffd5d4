"""The house style that no linter knows: a true first sentence, short files and functions, few parameters, honest names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.builders.contract import PACKAGES, functions, named, sources, tree

LINES_PER_FILE = 300
LINES_PER_FUNCTION = 60
PARAMETERS = 7
"""ruff asks for a reason (noqa) from the sixth parameter on; from the eighth on there is none."""

FLAT_ON_PURPOSE = {"exporters/workload/publish.py"}
"""Integrators write this one call by hand, in programs that know nothing else of us, so it takes its settings one by one."""

BANNED_WORDS = {"util", "utils", "helper", "helpers", "manager", "managers", "base", "common", "misc"}
PRODUCT = sources(*PACKAGES, "benchmarks")
EVERYTHING = [*PRODUCT, *sources("tests")]


def words(name: str) -> set[str]:
    """Split a snake_case or CamelCase name into its words, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)}


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines without its docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's parameters without self and cls."""
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([argument for argument in given if argument.arg not in {"self", "cls"}])


@pytest.mark.parametrize("path", EVERYTHING, ids=named)
def test_a_module_begins_with_one_sentence(path: Path) -> None:
    module = tree(path)
    docstring = ast.get_docstring(module)
    assert docstring, "no docstring"
    assert module.body[0].lineno == 1, "something stands before the docstring"
    assert docstring.splitlines()[0].endswith((".", "?")) or docstring.split("\n\n")[0].endswith("."), "its first line is not a sentence"
    assert not docstring[0].islower(), "it begins in the middle of a sentence"


@pytest.mark.parametrize("path", EVERYTHING, ids=named)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_PER_FILE


@pytest.mark.parametrize("path", PRODUCT, ids=named)
def test_functions_are_short(path: Path) -> None:
    assert [f"{node.name}: {length(node)} lines" for node in functions(tree(path)) if length(node) > LINES_PER_FUNCTION] == []


@pytest.mark.parametrize("path", PRODUCT, ids=named)
def test_functions_take_few_parameters(path: Path) -> None:
    if named(path) in FLAT_ON_PURPOSE:
        return
    assert [f"{node.name}: {parameters(node)}" for node in functions(tree(path)) if parameters(node) > PARAMETERS] == []


@pytest.mark.parametrize("path", EVERYTHING, ids=named)
def test_names_say_what_a_thing_is(path: Path) -> None:
    classes = [node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    assert {name for name in (path.stem, *classes) if words(name) & BANNED_WORDS} == set()


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=named)
def test_every_folder_is_a_package(path: Path) -> None:
    assert (path.parent / "__init__.py").is_file()


@pytest.mark.parametrize(
    ("name", "found"),
    [("string_utils", True), ("MoveManager", True), ("BaseClient", True), ("HTTPHelper", True), ("database", False), ("Commons", False)],
)
def test_the_search_for_banned_words_finds_what_it_should(name: str, found: bool) -> None:
    assert bool(words(name) & BANNED_WORDS) is found
