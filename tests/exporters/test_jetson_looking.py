"""A part walks seldom and reads always: what may be kept between looks, and when it is doubted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from exporters.device.part import LOOKS_PER_LISTING, LOOKS_PER_WALK, Part, Reading, never
from exporters.device.sensor import MISSING, NOT_PERMITTED, UNPARSABLE
from exporters.device.source import Source, one
from exporters.device.tree import Tree
from exporters.jetson.sources import jetson_sources
from tests.builders.boards import MemoryTree, board, says
from tests.builders.jetson_tree import SmallTree, ina3221, said

H3 = "sys/class/hwmon/hwmon3"
LABEL, CURRENT = f"{H3}/in1_label", f"{H3}/curr1_input"


def rails(tree: Tree) -> Source:
    """The power part."""
    return next(source for source in jetson_sources(tree) if source.name == "sysfs/power")


def test_numbers_are_read_at_every_look_and_labels_seldom() -> None:
    tree = SmallTree(ina3221(3, ["VDD_IN"]))
    source = rails(tree)
    for milliamperes in range(1, LOOKS_PER_WALK + 1):
        tree.files[CURRENT] = f"{milliamperes}\n"
        assert list(said(source)[0].values()) == [5 * milliamperes / 1000]
    assert (tree.reads[LABEL], tree.reads[CURRENT]) == (1, LOOKS_PER_WALK)
    said(source)
    assert tree.reads[LABEL] == 2


def test_a_changed_listing_is_walked_within_a_few_looks() -> None:
    tree = SmallTree(ina3221(3, ["VDD_IN"]))
    source = rails(tree)
    said(source)
    tree.files |= ina3221(4, ["VDD_2"])
    assert [len(said(source)[0]) for _ in range(LOOKS_PER_LISTING)][-1] == 2


def test_a_chip_that_got_other_files_is_walked_again_after_its_first_silence() -> None:
    tree = SmallTree(ina3221(3, ["OLD"]))
    source = rails(tree)
    said(source)
    del tree.files[CURRENT]
    assert said(source) == ({}, {"power/OLD": MISSING})
    tree.files[CURRENT], tree.files[LABEL] = "1000\n", "NEW\n"
    assert said(source)[1] == {"power/NEW": ""}


def test_a_sensor_that_is_always_silent_is_not_walked_for_at_every_look() -> None:
    tree = SmallTree({**ina3221(3, ["VDD_IN"]), CURRENT: "garbage"})
    source = rails(tree)
    for _ in range(LOOKS_PER_WALK):
        assert said(source) == ({}, {"power/VDD_IN": UNPARSABLE})
    assert tree.reads[LABEL] == 1


def test_nothing_is_read_before_the_first_look() -> None:
    tree = SmallTree(ina3221(3, ["VDD_IN"]))
    jetson_sources(tree)
    assert not tree.reads


def test_a_folder_that_may_not_be_listed_is_one_sensor_and_is_asked_again() -> None:
    tree = SmallTree({"sys/class/hwmon": PermissionError()})
    source = rails(tree)
    assert said(source) == ({}, {"power": NOT_PERMITTED})
    tree.files = dict(ina3221(3, ["VDD_IN"]))
    assert said(source)[1] == {"power/VDD_IN": ""}


def test_a_walk_that_breaks_is_a_reason_and_not_an_exception() -> None:
    def breaks(tree: Tree) -> Sequence[Reading]:
        raise ValueError("odd")

    assert said(Part("sysfs/odd", "odd", "sys", breaks, never).source(SmallTree({}))) == ({}, {"odd": UNPARSABLE})


def test_of_two_sensors_of_one_name_none_is_believed_and_that_is_said() -> None:
    def twice(tree: Tree) -> Sequence[Reading]:
        return [Reading(name, partial(one, "edge_power_watts", 1.0, (name,))) for name in ("a", "a", "b")]

    numbers, states = said(Part("sysfs/odd", "odd", "sys", twice, never).source(SmallTree({})))
    assert list(numbers) == [("edge_power_watts", ("b",))]
    assert states == {"a": UNPARSABLE, "b": ""}


@pytest.mark.parametrize("path", ["sys/class/hwmon/hwmon3/name", "sys/class/hwmon/hwmon0/name"])
def test_a_chip_name_is_read_by_its_owner_alone(path: str) -> None:
    tree = MemoryTree(board("orin-nx"))
    whole = {source.name: said(source)[0] for source in jetson_sources(tree)}
    with tree.damaged(path, says("nan\n")):
        assert {source.name: said(source)[0] for source in jetson_sources(tree)} == whole
