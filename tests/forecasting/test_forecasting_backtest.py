"""Rolling origin and its scores: nothing sees its future, and small cases give what a person reckons by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting.alarms import average_precision, false_episodes, leads, thresholds
from forecasting.api import Floats, Series
from forecasting.backtest import WARM_UP_COLUMNS, Came, Flags, Question, Said, Spoken, day_points, roll, with_rules_to_beat
from forecasting.baselines import MarginSettings, last_values
from forecasting.methods import METHODS, OWN_BOUND, POINT, SMOOTHING_WEIGHTS, MethodSettings, Scoring, Smoothing, in_limits
from forecasting.rolling import known_loads
from forecasting.scores import acts, drawn, draws, figures, score, together
from tests.builders.backtest import LIMIT, STEPS, fleet, restless, ticking
from tests.builders.forecasting import ar1

NAN = float("nan")
ORIGIN, EARLY, COLUMNS = 75, 30, 100
ACTS_AT = 0.5
PROBABILITY = Scoring(acts_at=ACTS_AT, tuned=True, probability=True)
ASKED = Question(STEPS, ACTS_AT)
NOBODY = lambda _: None  # noqa: E731 - nobody wants to know how far it is


@pytest.mark.parametrize("name", METHODS)
def test_what_comes_after_an_origin_changes_nothing_said_before(name: str) -> None:
    values = restless(4, COLUMNS)
    other = values.copy()
    other[:, ORIGIN + 1 :] = np.random.default_rng(9).random((4, COLUMNS - ORIGIN - 1))
    other[0, ORIGIN + 1 :] = np.nan
    said, with_noise = (roll(fleet(seen), (name,), ASKED, ticking(), NOBODY)[name] for seen in (values, other))
    assert (said.said.gate_open is None) == (not said.scoring.probability)
    for part in ("p50", "p90", "score", "gate_open"):
        before, after = getattr(said.said, part), getattr(with_noise.said, part)
        if before is None:
            continue
        np.testing.assert_array_equal(before[:, : ORIGIN + 1], after[:, : ORIGIN + 1])
        if part != "gate_open" and np.isfinite(before).any():
            assert not np.array_equal(before[:, ORIGIN + 1 :], after[:, ORIGIN + 1 :], equal_nan=True)


@pytest.mark.parametrize("name", ["line", "learned"])
def test_what_the_gate_says_depends_on_the_past_alone(name: str) -> None:
    at, short = np.arange(ORIGIN + 5), Question((1, 3), ACTS_AT)
    values = np.clip(0.55 + 0.3 * np.sin(at / 4.0 + np.arange(3)[:, None]) + ar1(3, len(at), 0.03, 0.5, seed=1), 0.0, 1.0)
    other = values.copy()
    other[:, ORIGIN + 1 :] = np.random.default_rng(9).random((3, 4))
    gate, with_noise = (roll(fleet(seen), (name,), short, ticking(), NOBODY)[name].said.gate_open for seen in (values, other))
    assert gate is not None and with_noise is not None
    before = gate[:, : ORIGIN + 1]
    assert before.any() and not before.all(), "waves can be foreseen, after a while"
    np.testing.assert_array_equal(before, with_noise[:, : ORIGIN + 1])


@pytest.mark.parametrize("scoring", [PROBABILITY, POINT, OWN_BOUND], ids=["probability", "point", "own bound"])
@pytest.mark.parametrize("steps", [1, 6])
def test_a_threshold_knows_only_outcomes_that_have_come(scoring: Scoring, steps: int) -> None:
    generator = np.random.default_rng(3)
    said = generator.random((20, COLUMNS))
    event, usable = said + generator.normal(0.0, 0.2, said.shape) > 0.7, np.ones(said.shape, dtype=bool)
    noise = event.copy()
    noise[:, EARLY + 1 - steps :] = ~event[:, EARLY + 1 - steps :]
    one, other = (thresholds(said, seen, usable, steps, scoring) for seen in (event, noise))
    np.testing.assert_array_equal(one[: EARLY + 1], other[: EARLY + 1])
    assert (one[EARLY + 1 :] != other[EARLY + 1 :]).any() == scoring.tuned


def test_methods_are_timed_and_told_as_they_go() -> None:
    told: list[int] = []
    said = roll(fleet(restless(4, 30)), ("last-value", "margin"), ASKED, ticking(), told.append)
    assert (len(told), sum(told)) == (30, 4 * 2 * 30)
    assert said["margin"].refresh_seconds == pytest.approx(1.0 / 4.0)


def test_the_rules_to_beat_are_always_there() -> None:
    assert with_rules_to_beat(("learned",)) == ("last-value", "margin", "learned")
    with pytest.raises(KeyError):
        with_rules_to_beat(("oracle",))


def by_hand(row: Floats, steps: int) -> float:
    """Exponential smoothing of one series, its α the one that was nearest ``steps`` ahead so far."""
    best, answer = np.inf, NAN
    for weight in SMOOTHING_WEIGHTS:
        levels: list[float] = []
        level, off = NAN, 0.0
        for at, value in enumerate(row):
            if at >= steps and np.isfinite(value) and np.isfinite(levels[at - steps]):
                off += abs(value - levels[at - steps])
            if np.isfinite(value):
                level = value if np.isnan(level) else level + weight * (value - level)
            levels.append(level)
        if off < best - 1e-12:
            best, answer = off, level
    return answer


def smoothed(values: Floats) -> Floats:
    """What the method says at the newest column of S × T after it has lived through all of them, S × H."""
    method = Smoothing(MethodSettings(STEPS, ACTS_AT))
    words = [method.say(Series(values[:, : column + 1], 0.0, 1.0, np.full(len(values), LIMIT))) for column in range(values.shape[1])]
    return words[-1].p50


def test_smoothing_takes_the_weight_that_was_nearest_so_far() -> None:
    loads = np.concatenate([0.5 + ar1(4, 60, 0.05, 0.0, seed=7), np.cumsum(ar1(4, 60, 0.02, 0.0, seed=8), axis=1)])
    loads[1, 20:23], loads[5, :30], loads[6, -1] = NAN, NAN, NAN
    found = smoothed(loads)
    for row in range(8):
        np.testing.assert_allclose(found[row], [by_hand(known_loads(loads[row]), steps) for steps in STEPS])
    assert (np.abs(found[:4, 0] - 0.5) < np.abs(loads[:4, -1] - 0.5)).mean() > 0.5, "noise is smoothed"
    np.testing.assert_array_equal(smoothed(np.array([[NAN, 0.3], [NAN, NAN]]))[:, [0, -1]], [[0.3, 0.3], [NAN, NAN]])


def test_a_score_in_limits_is_one_at_the_limit_and_does_not_fall() -> None:
    found = in_limits(np.array([[0.4, 0.8, 0.6], [0.0, 0.05, 0.1]]), np.array([0.8, 0.0]))
    np.testing.assert_allclose(found, [[0.5, 1.0, 1.0], [1.0, 2.0, 3.0]])


@pytest.mark.parametrize(
    ("grid_seconds", "history", "points"),
    [(60.0, 0, 0), (300.0, 0, 288), (300.0, 240, 0), (300.0, 288, 0), (300.0, 289, 288), (300.0, 5_000, 288)],
    ids=["too short", "recorded", "hours kept", "a day kept", "yesterday kept", "more than was recorded"],
)
def test_a_day_is_known_only_where_it_was_recorded_and_is_kept(grid_seconds: float, history: int, points: int) -> None:
    assert day_points(fleet(np.zeros((1, 300)), grid_seconds=grid_seconds), history) == points


def test_no_more_of_the_past_is_handed_out_than_is_kept() -> None:
    values, kept = restless(4, 60), 20
    margin = roll(fleet(values), ("margin",), replace(ASKED, history_columns=kept), ticking(), NOBODY)["margin"]
    expected = last_values(known_loads(values[:, -kept:]), STEPS, MarginSettings())
    np.testing.assert_array_equal(margin.said.p90[:, -1], expected.margin_p90.astype(np.float32))


def spoken(p50: Floats, p90: Floats, said: Floats, scoring: Scoring = POINT, gate_open: Flags | None = None) -> Spoken:
    """One horizon's words, S × T each."""
    median, bound, score = (part[..., None].astype(np.float32) for part in (p50, p90, said))
    return Spoken(Said(median, bound, score, gate_open), scoring, 0.0)


