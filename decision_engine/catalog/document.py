"""Reads a YAML file as plain text, numbers, lists and mappings, without YAML's surprises: `off` is a word, a key stands once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

SIZE_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""Ten thousand devices are some 5 MiB; a file beyond this is not one that a person or a tool of ours wrote."""

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
    """A file cannot be used; ``errors`` has one sentence per mistake, each with its place."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        """Keep the sentences; as text they stand one per line."""
        super().__init__("\n".join(errors))
        self.errors = errors


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C where libyaml is there, else Python
    """The safe loader with fewer implicit types, text keys only, and no key twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML copies it per class

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys are text and stand once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == f"{_TAG}merge":
                continue
            if key.tag != f"{_TAG}str":
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} is no text; write it in quotes", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


class _Dumper(yaml.SafeDumper):
    """The safe dumper, which also quotes what only our loader would take for a number."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out, so that a section never leans on another."""
        return True


def _construct_int(loader: Any, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))


for _name, _pattern, _first in _PLAIN:
    for _kind in (_Loader, _Dumper):
        _kind.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"^(?:{_pattern})$"), list(_first))
_Loader.add_constructor(f"{_TAG}int", _construct_int)


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


def parse_document(text: str, name: str) -> dict[str, Any]:
    """The mapping that a YAML text holds; ``name`` says in messages where it came from.

    Raises:
        DocumentError: no YAML, a key twice, a key that is no text, or no mapping at the top.
    """
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506  _Loader is the safe loader with fewer types
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name} line {mark.line + 1}" if mark else name
        raise DocumentError((f"{place}: {error.problem or error.context or 'this is no YAML'}",)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError((f"{name} is no YAML: {' '.join(str(error).split())}",)) from error
    if not isinstance(document, dict):
        raise DocumentError((f"{name} must be a mapping that begins with «schema: 1»",))
    return document


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
