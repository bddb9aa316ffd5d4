"""The background loads: fixed by the seed alone, with honest overloads in the past and only the explicit ones in the story."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from exporters.simulated.blueprint import CPU, GPU, MEMORY, Episode
from exporters.simulated.curves import Curves, draw_curves, home_costs
from exporters.simulated.stories import default_story
from tests.builders.plant import STILL, small_blueprint

EPISODE = Episode("edge-01", 20.0, 40.0, 25.0, 15.0, 0.4)


def cpu_total(curves: Curves, device: int, cost: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return curves.background[: curves.history_ticks, device, CPU] + np.float32(cost)


def test_the_same_seed_draws_the_same_loads_and_another_seed_others() -> None:
    one, again, other = (draw_curves(small_blueprint(seed=seed)).background for seed in (7, 7, 8))
    assert one.tobytes() == again.tobytes()
    assert not np.allclose(one[:, 0], other[:, 0])


def test_workloads_and_faults_leave_noise_and_waves_alone() -> None:
    with_workloads = draw_curves(small_blueprint(episodes=(), history_seconds=0.0))
    without = draw_curves(small_blueprint(episodes=(), history_seconds=0.0, workloads=()))
    assert with_workloads.background.tobytes() == without.background.tobytes()


@pytest.mark.parametrize("seed", range(6))
def test_each_edge_was_overloaded_about_every_twenty_minutes(seed: int) -> None:
    blueprint = default_story(4, 120.0, seed, lent_device=False)
    curves, cost = draw_curves(blueprint), home_costs(blueprint)
    assert {episode.device for episode in curves.past} == {f"edge-{number:02d}" for number in range(1, 5)}
    for row in range(4):
        starts = [episode.starts_seconds for episode in curves.past if episode.device == blueprint.devices[row].id]
        assert 4 <= len(starts) <= 6
        assert all(1200.0 <= gap <= 1500.0 for gap in np.diff(starts))
        total = cpu_total(curves, row, float(cost[row, CPU]))
        runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], (total >= 0.85).astype(int), [0]]))))[::2] * blueprint.tick_seconds
        assert len(runs[runs >= 20.0]) >= len(starts) - 1
        assert 0.85 < total.max() < 1.10
        assert (total >= 0.85).mean() < 0.12


def test_the_past_is_quiet_before_the_story_begins() -> None:
    blueprint = default_story(8, 120.0, 3, lent_device=False)
    assert max(episode.ends_seconds for episode in draw_curves(blueprint).past) <= -blueprint.past.quiet_seconds


def test_the_analysis_server_has_no_episodes() -> None:
    curves = draw_curves(default_story(2, 120.0, 3, lent_device=False))
    assert float(np.ptp(curves.background[:, 2, CPU])) < 0.12


def test_an_episode_adds_its_height_to_the_cpu_and_its_shares_to_the_rest() -> None:
    blueprint = small_blueprint(episodes=(EPISODE,), weather=STILL, history_seconds=0.0)
    curves = draw_curves(blueprint)
    rise = [float(curves.column(round(second / 0.5))[0, CPU]) - 0.4 for second in (0, 20, 40, 60, 70, 84.5, 92.5, 100, 110)]
    assert rise == pytest.approx([0.0, 0.0, 0.2, 0.4, 0.4, 0.4, 0.2, 0.0, 0.0], abs=1e-5)
    top = curves.column(140)[0]
    assert float(top[MEMORY]) - 0.4 == pytest.approx(0.04, abs=1e-5)
    assert float(top[GPU]) - 0.3 == pytest.approx(0.2, abs=1e-5)
    assert float(curves.column(140)[1, CPU]) == pytest.approx(0.4)


def test_a_device_without_a_gpu_has_no_gpu_load_rather_than_none_in_use() -> None:
    background = draw_curves(small_blueprint()).background
    assert np.isnan(background[:, 2, GPU]).all()
    assert np.isfinite(np.delete(background, 2, axis=1)).all()


def test_a_story_that_runs_past_its_end_goes_on_without_a_jump() -> None:
    blueprint = small_blueprint(weather=replace(STILL, wave_ratio=0.05), slack_seconds=0.0)
    curves = draw_curves(blueprint)
    last = len(curves.background) - 1 - curves.history_ticks
    assert np.array_equal(curves.column(last + 7), curves.column(last - 7), equal_nan=True)
    assert np.array_equal(curves.column(2 * last + 7), curves.column(7), equal_nan=True)
    loads = np.array([curves.column(tick)[0, CPU] for tick in range(5 * last)])
    assert np.abs(np.diff(loads)).max() < 0.001
