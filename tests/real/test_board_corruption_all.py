"""Every file of every board in every damage, some forty thousand cases, and every file that can hang."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from exporters.device.source import Source
from tests.builders.board_damage import APPENDED, GARBAGE, SENTINELS
from tests.builders.board_hangs import problems_while_hanging
from tests.builders.board_looks import sources
from tests.builders.board_verdict import Case, Whole, partly, problems, structural, whole
from tests.builders.boards import BOARDS, MemoryTree, says

pytestmark = pytest.mark.real

HANGING_AT_ONCE = 24
"""They wait, and use no processor."""

SHOWN = 40
TURNS = 3


def contents(of: Whole, place: int, path: str) -> Iterator[Case]:
    """What a file may hold instead of what it holds: all sentinels, and in turn with its neighbours a third of all garbage."""
    stood = of.tree.files[path].rstrip("\n")
    garbage = (*GARBAGE, *(f"{stood}{tail}\n" for tail in APPENDED))
    for text in (*SENTINELS, *garbage[place % TURNS :: TURNS]):
        yield Case(path, repr(text[:SHOWN]), says(text), text)


def _asked(readers: tuple[int, ...], tree: MemoryTree) -> list[Source]:
    fresh = sources(tree)
    return [fresh[index] for index in readers]


@pytest.mark.parametrize("name", BOARDS)
def test_no_damage_makes_a_false_number(name: str) -> None:
    of = whole(name)
    found = [problem for path in of.tree.files for case in structural(path) for problem in problems(of, [case])]
    for place, (path, readers) in enumerate(sorted(of.readers.items())):
        part = partly(of, readers)
        for case in contents(of, place, path):
            found += problems(part, [case], partial(_asked, readers))
    assert found[:SHOWN] == []


def test_no_file_that_hangs_takes_another_source() -> None:
    files = [(name, path) for name in BOARDS for path in sorted(whole(name).readers)]
    with ThreadPoolExecutor(HANGING_AT_ONCE) as pool:
        each = pool.map(problems_while_hanging, *zip(*files, strict=True))
        found = [f"{name}: {problem}" for (name, _), said in zip(files, each, strict=True) for problem in said]
    assert found[:SHOWN] == []
