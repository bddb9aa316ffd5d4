"""Files of boards are removed, emptied, filled with garbage or sentinels, or cannot be read: never a false number, nothing lost beside."""

from __future__ import annotations

from functools import partial
from posixpath import dirname

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporters.device.source import Source
from tests.builders.board_damage import APPENDED, GARBAGE, SENTINELS, STRUCTURAL, may_take
from tests.builders.board_looks import look, sources
from tests.builders.board_verdict import Case, problems, structural, whole
from tests.builders.boards import BOARDS, MemoryTree, says

pytestmark = pytest.mark.thorough


def _same(running: list[Source], _: MemoryTree) -> list[Source]:
    return running


QUICK = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FULLY_DAMAGED = ("nano", "orin-nx")
"""One of each layout here; all of them in tests/real/test_board_corruption_all.py."""

CUT = ("proc/stat", "proc/meminfo", "edgeshift/disk.json", "etc/nv_tegra_release", "var/lib/nvpmodel/status", "var/lib/dpkg/status")
"""Files of several words, of which the first may be whole where the last is not."""

TEXTS = st.one_of(
    st.sampled_from(GARBAGE + SENTINELS),
    st.integers(-(2**70), 2**70).map(lambda number: f"{number}\n"),
    st.floats().map(lambda number: f"{number}\n"),
    st.text(alphabet=st.characters(max_codepoint=0x2FF), max_size=40),
    st.binary(max_size=40).map(lambda data: data.decode("ascii", "surrogateescape")),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, list[Case]]:
    """A board and up to three of its files, each of another folder, with its damage."""
    name = draw(st.sampled_from(BOARDS))
    paths = draw(st.lists(st.sampled_from(sorted(whole(name).readers)), min_size=1, max_size=3, unique_by=dirname))
    return name, [draw(damages(path, whole(name).tree.files[path])) for path in paths]


def damages(path: str, text: str) -> st.SearchStrategy[Case]:
    """What may happen to one file."""
    content = st.one_of(TEXTS, st.sampled_from(APPENDED).map(lambda tail: text.rstrip("\n") + tail + "\n"))
    return st.one_of(st.sampled_from(structural(path)), content.map(lambda now: Case(path, repr(now), says(now), now)))


@QUICK
@given(cases())
def test_damage_makes_no_false_number_and_takes_nothing_else(case: tuple[str, list[Case]]) -> None:
    name, damaged = case
    assert problems(whole(name), damaged) == []


@pytest.mark.parametrize("path", [*CUT, "sys/devices/system/cpu/online"])
def test_a_file_that_was_cut_anywhere_says_nothing_false(path: str) -> None:
    of = whole("nano")
    text = of.tree.files[path]
    cuts = [Case(path, f"cut after {end}", says(text[:end]), text[:end]) for end in range(len(text))]
    assert [problem for cut in cuts for problem in problems(of, [cut])] == []


@pytest.mark.parametrize("name", FULLY_DAMAGED)
@pytest.mark.parametrize("what", STRUCTURAL)
def test_each_file_in_turn_is_lost(name: str, what: str) -> None:
    of = whole(name)
    found = [problem for path in of.tree.files for problem in problems(of, [Case(path, what, STRUCTURAL[what])])]
    assert found == []


@pytest.mark.parametrize("name", BOARDS)
def test_a_file_that_is_damaged_while_the_exporter_runs_heals_with_it(name: str) -> None:
    of = whole(name)
    for path in sorted(of.readers)[::4]:
        running = sources(of.tree)
        look(running)
        assert problems(of, [Case(path, "garbage", says("nan\n"), "nan\n")], partial(_same, running)) == []
        look(running)
        assert look(running).samples == of.says.samples, path


@pytest.mark.parametrize("name", BOARDS)
def test_what_a_file_takes_with_it_is_learnt_and_is_only_its_own(name: str) -> None:
    of = whole(name)
    for path in of.readers:
        with of.tree.damaged(path, STRUCTURAL["removed"]):
            without = look(sources(of.tree)).samples
        taken = {key for key, value in of.says.samples.items() if without.get(key) != value}
        assert all(may_take(of.tree, path, key) for key in taken), (path, taken)
