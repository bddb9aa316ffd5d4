"""A damaged tegrastats line never says a number that the whole line does not say: cut, run together, or with garbage in it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exporters.device.source import Sample
from exporters.jetson.tegrastats import parse
from tests.builders.tegrastats import LINES, Line

pytestmark = pytest.mark.thorough

EACH = pytest.mark.parametrize("line", LINES, ids=[line.id for line in LINES])
TRUTH = {line.text: frozenset(parse(line.text).samples) for line in LINES}

WORDS = st.text(st.characters(exclude_characters=" \n"), min_size=1, max_size=12).filter(lambda word: "RAM" not in word)
"""Anything that may stand between two words, digits, letters and units among it."""

SIGNS = st.text("#@%/[]() \t\x00\x7f\u20ac", min_size=1, max_size=4)
"""Anything that may stand within a word and is not itself a part of a number or of a name: with those a parser cannot help."""


def lies(text: str, *whole: str) -> set[Sample]:
    """What the damaged text says that none of the whole lines does."""
    return set(parse(text).samples) - frozenset().union(*(TRUTH[line] for line in whole))


@EACH
def test_cut_at_the_end(line: Line) -> None:
    for end in range(len(line.text)):
        assert lies(line.text[:end], line.text) == set()


@EACH
def test_cut_at_the_end_with_a_newline_after_it(line: Line) -> None:
    for end in range(len(line.text)):
        assert lies(line.text[:end] + "\n", line.text) == set()


@EACH
def test_cut_at_the_front(line: Line) -> None:
    heard = [start for start in range(1, len(line.text)) if parse(line.text[start:]).samples]
    assert all(lies(line.text[start:], line.text) == set() for start in heard)
    # Only behind the date, and between the I and the RAM of IRAM, does the rest look like a line.
    assert len(heard) <= 2 and all(line.text[start:].startswith("RAM ") for start in heard)


@EACH
def test_an_end_run_into_the_next_line(line: Line) -> None:
    for other in (other for other in LINES if other.board == line.board):
        for end in range(len(line.text)):
            assert lies(line.text[:end] + other.text, line.text, other.text) == set()


@EACH
def test_a_line_with_the_end_of_another_run_into_it(line: Line) -> None:
    for other in (other for other in LINES if other.board == line.board):
        for start in range(0, len(other.text), 3):
            assert lies(line.text[:-1] + other.text[start:], line.text, other.text) == set()


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(LINES), st.data())
def test_cut_at_both_ends(line: Line, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(line.text)))
    end = data.draw(st.integers(start, len(line.text)))
    assert lies(line.text[start:end] + data.draw(st.sampled_from(("", "\n"))), line.text) == set()


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(LINES), st.data())
def test_garbage_between_or_within_words(line: Line, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(line.text)))
    garbage = data.draw(st.one_of(SIGNS, WORDS.map(lambda word: f" {word} "), st.lists(WORDS).map(lambda words: f" {' '.join(words)} ")))
    text = line.text[:at] + garbage + line.text[at:]
    assert lies(text, line.text) <= {sample for sample in parse(f"RAM 1/1MB {garbage} APE 1\n").samples if sample.name != _SIZE}


_SIZE = "edge_memory_total_bytes"


@EACH
def test_a_space_anywhere(line: Line) -> None:
    for at in range(len(line.text)):
        assert lies(f"{line.text[:at]} {line.text[at:]}", line.text) == set()


@EACH
def test_a_word_of_the_line_itself_anywhere_between_words(line: Line) -> None:
    words = line.text.split()
    for at in range(len(words)):
        for word in set(words) - {"RAM"}:
            text = " ".join([*words[:at], word, *words[at:]]) + "\n"
            assert lies(text, line.text) == set()


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    report = parse(text)
    assert [state.sensor for state in report.sensors].count("line") == 1


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(LINES), st.data())
def test_what_is_not_damaged_is_still_said(line: Line, data: st.DataObject) -> None:
    """Garbage within one word costs that field and its neighbours, and no other."""
    at = data.draw(st.integers(line.text.index("RAM ") + len("RAM "), len(line.text) - 1))
    assume(not line.text.startswith("RAM ", at))  # I#RAM looks like another line run into this one, and then nothing is believed
    kept = {sample.name for sample in parse(f"{line.text[:at]}#{line.text[at:]}").samples}
    lost = {sample.name for sample in TRUTH[line.text]} - kept
    families = [{"memory"}, {"swap"}, {"cpu"}, {"emc"}, {"gpu"}, {"temperature"}, {"power"}]
    assert sum(bool(any(word in name for name in lost for word in family)) for family in families) <= 3
