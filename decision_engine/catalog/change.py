"""The changes that a catalogue can undergo, as values, and what a file's text becomes by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from decision_engine.catalog.document import DocumentError, dump_document, parse_document
from decision_engine.catalog.mistakes import did_you_mean, shown
from decision_engine.catalog.reading import SECTIONS, CatalogError, raw_key


@dataclass(frozen=True, slots=True)
class Put:
    """Add an entry to a section, or replace the one of the same key; ``entry`` is the whole mapping as in the file."""

    section: str
    entry: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remove:
    """Take an entry out; ``id`` is ``package/class/version`` for a version and ``package/camera/purpose`` for a workload."""

    section: str
    id: str


Change = Put | Remove


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change made of the document, and of the one entry (None: there was, or is, none)."""

    document: dict[str, Any]
    key: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def changed(document: Mapping[str, Any], change: Change) -> Changed:
    """Apply a change to a parsed file; nothing is judged but whether it can be applied at all.

    Raises:
        CatalogError: there is no such section, or nothing to remove.
    """
    if change.section not in SECTIONS:
        raise CatalogError((f"{shown(change.section)} is not a section of the catalogue{did_you_mean(change.section, SECTIONS)}",))
    rows: list[Any] = list(document.get(change.section) or [])
    after = dict(change.entry) if isinstance(change, Put) else None
    key = change.id if isinstance(change, Remove) else raw_key(change.section, dict(change.entry))
    place = next((index for index, row in enumerate(rows) if raw_key(change.section, row) == key), None)
    before = None if place is None else rows[place]
    if after is None and place is None:
        raise CatalogError((f"{change.section}: {shown(key)} is not there and cannot be removed",))
    if place is None:
        rows.append(after)
    else:
        rows[place : place + 1] = [] if after is None else [after]
    return Changed({**document, change.section: rows}, key, before, after)


def rewritten(text: str, document: dict[str, Any], section: str) -> str:
    """The file's text with one section written anew, so that comments elsewhere stay.

    Where that cannot be done (a file in flow style, an anchor that another section leans on) the whole file is written
    anew and all its comments are lost.
    """
    new = dump_document({section: document[section]})
    begin, end = _span(text, section)
    lines = text.splitlines(keepends=True)
    before = "".join(lines[:begin])
    candidate = before + ("" if not before or before.endswith("\n") else "\n") + new + "".join(lines[end:])
    try:
        kept = parse_document(candidate, section) == document
    except DocumentError:
        kept = False
    return candidate if kept else dump_document(document)


def _span(text: str, section: str) -> tuple[int, int]:
    """First line of a section and the line after its last one; the end of the file twice where it is missing."""
    root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value == section:
            ends = (mark.line + (1 if mark.column else 0) for mark in _ends(value))
            return key.start_mark.line, max(key.end_mark.line + 1, *ends)
    count = len(text.splitlines())
    return count, count


def _ends(node: yaml.Node) -> Iterator[yaml.Mark]:
    """Where the words of a node end: a block's own end mark lies behind the comments that follow it."""
    if isinstance(node, yaml.ScalarNode):
        yield node.end_mark
        return
    if isinstance(node, yaml.CollectionNode) and node.flow_style:
        yield node.end_mark
        return
    for child in node.value:
        for part in child if isinstance(child, tuple) else (child,):
            yield from _ends(part)
