"""The emulated board's model: load, heat that lags, throttling that follows heat, cores that rest, sensors that die."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.emulated.model import AMBIENT_CELSIUS, Moment, Script, Silicon, State, advance, at_rest, moment_of
from exporters.emulated.stories import STORIES, ratio_at, wave

SILICON = Silicon((0, 1, 2, 3), 99.0)
STEP_SECONDS = 0.25


def played(story: str, seconds: float, seed: int = 1) -> list[Moment]:
    """Every moment of a story, step by step at its own speed."""
    script, state, moments = Script(STORIES[story], seed), at_rest(SILICON), []
    for _ in range(int(seconds / STEP_SECONDS)):
        state = advance(SILICON, script, state, STEP_SECONDS, STEP_SECONDS)
        moments.append(moment_of(SILICON, script, state))
    return moments


def test_a_calm_board_never_throttles() -> None:
    moments = played("calm", 240.0)
    assert max(moment.throttle_ratio for moment in moments) == 0.0
    assert all(len(moment.core_ratios) == len(SILICON.cores) for moment in moments)
    assert max(moment.hottest_celsius for moment in moments) > AMBIENT_CELSIUS + 5


def test_a_hot_board_heats_with_a_lag_throttles_and_cools_again() -> None:
    moments = played("hot", 300.0)
    full = next(moment for moment in moments if moment.cpu_ratio > 0.9)
    throttled = next(moment for moment in moments if moment.throttle_ratio > 0)
    assert full.story_seconds + 2 < throttled.story_seconds < 60, "heat follows load, it does not come with it"
    assert full.hottest_celsius < SILICON.limit_celsius
    assert max(moment.hottest_celsius for moment in moments) < SILICON.limit_celsius + 4, "throttling holds the heat back"
    assert moments[-1].throttle_ratio == 0.0 and moments[-1].hottest_celsius < 70


@pytest.mark.parametrize("story", ["hot", "failing"])
def test_a_hot_board_is_nearly_full_and_hot_for_three_quarters_of_the_time(story: str) -> None:
    moments = played(story, 600.0)
    full = [moment for moment in moments if moment.cpu_ratio > 0.85 and moment.gpu_ratio > 0.8]
    throttled = [moment for moment in moments if moment.throttle_ratio > 0]
    assert len(full) > 0.75 * len(moments) and len(throttled) > 0.7 * len(moments)


def test_power_falls_when_clocks_are_held_back() -> None:
    moments = played("hot", 90.0)
    before = next(moment for moment in moments if moment.cpu_ratio > 0.9)
    after = moments[-1]
    assert after.throttle_ratio > 0.1
    assert after.cpu_power_ratio < before.cpu_power_ratio * 0.97


def test_the_last_core_is_switched_off_for_a_while_and_its_counters_stand_still() -> None:
    moments = [moment for moment in played("hot", 90.0) if 54 < moment.story_seconds < 77]
    resting = [moment for moment in moments if 3 not in moment.core_ratios]
    assert resting[0].story_seconds == pytest.approx(55.0, abs=STEP_SECONDS)
    assert resting[-1].story_seconds == pytest.approx(75.0, abs=2 * STEP_SECONDS)
    assert {(moment.busy_seconds[3], moment.idle_seconds[3]) for moment in resting[1:]} == {
        (resting[0].busy_seconds[3], resting[0].idle_seconds[3])
    }
    assert 3 in moments[-1].core_ratios


def test_sensors_die_one_after_the_other_and_for_good() -> None:
    moments = played("failing", 200.0)
    assert [len(moment.dead) for moment in moments] == sorted(len(moment.dead) for moment in moments)
    assert not moments[0].dead
    assert {death.part for death in moments[-1].dead} == {"temperature", "gpu_load", "power"}


@pytest.mark.parametrize("story", STORIES)
def test_another_seed_is_another_board_and_the_same_seed_the_same(story: str) -> None:
    assert played(story, 10.0, seed=1) == played(story, 10.0, seed=1)
    assert played(story, 10.0, seed=1) != played(story, 10.0, seed=2)


@given(story=st.sampled_from(sorted(STORIES)), steps=st.lists(st.floats(0.0, 30.0), max_size=40), speed=st.floats(0.1, 100.0))
def test_whatever_the_steps_counters_rise_by_the_time_and_nothing_leaves_its_range(story: str, steps: list[float], speed: float) -> None:
    script, state = Script(STORIES[story], 7), at_rest(SILICON)
    for seconds in steps:
        before, state = state, advance(SILICON, script, state, seconds, seconds * speed)
        for core in range(len(SILICON.cores)):
            busy, idle = (after[core] - earlier[core] for after, earlier in _counters(before, state))
            assert busy >= 0 and idle >= 0
            assert busy + idle == pytest.approx(seconds, abs=1e-6) or busy + idle == 0
        moment = moment_of(SILICON, script, state)
        ratios = [*moment.core_ratios.values(), moment.gpu_ratio, moment.emc_ratio, moment.memory_ratio, moment.throttle_ratio,
                  moment.fan_ratio, moment.cpu_power_ratio, moment.gpu_power_ratio]  # fmt: skip
        assert all(0.0 <= ratio <= 1.0 for ratio in ratios)
        assert all(AMBIENT_CELSIUS - 1e-9 <= one <= 150 for one in (moment.cpu_celsius, moment.gpu_celsius, moment.board_celsius))


def _counters(before: State, after: State) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    return [(after.busy_seconds, before.busy_seconds), (after.idle_seconds, before.idle_seconds)]


@pytest.mark.parametrize(
    ("seconds", "ratio"), [(0.0, 0.2), (5.0, 0.4), (10.0, 0.6), (15.0, 0.6), (20.0, 0.2), (25.0, 0.4)],
    ids=["first corner", "on the way", "second corner", "level at the end", "begins again", "on the way again"],
)  # fmt: skip
def test_a_curve_goes_evenly_from_corner_to_corner(seconds: float, ratio: float) -> None:
    assert ratio_at(((0.0, 0.2), (10.0, 0.6)), seconds, period_seconds=20.0) == pytest.approx(ratio)


@given(seed=st.integers(), name=st.text(max_size=8), seconds=st.floats(0, 1e6))
def test_the_wobble_is_bounded_and_smooth(seed: int, name: str, seconds: float) -> None:
    now, soon = wave(seed, name, seconds), wave(seed, name, seconds + 0.01)
    assert abs(now) <= 1 and abs(now - soon) < 0.02