LOADS = np.array([[0.5, 0.5, 0.75, 0.85, 0.75, 0.5, 0.5, 0.9]])
"""One step ahead events at columns 2 and 6 (from 0.75 to 0.85, from 0.5 to 0.9); column 3 is at the limit itself."""


def test_figures_of_the_load_by_hand() -> None:
    p50 = np.array([[0.5, 0.75, 0.75, 0.75, 0.5, 0.5, 0.5, np.nan]])
    p90 = np.array([[0.5, 0.75, 0.85, 0.85, 0.6, 0.6, 0.6, np.nan]])
    small = fleet(LOADS)
    words = spoken(p50, p90, in_limits(p50, small.limits))
    found = figures(together(score(small, words, words, Came.of(small, (1,), 0), (1,)).sums))
    # last value is off by 0 .25 .10 .10 .25 0 .40, this one by 0 0 .10 0 0 0 .40
    assert found["skill"].item() == pytest.approx(1.0 - 0.5 / 1.1, abs=1e-6)
    assert found["rmse"].item() == pytest.approx(np.sqrt((0.01 + 0.16) / 7.0), abs=1e-6)
    assert found["coverage"].item() == pytest.approx(6.0 / 7.0)
    assert found["pinball"].item() == pytest.approx((0.9 * 0.3 + 0.1 * (0.1 + 0.1 + 0.1)) / 7.0, abs=1e-6)


