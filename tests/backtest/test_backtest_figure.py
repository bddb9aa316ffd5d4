"""The figure shows all that it is given, and says of what."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from decision_engine.backtest.figure import BOTTOM, COLOURS, TOP, WIDTH, draw
from forecasting.methods import METHODS

STEPS = (3, 6)
CURVE = {"said": [0.05, 0.9], "came": [0.0, 1.0], "cases": [100.0, 40.0]}


def report(skill: float = 0.1, f1: float | None = 0.5, below: tuple[bool, ...] = (True, True), **more: Any) -> dict[str, Any]:
    """Two sources and two methods; ``learned`` has this skill and F1."""

    def method(skill: float, f1: float | None) -> dict[str, Any]:
        ends = {} if f1 is None else {"low": [f1 / 2] * 2, "high": [(1 + f1) / 2] * 2}
        return {"skill": {"value": [0.0, skill], "low": [0.0, skill - 0.05], "high": [0.0, skill + 0.05]}, "f1": {"value": [f1] * 2} | ends}

    return {
        "limit": "0.8",
        "horizon_steps": list(STEPS),
        "interrupted": False,
        "unfinished": [],
        "sources": {f"s{number}": {"in_event_means": there} for number, there in enumerate(below)},
        "means": {"last-value": method(0.0, f1), "learned": method(skill, f1)},
        "reliability": {"learned": [CURVE, CURVE]},
    } | more


@pytest.mark.parametrize("skill", [0.0, 0.34, 0.95, -0.71, -3.2, -250.0])
@pytest.mark.parametrize("f1", [0.02, 0.5, 0.93])
def test_nothing_is_clipped_and_the_scale_is_round(skill: float, f1: float) -> None:
    drawn = ElementTree.fromstring(draw(report(skill, f1)))
    heights = [float(node.get(name, TOP)) for node in drawn.iter() for name in ("cy", "y1", "y2")]
    heights += [float(node.get("y", TOP)) for node in drawn.iter() if node.tag.endswith("rect") and node.get("x")]
    assert min(heights) >= TOP - 0.06 and max(heights) <= BOTTOM + 0.06
    words = [
        (float(node.get("x", 0)), float(node.get("y", 0)), node.text or "") for node in drawn.iter() if node.get("text-anchor") == "end"
    ]
    scale = [(y, float(text.replace("−", "-"))) for x, y, text in words if x == 50.0]
    assert len(scale) == len({text for _, text in scale}) <= 15
    (bottom, low), (top, high) = scale[0], scale[-1]
    assert low <= min(0.0, skill - 0.05) and high >= skill + 0.05
    mark = [node for node in drawn.iter() if node.tag.endswith("circle")][3]
    assert float(mark.get("cy", 0)) + 4 == pytest.approx(bottom + (skill - low) / (high - low) * (top - bottom), abs=0.11)
    assert max(float(text) for x, _, text in words if x == 554.0) <= 1.0


SOME: list[tuple[dict[str, Any], str]] = [
    ({}, "Means of 2 sources, of the event of 2; whiskers"),
    ({"below": (True,)}, "One source, s0; whiskers"),
    ({"skill": -0.001}, "learned (0.00)"),
    ({"skill": -0.71}, "learned (−0.71)"),
    ({"f1": None}, "nothing reached the limit"),
    ({"f1": None, "below": (False, False)}, "no source lies below its limit long enough"),
    ({"below": (True, False)}, "all cases of 1 source"),
    ({"reliability": {"learned": [CURVE | {"cases": [29.0, 3.0]}] * 2}}, "fewer than 30 cases of each probability"),
    ({"interrupted": True, "unfinished": ["s7"]}, "Partial: interrupted before s7."),
    ({"limit": "a<b"}, "Limit a<b."),
]


@pytest.mark.parametrize(("given", "said"), SOME, ids=[said for _, said in SOME])
def test_it_says_of_what_it_is(given: dict[str, Any], said: str) -> None:
    assert said in "\n".join(ElementTree.fromstring(draw(report(**given))).itertext())


def test_no_name_stands_over_the_bars() -> None:
    drawn = ElementTree.fromstring(draw(report()))
    bars = [node for node in drawn.iter() if node.tag.endswith("rect") and node.get("x")]
    rightmost = max(float(bar.get("x", 0)) + float(bar.get("width", 0)) for bar in bars)
    names = [float(node.get("x", 0)) for node in drawn.iter() if node.text in METHODS]
    assert len(names) == 3
    assert all(rightmost < x < WIDTH for x in names)


def test_every_method_has_a_colour_of_its_own() -> None:
    assert set(METHODS) <= set(COLOURS)
    assert len(set(COLOURS.values())) == len(COLOURS)
