"""The house style that no linter knows: a true first sentence, short files and functions, few parameters, honest names."""

from __future__ import annotations

import ast
import inspect
import re
import tokenize
from itertools import islice
from pathlib import Path

import pytest

from tests.builders.contract import PACKAGES, functions, named, sources, tree

LINES_PER_FILE = 300
LINES_IF_ONE_FILE_ON_PURPOSE = 700
LINES_PER_FUNCTION = 60
PARAMETERS = 7
"""ruff asks for a reason (noqa) from the sixth parameter on; from the eighth on there is none."""

FLAT_ON_PURPOSE = {"exporters/workload/publish.py", "decision_engine/cli.py"}
"""Integrators write that one call by hand, in programs that know nothing else of us, so it takes its settings one by one; and
each option of a command is a parameter of its function."""

ONE_FILE_ON_PURPOSE = {"exporters/workload/publish.py"}
"""AI programs copy this file beside their own, so that it cannot be several."""

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


# One test for each rule, not for each file and rule: two thousand tests would take longer to begin than to run.
def test_modules_begin_with_one_sentence() -> None:
    assert [f"{named(path)}: {why}" for path in EVERYTHING if (why := why_bad_beginning(path))] == []


def why_bad_beginning(path: Path) -> str:
    """Why a module's first line is not a true sentence's beginning; "" when it is."""
    with path.open(encoding="utf-8") as file:
        tokens = list(islice(tokenize.generate_tokens(file.readline), 2))  # the rest of so many files takes long to parse
    if [token.type for token in tokens] != [tokenize.STRING, tokenize.NEWLINE]:
        return "it does not begin with a docstring"
    docstring = inspect.cleandoc(ast.literal_eval(tokens[0].string))
    if not docstring:
        return "its docstring is empty"
    if not (docstring.splitlines()[0].endswith((".", "?")) or docstring.split("\n\n")[0].endswith(".")):
        return "its first line is not a sentence"
    return "it begins in the middle of a sentence" if docstring[0].islower() else ""


def test_files_are_short() -> None:
    lengths = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in EVERYTHING}
    allowed = dict.fromkeys(ONE_FILE_ON_PURPOSE, LINES_IF_ONE_FILE_ON_PURPOSE)
    assert {name: lines for name, lines in lengths.items() if lines > allowed.get(name, LINES_PER_FILE)} == {}


def test_functions_are_short() -> None:
    found = [(named(path), node.name, length(node)) for path in PRODUCT for node in functions(tree(path))]
    assert [entry for entry in found if entry[2] > LINES_PER_FUNCTION] == []


def test_functions_take_few_parameters() -> None:
    judged = [path for path in PRODUCT if named(path) not in FLAT_ON_PURPOSE]
    found = [(named(path), node.name, parameters(node)) for path in judged for node in functions(tree(path))]
    assert [entry for entry in found if entry[2] > PARAMETERS] == []


def test_names_say_what_a_thing_is() -> None:
    names = [(named(path), name) for path in PRODUCT for name in (path.stem, *classes(path))]
    assert [entry for entry in names if words(entry[1]) & BANNED_WORDS] == []


def classes(path: Path) -> list[str]:
    """Names of the classes that a file defines."""
    return [node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]


def test_every_folder_is_a_package() -> None:
    assert [named(path) for path in sources(*PACKAGES) if not (path.parent / "__init__.py").is_file()] == []


@pytest.mark.parametrize(
    ("name", "found"),
    [("string_utils", True), ("MoveManager", True), ("BaseClient", True), ("HTTPHelper", True), ("database", False), ("Commons", False)],
)
def test_the_search_for_banned_words_finds_what_it_should(name: str, found: bool) -> None:
    assert bool(words(name) & BANNED_WORDS) is found
