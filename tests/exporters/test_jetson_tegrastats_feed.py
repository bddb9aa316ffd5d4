"""What the tegrastats feed keeps of a stream, when it calls a line too old, and how a recorded file is read."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.device.source import Report
from exporters.device.tree import Tree
from exporters.jetson.tegrastats_feed import LONGEST_LINE_BYTES, NewestLine, TegrastatsFeed, recorded_source
from tests.builders.tegrastats import LINES

FIRST, SECOND = LINES[0].text, LINES[1].text


def why(report: Report) -> str | None:
    """The reason of the whole line."""
    return next(state.reason for state in report.sensors if state.sensor == "line")


@pytest.mark.parametrize(
    ("pieces", "text", "at"),
    [
        ([b""], "", 0.0),
        ([b"RAM 1"], "", 0.0),
        ([b"RAM 1\n"], "RAM 1\n", 1.0),
        ([b"RAM", b" 1\nRAM"], "RAM 1\n", 2.0),
        ([b"a\nb\nc"], "b\n", 1.0),
        ([b"a\n", b"\n", b" \n"], "a\n", 1.0),
        ([b"a\xff\n"], "a\ufffd\n", 1.0),
        ([b"a\n", b"x" * LONGEST_LINE_BYTES, b"x\n", b""], "a\n", 1.0),
        ([b"x" * (LONGEST_LINE_BYTES + 1), b"y" * LONGEST_LINE_BYTES, b"tail\nb\n"], "b\n", 3.0),
    ],
)
def test_the_newest_whole_line_is_kept(pieces: list[bytes], text: str, at: float) -> None:
    newest = NewestLine()
    for number, piece in enumerate(pieces, start=1):
        newest.take(piece, float(number))
    assert (newest.text, newest.at) == (text, at)


def test_what_one_program_began_the_next_does_not_finish() -> None:
    newest = NewestLine()
    newest.take(b"RAM 24", 1.0)
    newest.end()
    newest.take(b"48/15823MB\n", 2.0)
    assert newest.text == "48/15823MB\n"


@given(st.lists(st.text("ab ", max_size=6), max_size=6), st.lists(st.integers(0, 40), max_size=6))
def test_how_a_stream_is_cut_into_pieces_does_not_matter(lines: list[str], cuts: list[int]) -> None:
    stream = "".join(f"{line}\n" for line in lines).encode() + b"rest"
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    newest = NewestLine()
    for start, end in pairwise(edges):
        newest.take(stream[start:end], 1.0)
    assert newest.text == next((f"{line}\n" for line in reversed(lines) if line.strip()), "")


def test_a_feed_that_was_never_started_warms_up_and_can_be_stopped() -> None:
    feed = TegrastatsFeed(["tegrastats"], lambda: 0.0)
    source = feed.source()
    feed.stop()
    report = source.look()
    assert source.name == "tegrastats" and why(report) == "warming_up" and report.samples == []


@pytest.mark.parametrize(
    ("content", "reason", "like"),
    [
        (FIRST, "", FIRST),
        (FIRST + SECOND, "", SECOND),
        (FIRST + SECOND[:-1], "", FIRST),
        (FIRST + SECOND + "\n \n", "", SECOND),
        (FIRST + "killed\n", "unparsable", ""),
        (FIRST[:-1], "unparsable", ""),
        ("", "missing", ""),
        ("\n\n", "missing", ""),
        ("\u20ac\n", "unparsable", ""),
        (FIRST * 3000, "unparsable", ""),
    ],
    ids=["one", "last", "cut", "empty-lines", "garbage", "only-cut", "empty", "only-empty-lines", "not-ascii", "too-long"],
)
def test_a_recorded_file_says_its_last_whole_line(tmp_path: Path, content: str, reason: str, like: str) -> None:
    (tmp_path / "tegrastats.txt").write_text(content, encoding="utf-8")
    (tmp_path / "like.txt").write_text(like, encoding="utf-8")
    report = recorded_source(Tree(tmp_path)).look()
    assert why(report) == reason
    assert report.samples == recorded_source(Tree(tmp_path), "like.txt").look().samples
    assert bool(report.samples) is (reason == "")


def test_a_tree_without_the_file_says_that_it_is_missing(tmp_path: Path) -> None:
    assert why(recorded_source(Tree(tmp_path)).look()) == "missing"
