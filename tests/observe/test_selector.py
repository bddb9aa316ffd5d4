"""Only what is a plain selector is asked together with others, and only with those that differ by the metric's name alone."""

from __future__ import annotations

import pytest

from decision_engine.core.limits import Times
from decision_engine.observe.selector import Selector, together
from decision_engine.observe.signals import Signal, asked_with, grouped, query_count, signals_from

TIMES = Times()


def ranged(name: str, promql: str, allowed_age_seconds: float | None = None) -> Signal:
    return Signal(name, promql, "ratio", "range", "device", allowed_age_seconds)


@pytest.mark.parametrize(
    ("promql", "selector"),
    [
        pytest.param("up", Selector("up"), id="name"),
        pytest.param(" up\n", Selector("up"), id="spaces-around"),
        pytest.param("site:cpu", Selector("site:cpu"), id="colon"),
        pytest.param("up{}", Selector("up"), id="empty-braces"),
        pytest.param('up {a="1"}', Selector("up", ('a="1"',)), id="one"),
        pytest.param('up{ b =~ "x|y" , a!="1" }', Selector("up", ('a!="1"', 'b=~"x|y"')), id="order-and-spaces"),
        pytest.param('up{a="1",}', Selector("up", ('a="1"',)), id="comma-at-the-end"),
        pytest.param(r'up{a="}\",\\"}', Selector("up", (r'a="}\",\\"',)), id="braces-and-quotes-in-quotes"),
        pytest.param("up{a='1',b=`\\d{2}`}", Selector("up", ("a='1'", "b=`\\d{2}`")), id="other-quotes"),
        pytest.param('up{a="[5m]"}', Selector("up", ('a="[5m]"',)), id="a-window-in-quotes"),
        pytest.param("up[5m]", None, id="window"),
        pytest.param("up[{window}]", None, id="placeholder"),
        pytest.param("up offset 5m", None, id="offset"),
        pytest.param("up @ 0", None, id="at"),
        pytest.param("-up", None, id="minus"),
        pytest.param("a or b", None, id="or"),
        pytest.param('up{a="1"} or up{b="2"}', None, id="braces-twice"),
        pytest.param("rate(up[5m])", None, id="function"),
        pytest.param('{__name__="up"}', None, id="no-name"),
        pytest.param('up{__name__="x"}', None, id="two-names"),
        pytest.param('{"up.and.down"}', None, id="name-in-quotes"),
        pytest.param("up.*", None, id="regular-expression"),
        pytest.param("up|down", None, id="alternatives"),
        pytest.param("up.down", None, id="dot"),
        pytest.param("up{", None, id="not-closed"),
        pytest.param('up{a="1}', None, id="quote-not-closed"),
        pytest.param('up{a="1" b="2"}', None, id="no-comma"),
        pytest.param('up{,a="1"}', None, id="comma-first"),
        pytest.param("up{a=1}", None, id="no-quotes"),
        pytest.param("up{a}", None, id="no-value"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_plain_selector_is_told_from_everything_else(promql: str, selector: Selector | None) -> None:
    assert Selector.of(promql) == selector


def test_one_selector_asks_for_all_names() -> None:
    assert together(("a", "b:c"), ('x!="1"', 'y="2"')) == '{__name__=~"a|b:c",x!="1",y="2"}'
    assert together(("a", "b"), ()) == '{__name__=~"a|b"}'


@pytest.mark.parametrize(
    ("signals", "texts"),
    [
        pytest.param((ranged("a", "x"), ranged("b", "y")), ['{__name__=~"x|y"}'] * 2, id="same"),
        pytest.param((ranged("a", "x"),), [""], id="one-alone"),
        pytest.param((ranged("a", 'x{i="1",j="2"}'), ranged("b", 'y{j="2", i="1"}')), ['{__name__=~"x|y",i="1",j="2"}'] * 2, id="order"),
        pytest.param((ranged("a", 'x{i="1"}'), ranged("b", 'y{i="2"}')), ["", ""], id="other-matchers"),
        pytest.param((ranged("a", "x"), ranged("b", "y", 60.0)), ["", ""], id="other-age"),
        pytest.param((ranged("a", "x", 60.0), ranged("b", "y", 60.0)), ['{__name__=~"x|y"}'] * 2, id="same-age"),
        pytest.param((ranged("a", "x"), ranged("b", "y offset 1m")), ["", ""], id="not-plain"),
        pytest.param((ranged("a", "x"), Signal("b", "y", "", "instant", "device")), ["", ""], id="instant"),
        pytest.param((ranged("a", "x"), ranged("b", "x")), ['{__name__=~"x"}'] * 2, id="one-metric-twice"),
        pytest.param((ranged("a", "x.y"), ranged("b", "x|y")), ["", ""], id="regular-expressions"),
        pytest.param(
            (ranged("a", "x"), ranged("b", "v{k='1'}"), ranged("c", "y"), ranged("d", "w{k='1'}")),
            ['{__name__=~"x|y"}', "{__name__=~\"v|w\",k='1'}"] * 2,
            id="two-groups",
        ),
    ],
)
def test_what_is_asked_together(signals: tuple[Signal, ...], texts: list[str]) -> None:
    asked = grouped(signals)
    assert [signal.together for signal in asked] == texts
    assert grouped(asked) == asked
    assert query_count(asked) == len({text for text in texts if text}) + texts.count("")
    for signal in asked:
        if signal.together:
            assert signal.together_at_window(12.5) == f"{signal.together}[12500ms]"
            assert signal.promql.startswith(signal.metric)


def test_the_preset_asks_plain_selectors_at_once_and_an_override_alone() -> None:
    together_ = {"cpu", "memory", "gpu", "last_result", "last_frame", "environment_confidence"}
    signals = signals_from("edgeshift", {}, TIMES)
    assert {signal.name for signal in signals if signal.together} == together_
    assert set(asked_with(signals[0], signals)) == together_
    overridden = signals_from("edgeshift", {"cpu": {"promql": 'site:cpu{job="x"}'}}, TIMES)
    assert {signal.name for signal in overridden if signal.together} == together_ - {"cpu"}
    assert asked_with(overridden[0], overridden) == ("cpu",)
    assert query_count(overridden) == 10
    renamed = signals_from("edgeshift", {"cpu": {"promql": 'site:cpu{trust!="low"}'}}, TIMES)
    assert renamed[0].together.startswith('{__name__=~"site:cpu|edge_memory_usage_ratio|')
    assert query_count(renamed) == 9


def test_what_is_turned_off_is_not_asked_along() -> None:
    signals = signals_from("edgeshift", {"gpu": {"promql": ""}}, TIMES)
    assert all("gpu" not in signal.together for signal in signals)