def test_figures_of_the_event_by_hand() -> None:
    chance = np.array([[0.6, 0.1, 0.9, 0.9, 0.6, 0.1, 0.4, 0.0]])
    rule = np.array([[0.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0]])
    small = fleet(LOADS)
    none = np.full_like(chance, np.nan)
    scored = score(small, spoken(none, none, chance, PROBABILITY), spoken(none, none, rule, OWN_BOUND), Came.of(small, (1,), 0), (1,))
    found = figures(together(scored.sums))
    # at 0.5 it alarms at columns 0, 2 and 4 (3 is at its limit), right at 2; of the events at 2 and 6 one is met
    assert found["f1_acting"].item() == pytest.approx(2.0 / (3.0 + 2.0))
    # with few events the threshold stays near the first guess, 0.25: alarms at 0, 2, 4 and 6
    assert [found[name].item() for name in ("precision", "recall")] == pytest.approx([0.5, 1.0])
    ours = 0.36 + 0.01 + 0.01 + 0.36 + 0.01 + 0.36
    assert found["brier_skill"].item() == pytest.approx(1.0 - ours / 2.0, abs=1e-6)
    assert scored.auprc.item() == pytest.approx(0.5 * 1.0 + 0.5 * 2.0 / 4.0)
    assert found["skill"].item() == 0.0  # where nothing is said the last value stands in


@pytest.mark.parametrize(
    ("gate", "acting"),
    [("oooooooo", "#.##...."), ("cccccccc", "..##...."), ("ccccoooo", "..##...."), ("oooccccc", "#.##....")],
    ids=["open: its probability", "closed: the margin rule", "opens", "closes"],
)
def test_the_engine_acts_on_the_probability_only_where_the_gate_is_open(gate: str, acting: str) -> None:
    chance = np.array([[0.5, 0.49, 0.9, 0.9, 0.1, 0.1, np.nan, 0.0]])
    margin = np.array([[0.79, 0.6, 0.8, 0.95, 0.7, 0.7, np.nan, 0.7]]) + 1e-6
    none = np.full_like(chance, np.nan)
    words = spoken(none, none, chance, PROBABILITY, np.array([[[mark == "o"] for mark in gate]]))
    rule = spoken(none, margin, none, OWN_BOUND)
    assert "".join(".#"[int(said)] for said in acts(words, rule, 0, np.array([LIMIT]))[0]) == acting
    small = fleet(LOADS)
    found = figures(together(score(small, words, rule, Came.of(small, (1,), 0), (1,)).sums))
    # of the origins 0 to 6 the one at column 3 is at its limit: six are left, and of the events at 2 and 6 the first is met
    alarms = sum(mark == "#" for mark in acting) - 1
    assert found["gate_open"].item() == pytest.approx(sum(mark == "o" for mark in gate[:3] + gate[4:7]) / 6.0)
    assert found["precision_acting"].item() == pytest.approx(1.0 / alarms)
    assert found["recall_acting"].item() == pytest.approx(0.5)
    assert found["false_per_day_acting"].item() == pytest.approx((alarms - 1) / (8 * 60 / 86_400))
    assert found["caught_acting"].item() == 0.0, "one step ahead is too late"


