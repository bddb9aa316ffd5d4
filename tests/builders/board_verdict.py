"""Holds what a damaged board says against what it says whole: no false number, nothing lost beside the damage, a reason for each loss."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from math import isclose
from posixpath import dirname
from typing import Final, NamedTuple

from exporters.device.source import Source
from tests.builders.board_damage import STRUCTURAL, is_name, legitimate, may_take
from tests.builders.board_looks import Key, Look, look, sources
from tests.builders.board_meaning import meant
from tests.builders.board_reasons import says_why, sensor_of
from tests.builders.boards import Damage, MemoryTree, board, removed

_NAMES: Final = ("edge_board_info", "edge_power_mode_info")
"""What they say is in their labels; a label that cannot be told is empty."""


class Whole(NamedTuple):
    """A board without damage: its tree, what it says, and which sources read which files."""

    tree: MemoryTree
    says: Look
    readers: dict[str, tuple[int, ...]]


class Case(NamedTuple):
    """One file and what happens to it; ``text`` is what it holds then, "" where it holds nothing or cannot be read."""

    path: str
    what: str
    damage: Damage
    text: str = ""


@cache
def whole(name: str) -> Whole:
    """Learn a board once for all tests."""
    tree = MemoryTree(board(name))
    readers: dict[str, tuple[int, ...]] = {}
    for index, source in enumerate(sources(tree)):
        tree.read.clear()
        source.look()
        readers |= {path: (*readers.get(path, ()), index) for path in tree.read}
    return Whole(tree, look(sources(tree)), readers)


def partly(of: Whole, readers: Sequence[int]) -> Whole:
    """The same board as these of its sources see it: where only a file's content changes, the others cannot notice."""
    return Whole(of.tree, look([sources(of.tree)[index] for index in readers]), of.readers)


def structural(path: str) -> list[Case]:
    """A file that is gone, cannot be read or is empty."""
    return [Case(path, what, damage) for what, damage in STRUCTURAL.items()]


def problems(of: Whole, cases: Sequence[Case], asked: Callable[[MemoryTree], Sequence[Source]] = sources) -> list[str]:
    """What is wrong with what the board says while these files are damaged at once, in words; nothing where all is well."""
    with_damage: list[Case] = list(cases)
    said = _damaged_look(of.tree, with_damage, asked)
    return [f"{', '.join(f'{case.path}: {case.what}' for case in cases)}: {problem}" for problem in _verdict(of, with_damage, said)]


def _damaged_look(tree: MemoryTree, cases: list[Case], asked: Callable[[MemoryTree], Sequence[Source]]) -> Look:
    if not cases:
        return look(asked(tree))
    with tree.damaged(cases[0].path, cases[0].damage):
        return _damaged_look(tree, cases[1:], asked)


def _verdict(of: Whole, cases: list[Case], said: Look) -> Iterator[str]:
    for key, value in said.samples.items():
        if key in of.says.samples and value == of.says.samples[key]:
            continue
        if not any(_may_say(of, cases, case, key, value) for case in cases):
            yield f"false number {key} = {value}, whole {of.says.samples.get(key)}"
    for key in of.says.samples.keys() - said.samples.keys():
        if not any(may_take(of.tree, case.path, key) for case in cases):
            yield f"lost {key} of another source"
        elif not has_reason(of, cases, said, key):
            yield f"lost {key} without a reason"


def _may_say(of: Whole, cases: list[Case], case: Case, key: Key, value: float) -> bool:
    """Whether a number that is new, or another one than before, is what the damaged file really says now."""
    if key[0] in _NAMES:
        return value == 1 and all(_may_name(of, case, key[0], index, label) for index, label in enumerate(key[1]))
    if is_name(case.path):
        return _is_renamed(of, case, key, value, legitimate(case.path, case.text))
    thing = of.tree.files.get(f"{dirname(case.path)}/type", "")
    if not legitimate(case.path, case.text, thing) or not may_take(of.tree, case.path, key):
        return False
    texts = {**of.tree.files, **{other.path: other.text for other in cases}}
    return any(isclose(value, true, abs_tol=1e-12) for true in meant(case.path, key, texts, texts.__getitem__))


def _may_name(of: Whole, case: Case, metric: str, index: int, label: str) -> bool:
    before = {key[1][index] for key in of.says.samples if key[0] == metric}
    return label in before or label == "" or label == case.text.strip()


def _is_renamed(of: Whole, case: Case, key: Key, value: float, legitimate_now: bool) -> bool:
    """A true number under the name that a file gives now, or by its place where the kernel gives no name at all."""
    nameless = case.damage is removed and ("_label" in case.path or "rail_name_" in case.path)
    before = {old for (name, labels), old in of.says.samples.items() if name == key[0] and may_take(of.tree, case.path, (name, labels))}
    # A chip without a name that can be read is called by its number, and what it says is as true as before.
    nameless |= re.fullmatch(r".*/(hwmon\d+)/name", case.path) is not None and key[1][0].startswith(f"{case.path.split('/')[-2]}/")
    # What says nothing under its true name, because it is no sensor at all, cannot be known under another.
    return (legitimate_now or nameless) and (value in before or not before)


def has_reason(of: Whole, cases: Sequence[Case], said: Look, key: Key) -> bool:
    """The sample's own sensor says why, or its number stands under a new name, or its sensor went with its file out of the listing."""
    if says_why(of.says, said, key):
        return True
    if any(is_name(case.path) and may_take(of.tree, case.path, key) and legitimate(case.path, case.text) for case in cases):
        return True  # it is another thing now: a fan is no throttle
    new = said.samples.items() - of.says.samples.items()
    if any(name == key[0] and value == of.says.samples[key] for (name, _), value in new):
        return True
    wanted = sensor_of(key)
    gone = all(sensor != wanted for sensor, _ in said.states)
    return gone and any(case.damage is removed and may_take(of.tree, case.path, key) for case in cases)
