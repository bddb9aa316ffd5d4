"""Posting to a real HTTP receiver: all arrives, the token goes nowhere else, and the program's loop is never delayed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporters.workload import publish
from exporters.workload.publish import Options, Publisher
from exporters.workload.wire import Observation, parse
from tests.builders.bridge_process import Receiver, receiver
from tests.builders.exporters import PLACEMENT, WORKLOAD, Page, World

pytestmark = pytest.mark.real

TOKEN = "c2VjcmV0LXRva2Vu"
PATIENCE_SECONDS = 10.0
USUAL_DELAY_SECONDS = 0.005
LONGEST_DELAY_SECONDS = 0.25
"""Of one step in many: the cores may be busy with something else for that long; who waits for the network waits for 2 s."""


def publisher(url: str, folder: Path, **changes: Any) -> Publisher:
    """One that posts five times a second, with a token."""
    token = folder / "token"
    token.write_text(TOKEN + "\n")
    given: dict[str, Any] = {"events": ("fire",), "options": Options(interval_seconds=0.2), "token_file": str(token), **changes}
    return Publisher(WORKLOAD, PLACEMENT, "01", "1.2", url=url, **given)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def last(state: Receiver) -> Observation:
    return parse(state.bodies[-1], time.time())


def loop(one: Publisher, seconds: float) -> bool:
    """Analyse frames for so long; whether no step was held up."""
    end, took = time.monotonic() + seconds, []
    while time.monotonic() < end:
        begun = time.perf_counter()
        one.frame()
        with one.inference() as inference:
            inference.confidence = 0.5
        took.append(time.perf_counter() - begun)
        time.sleep(0.002)
    took.sort()
    return took[int(len(took) * 0.98)] < USUAL_DELAY_SECONDS and took[-1] < LONGEST_DELAY_SECONDS


def test_observations_arrive_with_the_token_and_end_with_a_goodbye(tmp_path: Path) -> None:
    with receiver() as state:
        with publisher(state.url, tmp_path) as one:
            quick = loop(one, 1.0)
            frames = one._tally.frames
        assert (one.unsent, one.sent) == (0, len(state.bodies))
        assert set(state.tokens) == {f"Bearer {TOKEN}"}
        assert set(state.paths) == {"/observations"}
        assert (last(state).totals.frames, last(state).end) == (frames, True)
        assert quick
        collector = World().collector()
        collector._world = type(collector._world)(time.time, time.monotonic, lambda pid: None)
        for body in state.bodies[:-1]:
            collector.accept(body, 0)
        page = Page(collector)
        assert page.value("ai_workers") == 1
        assert page.value("ai_observations_lost_total") == 0
        assert {parse(body, time.time()).seq for body in state.bodies} == set(range(1, len(state.bodies) + 1))


def test_a_token_may_be_exchanged_and_without_it_nothing_is_posted(tmp_path: Path) -> None:
    with receiver() as state, publisher(state.url, tmp_path) as one:
        until(lambda: len(state.bodies) > 0)
        (tmp_path / "token").write_text("another")
        until(lambda: state.tokens[-1] == "Bearer another")
        (tmp_path / "token").unlink()
        until(lambda: one.unsent > 2)
        assert set(state.tokens) == {f"Bearer {TOKEN}", "Bearer another"}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_carries_neither_the_token_nor_the_observation_elsewhere(status: int, tmp_path: Path) -> None:
    with receiver() as elsewhere, receiver(status=status, location=elsewhere.url) as state, publisher(state.url, tmp_path) as one:
        until(lambda: one.unsent > 2)
        assert (elsewhere.bodies, one.sent) == ([], 0)


def test_a_proxy_of_the_environment_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy, receiver() as state:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with publisher(state.url, tmp_path) as one:
            until(lambda: one.sent > 1)
        assert proxy.bodies == []


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param({"status": 500}, id="500"),
        pytest.param({"status": 404}, id="404"),
        pytest.param({"status": 409, "body": b'{"code":"0019","message":"","reason":"old_sequence"}'}, id="refused"),
        pytest.param({"body": b'{"code":"9999","message":"an older bridge refuses with 200"}'}, id="refused-with-200"),
        pytest.param({"body": b"<html><form>Please log in</form></html>"}, id="a-login-page"),
        pytest.param({"body": b""}, id="an-empty-answer"),
        pytest.param({"body": b"[" * 100_000}, id="a-deep-answer"),
        pytest.param({"rubbish": b"\x00\xff what?\r\n\r\n"}, id="rubbish"),
        pytest.param({"rubbish": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000}, id="too-many-headers"),
    ],
)
def test_what_is_not_accepted_is_counted_and_delays_nobody(behaviour: dict[str, Any], tmp_path: Path) -> None:
    with receiver(**behaviour) as state, publisher(state.url, tmp_path) as one:
        quick = loop(one, 1.0)
        until(lambda: one.unsent > 2)
        assert (one.sent, quick) == (0, True)
        frames = one._tally.frames
        state.status, state.rubbish, state.body = 200, b"", Receiver().body
        until(lambda: one.sent > 0)
        assert last(state).totals.frames == frames  # the newest totals; nothing was queued
        assert last(state).lost == one.unsent


def test_nobody_there_delays_nobody(tmp_path: Path) -> None:
    with receiver() as state:
        url = state.url
    with publisher(url, tmp_path) as one:
        assert loop(one, 1.0)
        assert one.unsent > 1


def test_a_receiver_that_drips_is_given_up_in_time_and_delays_nobody(tmp_path: Path) -> None:
    with receiver(drip_seconds=0.3) as state, publisher(state.url, tmp_path) as one:
        begun = time.monotonic()
        assert loop(one, 1.0)
        until(lambda: one.unsent == 1)
        assert time.monotonic() - begun < publish.POST_SECONDS + 2.0
        assert len(state.bodies) <= 2
        begun = time.monotonic()
        one.close()
        assert time.monotonic() - begun < publish.CLOSE_SECONDS + 1.0


def test_the_environment_names_bridge_and_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t").write_text(TOKEN)
    with receiver() as state:
        monkeypatch.setenv("EDGESHIFT_URL", f"http://127.0.0.1:{state.port}")
        monkeypatch.setenv("EDGESHIFT_TOKEN_FILE", str(tmp_path / "t"))
        with Publisher(WORKLOAD, PLACEMENT, "01", "1", options=Options(heartbeat=False)) as one:
            one.event("fire", 0.9)
            one.flush()
            until(lambda: bool(state.bodies) and dict(last(state).totals.events) == {"fire": 1})
        assert last(state).end
        assert set(state.paths) == {"/observations"}
        assert set(state.tokens) == {f"Bearer {TOKEN}"}
        assert TOKEN not in repr(vars(one))
