"""What cameras see: one class or none, from home if home speaks, and nothing that is too old justifies anything."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace

import pytest

from decision_engine.catalog.model import Camera
from decision_engine.core.limits import Limits, Times
from decision_engine.core.snapshot import NOWHERE, Cameras
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.replay import decode_snapshot, encode_snapshot
from decision_engine.observe.snapshot import Learned, assemble
from decision_engine.observe.source import PrometheusUnavailable
from tests.builders.observe import NOW, Watched, edge, small_catalog

HOME, OTHER, THIRD = edge(1), edge(2), "server-01"
CAMERA = "cam-01"


@dataclass(frozen=True)
class Said:
    """One claim: a class, from a device, so many seconds ago."""

    environment: str
    device: str = ""
    age: float = 1.0
    value: float = 1.0
    job: str = ""

    def to(self, watched: Watched, now: float = NOW, camera: str = CAMERA) -> None:
        labels = {"camera": camera, "environment": self.environment, "device": self.device, "job": self.job}
        watched.world.say("environment", now - self.age, self.value, **{name: text for name, text in labels.items() if text})


def cameras(watched: Watched, now: float = NOW) -> Cameras:
    """Look once and assemble."""
    look = asyncio.run(watched.look(now))
    snapshot = assemble(look.sight, None, watched.limits, Learned(20.0))
    frozen = encode_snapshot(snapshot)
    assert encode_snapshot(decode_snapshot(frozen)) == frozen
    return snapshot.cameras


def seen(said: Cameras, row: int = 0) -> tuple[str, float, bool]:
    """Class, age at NOW and freshness of one camera."""
    return said.environment_class[row], NOW - float(said.environment_at[row]), bool(said.environment_fresh[row])


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        pytest.param([Said("02", HOME)], ("02", 1.0, True), id="home"),
        pytest.param([Said("02")], ("02", 1.0, True), id="no-device-label"),
        pytest.param([Said("02", OTHER)], ("02", 1.0, True), id="another-device-alone"),
        pytest.param([Said("02", HOME, age=15.0)], ("02", 15.0, True), id="just-allowed"),
        pytest.param([Said("02", HOME, age=15.1)], ("02", 15.1, False), id="stale"),
        pytest.param([Said("02", HOME, age=-9.0)], ("02", -9.0, False), id="from-the-future"),
        pytest.param([Said("07", HOME)], ("", 1.0, False), id="no-class"),
        pytest.param([Said("00", HOME)], ("", 1.0, False), id="the-environment-ai-itself"),
        pytest.param([Said("2", HOME)], ("", 1.0, False), id="another-spelling"),
        pytest.param([Said("", HOME)], ("", 1.0, False), id="no-class-label"),
        pytest.param([Said("02", HOME), Said("03", HOME)], ("", 1.0, False), id="two-at-once-by-one-sender"),
        pytest.param([Said("02", HOME), Said("00", HOME)], ("", 1.0, False), id="a-class-and-none-at-once"),
        pytest.param([Said("02", HOME, age=6.0), Said("03", HOME)], ("03", 1.0, True), id="the-newest-of-one-sender"),
        pytest.param([Said("02", HOME, job="a", age=6.0), Said("03", HOME, job="b")], ("", 1.0, False), id="two-senders-at-home"),
        pytest.param([Said("02", HOME, job="a", age=6.0), Said("02", HOME, job="b")], ("02", 1.0, True), id="two-agree"),
        pytest.param([Said("02", OTHER), Said("03", THIRD)], ("", 1.0, False), id="two-others-disagree"),
        pytest.param([Said("02", HOME, age=6.0), Said("03", OTHER)], ("02", 6.0, True), id="home-before-a-newer-one"),
        pytest.param([Said("02", HOME, age=40.0), Said("03", OTHER)], ("03", 1.0, True), id="home-is-silent"),
        pytest.param([Said("02", HOME, age=40.0), Said("03", OTHER, age=30.0)], ("02", 40.0, False), id="all-are-silent"),
        pytest.param([Said("02", HOME), Said("03", HOME, value=0.0)], ("02", 1.0, True), id="nought-claims-nothing"),
        pytest.param([Said("02", HOME), Said("03", HOME, value=math.nan)], ("02", 1.0, True), id="nan-claims-nothing"),
        pytest.param([Said("02", HOME, age=math.nan)], ("02", math.nan, False), id="nobody-knows-when"),
        pytest.param([Said("02", HOME, age=math.nan), Said("03", HOME)], ("03", 1.0, True), id="known-before-unknown-times"),
        pytest.param([], ("", math.nan, False), id="nothing"),
    ],
)
def test_the_class_that_a_camera_sees(claims: list[Said], expected: tuple[str, float, bool]) -> None:
    for backwards in (False, True):
        watched = Watched()
        watched.world.backwards = backwards
        for claim in claims:
            claim.to(watched)
        assert seen(cameras(watched)) == pytest.approx(expected, nan_ok=True)


def test_each_camera_has_its_own_and_a_strange_one_none() -> None:
    watched = Watched()
    Said("03", edge(2)).to(watched, camera="cam-02")
    Said("01", edge(1)).to(watched, camera="cam-99")
    said = cameras(watched)
    assert said.ids == tuple(f"cam-{n:02d}" for n in range(1, 5))
    assert said.environment_class == ("", "03", "", "")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        pytest.param([(0.8, HOME, 1.0)], 0.8, id="home"),
        pytest.param([(0.8, HOME, 6.0), (0.3, OTHER, 1.0)], 0.8, id="home-first"),
        pytest.param([(0.8, OTHER, 1.0), (0.3, THIRD, 1.0)], 0.3, id="the-least-of-several"),
        pytest.param([(0.8, HOME, 16.0)], math.nan, id="stale"),
        pytest.param([(math.nan, HOME, 1.0)], math.nan, id="nan"),
        pytest.param([], math.nan, id="missing"),
    ],
)
def test_the_confidence_of_the_class(claims: list[tuple[float, str, float]], expected: float) -> None:
    watched = Watched()
    Said("02", HOME).to(watched)
    for value, device, age in claims:
        watched.world.say("environment_confidence", NOW - age, value, camera=CAMERA, device=device)
    said = cameras(watched)
    assert seen(said) == ("02", 1.0, True)
    assert float(said.environment_confidence[0]) == pytest.approx(expected, nan_ok=True)


def test_of_a_series_the_newest_sample_counts() -> None:
    watched = Watched()
    for age, value in ((11.0, 0.2), (6.0, 0.9), (1.0, 0.7)):
        watched.world.say("environment_confidence", NOW - age, value, camera=CAMERA)
    assert cameras(watched).environment_confidence[0] == 0.7


def test_a_class_that_nobody_says_any_more_is_kept_and_grows_stale_and_a_new_one_replaces_it() -> None:
    watched = Watched()
    Said("02", HOME).to(watched)
    assert seen(cameras(watched)) == ("02", 1.0, True)
    watched.world.said.clear()
    assert seen(cameras(watched, NOW + 5.0)) == ("02", 1.0, True)
    assert seen(cameras(watched, NOW + 20.0)) == ("02", 1.0, False)
    Said("04", OTHER).to(watched, NOW + 25.0)
    assert seen(cameras(watched, NOW + 25.0)) == ("04", -24.0, True)


def test_a_disagreement_ends_what_was_known() -> None:
    watched = Watched()
    Said("02", HOME).to(watched)
    cameras(watched)
    for environment in ("02", "03"):
        Said(environment, HOME).to(watched, NOW + 5.0)
    assert seen(cameras(watched, NOW + 5.0)) == ("", -4.0, False)


def test_while_prometheus_is_away_the_last_class_stays_and_is_not_fresh() -> None:
    watched = Watched()
    Said("02", HOME).to(watched)
    cameras(watched)
    watched.world.trouble = PrometheusUnavailable("prometheus_unreachable", "gone")
    assert seen(cameras(watched, NOW + 1.0)) == ("02", 1.0, False)


def test_an_edit_of_the_catalogue_keeps_what_the_other_cameras_see() -> None:
    watched = Watched()
    Said("02", HOME).to(watched)
    cameras(watched)
    watched.world.said.clear()
    more = {"cam-00": Camera("cam-00", OTHER), **watched.catalog.cameras}
    watched.index = FleetIndex.of(replace(watched.catalog, cameras=more), "v2")
    said = cameras(watched, NOW + 5.0)
    assert said.environment_class[:2] == ("", "02")


def test_the_home_of_a_camera_is_a_row_of_devices() -> None:
    catalog = small_catalog(2, cameras={"a": Camera("a", edge(2)), "b": Camera("b", "nowhere")})
    index = FleetIndex.of(catalog)
    assert index.camera_home.tolist() == [index.device_row[edge(2)], NOWHERE]


def test_a_device_that_is_no_home_is_not_at_home_where_none_is_known() -> None:
    watched = Watched(catalog=small_catalog(2, cameras={CAMERA: Camera(CAMERA, "nowhere")}, workloads={}))
    Said("02", "stranger").to(watched)
    Said("03", HOME).to(watched)
    assert seen(cameras(watched)) == ("", 1.0, False)


def test_a_slower_rhythm_keeps_a_class_fresh_for_longer() -> None:
    watched = Watched(limits=Limits(times=Times(fresh_scrapes=10.0)))
    Said("02", HOME, age=40.0).to(watched)
    assert seen(cameras(watched)) == ("02", 40.0, True)