@pytest.mark.parametrize(
    ("alarms", "came", "steps", "episodes"),
    [
        ("..x..x..", "........", 3, 2),
        ("..x.x...", "........", 3, 1),
        ("x.x.x.x.", "......x.", 3, 0),
        ("xx......xx", "........x.", 6, 1),
        ("........", "........", 3, 0),
    ],
    ids=["apart are two", "close are one", "a chain that comes true", "one false, one true", "silence"],
)
def test_false_alarm_episodes(alarms: str, came: str, steps: int, episodes: int) -> None:
    alarm, true = (np.array([[mark == "x" for mark in line]]) for line in (alarms, came))
    assert false_episodes(alarm, true, steps).tolist() == [episodes]


@pytest.mark.parametrize(
    ("loads", "alarms", "lead"),
    [
        ("....#", "x....", 4),
        ("....#", "...x.", 1),
        ("....#", ".....", 0),
        ("#...#", "x....", 0),
        (".#..#", "x.x..", 2),
        ("..#.#", "xxxx.", None),
        ("?...#", ".x...", None),
    ],
    ids=["four steps", "one step", "missed", "not from above", "since it was below", "no onset so soon after", "not all known"],
)
def test_lead_time(loads: str, alarms: str, lead: int | None) -> None:
    last = np.array([[{"#": 0.9, ".": 0.5, "?": np.nan}[mark] for mark in loads]])
    alarm = np.array([[mark == "x" for mark in alarms]]) & (last < LIMIT)
    onset, found = leads(alarm, last, np.array([LIMIT]), 4)
    assert onset[0, 4] == (lead is not None)
    assert found[0, 4] == (lead or 0)


@pytest.mark.parametrize(
    ("said", "came", "area"),
    [
        ([0.9, 0.8, 0.1], [1, 1, 0], 1.0),
        ([0.9, 0.8, 0.1], [0, 1, 0], 0.5),
        ([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 0], 0.25),
        ([0.5], [0], float("nan")),
    ],
    ids=["perfect", "second", "all alike", "no event"],
)
def test_average_precision(said: list[float], came: list[int], area: float) -> None:
    assert average_precision(np.array(said), np.array(came, dtype=bool)) == pytest.approx(area, nan_ok=True)


def test_a_draw_of_machines_keeps_the_series_of_one_together() -> None:
    weights = draws(np.array([0, 1, 1, 2]))
    assert (weights[:, 1] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert weights.std(axis=0).min() > 0.0


def test_intervals_contain_the_figure_and_the_calm_beginning_is_not_scored() -> None:
    small = fleet(restless(8, 160))
    said = roll(small, ("last-value", "margin", "rolling-mean"), ASKED, ticking(), NOBODY)
    scored = score(small, said["rolling-mean"], said["margin"], Came.of(small, STEPS, WARM_UP_COLUMNS), STEPS)
    assert scored.sums.cases[0].tolist() == [160 - WARM_UP_COLUMNS - steps for steps in STEPS]
    low, high = np.percentile(figures(drawn(scored.sums, small.machines))["skill"], [2.5, 97.5], axis=0)
    skill = figures(together(scored.sums))["skill"][0]
    assert ((low < skill) & (skill < high)).all()


def test_every_method_is_judged_at_the_same_origins() -> None:
    small = replace(fleet(restless(4, 120)))
    small.values[1, 70:90] = np.nan
    said = roll(small, tuple(METHODS), ASKED, ticking(), NOBODY)
    came = Came.of(small, STEPS, WARM_UP_COLUMNS)
    scored = [score(small, one, said["margin"], came, STEPS).sums for one in said.values()]
    assert len({tuple(sums.cases.ravel()) for sums in scored}) == len({tuple(sums.events.ravel()) for sums in scored}) == 1
