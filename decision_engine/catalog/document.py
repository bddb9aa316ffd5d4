"""Reads a YAML file as plain text, numbers, lists and mappings, without YAML's surprises: `off` is a word, a key stands once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

from decision_engine.catalog.mistakes import MOST_TOLD, SHOWN_CHARACTERS, shown

SIZE_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""Ten thousand devices are some 5 MiB; a file beyond this is not one that a person or a tool of ours wrote."""

EXPANDED_LIMIT: Final = 2_000_000
"""Values that a file may hold once its aliases are written out; ten thousand devices with their workloads are a quarter of that."""
DIGITS_LIMIT: Final = 4_000
"""Python itself refuses to read more digits at once, since that takes quadratic time."""
UNFINISHED: Final = 0
"""Stands for a value that is still being counted; what is counted is at least one."""
DEPTH_LIMIT: Final = 100
"""Ours nest some six levels."""
CHARACTERS_PER_VALUE: Final = 64
"""A text counts as one more value for each so many characters, so that one long text is not repeated without end either."""

_TAG: Final = "tag:yaml.org,2002:"
_PLAIN: Final = (
    ("bool", r"true|True|TRUE|false|False|FALSE", (*"tTfF",)),
    ("null", r"~|null|Null|NULL|", (*"~nN", "")),
    ("int", r"[-+]?[0-9]+", (*"-+0123456789",)),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", (*"-+.0123456789",)),
    ("merge", r"<<", ("<",)),
)
"""YAML 1.2's core words, without octal and hexadecimal: `0x01` is how the field names its devices."""


class DocumentError(Exception):
    """A file cannot be used; ``errors`` has one sentence per mistake, each with its place, and beyond ``MOST_TOLD`` their number."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        """Keep the first sentences; as text they stand one per line."""
        more = len(errors) - MOST_TOLD
        self.errors = errors if more <= 0 else (*errors[:MOST_TOLD], f"and {more} more mistakes; mend these first")
        super().__init__("\n".join(self.errors))


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C where libyaml is there, else Python
    """The safe loader with fewer implicit types, text keys only, and no key twice."""

    depth = 0
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML copies it per class

    def descend_resolver(self, current_node: yaml.Node | None, current_index: Any) -> None:
        """Count the levels: libyaml composes them on the machine's own stack, which ends the whole program when it is full."""
        self.depth += 1
        if self.depth > DEPTH_LIMIT and current_node is not None:
            raise _refused(current_node, f"values nest deeper than {DEPTH_LIMIT} levels")
        super().descend_resolver(current_node, current_index)

    def ascend_resolver(self) -> None:
        """Leave a level."""
        self.depth -= 1
        super().ascend_resolver()

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys are text and stand once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == f"{_TAG}merge":
                continue
            if key.tag != f"{_TAG}str" or not isinstance(key.value, str):
                raise _refused(key, f"the key {_short(key.value)} is no text; write it in quotes")
            if key.value in seen:
                raise _refused(key, f"the key {_short(key.value)} stands twice")
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


class _Dumper(yaml.SafeDumper):
    """The safe dumper, which also quotes what only our loader would take for a number."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out, so that a section never leans on another."""
        return True


def _refused(node: yaml.Node, why: str) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, why, node.start_mark)


def _short(value: object) -> str:
    return repr(value[:SHOWN_CHARACTERS]) if isinstance(value, str) else "here"


for _name, _pattern, _first in _PLAIN:
    for _kind in (_Loader, _Dumper):
        _kind.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"^(?:{_pattern})$"), list(_first))

_WORDS: Final = {name: re.compile(pattern) for name, pattern, _ in _PLAIN}
_NUMBERS: Final = {"int": "a whole number", "float": "a number", "bool": "true or false"}


