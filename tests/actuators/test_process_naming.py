"""What the process actuator refuses, and that no id can lead out of its state directory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actuators.process import ProcessSettings
from actuators.process.naming import directory_name, why_bad_placement, why_impossible
from tests.builders.process import PLACEMENT, order

SETTINGS = ProcessSettings(Path("/nowhere"), ("edge-01",), {"yolo": ("run",), "empty": ()})


def test_a_good_order_is_possible() -> None:
    assert why_impossible(order(), SETTINGS) == ""


@pytest.mark.parametrize(
    ("placement", "says"),
    [
        pytest.param("yolo/cam-07/main", "not of the form", id="no device"),
        pytest.param("yolo/cam-07/main@edge-01#x", "not of the form", id="generation is no number"),
        pytest.param("yolo/cam-07/main@edge-01#01", "plain number", id="generation with a zero in front"),
        pytest.param("yolo/cam-07/main@edge-01#٣", "plain number", id="generation in other digits"),
        pytest.param("yolo/main@edge-01#1", "package/camera/purpose", id="two parts"),
        pytest.param("../../etc@edge-01#1", "package/camera/purpose", id="path upwards"),
        pytest.param("yolo/../main@edge-01#1", "package/camera/purpose", id="path in the middle"),
        pytest.param("yolo/--evil/main@edge-01#1", "package/camera/purpose", id="an option for a camera"),
        pytest.param("yolo/cam 07/main@edge-01#1", "package/camera/purpose", id="a space"),
        pytest.param("yolo/cam\x00/main@edge-01#1", "package/camera/purpose", id="a zero byte"),
        pytest.param("yolo/cam-07/main@..#1", "device", id="device upwards"),
        pytest.param("yolo/cam-07/main@a/b#1", "device", id="device with a slash"),
        pytest.param(f"yolo/{'c' * 300}/main@edge-01#1", "bytes long", id="longer than a file's name may be"),
    ],
)
def test_a_bad_placement_is_refused_with_a_sentence(placement: str, says: str) -> None:
    sentence = why_bad_placement(placement)
    assert says in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        pytest.param({"placement": "yolo/cam-07/main@edge-02#1", "device": "edge-02"}, "edge-02", id="unknown device"),
        pytest.param({"placement": "ssd/cam-07/main@edge-01#1", "workload": "ssd/cam-07/main"}, "no command", id="unknown package"),
        pytest.param({"placement": "empty/cam-07/main@edge-01#1", "workload": "empty/cam-07/main"}, "no command", id="empty command"),
        pytest.param({"workload": "yolo/cam-08/main"}, "but its placement is", id="another workload than the placement's"),
        pytest.param({"device": "edge-02"}, "but its placement is", id="another device than the placement's"),
        pytest.param({"version": "--help"}, "characters", id="an option for a version"),
        pytest.param({"environment_class": "01\n"}, "characters", id="a line's end in the class"),
    ],
)
def test_an_impossible_order_is_refused_with_a_sentence(changed: dict[str, Any], says: str) -> None:
    assert says in why_impossible(replace(order(), **changed), SETTINGS)


@given(st.text(max_size=60), st.text(max_size=30), st.integers(0, 10**6))
def test_no_accepted_name_leads_out_of_the_state_directory(workload: str, device: str, generation: int) -> None:
    placement = f"{workload}@{device}#{generation}"
    if why_bad_placement(placement):
        return
    name = directory_name(placement)
    assert "/" not in name
    assert not name.startswith(".")
    assert unquote(name) == placement


@given(st.from_regex(r"[a-z][a-z0-9._-]{0,9}/[a-z][a-z0-9._-]{0,9}/[a-z]{1,6}@[a-z][a-z0-9.-]{0,9}#[1-9][0-9]{0,4}", fullmatch=True))
def test_usual_names_are_accepted(placement: str) -> None:
    assert why_bad_placement(placement) == ""


def test_different_placements_have_different_directories() -> None:
    names = [PLACEMENT, PLACEMENT.replace("#1", "#2"), PLACEMENT.replace("/", "-"), PLACEMENT.replace("/", "%2F")]
    assert len({directory_name(name) for name in names}) == len(names)
