"""Turns what pydantic found wrong in a file into one sentence per mistake, with its path and a hint for the person who wrote it."""

from __future__ import annotations

import dataclasses
import json
import re
import types
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError

UNKNOWN_KEY: Final = ("extra_forbidden", "unexpected_keyword_argument")
MAPPING_WANTED: Final = ("dataclass_type", "model_type", "dict_type", "dataclass_exact_type", "mapping_type")
LIST_WANTED: Final = ("list_type", "tuple_type")
BOUNDS: Final = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}
SAID_BADLY: Final = {
    "missing": "is missing",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "finite_number": "must be a finite number",
}
WANTED: Final = {
    "string_type": "text",
    "path_type": "a path",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
}
NUMBERS_WANTED: Final = ("float_type", "int_type")
NUMBER: Final = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?")
SHOWN_CHARACTERS: Final = 60
"""Enough to recognise a value; a sentence stays one line."""
MOST_TOLD: Final = 100
"""A person mends what a screen or two can show and asks again; beyond that, mistakes are only counted."""
PLAIN_BELOW: Final = 1e15
"""Whole numbers below it are written out; a float holds them exactly."""
CONFIDENTIAL_WORDS: Final = ("secret", "token", "password", "url")
"""Values of keys with these words are never repeated: a credential may have been written there by mistake."""


def sentences(error: ValidationError, root: type) -> list[str]:
    """One ``path: sentence`` per mistake; ``root`` is the model that was validated.

    Those beyond ``MOST_TOLD``, which nobody is shown, keep pydantic's words: looking for near misses takes its time.
    """
    faults = enumerate(error.errors(include_url=False))
    return [f"{path_of(found['loc'])}: {_sentence(found, root) if index < MOST_TOLD else found['msg']}" for index, found in faults]


def path_of(location: Iterable[str | int]) -> str:
    """``("devices", 3, "cluster")`` as ``devices[3].cluster``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{_on_one_line(part)}"
    return text


def _on_one_line(key: str) -> str:
    """A key as it stands, unless it is so long or so odd that it would break the line."""
    short = key if len(key) <= SHOWN_CHARACTERS else f"{key[:SHOWN_CHARACTERS]}…"
    return short if short.isprintable() else json.dumps(short)[1:-1]


def number_text(value: float) -> str:
    """A number as people write it: ``604800``, ``0.1``, ``1e+300``; one with too many digits is cut."""
    if isinstance(value, int) or (abs(value) < PLAIN_BELOW and value == int(value)):
        return shown(int(value))
    return f"{value:g}"


def shown(value: object, path: str = "") -> str:
    """A value as it may stand in a sentence: short, on one line, and never a credential."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "empty"
    if any(word in path.rpartition(".")[2] for word in CONFIDENTIAL_WORDS):
        return "this value"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean "x"?`` for a near miss, else the list of what is known (empty where nothing is)."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1) or get_close_matches(word.lower(), names, n=1)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; known are {', '.join(names)}" if names else ""


def _sentence(found: Any, root: type) -> str:
    kind, location, value = found["type"], found["loc"], found["input"]
    if kind in SAID_BADLY:
        return SAID_BADLY[kind]
    if kind in UNKNOWN_KEY:
        return f"is not known{did_you_mean(str(location[-1]), keys_at(root, location[:-1]))}"
    if kind == "value_error":
        return str(found["ctx"]["error"])
    if wanted := _wanted(found):
        return f"must be {wanted}, not {shown(value, path_of(location))}{_hint(found)}"
    message: str = found["msg"]
    return message[:1].lower() + message[1:]


def _hint(found: Any) -> str:
    """What the person who wrote the value may have meant."""
    kind, value = found["type"], found["input"]
    if kind == "string_type" and isinstance(value, int | float):
        return '; write it in quotes, as in "01"'
    if not isinstance(value, str):
        return ""
    if kind == "literal_error":
        is_same = value == str(found["ctx"]["expected"])
        return "; write it without quotes" if is_same else did_you_mean(value, _words(found))
    return "; write it without quotes" if kind in NUMBERS_WANTED and NUMBER.fullmatch(value) else ""


def _wanted(found: Any) -> str:
    """What should have stood there, where that is the whole matter."""
    kind, context = found["type"], found.get("ctx", {})
    if kind in BOUNDS:
        word, key = BOUNDS[kind]
        return f"{word} {number_text(context[key])}"
    if kind == "literal_error":
        return str(context["expected"])
    if kind in MAPPING_WANTED:
        return "a mapping of keys to values"
    return "a list" if kind in LIST_WANTED else WANTED.get(kind, "")


def _words(found: Any) -> list[str]:
    """The words that a literal allows."""
    words = (word.strip() for word in found["ctx"]["expected"].replace(" or ", ", ").split(","))
    return [word.strip("'") for word in words if word.startswith("'")]


def keys_at(root: Any, location: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys that a mapping at this place may have; () where any is allowed."""
    for part in location:
        root = _inside(_bare(root), part)
    return tuple(_fields(_bare(root)))


def _inside(kind: Any, part: str | int) -> Any:
    """The type of one field, item or value of a type."""
    fields = _fields(kind)
    if fields:
        return fields.get(str(part))
    arguments = get_args(kind)
    return arguments[-1 if get_origin(kind) is dict else 0] if arguments else None


def _bare(kind: Any) -> Any:
    """A type without ``Annotated`` and ``| None``."""
    while get_origin(kind) in (Annotated, Union, types.UnionType):
        kind = next(argument for argument in get_args(kind) if argument is not type(None))
    return kind


def _fields(kind: Any) -> dict[str, Any]:
    if not isinstance(kind, type):
        return {}
    if issubclass(kind, BaseModel):
        return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    return {}
