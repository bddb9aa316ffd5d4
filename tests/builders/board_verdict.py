"""Holds what a damaged board says against what it says whole: no false number, nothing lost beside the damage, a reason for each loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from exporters.device.source import Source
from tests.builders.board_damage import STRUCTURAL, Say, is_name, legitimate, may_take
from tests.builders.board_looks import Key, Look, look, sources
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
        if not any(_may_say(of, case, key, value) for case in cases):
            yield f"false number {key} = {value}, whole {of.says.samples.get(key)}"
    for key in of.says.samples.keys() - said.samples.keys():
        if not any(may_take(of.tree, case.path, key) for case in cases):
            yield f"lost {key} of another source"
        elif not _has_reason(of, cases, said, key):
            yield f"lost {key} without a reason"


def _may_say(of: Whole, case: Case, key: Key, value: float) -> bool:
    """Whether a number that is new, or another one than before, is what the damaged file really says now."""
    if key[0] in _NAMES:
        return value == 1 and all(_may_name(of, case, key[0], index, label) for index, label in enumerate(key[1]))
    legitimate_now, means = legitimate(case.path, case.text)
    if is_name(case.path):
        return _is_renamed(of, case, key, value, legitimate_now)
    return legitimate_now and may_take(of.tree, case.path, key) and (means is None or _means(of, case, key, value, means))


def _may_name(of: Whole, case: Case, metric: str, index: int, label: str) -> bool:
    before = {key[1][index] for key in of.says.samples if key[0] == metric}
    return label in before or label == "" or label == case.text.strip()


def _is_renamed(of: Whole, case: Case, key: Key, value: float, legitimate_now: bool) -> bool:
    """A true number under the name that a file gives now, or by its place where the kernel gives no name at all."""
    nameless = case.damage is removed and ("_label" in case.path or "rail_name_" in case.path)
    before = {old for (name, labels), old in of.says.samples.items() if name == key[0] and may_take(of.tree, case.path, (name, labels))}
    # What says nothing under its true name, because it is no sensor at all, cannot be known under another.
    return (legitimate_now or nameless) and (value in before or not before)


def _means(of: Whole, case: Case, key: Key, value: float, means: Say) -> bool:
    if math.isclose(value, means(float(int(case.text.strip())))):
        return True
    # The lowest trip point is the limit: another one may be the lowest now.
    return key[0] == "edge_temperature_limit_celsius" and any(
        text.strip() == str(round(value * 1000)) for path, text in of.tree.files.items() if path.startswith(case.path.rpartition("/")[0])
    )


def _has_reason(of: Whole, cases: list[Case], said: Look, key: Key) -> bool:
    """A sensor that says why, or a number under its new name, or a sensor that went with its file out of the listing."""
    if said.silent.items() - of.says.silent.items():
        return True
    if any(is_name(case.path) and legitimate(case.path, case.text)[0] for case in cases):
        return True  # it is another thing now: a fan is no throttle
    if any(name == key[0] for name, _ in said.samples.keys() - of.says.samples.keys()):
        return True
    return any(case.damage is removed for case in cases) and bool(of.says.states.keys() - said.states.keys())