def _construct_plain(loader: Any, node: yaml.ScalarNode) -> int | float | bool:
    """A number or a flag; a tag such as ``!!bool`` may stand before a word that is none."""
    name, text = node.tag.removeprefix(_TAG), loader.construct_scalar(node)
    if not _WORDS[name].fullmatch(text):
        raise _refused(node, f"{_short(text)} is not {_NUMBERS[name]}")
    if name == "bool":
        return bool(text.lower() == "true")
    if len(text) > DIGITS_LIMIT:
        raise _refused(node, f"a number with {len(text)} digits is beyond every unit; write it shorter")
    if name == "int":
        return int(text)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_Loader.yaml_constructors = {
    tag: make for tag, make in _Loader.yaml_constructors.items() if tag is None or tag.removeprefix(_TAG) in ("map", "seq", "str", "null")
}
for _name in _NUMBERS:
    _Loader.add_constructor(f"{_TAG}{_name}", _construct_plain)


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        DocumentError: it is not there, cannot be read, is too big or is not UTF-8.
    """
    try:
        if path.stat().st_size > SIZE_LIMIT_BYTES:
            raise DocumentError((f"{path} is bigger than {SIZE_LIMIT_BYTES} bytes; this cannot be the right file",))
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DocumentError((f"{path} cannot be read: {error.strerror}",)) from error
    except UnicodeDecodeError as error:
        raise DocumentError((f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8",)) from error
    except ValueError as error:
        raise DocumentError((f"{shown(str(path))} cannot be read: {error}; mend the path",)) from error


def parse_document(text: str, name: str) -> dict[str, Any]:
    """The mapping that a YAML text holds; ``name`` says in messages where it came from.

    Raises:
        DocumentError: no YAML, a key twice, a key that is no text, no mapping at the top, or aliases that grow beyond
            ``EXPANDED_LIMIT`` values when they are written out.
    """
    try:
        document = _constructed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name} line {mark.line + 1}" if mark else name
        raise DocumentError((f"{place}: {' '.join((error.problem or error.context or 'this is no YAML').split())}",)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError((f"{name} is no YAML: {' '.join(str(error).split())}",)) from error
    if not isinstance(document, dict):
        raise DocumentError((f"{name} must be a mapping that begins with «schema: 1»",))
    return document


def _constructed(text: str) -> Any:
    """The values of a text, once it is known how many they are."""
    loader = _Loader(text)
    try:
        top = loader.get_single_node()
        if top is None:
            return None
        if _expanded(top, {}) > EXPANDED_LIMIT:
            raise _refused(
                top, f"more than {EXPANDED_LIMIT} values{' once its aliases are written out' * ('*' in text)}; split or shorten it"
            )
        return loader.construct_document(top)
    finally:
        loader.dispose()


def _expanded(node: yaml.Node, counts: dict[int, int]) -> int:
    """How many values a node would be with every alias written out; ``counts`` knows each node that was seen, by its identity.

    An alias names what stands before it, so this never goes deeper than the text nests.

    Raises:
        MarkedYAMLError: a value holds itself.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1 + len(node.value) // CHARACTERS_PER_VALUE
    if (known := counts.get(id(node))) is not None:
        if known == UNFINISHED:
            raise _refused(node, "this value holds itself by an alias; write it out")
        return known
    counts[id(node)] = UNFINISHED
    pairs = node.value if isinstance(node, yaml.MappingNode) else zip(node.value)
    counts[id(node)] = 1 + sum(_expanded(child, counts) for pair in pairs for child in pair)
    return counts[id(node)]


def as_json(document: dict[str, Any], name: str) -> str:
    """The document as JSON, in which pydantic checks most strictly.

    Raises:
        DocumentError: it holds what JSON cannot: a tagged value, or an alias of itself.
    """
    try:
        return json.dumps(document)
    except (TypeError, ValueError, RecursionError) as error:
        raise DocumentError((f"{name} may hold text, numbers, true, false, lists and mappings only: {error}",)) from error


def dump_document(document: dict[str, Any]) -> str:
    """YAML text that ``parse_document`` reads as the same values."""
    text: str = yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=140)
    return text
